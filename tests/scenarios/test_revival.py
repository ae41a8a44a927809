"""A plan that ended over an unpaid invoice goes on when that is paid, within 30 days."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.kinds import LIVE_STATUSES, EndReason
from app.domain.transitions import Change
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.services.ledger import sync_server_ledgers
from app.services.plan_life import end_plan
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import SampleServer, Story


def refused_and_ended(story: Story, *, ended_on: str) -> SampleServer:
    """Basic for 18 by the month: the renewal of 2 February is refused, and the plan ends over it."""
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    story.give_card(story.payer(acme), "declines")
    story.run_jobs_until("2012-02-02", acme, step=31)
    story.on(ended_on).upload(acme)
    with unit_of_work(story.ctx) as work:
        server = work.claim_server(story.payer(acme).server_id)
        sync_server_ledgers(work, server, as_of=work.now)
        plan = work.session.scalars(select(Plan).where(Plan.status.in_(LIVE_STATUSES))).one()
        end_plan(work, plan, at=work.now, change=Change.GO_UNPAID, reason=EndReason.UNPAID)
        work.commit()
    story.run_jobs()
    return acme


def pay_the_renewal(story: Story) -> None:
    with unit_of_work(story.ctx) as work:
        unpaid = select(Invoice.stripe_invoice_id).where(Invoice.status == "open")
        remote = work.session.scalars(unpaid.order_by(Invoice.id).limit(1)).one()
    story.payments.pay_hosted(str(remote))
    story.deliver_events()


def test_it_goes_on_as_if_it_had_never_ended(story: Story) -> None:
    acme = refused_and_ended(story, ended_on="2012-02-10")
    payer = story.payer(acme)
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["ended"]
    story.on("2012-02-20").upload_seats(acme, 21)
    story.give_card(payer)
    story.on("2012-03-01").upload(acme)
    pay_the_renewal(story)
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["active"]
    story.run_jobs_until("2012-03-03", acme)
    # Who came meanwhile is in the ledger from that day, and on the next invoice.
    story.assert_statement(payer, "revived.txt")
    story.assert_nothing_left_to_do()


def test_boundaries_that_passed_meanwhile_are_billed(story: Story) -> None:
    acme = refused_and_ended(story, ended_on="2012-02-10")
    payer = story.payer(acme)
    story.give_card(payer)
    story.on("2012-03-08").upload(acme)
    pay_the_renewal(story)
    story.run_jobs()
    assert [i["boundary"] for i in story.export(payer)["invoices"]] == [
        "2012-01-02T03:04:05Z",
        "2012-02-02T03:04:05Z",
        "2012-03-02T03:04:05Z",
    ]
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize(("days", "status"), [(30, "active"), (31, "ended")])
def test_it_goes_on_within_thirty_days(story: Story, days: int, status: str) -> None:
    acme = refused_and_ended(story, ended_on="2012-02-10")
    story.on(story.clock.now() + timedelta(days=days)).upload(acme)
    pay_the_renewal(story)
    payer = story.payer(acme)
    assert [plan["status"] for plan in story.export(payer)["plans"]] == [status]
    story.run_jobs()
    story.assert_nothing_left_to_do()


def test_another_plan_leaves_it_ended(story: Story) -> None:
    acme = refused_and_ended(story, ended_on="2012-02-10")
    story.upgrade(acme)
    pay_the_renewal(story)
    payer = story.payer(acme)
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["ended", "active"]
    story.assert_nothing_left_to_do()
