"""Events: stored once, handled once they can be, in any order and however often they come."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.gateways.payments import ProviderEvent
from app.models.webhooks import WebhookEvent
from app.services import webhook_events
from app.services.context import Context
from app.services.leases import take_leases
from app.services.unit_of_work import unit_of_work
from app.services.webhook_events import (
    EventCounts,
    handle_due_events,
    handle_event,
    receive_event,
    record_event,
)
from tests.services.test_card_setup import begin, card_on_file
from tests.support.customers import load_customer, make_customer


def an_event(
    event_type: str = "checkout.session.completed", object_id: str = "cs_1", *, number: int = 1
) -> ProviderEvent:
    return ProviderEvent(id=f"evt_{number}", type=event_type, object_id=object_id, api_version="v")


def rows(ctx: Context) -> list[WebhookEvent]:
    with ctx.sessions() as session:
        found = list(session.scalars(select(WebhookEvent).order_by(WebhookEvent.id)))
        session.expunge_all()
        return found


def receive(ctx: Context, payments: FakePayments, event: ProviderEvent) -> bool:
    payload, signature = payments.sign(event)
    return receive_event(ctx, payload, signature=signature)


def a_completed_visit(ctx: Context, payments: FakePayments) -> tuple[int, ProviderEvent]:
    """A customer whose card was entered, and the event that tells of it."""
    customer_id = make_customer(ctx)
    payments.complete_card_setup(begin(ctx, customer_id))
    return customer_id, payments.take_events()[-1]


def test_an_event_is_stored_and_handled(ctx: Context, payments: FakePayments) -> None:
    customer_id, event = a_completed_visit(ctx, payments)
    assert receive(ctx, payments, event)
    assert card_on_file(ctx, customer_id)[2] == "4242"
    (row,) = rows(ctx)
    assert (row.provider_event_id, row.event_type) == (event.id, "checkout.session.completed")
    assert (row.object_id, row.api_version) == (event.object_id, "fake")
    assert (row.received_at, row.handled_at, row.attempts) == (ctx.now(), ctx.now(), 1)
    assert (row.last_error, row.claimed_by, row.claimed_until) == (None, None, None)


def test_an_event_comes_twice(ctx: Context, payments: FakePayments) -> None:
    _, event = a_completed_visit(ctx, payments)
    for _ in range(3):
        assert receive(ctx, payments, event)
    calls = [method for method, _ in payments.calls]
    assert calls.count("set_default_card") == 1
    assert len(rows(ctx)) == 1


def test_it_comes_twice_at_once(ctx: Context, payments: FakePayments) -> None:
    _, event = a_completed_visit(ctx, payments)
    taken: list[bool] = []
    threads = [
        threading.Thread(target=lambda: taken.append(receive(ctx, payments, event)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [True] * 4
    (row,) = rows(ctx)
    assert (row.attempts, row.handled_at) == (1, ctx.now())


def test_a_wrong_signature_stores_nothing(ctx: Context, payments: FakePayments) -> None:
    payload, _ = payments.sign(an_event())
    assert receive_event(ctx, payload, signature="wrong") is False
    assert rows(ctx) == []


@pytest.mark.parametrize("event_type", ["customer.created", "x" * 90, "invoice.sent"])
def test_an_unknown_type_is_stored_as_handled(
    ctx: Context, payments: FakePayments, event_type: str
) -> None:
    assert receive(ctx, payments, an_event(event_type))
    (row,) = rows(ctx)
    assert (row.event_type, row.handled_at, row.attempts) == (event_type[:64], ctx.now(), 0)
    assert handle_due_events(ctx) == EventCounts()


@pytest.mark.parametrize(
    ("event_type", "call"),
    [
        ("checkout.session.completed", "get_card_setup"),
        ("invoice.paid", "get_invoice"),
        ("invoice.payment_failed", "get_invoice"),
        ("invoice.voided", "get_invoice"),
    ],
)
def test_a_handler_asks_for_the_present_state(
    ctx: Context, payments: FakePayments, event_type: str, call: str
) -> None:
    receive(ctx, payments, an_event(event_type, "in_1"))
    assert [method for method, _ in payments.calls] == [call]


def test_the_provider_is_down_when_it_is_handled(
    ctx: Context, payments: FakePayments, clock: FixedClock
) -> None:
    """The event is taken all the same; the delivery job repeats, waiting longer each time."""
    customer_id, event = a_completed_visit(ctx, payments)
    payments.fail("get_card_setup", times=3)
    assert receive(ctx, payments, event)
    assert card_on_file(ctx, customer_id)[2] is None
    for attempt, minutes in ((1, 1), (2, 2), (3, 4)):
        (row,) = rows(ctx)
        assert (row.handled_at, row.attempts) == (None, attempt)
        assert row.last_error == "ProviderUnavailable no_answer"
        assert row.next_attempt_at == ctx.now() + timedelta(minutes=minutes)
        assert handle_due_events(ctx) == EventCounts()
        clock.set(row.next_attempt_at)
        expected = EventCounts(postponed=1) if attempt < 3 else EventCounts(handled=1)
        assert handle_due_events(ctx) == expected
    assert card_on_file(ctx, customer_id)[2] == "4242"
    (row,) = rows(ctx)
    assert (row.last_error, row.handled_at) == (None, ctx.now())


def test_the_wait_has_an_end() -> None:
    waits = [webhook_events._wait(attempts) for attempts in range(1, 200)]
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert max(waits) == timedelta(hours=6)


def test_one_that_fails_stops_no_other(
    ctx: Context, payments: FakePayments, clock: FixedClock
) -> None:
    record_event(ctx, an_event("checkout.session.completed", "cs_unknown", number=1))
    customer_id, event = a_completed_visit(ctx, payments)
    record_event(ctx, event)
    assert handle_due_events(ctx) == EventCounts(handled=1, postponed=1)
    assert card_on_file(ctx, customer_id)[2] == "4242"
    assert rows(ctx)[0].last_error == "ProviderRejected resource_missing"


def test_an_error_of_ours_is_noted_without_its_words(
    ctx: Context, payments: FakePayments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_ctx: Context, _object_id: str) -> None:
        raise KeyError("ada@acme.test")

    monkeypatch.setitem(webhook_events.HANDLERS, "invoice.paid", breaks)
    assert receive(ctx, payments, an_event("invoice.paid"))
    (row,) = rows(ctx)
    assert (row.last_error, row.handled_at, row.claimed_by) == ("KeyError", None, None)


def test_a_run_that_died_is_taken_over(
    ctx: Context, payments: FakePayments, clock: FixedClock
) -> None:
    """The lease was taken and the process killed: attempts counted, nothing handled."""
    customer_id, event = a_completed_visit(ctx, payments)
    event_id = record_event(ctx, event)
    assert event_id is not None
    with unit_of_work(ctx) as work:
        taken = take_leases(work, WebhookEvent, due=[], limit=1, lasting=webhook_events.LEASE)
        assert taken == [event_id]
        work.commit()
    assert handle_due_events(ctx) == EventCounts(postponed=1)
    clock.advance(minutes=5)
    assert handle_due_events(ctx) == EventCounts(handled=1)
    assert card_on_file(ctx, customer_id)[2] == "4242"


def test_a_handled_event_is_not_handled_again(ctx: Context, payments: FakePayments) -> None:
    _, event = a_completed_visit(ctx, payments)
    event_id = record_event(ctx, event)
    assert event_id is not None
    assert handle_event(ctx, event_id) is True
    assert handle_event(ctx, event_id) is False


def test_only_as_many_as_asked_for(ctx: Context) -> None:
    for number in range(3):
        record_event(ctx, an_event("invoice.paid", "in_unknown", number=number))
    assert handle_due_events(ctx, limit=2) == EventCounts(handled=2)
    assert handle_due_events(ctx, limit=2) == EventCounts(handled=1)


def test_any_order_and_repetition_ends_the_same(ctx: Context, payments: FakePayments) -> None:
    customer_id = make_customer(ctx)
    for kind in ("visa", "declines", "mastercard"):
        payments.complete_card_setup(begin(ctx, customer_id), kind)
    told = [event for event in payments.take_events() if event.type == "checkout.session.completed"]
    for event in (*reversed(told), *told):
        receive(ctx, payments, event)
    assert load_customer(ctx, customer_id).card_last4 == "4444"
    assert len(rows(ctx)) == 3
