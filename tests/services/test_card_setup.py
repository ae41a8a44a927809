"""The card on file: from the provider's page into our row and back to the provider's default."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import FixedClock
from app.domain.errors import BillingError, NotFoundError
from app.gateways.fake_payments import FakePayments
from app.gateways.payments import Card, PaymentsError, ProviderUnavailable
from app.models.audit import AuditEntry
from app.services.card_setup import apply_card_setup, begin_card_setup, check_card_setup
from app.services.context import Actor, Context
from app.services.provider_customer import ensure_provider_customer
from app.services.unit_of_work import is_transaction_open, unit_of_work
from tests.gateways.making import an_open_invoice
from tests.gateways.worlds import FakeWorld
from tests.support.customers import load_customer, make_customer

ADA = Actor("billing_user:1")
RETURN = "http://localhost/return/?session={SESSION_ID}"


def begin(ctx: Context, customer_id: int) -> str:
    """Open a card page; returns the visit's id."""
    url = begin_card_setup(
        ctx, customer_id, return_url=RETURN, cancel_url="http://localhost/", actor=ADA
    )
    return url.rpartition("/")[2]


def card_on_file(ctx: Context, customer_id: int) -> tuple[Any, ...]:
    customer = load_customer(ctx, customer_id)
    return (
        customer.card_payment_method,
        customer.card_brand,
        customer.card_last4,
        customer.card_exp_month,
        customer.card_exp_year,
    )


def as_columns(card: Card) -> tuple[Any, ...]:
    return (card.payment_method, card.brand, card.last4, card.exp_month, card.exp_year)


def default_at_provider(ctx: Context, payments: FakePayments, customer_id: int) -> str:
    """How the provider's default card behaves, told by charging it."""
    stripe_customer_id = load_customer(ctx, customer_id).stripe_customer_id
    assert stripe_customer_id is not None
    invoice = an_open_invoice(FakeWorld(payments), stripe_customer_id)
    try:
        return payments.pay_invoice(invoice.id, key=f"probe:{invoice.id}").status
    except PaymentsError as error:
        return type(error).__name__


def changes(ctx: Context) -> list[tuple[str, Any, Any]]:
    with ctx.sessions() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "card.changed").order_by(AuditEntry.id)
        )
        return [(entry.actor, entry.before, entry.after) for entry in entries]


def test_a_card_comes_on_file(ctx: Context, payments: FakePayments) -> None:
    customer_id = make_customer(ctx, email="ada@acme.test")
    session_id = begin(ctx, customer_id)
    assert apply_card_setup(ctx, session_id) is False
    assert card_on_file(ctx, customer_id) == (None,) * 5
    card = payments.complete_card_setup(session_id)
    assert apply_card_setup(ctx, session_id) is True
    assert card_on_file(ctx, customer_id) == as_columns(card)
    assert default_at_provider(ctx, payments, customer_id) == "paid"
    assert changes(ctx) == [
        ("payment_provider", {"payment_method": None}, {"payment_method": card.payment_method})
    ]


def test_applying_again_changes_nothing(ctx: Context, payments: FakePayments) -> None:
    customer_id = make_customer(ctx)
    session_id = begin(ctx, customer_id)
    payments.complete_card_setup(session_id)
    apply_card_setup(ctx, session_id)
    version = load_customer(ctx, customer_id).version
    assert apply_card_setup(ctx, session_id) is True
    assert load_customer(ctx, customer_id).version == version
    assert len(changes(ctx)) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 0, 1), (0, 1, 0, 0)])
def test_the_card_entered_last_counts_in_any_order(
    ctx: Context, payments: FakePayments, order: tuple[int, ...]
) -> None:
    customer_id = make_customer(ctx)
    visits = [begin(ctx, customer_id), begin(ctx, customer_id)]
    payments.complete_card_setup(visits[0], "declines")
    last = payments.complete_card_setup(visits[1], "mastercard")
    for index in order:
        apply_card_setup(ctx, visits[index])
    assert card_on_file(ctx, customer_id) == as_columns(last)
    assert default_at_provider(ctx, payments, customer_id) == "paid"


def test_back_to_an_earlier_card(ctx: Context, payments: FakePayments) -> None:
    """The same kind of card, entered a second time: its earlier key must not be replayed."""
    customer_id = make_customer(ctx)
    for kind, outcome in (("visa", "paid"), ("declines", "PaymentDeclined"), ("visa", "paid")):
        session_id = begin(ctx, customer_id)
        payments.complete_card_setup(session_id, kind)
        apply_card_setup(ctx, session_id)
        assert default_at_provider(ctx, payments, customer_id) == outcome


