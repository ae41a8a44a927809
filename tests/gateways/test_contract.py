"""One contract for every payment provider: the fake, the emulator, and Stripe's test mode.

What the rest of the portal relies on is here; what differs between the providers may not matter.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.kinds import Collection, InvoiceStatus
from app.gateways.payments import (
    MAX_LINES,
    AuthenticationRequired,
    BillingDetails,
    PaymentDeclined,
    ProviderRejected,
    RemoteLine,
)
from tests.gateways.conftest import stripe_itself
from tests.gateways.making import (
    PURCHASE,
    START,
    a_customer,
    a_draft,
    an_open_invoice,
    some_lines,
)
from tests.gateways.worlds import World, unique


def test_stripe_itself_answers() -> None:
    """One line in the report says whether this suite was run against Stripe's test mode."""
    assert stripe_itself().gateway.find_customer(reference=unique(), email=None) is None


# --- customers ---


def test_a_customer_is_found_by_our_reference(world: World) -> None:
    reference, email = unique(), f"{unique()}@acme.test"
    assert world.gateway.find_customer(reference=reference, email=email) is None
    made = world.gateway.create_customer(
        reference=reference, name="Acme", email=email, key=unique()
    )
    assert world.gateway.find_customer(reference=reference, email=email) == made
    assert world.gateway.find_customer(reference=reference, email=None) == made
    # The person who managed the billing may have changed between two attempts.
    assert world.gateway.find_customer(reference=reference, email="new@acme.test") == made
    assert world.gateway.find_customer(reference=unique(), email=email) is None


def test_a_customer_needs_no_email(world: World) -> None:
    reference = unique()
    made = world.gateway.create_customer(reference=reference, name="A", email=None, key=unique())
    assert world.gateway.find_customer(reference=reference, email=None) == made


def test_a_key_makes_one_customer(world: World) -> None:
    reference, key = unique(), unique()
    first = world.gateway.create_customer(reference=reference, name="A", email=None, key=key)
    again = world.gateway.create_customer(reference=reference, name="A", email=None, key=key)
    assert first == again


def test_a_key_is_for_one_request(world: World) -> None:
    reference, key = unique(), unique()
    world.gateway.create_customer(reference=reference, name="A", email=None, key=key)
    with pytest.raises(ProviderRejected) as refused:
        world.gateway.create_customer(reference=reference, name="B", email=None, key=key)
    assert refused.value.code == "idempotency_conflict"


def test_a_customer_gets_an_address_once_for_each_key(world: World) -> None:
    made = world.gateway.create_customer(
        reference=unique(), name="Acme", email=f"{unique()}@acme.test", key=unique()
    )
    details = BillingDetails(name="Acme Ltd", line1="1 High Street", city="Leeds", country="GB")
    key = unique()
    world.gateway.update_customer(made, details, key=key)
    world.gateway.update_customer(made, details, key=key)
    with pytest.raises(ProviderRejected) as refused:
        world.gateway.update_customer(made, replace(details, city="York"), key=key)
    assert refused.value.code == "idempotency_conflict"
    with pytest.raises(ProviderRejected):
        world.gateway.update_customer("cus_unheard_of", details, key=unique())


# --- cards ---


def test_a_card_is_entered_on_the_providers_page(world: World) -> None:
    customer_id = a_customer(world)
    session_id, page_url = world.gateway.create_card_setup(
        customer_id,
        success_url="http://localhost/return/?session={SESSION_ID}",
        cancel_url="http://localhost/cancel/",
        key=unique(),
    )
    before = world.gateway.get_card_setup(session_id)
    assert (before.complete, before.customer_id, before.card) == (False, customer_id, None)
    world.enter_card(page_url, "mastercard")
    after = world.gateway.get_card_setup(session_id)
    assert (after.complete, after.customer_id) == (True, customer_id)
    assert after.card is not None
    assert (after.card.brand, after.card.last4) == ("mastercard", "4444")
    assert after.card == world.gateway.get_newest_card(customer_id)
    assert ("checkout.session.completed", session_id) in world.events()


def test_the_newest_card(world: World) -> None:
    customer_id = a_customer(world)
    assert world.gateway.get_newest_card(customer_id) is None
    world.attach(customer_id, "visa")
    newest = world.attach(customer_id, "mastercard")
    assert world.gateway.get_newest_card(customer_id) == newest
    assert (newest.brand, newest.last4) == ("mastercard", "4444")
    assert 1 <= newest.exp_month <= 12
    assert newest.exp_year > 2000


