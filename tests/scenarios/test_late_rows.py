"""Audit rows that come after their cycle has been invoiced: charged, sent to staff, or too old."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from app.models.audit import AuditEntry
from app.models.charges import Adjustment, LateFall
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import SampleServer, Story


def at(text: str) -> datetime:
    """An instant of the story."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def renewed(story: Story, until: str = "2012-02-10", people: int = 18) -> SampleServer:
    """A server that bought on 2 January and has been invoiced until then."""
    acme = story.server(seats=(people,))
    story.upgrade(acme)
    story.on("2012-02-01 10:00:00").upload_seats(acme, people)
    story.on("2012-02-02 03:04:05")
    story.run_jobs_until(until, acme, step=7)
    return acme


def late(story: Story, acme: SampleServer, when: str, people: int) -> None:
    """A row dated `when` comes now."""
    story.set_people(acme, people, at=at(when))
    story.upload(acme)


def adjustments(story: Story) -> list[tuple[int, int, bool]]:
    """(licenses, unit, whether it stands on an invoice) of each, in order."""
    with unit_of_work(story.ctx) as work:
        found = work.session.scalars(select(Adjustment).order_by(Adjustment.id)).all()
        return [(one.licenses, one.unit_amount, one.invoice_id is not None) for one in found]


def falls(story: Story) -> list[tuple[int, int]]:
    """(billed, needed) of what waits for staff."""
    with unit_of_work(story.ctx) as work:
        found = work.session.scalars(select(LateFall).where(LateFall.resolved_at.is_(None)))
        return [(one.billed_licenses, one.licenses) for one in found]


def test_a_late_rise_is_charged_with_the_next_invoice(story: Story) -> None:
    acme = renewed(story)
    late(story, acme, "2012-01-20 03:04:05", 21)
    # 350 x 13/31 for each of three, and what was invoiced stays.
    assert adjustments(story) == [(3, 147, False)]
    story.run_jobs_until("2012-03-03", acme, step=7)
    assert adjustments(story) == [(3, 147, True)]
    story.assert_statement(story.payer(acme), "late_rise.txt")
    story.assert_nothing_left_to_do()


def test_a_late_rise_that_lasts_raises_the_renewals_after_it(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    story.run_jobs_until("2012-03-10", acme, step=7)
    late(story, acme, "2012-01-20 03:04:05", 21)
    # In the first cycle 13/31; all of the second; the third is open and billed as it goes.
    assert adjustments(story) == [(3, 147, False), (3, 350, False)]
    story.run_jobs_until("2012-04-03", acme, step=7)
    story.assert_statement(story.payer(acme), "late_rise_that_lasts.txt")
    assert falls(story) == []
    story.assert_nothing_left_to_do()


def test_a_late_fall_is_never_given_back(story: Story) -> None:
    acme = renewed(story)
    late(story, acme, "2012-02-01 12:00:00", 9)
    assert adjustments(story) == []
    assert falls(story) == [(18, 9)]
    story.run_jobs_until("2012-03-03", acme, step=7)
    story.assert_statement(story.payer(acme), "late_fall.txt")
    story.assert_nothing_left_to_do()


def test_people_who_were_there_earlier_are_charged_for_the_days_between(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    story.on("2012-01-22 03:04:05").upload_seats(acme, 20)
    story.run_jobs_until("2012-02-10", acme, step=7)
    late(story, acme, "2012-01-12 03:04:05", 20)
    # Billed from 22 January on (11/31 of 350 = 124), there since the 12th (21/31 = 237).
    assert adjustments(story) == [(2, 237 - 124, False)]
    story.run_jobs_until("2012-03-03", acme, step=7)
    story.assert_statement(story.payer(acme), "late_earlier.txt")
    story.assert_nothing_left_to_do()


def test_rows_of_more_than_two_cycles_ago_change_no_bill(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    story.on("2012-02-01 10:00:00").upload_seats(acme, 18)
    story.run_jobs_until("2012-04-03", acme, step=7)
    late(story, acme, "2012-01-20 03:04:05", 40)
    assert (adjustments(story), falls(story)) == ([], [])
    with unit_of_work(story.ctx) as work:
        noted = select(AuditEntry).where(AuditEntry.action == "ledger.rows_too_old")
        after = work.session.scalars(noted).one().after
        assert after is not None
        assert after["rows"] == 1
    # One cycle later than that it counts.
    late(story, acme, "2012-02-20 03:04:05", 20)
    assert [one[0] for one in adjustments(story)] == [2, 2]


def test_late_rows_in_any_order_cost_the_same(story: Story) -> None:
    servers = [story.server(seats=(18,)) for _ in range(2)]
    for server in servers:
        story.upgrade(server)
    story.on("2012-02-01 10:00:00")
    for server in servers:
        story.upload_seats(server, 18)
    story.run_jobs_until("2012-02-10", *servers, step=7)
    rows = [("2012-01-20 03:04:05", 25), ("2012-01-25 03:04:05", 12), ("2012-01-10 03:04:05", 22)]
    for server, order in zip(servers, (rows, rows[::-1]), strict=True):
        for when, people in order:
            late(story, server, when, people)
    with unit_of_work(story.ctx) as work:
        cents = func.sum(Adjustment.licenses * Adjustment.unit_amount)
        totals = work.session.scalars(select(cents).group_by(Adjustment.customer_id)).all()
    # 4 from the 10th on (23/31), 3 more from the 20th on (13/31).
    assert totals == [4 * 260 + 3 * 147] * 2


def test_a_row_that_tells_less_takes_back_what_was_not_charged_yet(story: Story) -> None:
    acme = story.server(seats=(18, 5))
    story.upgrade(acme, organization=None)
    story.on("2012-02-01 10:00:00").upload_seats(acme, 18)
    story.on("2012-02-02 03:04:05")
    story.run_jobs_until("2012-02-10", acme, step=7)
    story.set_people(acme, 25, at=at("2012-01-20 03:04:05"))
    story.upload(acme)
    assert adjustments(story) == [(7, 147, False)]
    # The other organization had been smaller since before.
    story.set_people(acme, 1, organization=1, at=at("2012-01-15 03:04:05"))
    story.upload(acme)
    assert adjustments(story) == [(3, 147, False)]
    assert falls(story) == [(23, 19)]


def test_an_annual_plan_is_adjusted_for_its_own_year(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, schedule="annual")
    story.on("2012-12-20 03:04:05").upload_seats(acme, 18)
    story.run_jobs_until("2013-01-10", acme, step=30)
    late(story, acme, "2012-07-02 03:04:05", 20)
    # 4200 x 184/366.
    assert adjustments(story) == [(2, 2111, False)]
    story.run_jobs_until("2013-02-03", acme, step=30)
    story.assert_statement(story.payer(acme), "late_annual.txt")
    story.assert_nothing_left_to_do()


def test_a_late_row_names_the_entry_and_the_row_it_comes_from(story: Story) -> None:
    acme = renewed(story)
    late(story, acme, "2012-01-20 03:04:05", 21)
    with unit_of_work(story.ctx) as work:
        found = work.session.scalars(select(Adjustment)).one()
        assert found.audit_row_id is not None
    entry = next(one for one in story.export(story.payer(acme))["ledger"] if one["licenses"] == 21)
    assert entry["event_time"] == "2012-01-20T03:04:05Z"
    assert entry["log_entry"]["remote_id"] == 3
