"""When payment fails: tried again after 3 and 5 days, then the plan ends; every way out of it."""

import pytest
from sqlalchemy import select

from app.domain.kinds import InvoiceStatus
from app.models.invoices import Invoice
from app.services.context import Actor
from app.services.pay_invoice import PayOutcome, pay_open_invoice
from app.services.unit_of_work import unit_of_work
from tests.scenarios.people import add_person, told
from tests.scenarios.story import SampleServer, Story
from tests.support.mail import RecordingMailer

IAGO = "iago@acme.test"


def refused_renewal(story: Story, *, card: str = "declines") -> SampleServer:
    """Basic, monthly, 18 people: bought on 2 January, refused on 2 February."""
    acme = story.server(seats=(18,))
    add_person(story, acme, IAGO)
    story.upgrade(acme)
    story.give_card(story.payer(acme), card)
    story.run_jobs_until("2012-02-02", acme, step=31)
    return acme


def plan_of(story: Story, acme: SampleServer) -> dict[str, object]:
    (plan,) = story.export(story.payer(acme))["plans"]
    found: dict[str, object] = plan
    return found


def invoice_statuses(story: Story, acme: SampleServer) -> list[str]:
    return [invoice["status"] for invoice in story.export(story.payer(acme))["invoices"]]


def charges(story: Story) -> int:
    return [name for name, _ in story.payments.calls].count("pay_invoice")


def when_next(story: Story) -> str | None:
    """The day on which the next thing happens to the invoice that was made last."""
    with unit_of_work(story.ctx) as work:
        last = select(Invoice.next_retry_at).order_by(Invoice.id.desc()).limit(1)
        due = work.session.scalars(last).one()
        return None if due is None else due.date().isoformat()


def test_the_first_retry_succeeds(story: Story) -> None:
    acme = refused_renewal(story)
    assert invoice_statuses(story, acme) == ["paid", "open"]
    assert when_next(story) == "2012-02-05"
    story.run_jobs_until("2012-02-04", acme)
    before = charges(story)
    # The bank's mood, not the card, has changed.
    story.give_card(story.payer(acme), "visa")
    story.run_jobs_until("2012-02-05", acme)
    assert charges(story) == before + 1
    assert invoice_statuses(story, acme) == ["paid", "paid"]
    assert (plan_of(story, acme)["status"], when_next(story)) == ("active", None)
    assert told(story, "payment_failed") == [IAGO]
    story.assert_statement(story.payer(acme), "unpaid_first_retry.txt")
    story.assert_nothing_left_to_do()


def test_the_second_retry_succeeds(story: Story, mailer: RecordingMailer) -> None:
    acme = refused_renewal(story)
    story.run_jobs_until("2012-02-05", acme)
    assert when_next(story) == "2012-02-10", "five days after the attempt before"
    story.give_card(story.payer(acme), "visa")
    story.run_jobs_until("2012-02-10", acme)
    assert invoice_statuses(story, acme) == ["paid", "paid"]
    assert plan_of(story, acme)["status"] == "active"
    subjects = [mail.subject for mail in mailer.outbox if mail.template == "payment_failed"]
    assert subjects == [
        "The payment of $43.00 for chat1.acme.test failed; we try again on 5 February 2012",
        "The payment of $43.00 for chat1.acme.test failed; we try again on 10 February 2012",
    ]
    assert "your plan ends then" in mailer.outbox[-1].text
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize("card", ["declines", "requires_authentication"])
def test_it_fails_for_good(story: Story, mailer: RecordingMailer, card: str) -> None:
    acme = refused_renewal(story, card=card)
    story.run_jobs_until("2012-02-09", acme)
    assert plan_of(story, acme)["status"] == "active", "the plan goes on until the last try"
    story.run_jobs_until("2012-02-10", acme)
    assert plan_of(story, acme)["status"] == "ended"
    assert invoice_statuses(story, acme) == ["paid", "open"], "it can still be paid"
    assert told(story, "plan_ended_unpaid") == [IAGO]
    (mail,) = [mail for mail in mailer.outbox if mail.template == "plan_ended_unpaid"]
    assert "$43.00" in mail.subject and "11 March 2012" in mail.text
    assert len(told(story, "staff_plan_ended_unpaid")) == 1
    before = charges(story)
    story.run_jobs_until("2012-03-20", acme, step=5)
    assert charges(story) == before, "nothing more is tried"
    assert len(invoice_statuses(story, acme)) == 2
    if card == "declines":
        story.assert_statement(story.payer(acme), "unpaid_for_good.txt")
    story.assert_nothing_left_to_do()


