"""Single charges of staff: with the next invoice, at once, and taken back."""

from sqlalchemy import select

from app.domain.errors import BillingError
from app.models.charges import OneOff
from app.services import change_plan
from app.services.context import CLI
from app.services.one_offs import AddOneOff, add_one_off, cancel_one_off
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import BUYER, Story

SET_UP = ("--amount", "250.00", "--description", "Set-up")


def only_id(story: Story) -> int:
    with unit_of_work(story.ctx) as work:
        return work.session.scalars(select(OneOff.id)).one()


def test_a_charge_stands_on_the_next_invoice(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    said = story.staff("one-off", payer.uuid, *SET_UP)
    assert "$250.00 for Acme: on the next invoice" in said
    story.run_jobs_until("2012-03-03", acme, step=7)
    story.assert_statement(payer, "one_off.txt")
    story.assert_nothing_left_to_do()


def test_a_month_in_which_the_plan_costs_nothing_still_has_it(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, schedule="annual")
    payer = story.payer(acme)
    story.staff("one-off", payer.uuid, *SET_UP)
    story.run_jobs_until("2012-03-03", acme, step=7)
    story.assert_statement(payer, "one_off_annual.txt")
    story.assert_nothing_left_to_do()


def test_at_once_it_is_charged_to_the_card(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-01-10").upload(acme)
    said = story.staff("one-off", payer.uuid, *SET_UP, "--at-once")
    assert "charged to the card at once" in said
    assert ": paid" in said
    story.run_jobs_until("2012-02-03", acme, step=7)
    story.assert_statement(payer, "one_off_at_once.txt")
    story.assert_nothing_left_to_do()


def test_a_customer_who_pays_by_invoice_is_sent_one(story: Story) -> None:
    acme = story.server(seats=(18,))
    purchase = story.order(acme, licenses=30)
    story.receive(purchase.purchase_id)
    story.deliver_events()
    payer = story.payer(acme)
    assert "sent as an invoice at once" in story.staff("one-off", payer.uuid, *SET_UP, "--at-once")
    invoice = story.export(payer)["invoices"][-1]
    assert (invoice["status"], invoice["total"]) == ("open", 25000)
    story.receive_whatever_is_open()
    story.deliver_events()
    assert story.export(payer)["invoices"][-1]["status"] == "paid"
    story.assert_nothing_left_to_do()


def test_without_a_plan_there_is_no_next_invoice(story: Story) -> None:
    acme = story.server(seats=(5,))
    payer = story.payer(acme)
    for at_once, code in ((False, "one_off_needs_invoice"), (True, "one_off_needs_card")):
        command = AddOneOff(25000, "Set-up", "agreed", at_once=at_once)
        try:
            add_one_off(story.ctx, payer, command, actor=CLI)
        except BillingError as error:
            assert error.code == code
        else:
            raise AssertionError("it was refused")
    assert "sent as an invoice" in story.staff(
        "one-off", payer.uuid, *SET_UP, "--at-once", "--send"
    )
    assert story.export(payer)["invoices"][0]["status"] == "open"
    story.give_card(payer)
    assert ": paid" in story.staff("one-off", payer.uuid, *SET_UP, "--at-once")
    story.assert_statement(payer, "one_off_without_plan.txt")
    story.assert_nothing_left_to_do()


def test_the_closing_invoice_takes_what_waits(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.staff("one-off", payer.uuid, *SET_UP)
    story.run_jobs_until("2012-02-03", acme, step=7)
    data = story.export(payer)
    assert data["plans"][0]["status"] == "ended"
    assert data["invoices"][-1]["total"] == 25000
    story.assert_nothing_left_to_do()


def test_what_waits_can_be_taken_back_until_it_is_invoiced(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.staff("one-off", payer.uuid, *SET_UP)
    key = only_id(story)
    assert (
        f"{key}  $250.00  Set-up"
        in story.app.test_cli_runner()
        .invoke(args=["billing", "one-off", "list", payer.uuid])
        .output
    )
    cancel_one_off(story.ctx, key, reason="wrong customer", actor=CLI, dry_run=True)
    story.staff("one-off", "cancel", str(key))
    story.run_jobs_until("2012-02-03", acme, step=7)
    assert [i["total"] for i in story.export(payer)["invoices"]] == [4300, 4300]


def test_a_refused_card_leaves_the_invoice_open(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_card(payer, "declines")
    result = story.app.test_cli_runner().invoke(
        args=["billing", "one-off", payer.uuid, *SET_UP, "--at-once", "--reason", "agreed"]
    )
    assert result.exit_code == 1
    assert "The card was refused; the invoice stays open." in result.output
    assert story.export(payer)["invoices"][0]["status"] == "open"
