"""The contract of the customer's balance: credit, what it pays, and invoices that staff made."""

from datetime import UTC

import pytest

from app.domain.kinds import Collection, InvoiceStatus
from app.gateways.payments import ProviderRejected, RemoteInvoice
from tests.domain.test_docs import table
from tests.gateways.making import a_customer, a_draft, an_open_invoice
from tests.gateways.worlds import World, unique


def credit(
    world: World,
    customer_id: str,
    amount: int,
    *,
    reference: str | None = None,
    key: str | None = None,
) -> str:
    return world.gateway.credit_balance(
        customer_id,
        amount=amount,
        currency="usd",
        description="Unused time of Basic",
        reference=reference or unique(),
        key=key or unique(),
    )


def asked(invoice: RemoteInvoice) -> tuple[InvoiceStatus, int, int, int, int]:
    """Status, total, what credit paid, what was due, what was paid."""
    return (
        invoice.status,
        invoice.total,
        invoice.balance_applied,
        invoice.amount_due,
        invoice.amount_paid,
    )


# --- giving credit and finding it ---


def test_credit_is_found_by_our_reference(world: World) -> None:
    customer_id, other, reference = a_customer(world), a_customer(world), unique()
    find = world.gateway.find_balance_credit
    assert find(customer_id, reference=reference) is None
    made = credit(world, customer_id, 300, reference=reference)
    credit(world, customer_id, 200)
    assert world.credit_of(customer_id) == 500
    assert find(customer_id, reference=reference) == made
    assert find(customer_id, reference=unique()) is None
    assert find(other, reference=reference) is None


def test_credit_is_found_when_it_was_used_up(world: World) -> None:
    customer_id, reference = a_customer(world), unique()
    made = credit(world, customer_id, 300, reference=reference)
    an_open_invoice(world, customer_id, (1, 4000))
    assert world.credit_of(customer_id) == 0
    assert world.gateway.find_balance_credit(customer_id, reference=reference) == made


def test_a_key_gives_credit_once(world: World) -> None:
    customer_id, reference, key = a_customer(world), unique(), unique()
    made = credit(world, customer_id, 300, reference=reference, key=key)
    assert credit(world, customer_id, 300, reference=reference, key=key) == made
    assert world.credit_of(customer_id) == 300
    with pytest.raises(ProviderRejected) as refused:
        credit(world, customer_id, 301, reference=reference, key=key)
    assert refused.value.code == "idempotency_conflict"


@pytest.mark.parametrize("amount", [0, -1])
def test_credit_is_more_than_nothing(world: World, amount: int) -> None:
    customer_id = a_customer(world)
    with pytest.raises(ValueError, match="credit"):
        credit(world, customer_id, amount)
    assert world.credit_of(customer_id) == 0


def test_a_customer_has_to_exist(world: World) -> None:
    with pytest.raises(ProviderRejected) as refused:
        credit(world, "cus_missing", 300)
    assert refused.value.code == "resource_missing"
    with pytest.raises(ProviderRejected) as refused:
        world.gateway.find_balance_credit("cus_missing", reference=unique())
    assert refused.value.code == "resource_missing"


# --- what credit pays ---


def test_credit_lowers_what_is_due(world: World) -> None:
    customer_id = a_customer(world)
    world.attach(customer_id, "visa")
    credit(world, customer_id, 300)
    draft = a_draft(world, customer_id)
    assert draft.balance_applied == 0
    invoice = an_open_invoice(world, customer_id, (1, 4000))
    assert asked(invoice) == (InvoiceStatus.OPEN, 4000, 300, 3700, 0)
    paid = world.gateway.pay_invoice(invoice.id, key=unique())
    assert asked(paid) == (InvoiceStatus.PAID, 4000, 300, 3700, 3700)
    assert world.gateway.get_invoice(invoice.id) == paid
    following = an_open_invoice(world, customer_id, (1, 4000))
    assert asked(following) == (InvoiceStatus.OPEN, 4000, 0, 4000, 0)


@pytest.mark.parametrize("given", [4000, 4500])
@pytest.mark.parametrize("collection", Collection)
def test_an_invoice_that_credit_pays_is_paid_when_it_is_final(
    world: World, given: int, collection: Collection
) -> None:
    customer_id, reference = a_customer(world), unique()
    credit(world, customer_id, given)
    invoice = an_open_invoice(
        world, customer_id, (1, 4000), reference=reference, collection=collection
    )
    assert asked(invoice) == (InvoiceStatus.PAID, 4000, 4000, 0, 0)
    assert invoice.paid_at is not None
    assert invoice.number
    assert world.credit_of(customer_id) == given - 4000
    assert ("invoice.paid", invoice.id) in world.events()
    assert world.gateway.get_invoice(invoice.id) == invoice
    found = world.gateway.find_invoice(customer_id, reference=reference)
    assert found is not None
    assert asked(found) == asked(invoice)
    # Without a card and without a call to the bank: there is nothing left to pay, or to send.
    assert world.gateway.pay_invoice(invoice.id, key=unique()).status is InvoiceStatus.PAID
    assert world.gateway.finalize_invoice(invoice.id, key=unique()) == invoice


