"""Our customer at the provider: one, whatever fails on the way."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import FixedClock
from app.domain.errors import NotFoundError
from app.domain.kinds import CustomerKind
from app.gateways.fake_payments import FakePayments
from app.gateways.payments import ProviderRejected, ProviderUnavailable
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.people import BillingUser
from app.services.context import Context
from app.services.pages.contacts import get_receipts_address
from app.services.provider_customer import ensure_provider_customer
from app.services.unit_of_work import is_transaction_open, unit_of_work
from tests.support.client import CheckedClient
from tests.support.customers import load_customer, make_customer
from tests.support.plans import add_customer
from tests.support.wire import WireServer, load_server


def keys_used(payments: FakePayments) -> int:
    """Under how many keys a customer was asked for: no more can have been made."""
    return len({key for method, key in payments.calls if method == "create_customer"})


@pytest.mark.parametrize("kind", list(CustomerKind))
def test_it_is_made_once(ctx: Context, payments: FakePayments, kind: CustomerKind) -> None:
    customer_id = make_customer(ctx, kind, email="ada@acme.test")
    made = ensure_provider_customer(ctx, customer_id)
    assert ensure_provider_customer(ctx, customer_id) == made
    customer = load_customer(ctx, customer_id)
    assert customer.stripe_customer_id == made
    assert payments.find_customer(reference=customer.uuid, email="ada@acme.test") == made
    assert keys_used(payments) == 1
    with ctx.sessions() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "customer.known_to_provider")
        ).all()
    assert [entry.after for entry in entries] == [{"stripe_customer_id": made}]


def test_nobody_manages_it_yet(ctx: Context) -> None:
    assert ensure_provider_customer(ctx, make_customer(ctx))


def test_an_unknown_customer(ctx: Context) -> None:
    with pytest.raises(NotFoundError):
        ensure_provider_customer(ctx, 4711)


@pytest.mark.parametrize("kind", ["before", "after", "busy"])
def test_no_answer_and_once_more(ctx: Context, payments: FakePayments, kind: str) -> None:
    customer_id = make_customer(ctx, email="ada@acme.test")
    payments.fail("create_customer", kind)
    with pytest.raises(ProviderUnavailable):
        ensure_provider_customer(ctx, customer_id)
    assert load_customer(ctx, customer_id).stripe_customer_id is None
    assert ensure_provider_customer(ctx, customer_id)
    assert keys_used(payments) == 1


def test_a_stored_fault_needs_another_key(ctx: Context, payments: FakePayments) -> None:
    """The provider replays it for a day, though the customer was made."""
    customer_id = make_customer(ctx)
    payments.fail("create_customer", "stored")
    with pytest.raises(ProviderUnavailable):
        ensure_provider_customer(ctx, customer_id)
    made = payments.find_customer(reference=load_customer(ctx, customer_id).uuid, email=None)
    assert ensure_provider_customer(ctx, customer_id) == made


def test_a_key_that_was_used_for_something_else(ctx: Context, payments: FakePayments) -> None:
    """The organization was renamed between two attempts."""
    customer_id = make_customer(ctx)
    reference = load_customer(ctx, customer_id).uuid
    key = f"customer:{reference}:1"
    payments.create_customer(reference="another", name="Before", email=None, key=key)
    made = ensure_provider_customer(ctx, customer_id)
    assert payments.find_customer(reference=reference, email=None) == made


def test_a_definite_refusal_is_passed_on(ctx: Context, payments: FakePayments) -> None:
    """Five keys that are all used up: something is wrong that another key does not mend."""
    customer_id = make_customer(ctx)
    reference = load_customer(ctx, customer_id).uuid
    for attempt in range(1, 6):
        key = f"customer:{reference}:{attempt}"
        payments.create_customer(reference="another", name="B", email=None, key=key)
    with pytest.raises(ProviderRejected):
        ensure_provider_customer(ctx, customer_id)


def test_somebody_was_quicker(ctx: Context, clock: FixedClock) -> None:
    """Two processes at once: what is on record first counts."""
    customer_id = make_customer(ctx)

    class Slow(FakePayments):
        def create_customer(self, *, reference: str, name: str, email: str | None, key: str) -> str:
            with unit_of_work(ctx) as work:
                work.claim_customer(customer_id).stripe_customer_id = "cus_of_the_other"
                work.commit()
            return super().create_customer(reference=reference, name=name, email=email, key=key)

    slow = replace(ctx, payments=Slow(clock, in_transaction=is_transaction_open))
    assert ensure_provider_customer(slow, customer_id) == "cus_of_the_other"


def test_the_first_person_keeps_the_receipts(ctx: Context, payments: FakePayments) -> None:
    """A second person who logs in between two attempts changes nothing that the key stands for."""
    customer_id = make_customer(ctx, email="ada@acme.test")
    payments.fail("create_customer", "after")
    with pytest.raises(ProviderUnavailable):
        ensure_provider_customer(ctx, customer_id)
    add_person(ctx, customer_id, "bob@acme.test")
    ensure_provider_customer(ctx, customer_id)
    assert keys_used(payments) == 1


def test_a_removed_person_is_not_told_to_the_provider(
    ctx: Context, payments: FakePayments, clock: FixedClock
) -> None:
    """Removed before the first purchase, even between two attempts: one customer, for who is left."""
    customer_id = make_customer(ctx, email="ada@acme.test")
    add_person(ctx, customer_id, "bob@acme.test")
    payments.fail("create_customer", "after")
    with pytest.raises(ProviderUnavailable):
        ensure_provider_customer(ctx, customer_id)
    remove(ctx, "ada@acme.test")
    clock.advance(minutes=1)
    ensure_provider_customer(ctx, customer_id)
    assert keys_used(payments) == 1
    other_id = make_customer(ctx, email="eve@acme.test")
    add_person(ctx, other_id, "fay@acme.test")
    remove(ctx, "eve@acme.test")
    clock.advance(minutes=1)
    ensure_provider_customer(ctx, other_id)
    assert told(ctx, other_id) == "fay@acme.test"
    # Once told, it stays told.
    clock.advance(minutes=1)
    remove(ctx, "fay@acme.test")
    assert told(ctx, other_id) == "fay@acme.test"


def test_nothing_was_told_before_the_first_purchase(ctx: Context) -> None:
    customer_id = make_customer(ctx, email="ada@acme.test")
    assert told(ctx, customer_id) is None
    nobody_id = make_customer(ctx)
    ensure_provider_customer(ctx, nobody_id)
    add_person(ctx, nobody_id, "late@acme.test")
    assert told(ctx, nobody_id) is None, "nobody was there to be told of"


def test_a_server_keeps_the_contact_that_was_told(
    client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    server = WireServer(client)
    server.register(contact_email="first@acme.test")
    server.register(contact_email="root@acme.test")
    customer_id = add_customer(ctx, load_server(ctx))
    ensure_provider_customer(ctx, customer_id)
    clock.advance(minutes=1)
    server.register(contact_email="later@acme.test")
    assert told(ctx, customer_id) == "root@acme.test"


def add_person(ctx: Context, customer_id: int, email: str) -> None:
    with unit_of_work(ctx) as work:
        person = BillingUser(
            organization_id=load_customer(ctx, customer_id).organization_id,
            user_uuid=email,
            email=email,
            created_at=work.now + timedelta(seconds=1),
        )
        work.session.add(person)
        work.commit()


def remove(ctx: Context, email: str) -> None:
    with unit_of_work(ctx) as work:
        person = work.session.scalars(select(BillingUser).filter_by(email=email)).one()
        person.deactivated_at = work.now
        work.commit()


def told(ctx: Context, customer_id: int) -> str | None:
    with ctx.sessions() as session:
        return get_receipts_address(session, session.get_one(Customer, customer_id))
