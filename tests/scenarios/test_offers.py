"""Fixed prices: offered by staff, accepted, billed for a year, ended, followed and withdrawn."""

from typing import Any

import pytest

from app.domain.errors import BillingError
from app.services.customers import Payer
from app.services.make_offer import MakeOffer, make_offer
from app.services.purchase_state import Outcome
from app.services.withdraw_offer import withdraw_offer
from tests.scenarios.story import BUYER, SampleServer, Story
from tests.support.mail import RecordingMailer


def offered(story: Story, price: str = "1000", *options: str) -> tuple[SampleServer, Payer]:
    """A server of 40 people with an offer for a year of Enterprise."""
    acme = story.server(seats=(40,))
    payer = story.payer(acme)
    story.staff("tier", payer.uuid, "--required", "enterprise")
    story.staff("offer", "create", payer.uuid, "--price", price, *options)
    return acme, payer


def totals(story: Story, payer: Payer) -> list[int]:
    return [invoice["total"] for invoice in story.export(payer)["invoices"]]


def month_by_month(story: Story, acme: SampleServer, first: int, last: int) -> None:
    """The jobs on the third of each month from `first` to `last`, counted from January 2012."""
    for month in range(first, last + 1):
        story.on(f"{2012 + (month - 1) // 12}-{(month - 1) % 12 + 1:02}-03").upload(acme)
        story.run_jobs()


def plan_of(story: Story, payer: Payer) -> dict[str, Any]:
    return story.export(payer)["plans"][-1]


def tied(story: Story, amount: int = 120_000) -> tuple[SampleServer, Payer, str]:
    """An offer that is tied to an invoice which staff made at the provider."""
    acme = story.server(seats=(40,))
    payer = story.payer(acme)
    story.staff("tier", payer.uuid, "--required", "enterprise")
    remote = story.payments.make_invoice(story.give_card(payer), amount=amount)
    story.staff("offer", "create", payer.uuid, "--price", "1200", "--stripe-invoice", remote.id)
    return acme, payer, remote.id


def reminders(story: Story) -> list[str]:
    """Subjects of the mails to staff about prices that end."""
    mailer = story.ctx.mailer
    assert isinstance(mailer, RecordingMailer)
    return [mail.subject for mail in mailer.outbox if mail.template == "staff_fixed_price_ends"]


def test_twelve_months_of_a_fixed_price_and_its_end(story: Story) -> None:
    acme, payer = offered(story)
    assert story.accept_offer(acme).outcome is Outcome.PAID
    plan = plan_of(story, payer)
    assert (plan["fixed_price"], plan["price_per_license"]) == (100_000, None)
    assert plan["end_date"] == "2013-01-02T03:04:05Z"
    story.on("2012-03-10").upload_seats(acme, 70)
    month_by_month(story, acme, 4, 13)
    # 1000.00 / 12 = 83.33, the twelfth month takes the rest; seventy people cost no more.
    assert totals(story, payer) == [8333] * 11 + [8337]
    assert plan_of(story, payer)["status"] == "ended"
    story.assert_statement(payer, "offer_monthly.txt")
    story.assert_nothing_left_to_do()


def test_a_year_that_is_paid_at_once_ends_by_itself(story: Story) -> None:
    acme, payer = offered(story, "1200")
    assert story.accept_offer(acme, schedule="annual").outcome is Outcome.PAID
    story.on("2012-12-30").upload(acme)
    story.run_jobs_until("2013-01-04", acme)
    assert totals(story, payer) == [120_000]
    assert plan_of(story, payer)["status"] == "ended"
    story.assert_statement(payer, "offer_annual.txt")
    story.assert_nothing_left_to_do()


def test_an_offer_is_accepted_by_invoice(story: Story) -> None:
    acme, payer = offered(story, "1200")
    ordered = story.accept_offer(acme, by_invoice=True)
    assert ordered.outcome is Outcome.WAITING
    story.on("2012-01-20").upload_seats(acme, 45)
    story.receive(ordered.purchase_id)
    story.deliver_events()
    assert plan_of(story, payer)["end_date"] == "2013-01-20T03:04:05Z"
    story.run_jobs_until("2012-02-21", acme)
    story.assert_statement(payer, "offer_by_invoice.txt")
    story.assert_nothing_left_to_do()


def test_the_fixed_price_is_invoiced_while_the_server_is_silent(story: Story) -> None:
    acme, payer = offered(story, "1200")
    story.accept_offer(acme)
    story.on("2012-02-10")
    assert story.run_jobs().invoiced == 1
    assert totals(story, payer) == [10_000, 10_000]


def test_a_declined_card_leaves_the_offer_open(story: Story) -> None:
    acme, _ = offered(story, "1200")
    assert story.accept_offer(acme, card="declines").outcome is Outcome.DECLINED
    assert story.accept_offer(acme).outcome is Outcome.PAID


def test_an_invoice_that_staff_made_starts_the_year_when_it_is_paid(story: Story) -> None:
    acme, payer, remote_id = tied(story)
    assert [i["status"] for i in story.export(payer)["invoices"]] == ["open"]
    story.on("2012-01-10 05:06:07").upload(acme)
    story.payments.pay_hosted(remote_id)
    story.deliver_events()
    plan = plan_of(story, payer)
    assert (plan["billing_cycle_anchor"], plan["end_date"]) == (
        "2012-01-10T05:06:07Z",
        "2013-01-10T05:06:07Z",
    )
    story.run_jobs_until("2012-02-11", acme)
    assert len(story.payments._state.invoices) == 1
    story.assert_statement(payer, "offer_tied.txt")
    story.assert_nothing_left_to_do()