def test_a_card_entered_while_another_is_applied(ctx: Context, clock: FixedClock) -> None:
    customer_id = make_customer(ctx)

    class Busy(FakePayments):
        second: str | None = None

        def set_default_card(self, customer_id: str, card: Card, *, key: str) -> None:
            if self.second is not None:
                visit, self.second = self.second, None
                self.complete_card_setup(visit, "mastercard")
            super().set_default_card(customer_id, card, key=key)

    payments = Busy(clock, in_transaction=is_transaction_open)
    busy = replace(ctx, payments=payments)
    first, payments.second = begin(busy, customer_id), begin(busy, customer_id)
    payments.complete_card_setup(first)
    assert apply_card_setup(busy, first) is True
    assert card_on_file(ctx, customer_id)[1:3] == ("mastercard", "4444")
    assert len(changes(ctx)) == 2


@pytest.mark.parametrize("kind", ["before", "after", "stored"])
@pytest.mark.parametrize("method", ["get_newest_card", "set_default_card"])
def test_it_is_repeated_after_a_fault(
    ctx: Context, payments: FakePayments, method: str, kind: str
) -> None:
    customer_id = make_customer(ctx)
    session_id = begin(ctx, customer_id)
    card = payments.complete_card_setup(session_id)
    payments.fail(method, kind)
    with pytest.raises(ProviderUnavailable):
        apply_card_setup(ctx, session_id)
    assert apply_card_setup(ctx, session_id) is True
    assert card_on_file(ctx, customer_id) == as_columns(card)
    assert default_at_provider(ctx, payments, customer_id) == "paid"
    assert len(changes(ctx)) == 1


def test_a_customer_of_another_installation(ctx: Context, payments: FakePayments) -> None:
    """Two portals may share one account at the provider and hear of each other's visits."""
    stranger = payments.create_customer(reference="x", name="X", email=None, key="x")
    session_id, _ = payments.create_card_setup(stranger, success_url="s", cancel_url="c", key="y")
    payments.complete_card_setup(session_id)
    assert apply_card_setup(ctx, session_id) is False


# --- what pages ask for ---


def test_check_now(ctx: Context, payments: FakePayments) -> None:
    customer_id = make_customer(ctx)
    session_id = begin(ctx, customer_id)
    assert check_card_setup(ctx, session_id, customer_id=customer_id, actor=ADA) is False
    payments.complete_card_setup(session_id)
    assert check_card_setup(ctx, session_id, customer_id=customer_id, actor=ADA) is True
    assert card_on_file(ctx, customer_id)[2] == "4242"
    assert [actor for actor, _, _ in changes(ctx)] == ["billing_user:1"]


def test_a_visit_of_somebody_else_is_not_found(ctx: Context, payments: FakePayments) -> None:
    mine, theirs = make_customer(ctx), make_customer(ctx)
    session_id = begin(ctx, theirs)
    payments.complete_card_setup(session_id)
    for _ in range(2):
        with pytest.raises(NotFoundError):
            check_card_setup(ctx, session_id, customer_id=mine, actor=ADA)
        # Once as nobody at the provider, once as somebody.
        ensure_provider_customer(ctx, mine)
    for unknown in ("cs_unknown", "", "../x"):
        with pytest.raises(NotFoundError):
            check_card_setup(ctx, unknown, customer_id=mine, actor=ADA)
    with pytest.raises(NotFoundError):
        check_card_setup(ctx, session_id, customer_id=4711, actor=ADA)
    assert card_on_file(ctx, mine) == card_on_file(ctx, theirs) == (None,) * 5


def test_pages_hear_of_a_provider_that_is_down(ctx: Context, payments: FakePayments) -> None:
    customer_id = make_customer(ctx)
    for method in ("find_customer", "create_customer", "create_card_setup"):
        payments.fail(method)
        with pytest.raises(BillingError) as refused:
            begin(ctx, customer_id)
        assert refused.value.code == "payments_unavailable"
    session_id = begin(ctx, customer_id)
    payments.complete_card_setup(session_id)
    for method in ("get_card_setup", "get_newest_card", "set_default_card"):
        payments.fail(method)
        with pytest.raises(BillingError) as refused:
            check_card_setup(ctx, session_id, customer_id=customer_id, actor=ADA)
        assert refused.value.code == "payments_unavailable"


def test_pages_hear_of_a_refusal(ctx: Context, payments: FakePayments) -> None:
    customer_id = make_customer(ctx)
    with unit_of_work(ctx) as work:
        # The customer was deleted at the provider by hand.
        work.claim_customer(customer_id).stripe_customer_id = "cus_deleted"
        work.commit()
    with pytest.raises(BillingError) as refused:
        begin(ctx, customer_id)
    assert (refused.value.code, refused.value.params["reason"]) == (
        "payments_refused",
        "resource_missing",
    )


def test_a_double_click_opens_two_pages_and_one_customer(
    ctx: Context, payments: FakePayments
) -> None:
    customer_id = make_customer(ctx)
    visits: list[str] = []

    def click() -> None:
        visits.append(begin(ctx, customer_id))

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(visits)) == 2
    assert len({key for method, key in payments.calls if method == "create_customer"}) <= 1
    for visit in visits:
        assert payments.get_card_setup(visit).customer_id == (
            load_customer(ctx, customer_id).stripe_customer_id
        )