def cents(text: str) -> int:
    return int(text.replace(".", ""))


@pytest.mark.parametrize("row", table("credit"), ids=lambda row: row["when it is made final"])
def test_the_table_of_the_rules(world: World, row: dict[str, str]) -> None:
    customer_id = a_customer(world)
    credit(world, customer_id, cents(row["credit before"]))
    total = cents(row["total"])
    # Two lines, so that nothing can be the total too.
    invoice = an_open_invoice(world, customer_id, (1, 9000), (1, total - 9000))
    applied, due = cents(row["paid from credit"]), cents(row["due"])
    assert asked(invoice) == (InvoiceStatus(row["status"]), total, applied, due, 0)
    assert world.credit_of(customer_id) == cents(row["credit after"])


def test_what_was_too_little_to_charge_is_asked_for_with_the_next(world: World) -> None:
    """The minimum is the provider's, 50 cents in US dollars."""
    customer_id = a_customer(world)
    credit(world, customer_id, 3990)
    invoice = an_open_invoice(world, customer_id, (1, 4000))
    assert asked(invoice) == (InvoiceStatus.PAID, 4000, 3990, 0, 0)
    assert world.credit_of(customer_id) == -10
    following = an_open_invoice(world, customer_id, (1, 4000))
    assert asked(following) == (InvoiceStatus.OPEN, 4000, 0, 4010, 0)


def test_credit_comes_back_when_its_invoice_is_void(world: World) -> None:
    customer_id = a_customer(world)
    credit(world, customer_id, 300)
    invoice = an_open_invoice(world, customer_id, (1, 4000))
    assert world.credit_of(customer_id) == 0
    for _ in range(2):
        voided = world.gateway.void_invoice(invoice.id, key=unique())
        assert (voided.status, voided.balance_applied) == (InvoiceStatus.VOID, 0)
        assert world.credit_of(customer_id) == 300
    assert world.gateway.get_invoice(invoice.id).balance_applied == 0


def test_what_credit_paid_does_not_go_back(world: World) -> None:
    customer_id = a_customer(world)
    world.attach(customer_id, "visa")
    credit(world, customer_id, 300)
    in_part = an_open_invoice(world, customer_id, (1, 4000))
    world.gateway.pay_invoice(in_part.id, key=unique())
    credit(world, customer_id, 4000)
    wholly = an_open_invoice(world, customer_id, (1, 4000))
    for invoice, code in ((in_part, "partly_refunded"), (wholly, "nothing_to_refund")):
        for _ in range(2):
            with pytest.raises(ProviderRejected) as refused:
                world.gateway.refund_invoice(invoice.id, key=unique())
            assert refused.value.code == code
    assert world.credit_of(customer_id) == 0


# --- invoices that staff made ---


def test_an_invoice_that_staff_made_tells_what_it_is(world: World) -> None:
    customer_id = a_customer(world)
    invoice_id = world.staff_invoice(customer_id, 120000)
    found = world.gateway.get_invoice(invoice_id)
    assert (found.id, found.customer_id) == (invoice_id, customer_id)
    assert found.reference is None
    assert found.line_references == frozenset()
    assert asked(found) == (InvoiceStatus.OPEN, 120000, 0, 120000, 0)
    assert (found.currency, found.collection) == ("usd", Collection.SEND_INVOICE)
    assert found.due_at is not None
    assert found.due_at.tzinfo is UTC
    assert found.hosted_url
    world.pay_elsewhere(found)
    assert world.gateway.get_invoice(invoice_id).status is InvoiceStatus.PAID


def test_an_invoice_of_ours_tells_so(world: World) -> None:
    customer_id, reference = a_customer(world), unique()
    by_card = an_open_invoice(world, customer_id, reference=reference)
    sent = an_open_invoice(world, customer_id, collection=Collection.SEND_INVOICE)
    assert world.gateway.get_invoice(by_card.id).reference == reference
    assert by_card.collection is Collection.CHARGE_AUTOMATICALLY
    assert world.gateway.get_invoice(sent.id).collection is Collection.SEND_INVOICE


def test_an_invoice_that_staff_made_can_be_voided(world: World) -> None:
    customer_id = a_customer(world)
    credit(world, customer_id, 300)
    invoice_id = world.staff_invoice(customer_id, 120000)
    assert world.gateway.get_invoice(invoice_id).balance_applied == 300
    voided = world.gateway.void_invoice(invoice_id, key=unique())
    assert (voided.status, voided.reference) == (InvoiceStatus.VOID, None)
    assert ("invoice.voided", invoice_id) in world.events()
    assert world.credit_of(customer_id) == 300


def test_an_invoice_that_staff_made_is_not_found_as_ours(world: World) -> None:
    customer_id = a_customer(world)
    invoice_id = world.staff_invoice(customer_id, 120000)
    for reference in ("", "None", invoice_id):
        assert world.gateway.find_invoice(customer_id, reference=reference) is None
