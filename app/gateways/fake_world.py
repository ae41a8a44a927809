"""The world around the fake provider: what tests do that people, banks and staff would do."""

import hashlib
import hmac
import json
from collections.abc import Callable

from app.clock import Clock
from app.domain.kinds import InvoiceStatus
from app.gateways.fake_answers import FakeAnswers
from app.gateways.fake_bank import TEST_CARDS, FakeState
from app.gateways.payments import (
    Card,
    PaymentDeclined,
    ProviderEvent,
    ProviderRejected,
    RemoteInvoice,
    RemoteLine,
)

WEBHOOK_SECRET = b"whsec_fake"


class FakeWorld:
    """The state of a provider, and everything that happens to it from outside."""

    def __init__(self, clock: Clock, *, in_transaction: Callable[[], bool]) -> None:
        self._state = FakeState(clock)
        self._answers = FakeAnswers(in_transaction)

    @property
    def calls(self) -> list[tuple[str, str | None]]:
        """Every call that arrived, as (method, key), in order; reading calls have no key."""
        return self._answers.calls

    # --- for tests: the world around the provider ---

    def fail(self, method: str, kind: str = "before", *, times: int = 1) -> None:
        """Let the next `times` calls of `method` fail.

        before: nothing happens and no answer comes; after: it happens and no answer comes (the
        same key then replays the answer); stored: it happens, and the key holds a fault from then
        on; busy: nothing happens, too many requests.
        """
        self._answers.fail(method, kind, times=times)

    def attach_card(self, customer_id: str, kind: str = "visa", *, default: bool = True) -> Card:
        """Put a card on file, as if it had been entered; `kind` is a name in TEST_CARDS."""
        with self._answers.lock:
            card = self._state.new_card(customer_id, TEST_CARDS[kind])
            if default:
                self._state.customer(customer_id).default = card.payment_method
            return card

    def complete_card_setup(self, session_id: str, kind: str = "visa") -> Card:
        """A person enters this card on the provider's page."""
        with self._answers.lock:
            session = self._state.session(session_id)
            card = self._state.new_card(session.customer_id, TEST_CARDS[kind])
            session.card = card
            self._state.tell("checkout.session.completed", session_id)
            return card

    def pay_hosted(self, invoice_id: str, kind: str = "visa") -> None:
        """A person pays an open invoice on its page, passing 3-D Secure where it is asked for."""
        with self._answers.lock:
            invoice = self._state.invoice(invoice_id)
            if invoice.status not in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}:
                raise ProviderRejected("This invoice cannot be paid.", code="not_payable")
            card = TEST_CARDS[kind]
            if card.decline_code is not None:
                self._state.record_failure(invoice, card)
                raise PaymentDeclined(card.message, code=card.decline_code)
            self._state.record_payment(invoice)

    def pay_elsewhere(self, invoice_id: str) -> None:
        """Staff note at the provider that an invoice was paid another way."""
        with self._answers.lock:
            invoice = self._state.invoice(invoice_id)
            invoice.is_paid_elsewhere = True
            self._state.record_payment(invoice)

    def make_invoice(
        self,
        customer_id: str,
        *,
        amount: int,
        currency: str = "usd",
        days_until_due: int | None = 30,
    ) -> RemoteInvoice:
        """Staff make an open invoice in the provider's dashboard, of one line of `amount` cents. It
        carries no reference of ours; without `days_until_due` it is to be paid by card."""
        with self._answers.lock:
            invoice = self._state.new_invoice(customer_id, None, currency, days_until_due)
            line = RemoteLine("", "Made by hand", 1, amount, amount, None, None)
            invoice.lines.append(line)
            self._state.finalize(invoice)
            return invoice.shown()

    def credit_of(self, customer_id: str, currency: str = "usd") -> int:
        """A customer's credit in cents; negative is debt."""
        return self._state.customer(customer_id).credit.get(currency, 0)

    def is_refunded(self, invoice_id: str) -> bool:
        """Whether the money of an invoice went back."""
        return self._state.invoice(invoice_id).is_refunded

    def take_events(self) -> list[ProviderEvent]:
        """The events since the last time, oldest first."""
        with self._answers.lock:
            events, self._state.events = self._state.events, []
            return events

    def sign(self, event: ProviderEvent) -> tuple[bytes, str]:
        """Body and signature header with which the provider would deliver `event`."""
        body = {
            "id": event.id,
            "type": event.type,
            "api_version": event.api_version,
            "data": {"object": {"id": event.object_id}},
        }
        payload = json.dumps(body).encode()
        return payload, signature_of(payload)


def signature_of(payload: bytes) -> str:
    return hmac.new(WEBHOOK_SECRET, payload, hashlib.sha256).hexdigest()
