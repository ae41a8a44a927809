"""Late rows against what was billed: the worked tables, and the laws of the comparison."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendar import cycle_number
from app.domain.kinds import Schedule
from app.domain.late_rows import (
    BilledCycle,
    BilledLicense,
    Correction,
    Step,
    decide_corrections,
)
from app.domain.money import prorate
from tests.domain.book import ANCHOR
from tests.domain.test_docs import tables

PRICE = 350
CYCLE = cycle_number(ANCHOR, Schedule.MONTHLY, 0)
STEP = re.compile(r"(\d+)(?: on (\d+))?")
Steps = tuple[Step, ...]


def on(day: str | int | None) -> datetime:
    return CYCLE.start if day is None else CYCLE.start.replace(day=int(day))


def steps(text: str) -> Steps:
    """ "18, 20 on 22"."""
    found = [STEP.fullmatch(part) for part in text.split(", ")]
    return tuple(Step(on(one[2]), int(one[1])) for one in found if one is not None)


def value(at: datetime) -> int:
    return prorate(PRICE, remaining=CYCLE.end - at, length=CYCLE.length)


def licenses_of(known: Sequence[Step]) -> tuple[BilledLicense, ...]:
    """What on-time rows are billed as."""
    found: list[BilledLicense] = []
    for step in known:
        rise = max(0, step.licenses - len(found))
        found += [BilledLicense(step.at, value(step.at))] * rise
    return tuple(found)


def billed(known: Sequence[Step], *, is_estimated: bool = False, is_open: bool = False):
    return BilledCycle(
        cycle=CYCLE,
        end=CYCLE.end,
        price=PRICE,
        billed=licenses_of(known),
        is_estimated=is_estimated,
        is_open=is_open,
    )


def said(corrections: Sequence[Correction]) -> str:
    """ "2 x 113 from 12 to 22; 3 x 237 from 12"."""
    words = []
    for one in corrections:
        until = "" if one.period_end == CYCLE.end else f" to {one.period_end.day}"
        words.append(f"{one.licenses} x {one.unit_amount} from {one.period_start.day}{until}")
    return "; ".join(words) or "nothing"


@pytest.mark.parametrize(
    "row",
    tables()["table", "late rows"],
    ids=lambda row: f"{row['billed']} > {row['all rows say']}",
)
def test_late_rows(row: dict[str, str]) -> None:
    corrections, fall = decide_corrections(
        billed(steps(row["billed"])), told=steps(row["all rows say"]), before=steps(row["before"])
    )
    assert said(corrections) == row["charged"]
    for_staff = f"{fall.billed} billed, {fall.needed} needed" if fall else "nothing"
    assert for_staff == row["for staff"]


@pytest.mark.parametrize(
    "row",
    tables()["table", "estimates"],
    ids=lambda row: f"{row['estimated']} > {row['all rows say']}, open {row['open']}",
)
def test_estimates(row: dict[str, str]) -> None:
    guess = steps(row["estimated"])
    cycle = billed(guess, is_estimated=True, is_open=row["open"] == "yes")
    corrections, fall = decide_corrections(cycle, told=steps(row["all rows say"]), before=guess)
    assert (said(corrections), fall) == (row["put right by"], None)


@st.composite
def histories(draw: st.DrawFn) -> Steps:
    """Rising licenses at seconds of the cycle, the first at its start."""
    offsets = draw(st.lists(st.integers(1, 31 * 86_400 - 1), max_size=5, unique=True))
    licenses = draw(st.integers(1, 30))
    found = [Step(CYCLE.start, licenses)]
    for offset in sorted(offsets):
        licenses += draw(st.integers(1, 10))
        found.append(Step(CYCLE.start + timedelta(seconds=offset), licenses))
    return tuple(found)


def cents(known: Sequence[Step]) -> int:
    return sum(one.unit for one in licenses_of(known))


def charged(corrections: Sequence[Correction]) -> int:
    return sum(one.licenses * one.unit_amount for one in corrections)


@given(known=histories(), told=histories())
def test_together_it_is_never_less_than_on_time_nor_than_was_billed(known, told) -> None:
    corrections, fall = decide_corrections(billed(known), told=told, before=known)
    assert charged(corrections) >= 0
    assert cents(known) + charged(corrections) >= cents(told)
    if fall is None:
        assert cents(known) + charged(corrections) == cents(told)
    else:
        assert fall.billed > fall.needed


@given(known=histories(), told=histories())
def test_an_estimate_is_put_right_to_the_cent(known, told) -> None:
    cycle = billed(known, is_estimated=True)
    corrections, fall = decide_corrections(cycle, told=told, before=known)
    assert cents(known) + charged(corrections) == cents(told)
    assert fall is None


@given(known=histories())
def test_rows_that_say_what_was_billed_change_nothing(known) -> None:
    for is_estimated in (False, True):
        cycle = billed(known, is_estimated=is_estimated)
        assert decide_corrections(cycle, told=known, before=known) == ([], None)
