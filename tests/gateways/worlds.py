"""The three providers that the contract is held against, each with the world around it.

A world lets a test do what people do (enter a card, pay on the invoice's page) and see which
events came of it. Cards are named by what they do: visa, mastercard, declines,
requires_authentication.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest
import requests
import stripe

from app.gateways.fake_payments import FakePayments
from app.gateways.payments import Card, PaymentsGateway, RemoteInvoice
from app.gateways.stripe_gateway import API_VERSION, StripeGateway
from app.stripe_emulator.server import Handle, start_in_thread

SECRET_KEY = "sk_test_contract"
WEBHOOK_SECRET = "whsec_contract"
# Names of test cards at Stripe, and their numbers where a person types them.
TOKENS = {
    "visa": "pm_card_visa",
    "mastercard": "pm_card_mastercard",
    "declines": "pm_card_chargeCustomerFail",
    "requires_authentication": "pm_card_authenticationRequired",
}
NUMBERS = {"visa": "4242 4242 4242 4242", "mastercard": "5555 5555 5555 4444"}


class World(Protocol):
    """A provider and the people who use it."""

    name: str

    @property
    def gateway(self) -> PaymentsGateway:
        """What is tested."""
        ...

    def attach(self, customer_id: str, kind: str) -> Card:
        """Put a card on file as the customer's default."""
        ...

    def enter_card(self, page_url: str, kind: str) -> None:
        """Enter a card on the page of a card setup."""
        ...

    def pay_hosted(self, invoice: RemoteInvoice) -> None:
        """Pay an invoice on its page with a good card."""
        ...

    def pay_elsewhere(self, invoice: RemoteInvoice) -> None:
        """Note at the provider that an open invoice was paid another way."""
        ...

    def staff_invoice(self, customer_id: str, amount: int) -> str:
        """Make and finalize an invoice by hand, to be sent, in US dollars; returns its id."""
        ...

    def credit_of(self, customer_id: str) -> int:
        """What is on the customer's balance, in cents; negative is debt."""
        ...

    def events(self) -> list[tuple[str, str]]:
        """Types and objects of all events so far, oldest first."""
        ...


def stripe_gateway(emulator: Handle, **options: Any) -> StripeGateway:
    """The real gateway before an emulator; `options` replace its arguments."""
    defaults: dict[str, Any] = {
        "secret_key": SECRET_KEY,
        "webhook_secret": WEBHOOK_SECRET,
        "api_base": emulator.url,
        "in_transaction": lambda: False,
    }
    return StripeGateway(**(defaults | options))


def unique() -> str:
    """A text that no other test has used, at Stripe neither."""
    return uuid.uuid4().hex


class FakeWorld:
    """The fake gateway: everything happens in this process."""

    name = "fake"

    def __init__(self, fake: FakePayments) -> None:
        self.fake = fake
        self._events: list[tuple[str, str]] = []

    @property
    def gateway(self) -> PaymentsGateway:
        return self.fake

    def attach(self, customer_id: str, kind: str) -> Card:
        return self.fake.attach_card(customer_id, kind)

    def enter_card(self, page_url: str, kind: str) -> None:
        self.fake.complete_card_setup(page_url.rpartition("/")[2], kind)

    def pay_hosted(self, invoice: RemoteInvoice) -> None:
        self.fake.pay_hosted(invoice.id)

    def pay_elsewhere(self, invoice: RemoteInvoice) -> None:
        self.fake.pay_elsewhere(invoice.id)

    def staff_invoice(self, customer_id: str, amount: int) -> str:
        return self.fake.make_invoice(customer_id, amount=amount).id

    def credit_of(self, customer_id: str) -> int:
        return self.fake.credit_of(customer_id)

    def events(self) -> list[tuple[str, str]]:
        self._events += [(event.type, event.object_id) for event in self.fake.take_events()]
        return self._events


