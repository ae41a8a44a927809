"""The whole way over HTTP: the emulator's pages, its signed webhooks, the real SDK, our rows."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server

from app.clock import FixedClock
from app.gateways.stripe_gateway import StripeGateway
from app.services.card_setup import begin_card_setup
from app.services.context import Context
from app.services.unit_of_work import is_transaction_open
from app.services.webhook_events import EventCounts, handle_due_events
from tests.gateways.worlds import SECRET_KEY, WEBHOOK_SECRET, EmulatorWorld, running_emulator
from tests.services.test_card_setup import ADA, RETURN, card_on_file
from tests.services.test_webhook_events import rows
from tests.support.customers import make_customer


@dataclass
class Setting:
    """A portal that listens, and the emulator that calls it."""

    ctx: Context
    world: EmulatorWorld

    def enter_card(self, customer_id: int, kind: str) -> None:
        """Go to the card page and enter a card."""
        page = begin_card_setup(
            self.ctx, customer_id, return_url=RETURN, cancel_url="http://localhost/", actor=ADA
        )
        self.world.enter_card(page, kind)

    def drain(self) -> None:
        """Let everything that waits be delivered now."""
        assert self.world.emulator.drain().failed == 0

    def control(self, what: str, **body: Any) -> None:
        """Tell the emulator something."""
        url = f"{self.world.emulator.url}/_control/{what}"
        requests.post(url, json=body, timeout=10).raise_for_status()

    def card_events(self) -> list[str]:
        """The ids of the events that tell of a card, oldest first."""
        state = requests.get(f"{self.world.emulator.url}/_control/state", timeout=10).json()
        told = "checkout.session.completed"
        return [event["id"] for event in state["events"] if event["type"] == told]


@pytest.fixture
def setting(make_app: Callable[..., Flask]) -> Iterator[Setting]:
    with running_emulator() as emulator:
        gateway = StripeGateway(
            secret_key=SECRET_KEY,
            webhook_secret=WEBHOOK_SECRET,
            api_base=emulator.url,
            in_transaction=is_transaction_open,
        )
        app = make_app(payments=gateway)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        made = Setting(app.extensions["tallyport"], EmulatorWorld(emulator))
        address = f"http://127.0.0.1:{server.server_port}/webhooks/stripe/"
        made.control("webhooks", url=address, secret=WEBHOOK_SECRET)
        yield made
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_puts_the_card_on_file(setting: Setting) -> None:
    customer_id = make_customer(setting.ctx, email="ada@acme.test")
    setting.enter_card(customer_id, "visa")
    setting.drain()
    assert card_on_file(setting.ctx, customer_id)[1:] == ("visa", "4242", 12, 2040)
    assert all(row.handled_at is not None for row in rows(setting.ctx))
    (customer,) = setting.world.sdk.customers.list().data
    assert customer.invoice_settings is not None
    default = customer.invoice_settings.default_payment_method
    assert default == card_on_file(setting.ctx, customer_id)[0]
    assert customer.email == "ada@acme.test"


def test_late_twice_and_turned_around(setting: Setting) -> None:
    customer_id = make_customer(setting.ctx)
    setting.control("hold")
    setting.enter_card(customer_id, "visa")
    setting.enter_card(customer_id, "mastercard")
    setting.control("reorder")
    for event_id in setting.card_events():
        setting.control("resend", event=event_id, times=2)
    setting.control("release")
    setting.drain()
    assert card_on_file(setting.ctx, customer_id)[1:3] == ("mastercard", "4444")
    told = [row for row in rows(setting.ctx) if row.event_type == "checkout.session.completed"]
    assert [row.attempts for row in told] == [1, 1]


def test_a_webhook_with_another_secret_is_refused(setting: Setting) -> None:
    customer_id = make_customer(setting.ctx)
    setting.control("hold")
    setting.enter_card(customer_id, "visa")
    address = f"{setting.world.emulator.url}/_control/state"
    assert requests.get(address, timeout=10).json()["held"] is True
    with setting.world.emulator.store.transaction() as tx:
        tx.set("webhook_secret", "whsec_of_somebody_else")
    setting.control("release")
    assert setting.world.emulator.drain().delivered == 0
    assert rows(setting.ctx) == []
    assert card_on_file(setting.ctx, customer_id)[0] is None


def test_a_provider_in_trouble_is_asked_again_later(setting: Setting, clock: FixedClock) -> None:
    customer_id = make_customer(setting.ctx)
    setting.control("hold")
    setting.enter_card(customer_id, "visa")
    setting.world.fail("GET /v1/checkout/sessions/{id}", "500_before")
    setting.control("release")
    setting.drain()
    assert card_on_file(setting.ctx, customer_id)[0] is None
    clock.advance(minutes=1)
    assert handle_due_events(setting.ctx) == EventCounts(handled=1)
    assert card_on_file(setting.ctx, customer_id)[2] == "4242"