def test_a_lost_webhook_of_that_invoice_is_found_by_the_jobs(story: Story) -> None:
    acme, payer, remote_id = tied(story)
    story.on("2012-01-03").upload(acme)
    story.payments.pay_hosted(remote_id)
    story.payments.take_events()
    story.run_jobs()
    assert plan_of(story, payer)["status"] == "active"


def test_an_offer_is_withdrawn_with_its_open_invoice(story: Story) -> None:
    _, payer, remote_id = tied(story)
    assert "open -> withdrawn" in story.staff("offer", "withdraw", payer.uuid)
    assert story.payments.get_invoice(remote_id).status.value == "void"
    assert [i["status"] for i in story.export(payer)["invoices"]] == ["void"]
    assert story.export(payer)["plans"] == []
    story.assert_statement(payer, "offer_withdrawn.txt")
    story.assert_nothing_left_to_do()


def test_an_invoice_that_is_paid_before_it_is_withdrawn_starts_its_plan(story: Story) -> None:
    _, payer, remote_id = tied(story)
    story.payments.pay_hosted(remote_id)
    with pytest.raises(BillingError) as caught:
        withdraw_offer(story.ctx, payer, reason="changed our mind", actor=BUYER)
    assert caught.value.code == "offer_was_paid"
    assert plan_of(story, payer)["status"] == "active"


def test_a_provider_that_does_not_answer_withdraws_nothing(story: Story) -> None:
    _, payer, remote_id = tied(story)
    story.payments.fail("void_invoice", "before", times=5)
    with pytest.raises(BillingError) as caught:
        withdraw_offer(story.ctx, payer, reason="changed our mind", actor=BUYER)
    assert caught.value.code == "offer_invoice_unanswered"
    story.payments.fail("get_invoice", "before", times=1)
    with pytest.raises(BillingError) as caught:
        command = MakeOffer(yearly_price=1, stripe_invoice_id=remote_id, reason="again")
        make_offer(story.ctx, payer, command, actor=BUYER)
    assert caught.value.code == "offer_invoice_unanswered"


def test_an_offer_that_was_withdrawn_or_is_too_old_is_not_accepted(story: Story) -> None:
    acme, payer = offered(story, "1200", "--expires", "2012-01-10")
    story.on("2012-01-10").upload(acme)
    with pytest.raises(AssertionError, match="no open offer"):
        story.accept_offer(acme)
    story.run_jobs()
    assert story.export(payer)["audit"][-1]["after"]["status"] == "expired"
    story.staff("offer", "create", payer.uuid, "--price", "900")
    story.staff("offer", "withdraw", payer.uuid)
    story.staff("tier", payer.uuid, "--clear")
    story.assert_nothing_left_to_do()


def test_another_year_follows_once_the_last_month_is_invoiced(story: Story) -> None:
    acme, payer = offered(story, "1200")
    story.accept_offer(acme)
    month_by_month(story, acme, 2, 11)
    story.on("2012-12-01").upload(acme)
    story.run_jobs()
    result = story.app.test_cli_runner().invoke(
        args=["billing", "offer", "follow-up", payer.uuid, "--price", "1500", "--reason", "x"]
    )
    assert result.exit_code == 1
    assert "the last monthly invoice is made, on 2 December 2012" in result.output
    month_by_month(story, acme, 12, 12)
    story.staff("offer", "follow-up", payer.uuid, "--price", "1500", "--schedule", "annual")
    month_by_month(story, acme, 13, 13)
    plans = [(plan["status"], plan["fixed_price"]) for plan in story.export(payer)["plans"]]
    assert plans == [("ended", 120_000), ("active", 150_000)]
    assert totals(story, payer)[-1] == 150_000
    story.assert_statement(payer, "offer_follow_up.txt")
    story.assert_nothing_left_to_do()


def test_a_follow_up_is_withdrawn(story: Story) -> None:
    acme, payer = offered(story, "1200")
    story.accept_offer(acme, schedule="annual")
    story.staff("offer", "follow-up", payer.uuid, "--price", "1500")
    assert [p["at_cycle_end"] for p in story.export(payer)["plans"]] == ["switch_tier", "end"]
    story.staff("offer", "withdraw", payer.uuid)
    assert [p["status"] for p in story.export(payer)["plans"]] == ["active", "ended"]
    assert story.export(payer)["plans"][0]["at_cycle_end"] == "end"
    story.staff("offer", "follow-up", payer.uuid, "--price", "1600")
    story.on("2013-01-02 03:04:05").upload(acme)
    story.run_jobs()
    assert totals(story, payer) == [120_000, 160_000]
    story.assert_statement(payer, "offer_follow_up_again.txt")
    story.assert_nothing_left_to_do()


def test_staff_are_reminded_once_62_days_before_the_end(story: Story) -> None:
    acme, _ = offered(story, "1200", "--owner", "Ada")
    story.accept_offer(acme, schedule="annual")
    story.on("2012-11-01 03:04:04").upload(acme)
    story.run_jobs()
    assert reminders(story) == []
    story.on("2012-11-01 03:04:05")
    story.run_jobs()
    story.run_jobs_until("2012-11-05", acme)
    assert reminders(story) == ["The fixed price of Acme ends on 2 January 2013"]


def test_who_is_to_be_followed_is_not_reminded_of(story: Story) -> None:
    acme, payer = offered(story, "1200")
    story.accept_offer(acme, schedule="annual")
    story.staff("offer", "follow-up", payer.uuid, "--price", "1500")
    story.on("2012-11-10").upload(acme)
    story.run_jobs()
    assert reminders(story) == []
