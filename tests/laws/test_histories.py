"""What holds after any history of uploads, purchases, changes and runs."""

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from sqlalchemy import text

from app.domain.calendar import BEFORE, cycle_at, cycle_number
from app.domain.kinds import Schedule
from app.domain.ledger import Entry, effective_entries, entry_at
from app.services.unit_of_work import unit_of_work
from tests.laws.histories import Player, Step, instant, pass_time, play, steps
from tests.scenarios.story import Story

EXAMPLES = {"catalog": Path(__file__).parent.parent / "catalogs" / "examples.toml"}
LICENSE_LINES = ("first", "renewal", "added", "adjustment")
# What differs between two kinds of customer with the same history, and means nothing.
OF_ITS_OWN = {"id", "plan", "invoiced_through", "log_entry", "number", "actor", "occasion"}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
@settings(max_examples=12, phases=[Phase.explicit, Phase.generate])
@given(history=steps())
def test_laws_of_any_history(story: Story, history: list[Step]) -> None:
    players = begin(story)
    servers = [player.server for player in players]
    for step in history:
        if step[0] == "wait":
            pass_time(story, step[1], *servers)
        elif step[0] == "silence":
            pass_time(story, step[1])
        else:
            first, second = (play(player, step) for player in players)
            assert first == second, step
    # Whatever is under way comes to its end: a month with fresh data.
    pass_time(story, 31, *servers)
    exports = [story.export(player.payer) for player in players]
    # Both kinds of customer: the same plans, ledgers, invoices and lines.
    for part in ("plans", "ledger", "invoices"):
        assert without_names(exports[0][part]) == without_names(exports[1][part])
    for data in exports:
        check_plans_do_not_overlap(data)
        check_lines_sum_to_totals(data)
        check_licenses_never_fall_inside_a_cycle(data)
        check_everything_is_billed_once(data)
    story.assert_nothing_left_to_do()
    leave(story, players)


def begin(story: Story) -> list[Player]:
    """An organization with nine people that pays for itself, and a server with nine that pays for
    all of its own."""
    servers = [story.server(seats=(9,)) for _ in range(2)]
    places: list[int | None] = [0, None]
    return [
        Player(story, server, story.payer(server, place), place)
        for server, place in zip(servers, places, strict=True)
    ]


def leave(story: Story, players: list[Player]) -> None:
    """Nothing more happens to them: the next example has the world to itself."""
    with unit_of_work(story.ctx) as work:
        work.session.execute(text("UPDATE plans SET next_invoice_date = NULL, status = 'ended'"))
        work.session.execute(text("UPDATE invoices SET to_deliver = false, next_retry_at = NULL"))
        work.commit()


def without_names(value: Any) -> Any:
    """An export without what belongs to this customer alone."""
    if isinstance(value, dict):
        return {key: without_names(one) for key, one in value.items() if key not in OF_ITS_OWN}
    if isinstance(value, list):
        return [without_names(one) for one in value]
    return value


def entries_of(data: dict[str, Any], plan: dict[str, Any]) -> list[Entry]:
    """The ledger of a plan, in order of appending."""
    rows = sorted(
        (row for row in data["ledger"] if row["plan"] == plan["id"]), key=lambda r: r["id"]
    )
    entries = []
    for row in rows:
        at = instant(row["event_time"])
        assert at is not None
        entries.append(
            Entry(
                at,
                row["is_renewal"],
                row["licenses"],
                row["licenses_at_next_renewal"],
                row["order_id"],
                id=row["id"],
            )
        )
    return entries


def check_plans_do_not_overlap(data: dict[str, Any]) -> None:
    began = [
        (entries[0].event_time, plan)
        for plan in data["plans"]
        if (entries := effective_entries(entries_of(data, plan)))
    ]
    began.sort(key=lambda pair: pair[0])
    for (_, plan), (start, _) in pairwise(began):
        ended_at = instant(plan["ended_at"])
        assert ended_at is not None and ended_at <= start, (plan, start)
    assert sum(plan["status"] in ("trial", "active") for plan in data["plans"]) <= 1


def check_lines_sum_to_totals(data: dict[str, Any]) -> None:
    for invoice in data["invoices"]:
        assert invoice["total"] == sum(line["amount"] for line in invoice["lines"]) >= 0
        for line in invoice["lines"]:
            assert line["amount"] == line["quantity"] * line["unit_amount"]


def check_licenses_never_fall_inside_a_cycle(data: dict[str, Any]) -> None:
    for plan in data["plans"]:
        entries = entries_of(data, plan)
        highest = 0
        for entry in effective_entries(entries):
            found = entry_at(entries, entry.event_time)
            assert found is not None
            highest = found.licenses if entry.is_renewal else max(highest, found.licenses)
            assert found.licenses >= highest


def check_everything_is_billed_once(data: dict[str, Any]) -> None:
    """License lines before discounts are price x license-time within the rounding of each line, in
    every cycle that was invoiced; and an ended plan has nothing left to invoice."""
    for plan in data["plans"]:
        if plan["status"] == "ended":
            assert plan["next_invoice_date"] is None, plan
        entries = entries_of(data, plan)
        if not entries:
            continue
        anchor, schedule = instant(plan["billing_cycle_anchor"]), Schedule(plan["schedule"])
        until = instant(plan["invoiced_until"])
        assert anchor is not None and until is not None
        lines = [
            line
            for invoice in data["invoices"]
            for line in invoice["lines"]
            if line["plan"] == plan["id"] and line["kind"] in LICENSE_LINES
        ]
        by_cycle: dict[int, list[dict[str, Any]]] = {}
        for line in lines:
            start = instant(line["period_start"])
            assert start is not None
            by_cycle.setdefault(cycle_at(anchor, schedule, start).index, []).append(line)
        last = cycle_at(anchor, schedule, until).index
        for index, billed in by_cycle.items():
            if index == BEFORE or index > last:
                continue
            check_cycle(plan, entries, index, billed)


def check_cycle(
    plan: dict[str, Any], entries: list[Entry], index: int, lines: list[dict[str, Any]]
) -> None:
    anchor, schedule = instant(plan["billing_cycle_anchor"]), Schedule(plan["schedule"])
    until, ended_at = instant(plan["invoiced_until"]), instant(plan["ended_at"])
    assert anchor is not None and until is not None
    cycle = cycle_number(anchor, schedule, index)
    end = min(cycle.end, ended_at) if ended_at is not None else cycle.end
    is_cut_short = end < cycle.end
    price = plan["price_per_license"]
    exact, highest = Fraction(0), 0
    inside = [
        entry
        for entry in effective_entries(entries)
        if entry.event_time == cycle.start
        or (cycle.start <= entry.event_time < end and entry.event_time <= until)
    ]
    for entry in inside:
        if entry.licenses > highest:
            remaining = (end if highest else cycle.end) - entry.event_time
            exact += (
                (entry.licenses - highest)
                * price
                * Fraction(remaining // timedelta(seconds=1), cycle.length // timedelta(seconds=1))
            )
            highest = entry.licenses
    assert sum(line["quantity"] for line in lines) == highest, (plan, index)
    if is_cut_short:
        # What was added and billed before anybody knew of the end is for the whole of the cycle.
        return
    billed = sum(line["amount"] for line in lines)
    slack = sum(line["quantity"] for line in lines if line["kind"] in ("added", "adjustment"))
    assert abs(billed - exact) <= Fraction(slack, 2) + 1, (plan, index, billed, float(exact))