def test_a_page_with_receipts_and_the_address(world: World) -> None:
    customer_id, key = a_customer(world), unique()
    open_page = world.gateway.create_portal_session
    url = open_page(customer_id, return_url="http://localhost/invoices/", key=key)
    assert url.startswith(("http://", "https://"))
    assert open_page(customer_id, return_url="http://localhost/invoices/", key=key) == url
    with pytest.raises(ProviderRejected) as refused:
        open_page("cus_missing", return_url="http://localhost/invoices/", key=unique())
    assert refused.value.code == "resource_missing"


def test_a_card_of_somebody_else_cannot_be_the_default(world: World) -> None:
    card = world.attach(a_customer(world), "visa")
    other = a_customer(world)
    with pytest.raises(ProviderRejected):
        world.gateway.set_default_card(other, card, key=unique())


def test_the_default_card_is_the_one_that_was_set_last(world: World) -> None:
    customer_id = a_customer(world)
    good = world.attach(customer_id, "visa")
    world.attach(customer_id, "declines")
    world.gateway.set_default_card(customer_id, good, key=unique())
    invoice = an_open_invoice(world, customer_id)
    assert world.gateway.pay_invoice(invoice.id, key=unique()).status is InvoiceStatus.PAID


# --- the life of an invoice ---


def test_from_draft_to_paid(world: World) -> None:
    customer_id, reference = a_customer(world), unique()
    world.attach(customer_id, "visa")
    draft = a_draft(world, customer_id, reference=reference)
    assert draft.status is InvoiceStatus.DRAFT
    assert (draft.reference, draft.customer_id) == (reference, customer_id)
    assert (draft.total, draft.number, draft.line_references) == (0, None, frozenset())

    filled = world.gateway.add_lines(draft.id, some_lines(PURCHASE), currency="usd", key=unique())
    assert (filled.id, filled.status, filled.total) == (draft.id, InvoiceStatus.DRAFT, 4300)
    assert filled.line_references == {"line-0", "line-1"}

    final = world.gateway.finalize_invoice(draft.id, key=unique())
    assert (final.status, final.total, final.amount_due) == (InvoiceStatus.OPEN, 4300, 4300)
    assert (final.amount_paid, final.paid_at) == (0, None)
    assert final.number
    assert final.hosted_url
    assert final.pdf_url

    paid = world.gateway.pay_invoice(draft.id, key=unique())
    assert (paid.status, paid.amount_paid) == (InvoiceStatus.PAID, 4300)
    assert paid.currency == "usd"
    assert paid.paid_at is not None
    assert paid.paid_at.tzinfo is UTC
    assert paid.paid_at.microsecond == 0
    assert world.gateway.get_invoice(draft.id) == paid
    assert ("invoice.paid", draft.id) in world.events()


def test_all_lines_are_known_however_many(world: World) -> None:
    customer_id = a_customer(world)
    lines = some_lines([(1, 327)] * 230)
    draft = a_draft(world, customer_id)
    filled = world.gateway.add_lines(draft.id, lines, currency="usd", key=unique())
    assert filled.total == 230 * 327
    expected = {line.reference for line in lines}
    assert filled.line_references == expected
    assert world.gateway.get_invoice(draft.id).line_references == expected
    assert world.gateway.finalize_invoice(draft.id, key=unique()).line_references == expected


@pytest.mark.parametrize("count", [0, MAX_LINES + 1])
def test_too_many_lines_or_none(world: World, count: int) -> None:
    draft = a_draft(world, a_customer(world))
    with pytest.raises(ProviderRejected):
        world.gateway.add_lines(draft.id, some_lines([(1, 1)] * count), currency="usd", key="k")
    assert world.gateway.get_invoice(draft.id).total == 0


def test_lines_come_all_or_none(world: World) -> None:
    draft = a_draft(world, a_customer(world))
    with pytest.raises(ProviderRejected):
        world.gateway.add_lines(draft.id, some_lines(PURCHASE), currency="eur", key=unique())
    assert world.gateway.get_invoice(draft.id).line_references == frozenset()


