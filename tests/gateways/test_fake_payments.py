"""What the fake offers to tests beyond the contract: faults, events, people."""

import pytest

from app.clock import FixedClock
from app.domain.kinds import InvoiceStatus
from app.gateways.fake_payments import FakePayments
from app.gateways.payments import (
    PaymentDeclined,
    ProviderBusy,
    ProviderRejected,
    ProviderUnavailable,
)
from tests.gateways.making import a_customer, an_open_invoice
from tests.gateways.worlds import FakeWorld, unique


@pytest.fixture
def world(clock: FixedClock) -> FakeWorld:
    return FakeWorld(FakePayments(clock, in_transaction=lambda: False))


def create(world: FakeWorld, reference: str, key: str) -> str:
    return world.fake.create_customer(reference=reference, name="A", email=None, key=key)


@pytest.mark.parametrize(
    ("kind", "error"), [("before", ProviderUnavailable), ("busy", ProviderBusy)]
)
def test_a_fault_before(world: FakeWorld, kind: str, error: type[Exception]) -> None:
    reference, key = unique(), unique()
    world.fake.fail("create_customer", kind)
    with pytest.raises(error):
        create(world, reference, key)
    assert world.fake.find_customer(reference=reference, email=None) is None
    assert create(world, reference, key)


def test_a_fault_after(world: FakeWorld) -> None:
    reference, key = unique(), unique()
    world.fake.fail("create_customer", "after")
    with pytest.raises(ProviderUnavailable):
        create(world, reference, key)
    made = world.fake.find_customer(reference=reference, email=None)
    assert create(world, reference, key) == made


def test_a_stored_fault(world: FakeWorld) -> None:
    reference, key = unique(), unique()
    world.fake.fail("create_customer", "stored")
    with pytest.raises(ProviderUnavailable):
        create(world, reference, key)
    with pytest.raises(ProviderRejected) as stored:
        create(world, reference, key)
    assert stored.value.code == "stored_failure"
    assert world.fake.find_customer(reference=reference, email=None) is not None


def test_faults_are_counted_by_method(world: FakeWorld) -> None:
    world.fake.fail("find_customer", times=2)
    assert create(world, unique(), unique())
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            world.fake.find_customer(reference="r", email=None)
    assert world.fake.find_customer(reference="r", email=None) is None


def test_an_unknown_fault_is_refused(world: FakeWorld) -> None:
    with pytest.raises(ValueError, match="unknown"):
        world.fake.fail("pay_invoice", "sideways")


def test_the_calls_are_noted(world: FakeWorld) -> None:
    create(world, "r", "the-key")
    world.fake.find_customer(reference="r", email=None)
    assert world.fake.calls == [("create_customer", "the-key"), ("find_customer", None)]


def test_events_are_taken_once_and_signed(world: FakeWorld) -> None:
    invoice = an_open_invoice(world, a_customer(world))
    world.fake.pay_hosted(invoice.id)
    events = world.fake.take_events()
    assert [event.type for event in events] == [
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
    ]
    assert world.fake.take_events() == []
    payload, header = world.fake.sign(events[-1])
    assert world.fake.read_event(payload, signature=header) == events[-1]
    with pytest.raises(ProviderRejected):
        world.fake.read_event(payload, signature="\xe9")


def test_paying_by_hand_can_fail(world: FakeWorld) -> None:
    invoice = an_open_invoice(world, a_customer(world))
    with pytest.raises(PaymentDeclined):
        world.fake.pay_hosted(invoice.id, "insufficient_funds")
    assert world.fake.get_invoice(invoice.id).failure_code == "insufficient_funds"
    world.fake.pay_hosted(invoice.id, "requires_authentication")
    assert world.fake.get_invoice(invoice.id).status is InvoiceStatus.PAID
    with pytest.raises(ProviderRejected):
        world.fake.pay_hosted(invoice.id)