def test_somebody_who_tries_in_vain_moves_nothing(story: Story) -> None:
    acme = refused_renewal(story)
    story.run_jobs_until("2012-02-04", acme)
    result = pay_open_invoice(story.ctx, story.payer(acme), 2, actor=Actor("billing_user:1"))
    assert result.outcome is PayOutcome.DECLINED
    assert when_next(story) == "2012-02-05"
    story.run_jobs_until("2012-02-10", acme)
    assert plan_of(story, acme)["status"] == "ended"
    assert told(story, "payment_failed") == [IAGO, IAGO], "those of our own attempts"


@pytest.mark.parametrize("how", ["page", "hosted page", "dashboard"])
def test_any_payment_ends_the_retries(story: Story, how: str) -> None:
    acme = refused_renewal(story)
    story.run_jobs_until("2012-02-04", acme)
    with unit_of_work(story.ctx) as work:
        remote = str(work.session.get_one(Invoice, 2).stripe_invoice_id)
    if how == "page":
        story.give_card(story.payer(acme), "visa")
        pay_open_invoice(story.ctx, story.payer(acme), 2, actor=Actor("billing_user:1"))
    elif how == "hosted page":
        story.payments.pay_hosted(remote)
    else:
        story.payments.pay_elsewhere(remote)
    before = charges(story)
    if how == "dashboard":
        # Its event is lost: the look before the retry finds it out.
        story.payments.take_events()
    story.deliver_events()
    story.run_jobs_until("2012-02-12", acme)
    assert charges(story) == before
    assert invoice_statuses(story, acme) == ["paid", "paid"]
    assert (plan_of(story, acme)["status"], when_next(story)) == ("active", None)
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize("what", ["void", "uncollectible"])
def test_what_staff_give_up_is_neither_tried_nor_billed_again(story: Story, what: str) -> None:
    acme = refused_renewal(story)
    with unit_of_work(story.ctx) as work:
        remote = str(work.session.get_one(Invoice, 2).stripe_invoice_id)
    story.payments._state.invoice(remote).status = InvoiceStatus(what)
    event = "voided" if what == "void" else "marked_uncollectible"
    story.payments._state.tell(f"invoice.{event}", remote)
    # The event of the refusal comes after it.
    story.payments._state.tell("invoice.payment_failed", remote)
    story.deliver_events()
    before = charges(story)
    story.run_jobs_until("2012-02-20", acme)
    assert charges(story) == before
    assert invoice_statuses(story, acme) == ["paid", what]
    assert plan_of(story, acme)["status"] == "active"
    story.assert_nothing_left_to_do()


def test_a_provider_that_does_not_answer_puts_the_retry_off(story: Story) -> None:
    acme = refused_renewal(story)
    story.payments.fail("pay_invoice", "before")
    story.run_jobs_until("2012-02-05", acme)
    assert plan_of(story, acme)["status"] == "active"
    story.clock.advance(hours=1)
    story.run_jobs()
    assert when_next(story) == "2012-02-10"
    assert told(story, "payment_failed") == [IAGO, IAGO]


def test_without_people_the_contact_of_the_server_hears(story: Story) -> None:
    acme = story.server(seats=(18,))
    add_person(story, acme, "not-confirmed@acme.test", confirmed=False)
    story.upgrade(acme)
    story.give_card(story.payer(acme), "declines")
    story.run_jobs_until("2012-02-02", acme, step=31)
    assert told(story, "payment_failed") == ["root@acme.test"]