def test_a_line_has_to_multiply_out(world: World) -> None:
    draft = a_draft(world, a_customer(world))
    line = RemoteLine("line", "Wrong", 2, 350, 701, START, START)
    with pytest.raises(ValueError, match="quantity"):
        world.gateway.add_lines(draft.id, [line], currency="usd", key=unique())


def test_lines_added_twice_are_seen(world: World) -> None:
    draft = a_draft(world, a_customer(world))
    key, lines = unique(), some_lines(PURCHASE)
    world.gateway.add_lines(draft.id, lines, currency="usd", key=key)
    assert world.gateway.add_lines(draft.id, lines, currency="usd", key=key).total == 4300
    with pytest.raises(ProviderRejected) as refused:
        world.gateway.add_lines(draft.id, lines, currency="usd", key=unique())
    assert refused.value.code == "total_mismatch"


def test_a_final_invoice_takes_no_lines(world: World) -> None:
    invoice = an_open_invoice(world, a_customer(world))
    with pytest.raises(ProviderRejected):
        world.gateway.add_lines(invoice.id, some_lines(PURCHASE), currency="usd", key=unique())
    assert world.gateway.get_invoice(invoice.id).total == 4300


def test_finalizing_twice_is_finalizing_once(world: World) -> None:
    invoice = an_open_invoice(world, a_customer(world))
    again = world.gateway.finalize_invoice(invoice.id, key=unique())
    assert (again.status, again.number) == (InvoiceStatus.OPEN, invoice.number)


def test_an_invoice_of_nothing_is_paid_when_it_is_final(world: World) -> None:
    invoice = an_open_invoice(world, a_customer(world), (1, 2000), (1, -2000))
    assert (invoice.status, invoice.total) == (InvoiceStatus.PAID, 0)
    assert invoice.paid_at is not None
    again = world.gateway.pay_invoice(invoice.id, key=unique())
    assert again.status is InvoiceStatus.PAID


def test_invoices_are_numbered_without_gaps(world: World) -> None:
    customer_id = a_customer(world)
    a_draft(world, customer_id)
    numbers = [an_open_invoice(world, customer_id).number or "" for _ in range(3)]
    assert [number.rpartition("-")[2] for number in numbers] == ["0001", "0002", "0003"]
    assert len({number.rpartition("-")[0] for number in numbers}) == 1


def test_a_sent_invoice_is_paid_by_a_person(world: World) -> None:
    final = an_open_invoice(world, a_customer(world), collection=Collection.SEND_INVOICE)
    key = unique()
    sent = world.gateway.send_invoice(final.id, key=key)
    assert (sent.status, sent.number, sent.due_at) == (
        InvoiceStatus.OPEN,
        final.number,
        final.due_at,
    )
    assert world.gateway.send_invoice(final.id, key=key) == sent
    assert world.events().count(("invoice.sent", final.id)) == 1
    world.pay_hosted(final)
    assert world.gateway.get_invoice(final.id).status is InvoiceStatus.PAID
    assert ("invoice.paid", final.id) in world.events()
    # Sending what is paid does nothing.
    assert world.gateway.send_invoice(final.id, key=unique()).status is InvoiceStatus.PAID


def test_only_sent_invoices_are_due(world: World) -> None:
    customer_id = a_customer(world)
    assert an_open_invoice(world, customer_id).due_at is None
    sent = an_open_invoice(world, customer_id, collection=Collection.SEND_INVOICE)
    assert sent.due_at is not None
    assert sent.due_at.tzinfo is UTC
    assert world.gateway.get_invoice(sent.id).due_at == sent.due_at


def test_what_is_not_open_cannot_be_sent(world: World) -> None:
    customer_id = a_customer(world)
    by_card = an_open_invoice(world, customer_id)
    with pytest.raises(ProviderRejected):
        world.gateway.send_invoice(by_card.id, key=unique())
    void = an_open_invoice(world, customer_id, collection=Collection.SEND_INVOICE)
    world.gateway.void_invoice(void.id, key=unique())
    assert world.gateway.send_invoice(void.id, key=unique()).status is InvoiceStatus.VOID


def test_a_line_whose_time_begins_with_its_payment_has_no_period(world: World) -> None:
    draft = a_draft(world, a_customer(world), collection=Collection.SEND_INVOICE)
    line = RemoteLine("line", "Basic, 12 months from payment", 30, 4200, 126000, None, None)
    filled = world.gateway.add_lines(draft.id, [line], currency="usd", key=unique())
    assert (filled.total, filled.line_references) == (126000, {"line"})


