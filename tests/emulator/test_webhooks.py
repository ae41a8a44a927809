"""Events on their way: signed, held, repeated, in any order, until they are taken."""

import time
from collections.abc import Iterator

import pytest
import requests
import stripe

from app.stripe_emulator import clock as emulator_clock
from app.stripe_emulator.server import Handle, start_in_thread
from tests.emulator.conftest import API_KEY, SECRET, Receiver, Shop
from tests.emulator.test_cards import valid


@pytest.fixture
def listening(shop: Shop, receiver: Receiver) -> Receiver:
    """The receiver, known to the emulator."""
    shop.control("webhooks", url=receiver.url, secret=SECRET)
    return receiver


def test_events_are_delivered_signed_in_real_time_about_demo_time(
    shop: Shop, listening: Receiver
) -> None:
    customer = shop.customer(card=None)
    assert listening.events == []
    counts = shop.control("drain")
    assert counts == {"delivered": 1, "failed": 0, "held": 0, "pending": 0}
    event = listening.events[0]
    # construct_event has accepted the stamp, so it is of now; the event is of 2012.
    assert (event.type, event.created) == ("customer.created", 1325473445)
    assert event.data.object.id == customer.id
    assert event.api_version == shop.v1.events.retrieve(event.id).api_version
    assert event.request is not None and event.request.idempotency_key is not None
    assert shop.v1.events.retrieve(event.id).pending_webhooks == 0
    assert shop.control("drain")["delivered"] == 0


def test_a_wrong_secret_is_seen_by_the_sdk(shop: Shop, receiver: Receiver) -> None:
    shop.control("webhooks", url=receiver.url, secret="whsec_other")
    shop.customer(card=None)
    assert shop.control("drain")["failed"] == 1
    assert (receiver.refused, receiver.events) == (1, [])


def test_what_is_not_taken_is_sent_again(shop: Shop, listening: Receiver) -> None:
    listening.status = 500
    shop.customer(card=None)
    assert shop.control("drain") == {"delivered": 0, "failed": 1, "held": 0, "pending": 1}
    assert shop.v1.events.list().data[0].pending_webhooks == 1
    listening.status = 302
    assert shop.control("drain")["failed"] == 1
    listening.status = 200
    assert shop.control("drain")["delivered"] == 1
    assert len({event.id for event in listening.events}) == 1 and len(listening.events) == 3


def test_it_gives_up_in_the_end(shop: Shop, listening: Receiver) -> None:
    listening.status = 500
    shop.customer(card=None)
    for _ in range(16):
        shop.control("drain")
    assert shop.state()["deliveries"] == {"failed": 1}


def test_held_events_wait(shop: Shop, listening: Receiver) -> None:
    shop.customer(card=None)
    shop.control("hold")
    assert shop.control("drain") == {"delivered": 0, "failed": 0, "held": 1, "pending": 1}
    shop.control("release")
    assert shop.control("drain")["delivered"] == 1


def test_one_event_is_held_while_others_pass(shop: Shop, listening: Receiver) -> None:
    first, second = shop.customer(card=None), shop.customer(card=None)
    events = {event.data.object.id: event.id for event in shop.v1.events.list().data}
    shop.control("hold", event=events[first.id])
    assert shop.control("drain") == {"delivered": 1, "failed": 0, "held": 1, "pending": 1}
    assert listening.events[0].data.object.id == second.id
    shop.control("release", event=events[first.id])
    assert shop.control("drain")["delivered"] == 1


def test_order_and_number_can_be_changed(shop: Shop, listening: Receiver) -> None:
    shop.customer()
    ordered = shop.event_types()
    assert shop.control("reorder")["pending"] == len(ordered) > 1
    shop.control("drain")
    assert listening.types == ordered[::-1]
    event = shop.v1.events.list().data[0].id
    shop.control("resend", event=event, times=2)
    shop.control("drain")
    assert [sent.id for sent in listening.events[-2:]] == [event, event]


def test_a_handler_may_ask_about_what_it_was_told(shop: Shop, listening: Receiver) -> None:
    seen: list[str] = []
    listening.during = lambda event: seen.append(
        shop.v1.customers.retrieve(event.data.object.id).email or ""
    )
    shop.customer(card=None)
    shop.control("drain")
    assert seen == ["a@acme.test"]


