"""Paying an open invoice with the card on file, and what a new card pays by itself."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.domain.errors import BillingError
from app.domain.kinds import InvoiceStatus
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.services.card_setup import apply_card_setup
from app.services.pay_invoice import PayOutcome, pay_open_invoice
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import BUYER
from tests.support.shop import Shop, words
from tests.web.plan.test_card import begin, post_back


def owing(shop: Shop, *, card: str = "declines") -> Shop:
    """A renewal of $43.00 could not be charged."""
    shop.open(18).buy()
    shop.has_card(card)
    shop.run_until("2012-02-03")
    return shop


def invoices(shop: Shop) -> list[Invoice]:
    with unit_of_work(shop.ctx) as work:
        found = list(work.session.scalars(select(Invoice).order_by(Invoice.id)))
        work.session.expunge_all()
        return found


def the_open_one(shop: Shop) -> Invoice:
    (found,) = [row for row in invoices(shop) if row.status is InvoiceStatus.OPEN]
    return found


def press_pay(shop: Shop, invoice_id: int) -> TestResponse:
    """Send what the button of an invoice sends, whether the page shows it or not."""
    page = shop.get("billing")
    return post_back(shop, page, shop.page(f"invoices/{invoice_id}/pay"))


def charges(shop: Shop, invoice: Invoice) -> int:
    """How many attempts to charge a card for it reached the provider."""
    calls = [key for name, key in shop.payments.calls if name == "pay_invoice"]
    return len({key for key in calls if key and key.startswith(f"invoice:{invoice.id}:")})


def test_it_is_paid(shop: Shop) -> None:
    owing(shop).has_card("visa")
    owed = the_open_one(shop)
    answer = press_pay(shop, owed.id)
    assert (answer.status_code, answer.location) == (303, shop.page(f"invoices/{owed.id}"))
    assert "$43.00 was paid. Thank you." in words(shop.client.get(answer.location))
    paid = invoices(shop)[-1]
    assert (paid.status, paid.failure_code, paid.to_deliver) == (InvoiceStatus.PAID, None, False)
    with unit_of_work(shop.ctx) as work:
        asked = select(AuditEntry).where(AuditEntry.action == "invoice.payment_asked_for")
        assert work.session.scalars(asked).one().after == {"invoice": owed.id}
    shop.story.assert_nothing_left_to_do()


def test_twice_from_two_tabs_charges_once(shop: Shop) -> None:
    owing(shop).has_card("visa")
    owed = the_open_one(shop)
    before = charges(shop, owed)
    for _ in range(2):
        answer = press_pay(shop, owed.id)
    assert "This invoice was paid already. Nothing was charged." in words(
        shop.client.get(answer.location)
    )
    assert charges(shop, owed) == before + 1


def test_at_once_from_two_browsers_charges_once(shop: Shop) -> None:
    owing(shop).has_card("visa")
    owed, payer = the_open_one(shop), shop.story.payer(shop.server)
    before, together = charges(shop, owed), threading.Barrier(3)

    def press(_number: int) -> str:
        together.wait()
        try:
            return pay_open_invoice(shop.ctx, payer, owed.id, actor=BUYER).outcome
        except BillingError as error:
            return error.code

    with ThreadPoolExecutor(3) as people:
        told = list(people.map(press, range(3)))
    assert told.count("paid") == 1
    assert set(told) <= {"paid", "already_paid", "invoice_being_paid"}
    assert charges(shop, owed) == before + 1


def test_paid_on_its_own_page_meanwhile(shop: Shop) -> None:
    owing(shop).has_card("visa")
    owed = the_open_one(shop)
    shop.payments.pay_hosted(str(owed.stripe_invoice_id))
    before = charges(shop, owed)
    answer = press_pay(shop, owed.id)
    assert "$43.00 was paid." in words(shop.client.get(answer.location))
    assert charges(shop, owed) == before


def test_after_it_was_voided(shop: Shop) -> None:
    owing(shop).has_card("visa")
    owed = the_open_one(shop)
    shop.ctx.payments.void_invoice(str(owed.stripe_invoice_id), key="dashboard")
    # We do not know of it yet; afterwards we do.
    for _ in range(2):
        answer = press_pay(shop, owed.id)
        said = words(shop.client.get(answer.location))
        assert "This invoice is void, so there is nothing to pay. Nothing was charged." in said
    assert invoices(shop)[-1].status is InvoiceStatus.VOID


@pytest.mark.parametrize("written_off", [False, True])
def test_a_refused_card_says_why_and_the_next_one_pays(shop: Shop, written_off: bool) -> None:
    owing(shop).has_card("insufficient_funds")
    owed = the_open_one(shop)
    if written_off:
        with unit_of_work(shop.ctx) as work:
            row = work.session.get_one(Invoice, owed.id)
            row.status = InvoiceStatus.UNCOLLECTIBLE
            work.commit()
    answer = press_pay(shop, owed.id)
    said = words(shop.client.get(answer.location))
    assert "Your bank refused $43.00: “Your card has insufficient funds.”" in said
    shop.has_card("visa")
    press_pay(shop, owed.id)
    assert invoices(shop)[-1].status is InvoiceStatus.PAID


def test_a_bank_that_asks_for_the_person(shop: Shop) -> None:
    owing(shop).has_card("requires_authentication")
    owed = the_open_one(shop)
    answer = press_pay(shop, owed.id)
    assert (answer.status_code, answer.location) == (303, owed.hosted_url)
    shop.payments.pay_hosted(str(owed.stripe_invoice_id))
    shop.story.deliver_events()
    assert invoices(shop)[-1].status is InvoiceStatus.PAID


@pytest.mark.parametrize("kind", ["before", "after"])
def test_a_provider_that_does_not_answer_is_asked_again_with_the_same_key(
    shop: Shop, kind: str
) -> None:
    owing(shop).has_card("visa")
    owed = the_open_one(shop)
    before = charges(shop, owed)
    shop.payments.fail("pay_invoice", kind)
    answer = press_pay(shop, owed.id)
    said = words(shop.client.get(answer.location))
    assert "we do not know yet whether $43.00 were paid. You are never charged twice" in said
    shop.story.run_jobs()
    assert invoices(shop)[-1].status is InvoiceStatus.PAID
    assert charges(shop, owed) == before + 1
    shop.story.assert_nothing_left_to_do()


def test_a_provider_that_refuses(shop: Shop) -> None:
    owing(shop).has_card("visa")
    owed = the_open_one(shop)
    shop.payments.fail("pay_invoice", "stored")
    press_pay(shop, owed.id)
    # It was paid all the same, which the next look finds.
    answer = press_pay(shop, owed.id)
    assert "was paid" in words(shop.client.get(answer.location))


def test_without_a_card_the_button_leads_to_one_and_back(shop: Shop) -> None:
    owing(shop)
    owed = the_open_one(shop)
    with unit_of_work(shop.ctx) as work:
        work.session.scalars(select(Customer)).unique().one().card_payment_method = None
        work.commit()
    answer = press_pay(shop, owed.id)
    assert answer.status_code == 303
    assert answer.location.startswith("https://checkout.fake.test/")
    visit = list(shop.payments._state._sessions.values())[-1]
    shop.payments.complete_card_setup(visit.id)
    back = visit.success_url.removeprefix(shop.ctx.settings.base_url)
    answer = post_back(shop, shop.client.get(back), back)
    assert answer.location == shop.page(f"invoices/{owed.id}")
    said = words(shop.client.get(answer.location))
    assert "Your card is on file: Visa ending 4242, expires 12/2034. $43.00 was paid." in said


def test_what_is_not_an_open_invoice_of_a_plan(shop: Shop) -> None:
    shop.open(18)
    result = shop.story.order(shop.server)
    (waiting,) = invoices(shop)
    assert result.purchase_id == 1
    shop.has_card("visa")
    answer = press_pay(shop, waiting.id)
    said = words(shop.client.get(answer.location))
    assert "This invoice belongs to a purchase that is not finished." in said
    with unit_of_work(shop.ctx) as work:
        row = work.session.get_one(Invoice, waiting.id)
        row.plan_id, row.status = None, InvoiceStatus.DRAFT
        work.commit()
    assert charges(shop, waiting) == 0


def test_invoices_of_others_do_not_exist(shop: Shop) -> None:
    owing(shop)
    other = shop.story.server(seats=(30,))
    shop.story.upgrade(other)
    theirs = invoices(shop)[-1]
    for number in (theirs.id, 999, 2**63, 10**40):
        assert press_pay(shop, number).status_code == 404
    page = shop.get("billing")
    assert shop.client.get(shop.page(f"invoices/{theirs.id}/pay")).status_code in {404, 405}
    assert shop.client.post(shop.page("invoices/1/pay")).status_code == 400, "no token"
    assert page.status_code == 200


# --- a new card ---


def enter_card(shop: Shop, kind: str) -> tuple[str, str]:
    """Through the card page; returns the visit and the way back."""
    session_id, back = begin(shop, shop.get("billing"))
    shop.payments.complete_card_setup(session_id, kind)
    return session_id, back


@pytest.mark.parametrize("first", ["page", "webhook", "both", "job"])
def test_a_new_card_pays_what_is_open_once_whoever_comes_first(shop: Shop, first: str) -> None:
    owing(shop)
    owed = the_open_one(shop)
    before = charges(shop, owed)
    session_id, back = enter_card(shop, "visa")
    if first == "webhook":
        apply_card_setup(shop.ctx, session_id)
    if first == "both":
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda _: apply_card_setup(shop.ctx, session_id), range(2)))
    if first == "job":
        # The run that stored the card died before it charged anything.
        shop.payments.fail("set_default_card")
        shop.story.deliver_events()
        assert the_open_one(shop).to_deliver
        shop.story.run_jobs()
        assert charges(shop, owed) == before, "the old card is not charged meanwhile"
        shop.clock.advance(minutes=6)
        shop.story.run_jobs()
    if first == "page":
        answer = post_back(shop, shop.client.get(back), back)
    else:
        answer = shop.client.get(back)
    assert answer.location == shop.page("billing")
    said = words(shop.get("billing"))
    assert "Your card is on file: Visa ending 4242, expires 12/2034. $43.00 was paid." in said
    assert charges(shop, owed) == before + 1
    assert invoices(shop)[-1].status is InvoiceStatus.PAID
    # All of it again changes nothing.
    shop.story.deliver_events()
    post_back(shop, shop.get("billing"), back)
    assert charges(shop, owed) == before + 1
    shop.story.assert_nothing_left_to_do()


def test_a_new_card_that_is_refused_says_so(shop: Shop) -> None:
    owing(shop)
    owed = the_open_one(shop)
    before = charges(shop, owed)
    _, back = enter_card(shop, "insufficient_funds")
    post_back(shop, shop.client.get(back), back)
    said = words(shop.get("billing"))
    assert "Your card is on file: Visa ending 9995" in said
    assert (
        "Your bank refused $43.00 with this card: “Your card has insufficient funds.” The invoice "
        "stays open." in said
    )
    shop.story.deliver_events()
    shop.story.run_jobs()
    assert charges(shop, owed) == before + 1, "no second try without being asked"


def test_a_provider_that_does_not_answer_leaves_it_to_the_job(shop: Shop) -> None:
    owing(shop)
    _, back = enter_card(shop, "visa")
    shop.payments.fail("pay_invoice")
    post_back(shop, shop.client.get(back), back)
    assert "$43.00: being charged." in words(shop.get("billing"))
    shop.clock.advance(hours=1)
    shop.story.run_jobs()
    assert invoices(shop)[-1].status is InvoiceStatus.PAID


def test_several_invoices_are_paid_each_by_itself(shop: Shop) -> None:
    owing(shop)
    with unit_of_work(shop.ctx) as work:
        # Otherwise the plan ends before the second one is made.
        work.session.execute(update(Invoice).values(next_retry_at=None))
        work.commit()
    shop.run_until("2012-03-03")
    assert [row.status.value for row in invoices(shop)] == ["paid", "open", "open"]
    _, back = enter_card(shop, "visa")
    post_back(shop, shop.client.get(back), back)
    assert "$43.00, $43.00 were paid." in words(shop.get("billing"))


def test_it_never_pays_the_invoice_of_an_open_purchase(shop: Shop) -> None:
    shop.open(18).has_card("requires_authentication")
    shop.pay()
    _, back = enter_card(shop, "visa")
    post_back(shop, shop.client.get(back), back)
    shop.story.deliver_events()
    assert [row.status for row in invoices(shop)] == [InvoiceStatus.OPEN]
    shop.story.order(shop.server)
    _, back = enter_card(shop, "mastercard")
    post_back(shop, shop.client.get(back), back)
    assert [row.status for row in invoices(shop)] == [InvoiceStatus.VOID, InvoiceStatus.OPEN]


def test_it_leaves_invoices_alone_that_are_paid_by_transfer_until_somebody_asks(
    shop: Shop,
) -> None:
    shop.open(18)
    shop.story.order(shop.server, schedule="monthly")
    shop.story.receive(1)
    shop.story.deliver_events()
    shop.run_until("2012-02-03")
    owed = the_open_one(shop)
    _, back = enter_card(shop, "visa")
    post_back(shop, shop.client.get(back), back)
    assert invoices(shop)[-1].status is InvoiceStatus.OPEN
    # Its person may pay it by card all the same.
    payer = shop.story.payer(shop.server)
    paid = pay_open_invoice(shop.ctx, payer, owed.id, actor=BUYER)
    assert paid.outcome is PayOutcome.PAID
    assert invoices(shop)[-1].status is InvoiceStatus.PAID


def test_a_parked_customer_is_not_charged_before_somebody_has_looked(shop: Shop) -> None:
    owing(shop)
    owed = the_open_one(shop)
    before = charges(shop, owed)
    with unit_of_work(shop.ctx) as work:
        customer = work.session.scalars(select(Customer)).unique().one()
        customer.parked_at = work.now
        work.commit()
    _, back = enter_card(shop, "visa")
    post_back(shop, shop.client.get(back), back)
    assert charges(shop, owed) == before
    assert "$43.00: being charged." in words(shop.get("billing"))