def test_a_sent_invoice_has_thirty_days_after_its_due_date(story: Story) -> None:
    acme = story.server(seats=(18,))
    add_person(story, acme, IAGO)
    story.order(acme, schedule="monthly", licenses=30)
    story.receive_whatever_is_open()
    story.deliver_events()
    story.run_jobs_until("2012-02-02", acme, step=31)
    assert invoice_statuses(story, acme) == ["paid", "open"]
    assert when_next(story) == "2012-04-02", "sent on 2 February, due on 3 March, and 30 days"
    story.run_jobs_until("2012-04-01", acme, step=15)
    assert plan_of(story, acme)["status"] == "active"
    story.run_jobs_until("2012-04-02", acme)
    assert plan_of(story, acme)["status"] == "ended"
    assert charges(story) == 0, "no card was ever charged"
    story.run_jobs()
    story.assert_statement(story.payer(acme), "unpaid_sent_invoice.txt")
    story.assert_nothing_left_to_do()


def ended_unpaid(story: Story) -> tuple[SampleServer, str]:
    """The plan of a refused renewal ended on 10 February; also the provider's invoice."""
    acme = refused_renewal(story)
    story.run_jobs_until("2012-02-10", acme)
    story.run_jobs()
    assert plan_of(story, acme)["status"] == "ended"
    with unit_of_work(story.ctx) as work:
        return acme, str(work.session.get_one(Invoice, 2).stripe_invoice_id)


def test_paid_ten_days_after_the_end_the_plan_goes_on(story: Story) -> None:
    acme, remote = ended_unpaid(story)
    story.run_jobs_until("2012-02-20", acme, step=5)
    story.give_card(story.payer(acme), "visa")
    story.payments.pay_hosted(remote)
    story.deliver_events()
    story.run_jobs_until("2012-03-02", acme, step=4)
    plan = plan_of(story, acme)
    assert (plan["status"], plan["next_invoice_date"]) == ("active", "2012-04-02T03:04:05Z")
    assert invoice_statuses(story, acme) == ["paid", "paid", "paid"]
    story.assert_statement(story.payer(acme), "unpaid_revived.txt")
    story.assert_nothing_left_to_do()


def test_revived_it_can_end_again(story: Story) -> None:
    acme, remote = ended_unpaid(story)
    story.payments.pay_hosted(remote)
    story.deliver_events()
    assert plan_of(story, acme)["status"] == "active"
    story.run_jobs_until("2012-03-02", acme, step=7)
    story.run_jobs_until("2012-03-10", acme)
    assert plan_of(story, acme)["status"] == "ended"
    assert told(story, "plan_ended_unpaid") == [IAGO, IAGO]


def test_paid_after_thirty_one_days_the_debt_is_paid_and_nothing_starts(story: Story) -> None:
    acme, remote = ended_unpaid(story)
    story.run_jobs_until("2012-03-12", acme, step=8)
    story.payments.pay_hosted(remote)
    story.deliver_events()
    story.run_jobs()
    assert plan_of(story, acme)["status"] == "ended"
    assert invoice_statuses(story, acme) == ["paid", "paid"]
    assert not story.payments.is_refunded(remote), "it paid what was owed"
    story.assert_nothing_left_to_do()


def test_with_another_plan_bought_meanwhile_the_debt_is_paid_and_no_more(story: Story) -> None:
    acme, remote = ended_unpaid(story)
    story.run_jobs_until("2012-02-15", acme, step=5)
    story.upgrade(acme)
    story.payments.pay_hosted(remote)
    story.deliver_events()
    story.run_jobs()
    statuses = [plan["status"] for plan in story.export(story.payer(acme))["plans"]]
    assert statuses == ["ended", "active"]
    story.run_jobs_until("2012-03-15", acme, step=15)
    assert invoice_statuses(story, acme) == ["paid", "paid", "paid", "paid"]
    story.assert_nothing_left_to_do()


def test_licenses_added_before_the_end_are_still_billed(story: Story) -> None:
    acme = refused_renewal(story)
    story.on("2012-02-04").upload_seats(acme, 20)
    story.run_jobs_until("2012-02-11", acme)
    assert plan_of(story, acme)["status"] == "ended"
    last = story.export(story.payer(acme))["invoices"][-1]
    # Two people for the six days from the fourth to the tenth of February: 350 x 6 / 29.
    assert [(line["quantity"], line["unit_amount"]) for line in last["lines"]] == [(2, 72)]
    story.run_jobs_until("2012-02-25", acme)
    assert told(story, "plan_ended_unpaid") == [IAGO], "there is nothing more to end"
    story.assert_nothing_left_to_do()
