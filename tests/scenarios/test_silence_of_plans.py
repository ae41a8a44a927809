"""Silent servers and plans of every sort: what is invoiced, what waits, what ends, who is told."""

from pathlib import Path

import pytest
from sqlalchemy import select

from app.domain.calendar import month_boundary
from app.domain.invoicing import LineDraft
from app.domain.kinds import Collection, InvoiceStatus, LineKind, LineSource
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.models.mails import Mail
from app.models.plans import Plan
from app.services import change_plan
from app.services.customers import Payer
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import BUYER, Story

TRIAL = {"catalog": Path(__file__).parent.parent / "catalogs" / "trial.toml"}


def told(story: Story) -> list[str]:
    """The mails about silent servers, in order."""
    about = ("staff_invoice_deferred", "invoice_deferred", "staff_fixed_price_silent")
    with unit_of_work(story.ctx) as work:
        found = select(Mail.template).where(Mail.template.in_(about)).order_by(Mail.id)
        return list(work.session.scalars(found))


def test_a_fixed_price_is_invoiced_and_staff_are_told_once(story: Story) -> None:
    acme = story.server(seats=(40,))
    payer = story.payer(acme)
    story.staff("tier", payer.uuid, "--required", "enterprise")
    story.staff("offer", "create", payer.uuid, "--price", "1000")
    story.accept_offer(acme)
    story.run_jobs_until("2012-04-03", step=3)
    assert [invoice["total"] for invoice in story.export(payer)["invoices"]] == [8333] * 4
    assert told(story) == ["staff_fixed_price_silent"]
    story.upload(acme)
    story.run_jobs_until("2012-05-10", step=3)
    # Silent again, so staff are told again.
    assert told(story) == ["staff_fixed_price_silent"] * 2
    story.assert_statement(payer, "silent_fixed_price.txt")
    story.assert_nothing_left_to_do()


def test_a_plan_that_is_set_to_end_does_so_and_bills_what_is_known(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.on("2012-01-10").upload_seats(acme, 20)
    story.run_jobs_until("2012-02-10", step=3)
    assert story.export(payer)["plans"][0]["ended_at"] == "2012-02-02T03:04:05Z"
    assert told(story) == []
    story.assert_statement(payer, "silent_end.txt")
    story.assert_nothing_left_to_do()


def test_a_legacy_plan_ends_quietly_but_what_follows_it_waits(story: Story) -> None:
    quiet, waits = story.server(seats=(18,)), story.server(seats=(18,))
    for server in (quiet, waits):
        story.give_legacy(server, until="2012-03-01")
    story.give_card(story.payer(waits))
    story.schedule_upgrade(waits, tier="basic", schedule="monthly")
    story.run_jobs_until("2012-03-12", step=3)
    assert story.export(story.payer(quiet))["plans"][0]["status"] == "ended"
    plans = story.export(story.payer(waits))["plans"]
    assert [plan["status"] for plan in plans] == ["active", "never_started"]
    assert told(story)[0] == "staff_invoice_deferred"
    assert told(story).count("staff_invoice_deferred") == 1
    story.upload_seats(waits, 21)
    story.run_jobs()
    plans = story.export(story.payer(waits))["plans"]
    assert [plan["status"] for plan in plans] == ["ended", "active"]
    story.assert_statement(story.payer(waits), "silent_legacy.txt")
    story.assert_nothing_left_to_do()


def invoiced_ahead(story: Story, payer: Payer, *, is_paid: bool) -> None:
    """The first month after the trial was sent as an invoice when the trial began."""
    with unit_of_work(story.ctx) as work:
        plan = work.session.scalars(
            select(Plan)
            .join(Customer, Customer.id == Plan.customer_id)
            .where(Customer.uuid == payer.uuid)
        ).one()
        plan.collection = Collection.SEND_INVOICE
        invoice = Invoice(
            customer_id=plan.customer_id,
            boundary=work.now,
            group_key="usd|send_invoice|purchase:0",
            plan_id=plan.id,
            status=InvoiceStatus.PAID if is_paid else InvoiceStatus.OPEN,
            currency="usd",
            collection=plan.collection,
            total=4300,
            created_at=work.now,
        )
        work.session.add(invoice)
        work.flush()
        start = plan.billing_cycle_anchor
        line = LineDraft(LineKind.FIRST, 18, 350, start, month_boundary(start, 1))
        work.session.add(
            InvoiceLine(
                invoice_id=invoice.id,
                position=0,
                source_kind=LineSource.PLAN,
                source_id=plan.id,
                plan_id=plan.id,
                kind=line.kind,
                tier=plan.tier,
                description="Basic",
                quantity=line.quantity,
                unit_amount=line.unit_amount,
                amount=line.amount,
                period_start=line.period_start,
                period_end=line.period_end,
            )
        )
        work.commit()


@pytest.mark.parametrize("settings_overrides", [TRIAL])
def test_a_trial_by_invoice_ends_unpaid_and_waits_paid(story: Story) -> None:
    unpaid, paid = story.server(seats=(18,)), story.server(seats=(18,))
    for server in (unpaid, paid):
        story.upgrade(server)
        invoiced_ahead(story, story.payer(server), is_paid=server is paid)
    story.run_jobs_until("2012-02-08", step=2)
    (ended,) = story.export(story.payer(unpaid))["plans"]
    assert (ended["status"], ended["next_invoice_date"]) == ("ended", None)
    (waiting,) = story.export(story.payer(paid))["plans"]
    assert waiting["status"] == "active"
    assert waiting["invoice_deferred_since"] == "2012-02-01T03:04:05Z"
    assert told(story)[0] == "staff_invoice_deferred"
    story.upload(paid)
    story.run_jobs()
    (going_on,) = story.export(story.payer(paid))["plans"]
    assert going_on["next_invoice_date"] == "2012-03-01T03:04:05Z"
    story.assert_statement(story.payer(paid), "silent_paid_trial.txt")
    story.assert_nothing_left_to_do()