def test_a_sent_invoice_needs_a_due_date(world: World) -> None:
    with pytest.raises(ProviderRejected):
        world.gateway.create_invoice(
            a_customer(world),
            reference=unique(),
            currency="usd",
            collection=Collection.SEND_INVOICE,
            days_until_due=None,
            key=unique(),
        )


def test_a_sent_invoice_can_be_due_at_an_instant(world: World) -> None:
    due_at = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    draft = world.gateway.create_invoice(
        a_customer(world),
        reference=unique(),
        currency="usd",
        collection=Collection.SEND_INVOICE,
        days_until_due=None,
        due_at=due_at,
        key=unique(),
    )
    world.gateway.add_lines(draft.id, some_lines(PURCHASE), currency="usd", key=unique())
    final = world.gateway.finalize_invoice(draft.id, key=unique())
    assert (final.status, final.due_at) == (InvoiceStatus.OPEN, due_at)
    assert world.gateway.send_invoice(final.id, key=unique()).due_at == due_at


# --- paying ---


def test_a_declined_card(world: World) -> None:
    customer_id = a_customer(world)
    world.attach(customer_id, "declines")
    invoice, key = an_open_invoice(world, customer_id), unique()
    with pytest.raises(PaymentDeclined) as declined:
        world.gateway.pay_invoice(invoice.id, key=key)
    assert declined.value.code == "generic_decline"
    assert declined.value.message == "Your card was declined."
    present = world.gateway.get_invoice(invoice.id)
    assert (present.status, present.amount_paid) == (InvoiceStatus.OPEN, 0)
    assert present.failure_code == "generic_decline"
    assert present.failure_message == "Your card was declined."
    assert ("invoice.payment_failed", invoice.id) in world.events()

    # The answer is stored under the key: a good card does not help it, a new key does.
    world.attach(customer_id, "visa")
    with pytest.raises(PaymentDeclined):
        world.gateway.pay_invoice(invoice.id, key=key)
    paid = world.gateway.pay_invoice(invoice.id, key=unique())
    assert (paid.status, paid.failure_code) == (InvoiceStatus.PAID, None)


def test_a_card_that_wants_authentication(world: World) -> None:
    customer_id = a_customer(world)
    world.attach(customer_id, "requires_authentication")
    invoice = an_open_invoice(world, customer_id)
    with pytest.raises(AuthenticationRequired):
        world.gateway.pay_invoice(invoice.id, key=unique())
    present = world.gateway.get_invoice(invoice.id)
    assert present.status is InvoiceStatus.OPEN
    assert present.hosted_url
    world.pay_hosted(present)
    assert world.gateway.get_invoice(invoice.id).status is InvoiceStatus.PAID


def test_there_has_to_be_a_card(world: World) -> None:
    invoice = an_open_invoice(world, a_customer(world))
    with pytest.raises(ProviderRejected):
        world.gateway.pay_invoice(invoice.id, key=unique())
    assert world.gateway.get_invoice(invoice.id).status is InvoiceStatus.OPEN


def test_an_invoice_is_paid_once(world: World) -> None:
    customer_id = a_customer(world)
    world.attach(customer_id, "visa")
    invoice, key = an_open_invoice(world, customer_id), unique()
    paid = world.gateway.pay_invoice(invoice.id, key=key)
    assert world.gateway.pay_invoice(invoice.id, key=key) == paid
    assert world.gateway.pay_invoice(invoice.id, key=unique()) == paid
    assert world.events().count(("invoice.paid", invoice.id)) == 1


# --- giving back ---


def refunds(world: World) -> int:
    return [event_type for event_type, _ in world.events()].count("charge.refunded")


def test_what_was_paid_goes_back_once(world: World) -> None:
    customer_id = a_customer(world)
    world.attach(customer_id, "visa")
    invoice, key, before = an_open_invoice(world, customer_id), unique(), refunds(world)
    world.gateway.pay_invoice(invoice.id, key=unique())
    world.gateway.refund_invoice(invoice.id, key=key)
    assert refunds(world) == before + 1
    # Neither the same call again nor a new one gives anything more.
    world.gateway.refund_invoice(invoice.id, key=key)
    world.gateway.refund_invoice(invoice.id, key=unique())
    assert refunds(world) == before + 1
    assert world.gateway.get_invoice(invoice.id).status is InvoiceStatus.PAID


