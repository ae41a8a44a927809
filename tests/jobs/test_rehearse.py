"""`flask billing rehearse` and `transitions`: what the next run would make, and what stands out."""

import pytest
from flask import Flask
from sqlalchemy import text

from app.clock import FixedClock
from app.domain.standouts import Standout, find_standout
from app.domain.transitions import TRANSITIONS
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from app.services.unit_of_work import unit_of_work
from tests.jobs.test_jobs_cli import billing, count_rows, subscribed
from tests.scenarios.story import Story


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    """A world with nothing in it, at 2012-01-02 03:04:05."""
    return Story(app, ctx, clock, payments)


@pytest.mark.parametrize(
    ("total", "previous", "why"),
    [
        (100, None, Standout.FIRST),
        (120, 100, None),
        (121, 100, Standout.HIGHER),
        (80, 100, None),
        (79, 100, Standout.LOWER),
        (0, 100, Standout.LOWER),
        (0, 0, None),
        (1, 0, Standout.HIGHER),
    ],
)
def test_more_than_a_fifth_stands_out(total: int, previous: int | None, why: Standout) -> None:
    assert find_standout(total, previous) is why


def test_a_rehearsal_shows_what_the_run_then_makes(app: Flask, ctx: Context, story: Story) -> None:
    servers = subscribed(story, 18, 12)
    billing(app, "invoice-plans")
    billing(app, "deliver")
    story.on("2012-03-01 12:00:00").upload_seats(servers[0], 30)
    story.upload(servers[1])
    invoices = count_rows(ctx, "invoices")
    shown = billing(app, "rehearse", "--as-of", "2012-03-02T04:00:00Z")
    assert shown.exit_code == 0, shown.output
    assert count_rows(ctx, "invoices") == invoices
    assert "would make:" in shown.stdout
    assert "the run before, 2012-02-02: 2 invoices, $65.00" in shown.stdout
    # 30 x 350 + 12 added for a day, less 2000, against 4300; the other is what it was.
    standouts = [line for line in shown.stdout.splitlines() if line.startswith("stands out")]
    assert len(standouts) == 1 and "higher than $43.00 the last time" in standouts[0]
    story.on("2012-03-02 04:00:00")
    billing(app, "invoice-plans")
    with unit_of_work(ctx) as work:
        made = work.session.execute(
            text("SELECT sum(total) FROM invoices WHERE id > :known"), {"known": invoices}
        ).scalar_one()
    assert f"2 invoices, ${made / 100:,.2f}; these customers' invoices before: $65.00" in (
        shown.stdout
    )


def test_a_rehearsal_of_nothing_says_so(app: Flask, ctx: Context) -> None:
    shown = billing(app, "rehearse")
    assert shown.exit_code == 0
    assert "no invoice" in shown.stdout and "processed=0" in shown.stdout


def test_a_rehearsal_in_the_past_is_refused(app: Flask, ctx: Context) -> None:
    refused = billing(app, "rehearse", "--as-of", "2011-01-01")
    assert refused.exit_code == 2 and "must not lie in the past" in refused.stderr


def test_transitions_prints_the_table(app: Flask) -> None:
    shown = billing(app, "transitions")
    assert {tuple(line.split()) for line in shown.stdout.splitlines()} == {
        (*map(str, state), *map(str, after)) for state, after in TRANSITIONS.items()
    }