def test_what_a_handler_brings_about_is_delivered_in_the_same_drain(
    shop: Shop, listening: Receiver
) -> None:
    def follow(event: stripe.Event) -> None:
        if event.type == "customer.created":
            shop.v1.customers.update(event.data.object.id, {"metadata": {"seen": "yes"}})

    listening.during = follow
    shop.customer(card=None)
    assert shop.control("drain")["delivered"] == 2
    assert listening.types == ["customer.created", "customer.updated"]


def test_another_version_of_the_api(shop: Shop, receiver: Receiver) -> None:
    shop.control("webhooks", url=receiver.url, secret=SECRET, api_version="2020-08-27")
    shop.customer(card=None)
    shop.control("drain")
    assert receiver.events[0].api_version == "2020-08-27"


def test_events_are_listed_by_type(shop: Shop) -> None:
    shop.customer()
    by_type = shop.v1.events.list({"type": "customer.created"}).data
    assert [event.type for event in by_type] == ["customer.created"]
    several = shop.v1.events.list({"types": ["customer.created", "payment_method.attached"]})
    assert [event.type for event in several.data] == ["payment_method.attached", "customer.created"]


def test_a_reset_keeps_the_address(shop: Shop, listening: Receiver) -> None:
    shop.customer(card=None)
    shop.control("reset")
    state = shop.state()
    assert (state["customers"], state["events"], state["deliveries"]) == ([], [], {})
    shop.customer(card=None)
    assert shop.control("drain")["delivered"] == 1


def test_control_refuses_nonsense(shop: Shop) -> None:
    for path, body in (
        ("webhooks", {"url": "ftp://x"}),
        ("webhooks", {"url": 7}),
        ("hold", {"event": 7}),
        ("resend", {}),
        ("resend", {"event": "evt_none"}),
    ):
        answer = requests.post(f"{shop.url}/_control/{path}", json=body, timeout=10)
        assert answer.status_code == 400 and answer.json()["error"]
    assert requests.get(f"{shop.url}/_control/nothing", timeout=10).status_code == 404


def test_the_dashboard(shop: Shop, listening: Receiver) -> None:
    customer = shop.customer(name="Acme <b>")
    shop.draft(customer.id, 100)
    invoice = shop.open(customer.id, 4300)
    address = f"{shop.url}/emulator/"
    text = valid(requests.get(address, timeout=10))
    assert "Acme &lt;b&gt;" in text and invoice.number in text
    event = shop.v1.events.list({"type": "customer.created"}).data[0].id
    assert "customer.created" in valid(requests.get(f"{address}events/{event}", timeout=10))

    def press(action: str, **form: str) -> int:
        data = {"action": action, **form}
        return requests.post(f"{address}webhooks", data=data, timeout=30).status_code

    total = len(shop.v1.events.list({"limit": 100}).data)
    assert press("delay", event=event) == 200
    assert press("reorder") == 200
    assert press("drain") == 200
    assert len(listening.events) == total - 1
    assert press("release", event=event) == 200
    assert press("drain") == 200
    assert listening.events[-1].id == event
    assert press("duplicate", event=event) == 200
    assert press("resend", event=event) == 200
    assert press("hold_all") == 200
    press("drain")
    assert len(listening.events) == total
    assert "held at the moment" in valid(requests.get(address, timeout=10))
    assert press("release_all") == 200
    press("drain")
    assert len(listening.events) == total + 3
    assert press("nonsense") == 400
    assert press("resend", event="evt_none") == 200


@pytest.fixture
def background(receiver: Receiver) -> Iterator[Handle]:
    with start_in_thread(webhook_url=receiver.url, webhook_secret=SECRET) as handle:
        yield handle


def wait_for(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(receiver.events) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(receiver.events) == count


def test_the_background_thread_delivers_and_retries(
    background: Handle, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.status = 503
    client = stripe.StripeClient(API_KEY, base_addresses={"api": background.url})
    client.v1.customers.create({"name": "Acme"})
    wait_for(receiver, 1)
    # Only when the refusal is written down is it certain that the refusal was the answer.
    deadline = time.monotonic() + 60
    attempts = 0
    while not attempts and time.monotonic() < deadline:
        with background.store.transaction() as tx:
            attempts = tx.db.execute("SELECT attempts FROM deliveries").fetchone()[0]
    receiver.status = 200
    # The retry is due in two real seconds; the emulator's own clock is moved instead of waiting.
    later = emulator_clock.real_now() + 60
    monkeypatch.setattr(emulator_clock, "real_now", lambda: later)
    wait_for(receiver, 2)
    assert receiver.events[0].id == receiver.events[1].id
