"""What only the Stripe gateway has to do: keys, faults, retries, versions, logs."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from stripe._api_version import _ApiVersion

from app.clock import FixedClock
from app.domain.kinds import Collection, InvoiceStatus
from app.gateways.fake_payments import FakePayments
from app.gateways.payments import (
    CalledInTransaction,
    PaymentsGateway,
    ProviderBusy,
    ProviderRejected,
    ProviderUnavailable,
)
from app.gateways.stripe_gateway import API_VERSION, StripeGateway
from app.gateways.stripe_values import read_invoice
from app.stripe_emulator.server import Handle
from tests.emulator.conformance import check_request
from tests.gateways.making import PURCHASE, a_customer, a_draft, an_open_invoice, some_lines
from tests.gateways.worlds import (
    SECRET_KEY,
    WEBHOOK_SECRET,
    EmulatorWorld,
    FakeWorld,
    stripe_gateway,
    unique,
)

CREATE_INVOICE = "POST /v1/invoices"


def create_invoice(gateway: PaymentsGateway, customer_id: str, *, key: str, ours: str) -> str:
    return gateway.create_invoice(
        customer_id,
        reference=ours,
        currency="usd",
        collection=Collection.CHARGE_AUTOMATICALLY,
        days_until_due=None,
        key=key,
    ).id


def credit_balance(gateway: PaymentsGateway, customer_id: str, *, key: str, ours: str) -> str:
    return gateway.credit_balance(
        customer_id, amount=300, currency="usd", description="Unused", reference=ours, key=key
    )


# --- what is sent ---


def test_every_request_fits_the_sdks_types(emulated: EmulatorWorld) -> None:
    gateway, reference = emulated.gateway, unique()
    customer_id = gateway.create_customer(
        reference=reference, name="Acme", email="a@acme.test", key=unique()
    )
    gateway.find_customer(reference=reference, email="a@acme.test")
    gateway.find_customer(reference=unique(), email=None)
    session_id, page = gateway.create_card_setup(
        customer_id, success_url="http://localhost/", cancel_url="http://localhost/", key=unique()
    )
    emulated.enter_card(page, "visa")
    card = gateway.get_card_setup(session_id).card
    assert card is not None
    gateway.get_newest_card(customer_id)
    gateway.set_default_card(customer_id, card, key=unique())
    paid = an_open_invoice(emulated, customer_id, (18, 350), (1, -2000), reference=reference)
    gateway.pay_invoice(paid.id, key=unique())
    gateway.find_invoice(customer_id, reference=reference)
    gateway.get_invoice(paid.id)
    gateway.void_invoice(an_open_invoice(emulated, customer_id).id, key=unique())
    gateway.void_invoice(a_draft(emulated, customer_id).id, key=unique())
    gateway.refund_invoice(paid.id, key=unique())
    to_send = an_open_invoice(emulated, customer_id, collection=Collection.SEND_INVOICE)
    gateway.send_invoice(to_send.id, key=unique())
    an_open_invoice(emulated, customer_id, *[(1, 1)] * 11)
    credit_balance(gateway, customer_id, key=unique(), ours=reference)
    gateway.find_balance_credit(customer_id, reference=reference)

    sent = emulated.requests()
    assert {request["route"] for request in sent} >= {
        "POST /v1/customers",
        "GET /v1/customers",
        "POST /v1/customers/{id}",
        "POST /v1/checkout/sessions",
        "GET /v1/checkout/sessions/{id}",
        "GET /v1/payment_methods",
        "POST /v1/invoices",
        "GET /v1/invoices",
        "GET /v1/invoices/{id}",
        "DELETE /v1/invoices/{id}",
        "GET /v1/invoices/{id}/lines",
        "POST /v1/invoices/{id}/add_lines",
        "POST /v1/invoices/{id}/finalize",
        "POST /v1/invoices/{id}/pay",
        "POST /v1/invoices/{id}/send",
        "POST /v1/invoices/{id}/void",
        "POST /v1/refunds",
        "POST /v1/customers/{id}/balance_transactions",
        "GET /v1/customers/{id}/balance_transactions",
    }
    problems = [
        problem
        for request in sent
        for problem in check_request(request["method"], request["path"], request["params"])
    ]
    assert problems == []
    assert {request["stripe_version"] for request in sent} == {API_VERSION}


def test_a_request_that_does_not_fit_is_seen() -> None:
    """The guard above bites."""
    assert check_request("POST", "/v1/invoices", {"customer": "cus_1", "tax_percent": "7"})
    assert check_request("POST", "/v1/invoices", {"collection_method": "by_post"})
    assert check_request("POST", "/v1/checkout/sessions", {"payment_method_types": ["card"]})


def test_the_version_is_the_sdks_own() -> None:
    """When the SDK is upgraded, this file is read again before the version moves."""
    assert API_VERSION == _ApiVersion.CURRENT


def test_stripe_is_told_to_collect_nothing_by_itself(emulated: EmulatorWorld) -> None:
    reference = unique()
    draft = a_draft(emulated, a_customer(emulated), reference=reference)
    emulated.gateway.add_lines(draft.id, some_lines(PURCHASE), currency="usd", key=unique())
    created, added = emulated.requests()[-2:]
    assert created["params"]["auto_advance"] == "false"
    assert created["params"]["pending_invoice_items_behavior"] == "exclude"
    assert created["params"]["metadata"] == {"tallyport_invoice": reference}
    first, discount = added["params"]["lines"]
    assert (first["quantity"], first["price_data"]["unit_amount_decimal"]) == ("18", "350")
    assert first["metadata"] == {"tallyport_line": "line-0"}
    assert first["period"] == {"start": "1325473445", "end": "1328151845"}
    # A price is never negative, so a discount is an amount.
    assert discount["amount"] == "-2000"
    assert "price_data" not in discount
    assert {first["discountable"], discount["discountable"]} == {"false"}


def test_credit_is_a_negative_amount_with_our_reference(emulated: EmulatorWorld) -> None:
    key, reference = unique(), unique()
    credit_balance(emulated.gateway, a_customer(emulated), key=key, ours=reference)
    sent = emulated.requests()[-1]
    assert sent["idempotency_key"] == key
    assert sent["params"] == {
        "amount": "-300",
        "currency": "usd",
        "description": "Unused",
        "metadata": {"tallyport_credit": reference},
    }


def test_credit_is_found_among_more_than_a_page(emulated: EmulatorWorld) -> None:
    customer_id, reference = a_customer(emulated), unique()
    made = credit_balance(emulated.gateway, customer_id, key=unique(), ours=reference)
    for _ in range(101):
        emulated.sdk.customers.balance_transactions.create(
            customer_id,
            {"amount": -1, "currency": "usd", "metadata": {"tallyport_credit": "another"}},
        )
    assert emulated.gateway.find_balance_credit(customer_id, reference=reference) == made


@pytest.mark.parametrize(
    ("starting", "ending", "status", "applied"),
    [
        (-300, None, "draft", 0),
        (-300, 0, "open", 300),
        (-300, -100, "paid", 200),
        (-300, 0, "void", 0),
        (0, 0, "open", 0),
        (12, 0, "open", 0),
        (0, 12, "paid", 0),
        (-300, 12, "paid", 300),
        (-100, -600, "paid", 0),
    ],
)
def test_only_credit_is_told_as_applied(
    starting: int, ending: int | None, status: str, applied: int
) -> None:
    found = {"id": "in_1", "customer": "cus_1", "status": status, "currency": "usd"}
    amounts = {"total": 1000, "amount_due": 1000, "amount_paid": 0}
    balance = {"starting_balance": starting, "ending_balance": ending}
    assert read_invoice(found | amounts | balance).balance_applied == applied


def test_the_keys_are_ours(emulated: EmulatorWorld) -> None:
    key = unique()
    create_invoice(emulated.gateway, a_customer(emulated), key=key, ours=unique())
    assert emulated.requests()[-1]["idempotency_key"] == key


def test_the_way_back_names_the_session(emulated: EmulatorWorld) -> None:
    session_id, page = emulated.gateway.create_card_setup(
        a_customer(emulated),
        success_url="http://localhost/return/?session={SESSION_ID}",
        cancel_url="http://localhost/",
        key=unique(),
    )
    emulated.enter_card(page, "visa")
    session = emulated.sdk.checkout.sessions.retrieve(session_id)
    assert session.success_url == "http://localhost/return/?session={CHECKOUT_SESSION_ID}"


# --- what can go wrong ---


@pytest.mark.parametrize("kind", ["500_before", "reset_before"])
def test_nothing_happened_and_nobody_knows(emulated: EmulatorWorld, kind: str) -> None:
    customer_id, key, ours = a_customer(emulated), unique(), unique()
    emulated.fail(CREATE_INVOICE, kind)
    with pytest.raises(ProviderUnavailable):
        create_invoice(emulated.gateway, customer_id, key=key, ours=ours)
    assert emulated.gateway.find_invoice(customer_id, reference=ours) is None
    made = create_invoice(emulated.gateway, customer_id, key=key, ours=ours)
    found = emulated.gateway.find_invoice(customer_id, reference=ours)
    assert found is not None
    assert found.id == made


def test_it_happened_but_the_answer_was_lost(emulated: EmulatorWorld) -> None:
    customer_id, key, ours = a_customer(emulated), unique(), unique()
    emulated.fail(CREATE_INVOICE, "reset")
    with pytest.raises(ProviderUnavailable) as lost:
        create_invoice(emulated.gateway, customer_id, key=key, ours=ours)
    assert lost.value.code == "no_answer"
    found = emulated.gateway.find_invoice(customer_id, reference=ours)
    assert found is not None
    # The same key brings the answer; it makes no second invoice.
    assert create_invoice(emulated.gateway, customer_id, key=key, ours=ours) == found.id
    assert emulated.requests()[-1]["replayed"] is True


def test_a_fault_is_stored_under_the_key(emulated: EmulatorWorld) -> None:
    """Stripe replays a stored 500 for a day: asking with the same key can never succeed."""
    customer_id, key, ours = a_customer(emulated), unique(), unique()
    emulated.fail(CREATE_INVOICE, "500_after")
    with pytest.raises(ProviderUnavailable):
        create_invoice(emulated.gateway, customer_id, key=key, ours=ours)
    with pytest.raises(ProviderRejected) as stored:
        create_invoice(emulated.gateway, customer_id, key=key, ours=ours)
    assert stored.value.code == "stored_failure"
    # It has happened all the same, which a look shows.
    assert emulated.gateway.find_invoice(customer_id, reference=ours) is not None


@pytest.mark.parametrize("kind", ["reset", "500_after"])
def test_credit_was_given_but_the_answer_was_lost(emulated: EmulatorWorld, kind: str) -> None:
    customer_id, key, ours = a_customer(emulated), unique(), unique()
    emulated.fail("POST /v1/customers/{id}/balance_transactions", kind)
    with pytest.raises(ProviderUnavailable):
        credit_balance(emulated.gateway, customer_id, key=key, ours=ours)
    # A look finds it even when the key is forgotten, or holds a fault.
    assert emulated.gateway.find_balance_credit(customer_id, reference=ours) is not None
    assert emulated.credit_of(customer_id) == 300


def test_too_many_requests(emulated: EmulatorWorld) -> None:
    customer_id = a_customer(emulated)
    emulated.fail(CREATE_INVOICE, "429")
    with pytest.raises(ProviderBusy):
        create_invoice(emulated.gateway, customer_id, key=unique(), ours=unique())


def test_a_slow_provider_is_not_waited_for(emulated: EmulatorWorld, emulator: Handle) -> None:
    customer_id = a_customer(emulated)
    hasty = stripe_gateway(emulator, timeout=0.2)
    emulated.fail("GET /v1/invoices/{id}", "slow", seconds=1)
    invoice = a_draft(emulated, customer_id)
    # Who waits for it gets the invoice.
    with pytest.raises(ProviderUnavailable) as slow:
        hasty.get_invoice(invoice.id)
    assert slow.value.code == "no_answer"


def test_two_at_once_with_one_key(emulated: EmulatorWorld, emulator: Handle) -> None:
    customer_id, key, ours = a_customer(emulated), unique(), unique()
    emulated.fail(CREATE_INVOICE, "slow", seconds=2)
    made: list[str] = []

    def first() -> None:
        made.append(create_invoice(stripe_gateway(emulator), customer_id, key=key, ours=ours))

    thread = threading.Thread(target=first)
    thread.start()
    while emulated.has_planned_failures():
        time.sleep(0.01)
    # The first has met its failure; in a moment it holds the key.
    time.sleep(0.1)
    with pytest.raises(ProviderUnavailable) as busy:
        create_invoice(emulated.gateway, customer_id, key=key, ours=ours)
    assert busy.value.code == "in_progress"
    thread.join()
    assert create_invoice(emulated.gateway, customer_id, key=key, ours=ours) == made[0]


def test_a_page_does_not_repeat_and_a_job_does(emulated: EmulatorWorld) -> None:
    customer_id = a_customer(emulated)
    emulated.fail(CREATE_INVOICE, "reset")
    before = len(emulated.requests())
    with pytest.raises(ProviderUnavailable):
        create_invoice(emulated.gateway, customer_id, key=unique(), ours=unique())
    assert len(emulated.requests()) == before + 1

    emulated.fail(CREATE_INVOICE, "reset")
    key = unique()
    create_invoice(emulated.gateway.for_jobs(), customer_id, key=key, ours=unique())
    assert [request["idempotency_key"] for request in emulated.requests()[-2:]] == [key, key]


def test_nobody_is_there() -> None:
    gateway = StripeGateway(
        secret_key=SECRET_KEY,
        webhook_secret=WEBHOOK_SECRET,
        api_base="http://127.0.0.1:9",
        in_transaction=lambda: False,
    )
    with pytest.raises(ProviderUnavailable):
        gateway.get_invoice("in_1")


def test_paid_while_it_was_being_voided(emulated: EmulatorWorld) -> None:
    """The state is looked at, then voided; a payment between the two is found out."""
    customer_id = a_customer(emulated)
    emulated.attach(customer_id, "visa")
    invoice = an_open_invoice(emulated, customer_id)

    class PaidMeanwhile(StripeGateway):
        def get_invoice(self, invoice_id: str) -> Any:
            present = super().get_invoice(invoice_id)
            if present.status is InvoiceStatus.OPEN:
                emulated.gateway.pay_invoice(invoice_id, key=unique())
            return present

    gateway = PaidMeanwhile(
        secret_key=SECRET_KEY,
        webhook_secret=WEBHOOK_SECRET,
        api_base=emulated.emulator.url,
        in_transaction=lambda: False,
    )
    with pytest.raises(ProviderRejected) as refused:
        gateway.void_invoice(invoice.id, key=unique())
    assert refused.value.code == "invoice_paid"


@pytest.mark.parametrize("provider", ["fake", "emulator"])
def test_no_call_inside_a_transaction(provider: str, emulator: Handle, clock: FixedClock) -> None:
    world = (
        FakeWorld(FakePayments(clock, in_transaction=lambda: True))
        if provider == "fake"
        else EmulatorWorld(emulator, is_busy=True)
    )
    gateway = world.gateway
    calls: list[Callable[[], object]] = [
        lambda: a_customer(world),
        lambda: gateway.find_customer(reference="r", email=None),
        lambda: gateway.create_card_setup("c", success_url="s", cancel_url="c", key="k"),
        lambda: gateway.get_card_setup("cs_1"),
        lambda: gateway.get_newest_card("cus_1"),
        lambda: a_draft(world, "cus_1"),
        lambda: gateway.add_lines("in_1", some_lines(PURCHASE), currency="usd", key="k"),
        lambda: gateway.finalize_invoice("in_1", key="k"),
        lambda: gateway.pay_invoice("in_1", key="k"),
        lambda: gateway.send_invoice("in_1", key="k"),
        lambda: gateway.refund_invoice("in_1", key="k"),
        lambda: gateway.void_invoice("in_1", key="k"),
        lambda: gateway.get_invoice("in_1"),
        lambda: gateway.find_invoice("cus_1", reference="r"),
        lambda: credit_balance(gateway, "cus_1", key="k", ours="r"),
        lambda: gateway.find_balance_credit("cus_1", reference="r"),
    ]
    for call in calls:
        with pytest.raises(CalledInTransaction):
            call()


# --- giving back ---


def refunds(world: EmulatorWorld) -> int:
    return [kind for kind, _ in world.events()].count("charge.refunded")


def test_what_was_paid_from_a_balance_does_not_go_back_and_that_is_said(
    emulated: EmulatorWorld,
) -> None:
    gateway = emulated.gateway
    customer_id = a_customer(emulated)
    emulated.attach(customer_id, "visa")
    assert isinstance(gateway, StripeGateway)
    gateway._api.customers.update(customer_id, {"balance": -500})
    invoice = an_open_invoice(emulated, customer_id)
    assert invoice.amount_due == invoice.total - 500
    gateway.pay_invoice(invoice.id, key=unique())
    before = refunds(emulated)
    for _ in range(2):
        with pytest.raises(ProviderRejected) as refused:
            gateway.refund_invoice(invoice.id, key=unique())
        assert refused.value.code == "partly_refunded"
    assert refunds(emulated) == before + 1


# --- what is logged ---


def test_no_key_reaches_a_log(
    emulated: EmulatorWorld, emulator: Handle, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        customer_id = a_customer(emulated)
        create_invoice(emulated.gateway, customer_id, key=unique(), ours=unique())
        with pytest.raises(ProviderUnavailable) as refused:
            stripe_gateway(emulator, secret_key="sk_live_abcdefgh12345").get_invoice("in_1")
        logging.getLogger("stripe").error("the key %s is wrong", SECRET_KEY)
    assert refused.value.code == "unauthorized"
    for secret in (SECRET_KEY, "sk_live_abcdefgh12345", WEBHOOK_SECRET, "acme.test"):
        assert secret not in caplog.text
        assert secret not in str(refused.value)
    assert "the key [key] is wrong" in caplog.text
    # The SDK's own error, whose body may name people, is not carried along.
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