class StripeWorld:
    """Stripe's test mode. People's pages need a browser there, so those steps are left out."""

    name = "stripe"

    def __init__(self, secret_key: str, *, api_base: str | None, is_busy: bool = False) -> None:
        self.gateway: PaymentsGateway = StripeGateway(
            secret_key=secret_key,
            webhook_secret=WEBHOOK_SECRET,
            api_base=api_base,
            in_transaction=lambda: is_busy,
        )
        self.sdk = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base else None,
        ).v1

    def attach(self, customer_id: str, kind: str) -> Card:
        self.sdk.payment_methods.attach(TOKENS[kind], {"customer": customer_id})
        card = self.gateway.get_newest_card(customer_id)
        assert card is not None
        self.gateway.set_default_card(customer_id, card, key=unique())
        return card

    def enter_card(self, page_url: str, kind: str) -> None:
        pytest.skip("Stripe's card page needs a person with a browser")

    def pay_hosted(self, invoice: RemoteInvoice) -> None:
        pytest.skip("Stripe's invoice page needs a person with a browser")

    def pay_elsewhere(self, invoice: RemoteInvoice) -> None:
        self.sdk.invoices.pay(invoice.id, {"paid_out_of_band": True})

    def staff_invoice(self, customer_id: str, amount: int) -> str:
        draft = self.sdk.invoices.create(
            {
                "customer": customer_id,
                "currency": "usd",
                "collection_method": "send_invoice",
                "days_until_due": 30,
            }
        )
        self.sdk.invoices.add_lines(
            draft.id, {"lines": [{"amount": amount, "description": "Made by hand"}]}
        )
        return self.sdk.invoices.finalize_invoice(draft.id).id

    def credit_of(self, customer_id: str) -> int:
        return -(self.sdk.customers.retrieve(customer_id).balance or 0)

    def events(self) -> list[tuple[str, str]]:
        newest_first = self.sdk.events.list({"limit": 100}).data
        shown = [event.to_dict() for event in reversed(newest_first)]
        return [(event["type"], event["data"]["object"].get("id", "")) for event in shown]


class EmulatorWorld(StripeWorld):
    """The emulator over HTTP, spoken to by the real SDK."""

    name = "emulator"

    def __init__(self, emulator: Handle, *, is_busy: bool = False) -> None:
        super().__init__(SECRET_KEY, api_base=emulator.url, is_busy=is_busy)
        self.emulator = emulator

    def enter_card(self, page_url: str, kind: str) -> None:
        form = {"action": "save", "number": NUMBERS[kind], "expiry": "12 / 40", "cvc": "123"}
        answer = requests.post(page_url, data=form, allow_redirects=False, timeout=10)
        assert answer.status_code == 303, answer.text

    def pay_hosted(self, invoice: RemoteInvoice) -> None:
        assert invoice.hosted_url is not None
        form = {"action": "pay", "card": "new", "number": NUMBERS["visa"]}
        form |= {"expiry": "12 / 40", "cvc": "123"}
        answer = requests.post(invoice.hosted_url, data=form, allow_redirects=False, timeout=10)
        assert answer.status_code == 303, answer.text

    def fail(self, route: str, kind: str, *, times: int = 1, seconds: int = 1) -> None:
        """Plan a failure of a route, as `POST /v1/invoices`."""
        plan = {"route": route, "kind": kind, "times": times, "seconds": seconds}
        requests.post(
            f"{self.emulator.url}/_control/faults", json=plan, timeout=10
        ).raise_for_status()

    def has_planned_failures(self) -> bool:
        """Whether a planned failure has not been met yet."""
        with self.emulator.store.transaction() as tx:
            return tx.db.execute("SELECT 1 FROM faults").fetchone() is not None

    def requests(self) -> list[dict[str, Any]]:
        """The calls that arrived, oldest first."""
        answer = requests.get(f"{self.emulator.url}/_control/requests", timeout=10)
        found: list[dict[str, Any]] = answer.json()["requests"]
        return found


@contextmanager
def running_emulator() -> Iterator[Handle]:
    """An emulator in memory whose webhooks go nowhere."""
    with start_in_thread(background=False) as handle:
        yield handle