def test_what_did_not_come_through_the_provider_cannot_go_back(world: World) -> None:
    customer_id = a_customer(world)
    elsewhere = an_open_invoice(world, customer_id, collection=Collection.SEND_INVOICE)
    world.pay_elsewhere(elsewhere)
    assert world.gateway.get_invoice(elsewhere.id).status is InvoiceStatus.PAID
    nothing = an_open_invoice(world, customer_id, (1, 2000), (1, -2000))
    for invoice in (elsewhere, nothing, an_open_invoice(world, customer_id)):
        with pytest.raises(ProviderRejected) as refused:
            world.gateway.refund_invoice(invoice.id, key=unique())
        assert refused.value.code == "nothing_to_refund"


# --- voiding ---


def test_an_open_invoice_is_voided_once(world: World) -> None:
    customer_id = a_customer(world)
    world.attach(customer_id, "visa")
    invoice = an_open_invoice(world, customer_id)
    voided = world.gateway.void_invoice(invoice.id, key=unique())
    assert (voided.status, voided.number) == (InvoiceStatus.VOID, invoice.number)
    again = world.gateway.void_invoice(invoice.id, key=unique())
    assert again.status is InvoiceStatus.VOID
    assert world.events().count(("invoice.voided", invoice.id)) == 1
    with pytest.raises(ProviderRejected):
        world.gateway.pay_invoice(invoice.id, key=unique())
    assert world.gateway.get_invoice(invoice.id).status is InvoiceStatus.VOID


def test_a_paid_invoice_cannot_be_voided(world: World) -> None:
    customer_id = a_customer(world)
    world.attach(customer_id, "visa")
    invoice = an_open_invoice(world, customer_id)
    world.gateway.pay_invoice(invoice.id, key=unique())
    with pytest.raises(ProviderRejected) as refused:
        world.gateway.void_invoice(invoice.id, key=unique())
    assert refused.value.code == "invoice_paid"
    assert world.gateway.get_invoice(invoice.id).status is InvoiceStatus.PAID


def test_a_voided_draft_is_gone(world: World) -> None:
    customer_id, reference = a_customer(world), unique()
    draft = a_draft(world, customer_id, reference=reference)
    assert world.gateway.void_invoice(draft.id, key=unique()).status is InvoiceStatus.VOID
    assert world.gateway.find_invoice(customer_id, reference=reference) is None
    for call in (
        lambda: world.gateway.get_invoice(draft.id),
        lambda: world.gateway.void_invoice(draft.id, key=unique()),
    ):
        with pytest.raises(ProviderRejected) as refused:
            call()
        assert refused.value.code == "resource_missing"


# --- finding ---


def test_an_invoice_is_found_by_our_reference(world: World) -> None:
    customer_id, other = a_customer(world), a_customer(world)
    reference = unique()
    made = an_open_invoice(world, customer_id, reference=reference)
    for _ in range(3):
        a_draft(world, customer_id)
    found = world.gateway.find_invoice(customer_id, reference=reference)
    assert found is not None
    assert (found.id, found.total, found.status) == (made.id, 4300, InvoiceStatus.OPEN)
    assert found.line_references == {"line-0", "line-1"}
    assert world.gateway.find_invoice(customer_id, reference=unique()) is None
    assert world.gateway.find_invoice(other, reference=reference) is None


@pytest.mark.parametrize(
    "what", ["get", "finalize", "send", "pay", "refund", "void", "lines", "session"]
)
def test_what_does_not_exist(world: World, what: str) -> None:
    gateway = world.gateway
    calls = {
        "get": lambda: gateway.get_invoice("in_missing"),
        "finalize": lambda: gateway.finalize_invoice("in_missing", key=unique()),
        "send": lambda: gateway.send_invoice("in_missing", key=unique()),
        "pay": lambda: gateway.pay_invoice("in_missing", key=unique()),
        "refund": lambda: gateway.refund_invoice("in_missing", key=unique()),
        "void": lambda: gateway.void_invoice("in_missing", key=unique()),
        "lines": lambda: gateway.add_lines(
            "in_missing", some_lines(PURCHASE), currency="usd", key=unique()
        ),
        "session": lambda: gateway.get_card_setup("cs_test_missing"),
    }
    with pytest.raises(ProviderRejected) as refused:
        calls[what]()
    assert refused.value.code == "resource_missing"
