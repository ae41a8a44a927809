"""Months and cycles, computed from the anchor."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendar import (
    cycle_at,
    cycle_number,
    month_boundary,
    months_elapsed,
    next_month_boundary,
    starts_cycle,
)
from app.domain.kinds import Schedule
from tests.domain.book import ANCHOR, instant

SECOND = timedelta(seconds=1)
anchors = st.integers(0, 2**31).map(lambda second: datetime.fromtimestamp(second, UTC))
spans = st.timedeltas(timedelta(0), timedelta(days=366 * 12)).map(
    lambda span: timedelta(days=span.days, seconds=span.seconds)
)
schedules = st.sampled_from(Schedule)


@pytest.mark.parametrize(
    ("anchor", "n", "boundary"),
    [
        ("2011-01-31 12:00:00", 1, "2011-02-28 12:00:00"),
        ("2011-01-31 12:00:00", 2, "2011-03-31 12:00:00"),
        ("2011-01-31 12:00:00", 3, "2011-04-30 12:00:00"),
        ("2011-01-31 12:00:00", 13, "2012-02-29 12:00:00"),
        ("2011-01-31 12:00:00", 25, "2013-02-28 12:00:00"),
        ("2012-01-31 23:59:59", 1, "2012-02-29 23:59:59"),
        ("2012-01-30 00:00:00", 1, "2012-02-29 00:00:00"),
        ("2012-01-29 00:00:00", 1, "2012-02-29 00:00:00"),
        ("2011-01-29 00:00:00", 1, "2011-02-28 00:00:00"),
        ("2012-02-29 06:00:00", 12, "2013-02-28 06:00:00"),
        ("2012-02-29 06:00:00", 48, "2016-02-29 06:00:00"),
        ("2012-02-29 06:00:00", 1, "2012-03-29 06:00:00"),
        ("1999-02-28 06:00:00", 12, "2000-02-28 06:00:00"),
        ("2000-02-29 06:00:00", 1200, "2100-02-28 06:00:00"),
        ("2012-01-02 03:04:05", 0, "2012-01-02 03:04:05"),
        ("2012-01-02 03:04:05", 12, "2013-01-02 03:04:05"),
        ("2012-01-02 03:04:05", -1, "2011-12-02 03:04:05"),
        ("2012-10-31 01:30:00", 1, "2012-11-30 01:30:00"),
        ("2012-12-31 23:59:59", 2, "2013-02-28 23:59:59"),
    ],
)
def test_boundaries_are_counted_from_the_anchor(anchor: str, n: int, boundary: str) -> None:
    assert month_boundary(instant(anchor), n) == instant(boundary)


@pytest.mark.parametrize(
    ("anchor", "at", "months"),
    [
        ("2012-01-31 12:00:00", "2012-01-31 12:00:00", 0),
        ("2012-01-31 12:00:00", "2012-02-29 11:59:59", 0),
        ("2012-01-31 12:00:00", "2012-02-29 12:00:00", 1),
        ("2012-01-31 12:00:00", "2012-03-30 12:00:00", 1),
        ("2012-01-31 12:00:00", "2012-03-31 12:00:00", 2),
        ("2012-01-31 12:00:00", "2012-03-01 00:00:00", 1),
        ("2012-01-31 12:00:00", "2012-01-31 11:59:59", -1),
        ("2012-02-29 00:00:00", "2013-02-27 23:59:59", 11),
        ("2012-02-29 00:00:00", "2013-02-28 00:00:00", 12),
    ],
)
def test_months_elapsed(anchor: str, at: str, months: int) -> None:
    assert months_elapsed(instant(anchor), instant(at)) == months


def test_the_next_boundary_is_strictly_later() -> None:
    first = month_boundary(ANCHOR, 1)
    assert next_month_boundary(ANCHOR, ANCHOR) == first
    assert next_month_boundary(ANCHOR, first - SECOND) == first
    assert next_month_boundary(ANCHOR, first) == month_boundary(ANCHOR, 2)


@pytest.mark.parametrize(
    ("schedule", "index", "start", "days"),
    [
        (Schedule.MONTHLY, 0, "2012-01-31 00:00:00", 29),
        (Schedule.MONTHLY, 1, "2012-02-29 00:00:00", 31),
        (Schedule.MONTHLY, 2, "2012-03-31 00:00:00", 30),
        (Schedule.MONTHLY, 12, "2013-01-31 00:00:00", 28),
        (Schedule.ANNUAL, 0, "2012-01-31 00:00:00", 366),
        (Schedule.ANNUAL, 1, "2013-01-31 00:00:00", 365),
    ],
)
def test_a_cycle_has_its_real_length(schedule: Schedule, index: int, start: str, days: int) -> None:
    cycle = cycle_number(instant("2012-01-31"), schedule, index)
    assert cycle.start == instant(start)
    assert cycle.length == timedelta(days=days)


@pytest.mark.parametrize(
    ("schedule", "n", "starting"),
    [
        (Schedule.MONTHLY, 0, True),
        (Schedule.MONTHLY, 1, True),
        (Schedule.ANNUAL, 0, True),
        (Schedule.ANNUAL, 1, False),
        (Schedule.ANNUAL, 11, False),
        (Schedule.ANNUAL, 12, True),
        (Schedule.ANNUAL, 24, True),
    ],
)
def test_which_boundaries_start_a_cycle(schedule: Schedule, n: int, starting: bool) -> None:
    boundary = month_boundary(ANCHOR, n)
    assert starts_cycle(ANCHOR, schedule, boundary) is starting
    assert not starts_cycle(ANCHOR, schedule, boundary + SECOND)


def test_the_time_before_the_anchor_is_one_cycle_that_never_starts_at_a_boundary() -> None:
    before = cycle_at(ANCHOR, Schedule.ANNUAL, ANCHOR - SECOND)
    assert before == cycle_at(ANCHOR, Schedule.MONTHLY, ANCHOR - timedelta(days=365))
    assert (before.index, before.end) == (-1, ANCHOR)
    assert not starts_cycle(ANCHOR, Schedule.MONTHLY, month_boundary(ANCHOR, -1))


def test_an_instant_at_a_boundary_belongs_to_the_new_cycle() -> None:
    boundary = month_boundary(ANCHOR, 1)
    assert cycle_at(ANCHOR, Schedule.MONTHLY, boundary - SECOND).index == 0
    assert cycle_at(ANCHOR, Schedule.MONTHLY, boundary).index == 1
    assert cycle_at(ANCHOR, Schedule.ANNUAL, boundary).index == 0


@given(anchor=anchors, schedule=schedules, n=st.integers(-1, 60))
def test_cycles_tile_time(anchor: datetime, schedule: Schedule, n: int) -> None:
    cycle, following = (cycle_number(anchor, schedule, index) for index in (n, n + 1))
    assert cycle.start < cycle.end == following.start
    assert cycle_number(anchor, schedule, 0).start == anchor
    for at in (cycle.start, cycle.end - SECOND):
        assert cycle_at(anchor, schedule, at) == cycle


@given(anchor=anchors, schedule=schedules, span=spans)
def test_every_instant_lies_in_exactly_one_cycle(
    anchor: datetime, schedule: Schedule, span: timedelta
) -> None:
    cycle = cycle_at(anchor, schedule, anchor + span)
    assert cycle.start <= anchor + span < cycle.end
    assert cycle == cycle_number(anchor, schedule, cycle.index)


@given(anchor=anchors, span=spans)
def test_months_elapsed_is_the_last_boundary_that_has_passed(
    anchor: datetime, span: timedelta
) -> None:
    at = anchor + span
    n = months_elapsed(anchor, at)
    assert month_boundary(anchor, n) <= at < month_boundary(anchor, n + 1)
    assert next_month_boundary(anchor, at) == month_boundary(anchor, n + 1)


@given(anchor=anchors, n=st.integers(0, 120))
def test_a_boundary_keeps_the_time_of_day_and_the_day_where_the_month_has_it(
    anchor: datetime, n: int
) -> None:
    boundary = month_boundary(anchor, n)
    assert boundary.timetz() == anchor.timetz()
    assert boundary.day == anchor.day or (
        boundary.day < anchor.day and (boundary + timedelta(days=1)).day == 1
    )
