"""A payment provider in memory that behaves as the real one does, for tests and for walking about.

It remembers idempotency keys (replays answers, failures too; refuses a key used for something
else), refuses what the provider refuses, and can be told to fail before or after it has acted. The
contract suite in tests/gateways runs against it and against the real SDK.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self

from app.clock import Clock
from app.domain.kinds import Collection, InvoiceStatus
from app.gateways.fake_answers import FakeAnswers
from app.gateways.fake_bank import TEST_CARDS, FakeState
from app.gateways.payments import (
    MAX_LINES,
    AuthenticationRequired,
    Card,
    CardSetup,
    PaymentDeclined,
    ProviderEvent,
    ProviderRejected,
    RemoteInvoice,
    RemoteLine,
)

WEBHOOK_SECRET = b"whsec_fake"


class FakePayments:
    """See the module. The first methods are the world around it, the rest is the protocol."""

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
        return payload, _signature(payload)

    # --- customers and cards ---

    def create_customer(self, *, reference: str, name: str, email: str | None, key: str) -> str:
        """See the protocol."""
        return self._answers.once(
            "create_customer",
            key,
            (reference, name, email),
            lambda: self._state.new_customer(reference, email),
        )

    def find_customer(self, *, reference: str, email: str | None) -> str | None:
        """See the protocol. The email only makes looking quicker at the real provider."""
        return self._answers.read("find_customer", lambda: self._state.find_customer(reference))

    def create_card_setup(
        self, customer_id: str, *, success_url: str, cancel_url: str, key: str
    ) -> tuple[str, str]:
        """See the protocol."""

        def create() -> tuple[str, str]:
            session = self._state.new_session(customer_id, success_url)
            return session.id, f"https://checkout.fake.test/{session.id}"

        params = (customer_id, success_url, cancel_url)
        return self._answers.once("create_card_setup", key, params, create)

    def get_card_setup(self, session_id: str) -> CardSetup:
        """See the protocol."""

        def get() -> CardSetup:
            session = self._state.session(session_id)
            return CardSetup(
                session_id=session.id,
                complete=session.card is not None,
                customer_id=session.customer_id,
                card=session.card,
            )

        return self._answers.read("get_card_setup", get)

    def get_newest_card(self, customer_id: str) -> Card | None:
        """See the protocol."""

        def get() -> Card | None:
            cards = self._state.customer(customer_id).cards
            return list(cards.values())[-1] if cards else None

        return self._answers.read("get_newest_card", get)

    def set_default_card(self, customer_id: str, card: Card, *, key: str) -> None:
        """See the protocol."""

        def change() -> None:
            customer = self._state.customer(customer_id)
            if card.payment_method not in customer.cards:
                raise ProviderRejected("No such payment method.", code="resource_missing")
            customer.default = card.payment_method
            self._state.tell("customer.updated", customer_id)

        self._answers.once("set_default_card", key, (customer_id, card.payment_method), change)

    def create_portal_session(self, customer_id: str, *, return_url: str, key: str) -> str:
        """See the protocol."""

        def create() -> str:
            self._state.customer(customer_id)
            return f"https://billing.fake.test/{customer_id}"

        params = (customer_id, return_url)
        return self._answers.once("create_portal_session", key, params, create)

    # --- the customer's balance ---

    def credit_balance(
        self,
        customer_id: str,
        *,
        amount: int,
        currency: str,
        description: str,
        reference: str,
        key: str,
    ) -> str:
        """See the protocol."""
        if amount <= 0:
            raise ValueError("credit is more than nothing")

        def credit() -> str:
            credit_id = self._state.new_credit(
                customer_id, amount=amount, currency=currency, reference=reference
            )
            self._state.tell("customer.updated", customer_id)
            return credit_id

        params = (customer_id, amount, currency, description, reference)
        return self._answers.once("credit_balance", key, params, credit)

    def find_balance_credit(self, customer_id: str, *, reference: str) -> str | None:
        """See the protocol."""

        def find() -> str | None:
            credits = self._state.customer(customer_id).credits
            found = [credit_id for credit_id, given in credits.items() if given == reference]
            return found[-1] if found else None

        return self._answers.read("find_balance_credit", find)

    # --- invoices ---

    def create_invoice(
        self,
        customer_id: str,
        *,
        reference: str,
        currency: str,
        collection: Collection,
        days_until_due: int | None,
        key: str,
    ) -> RemoteInvoice:
        """See the protocol."""

        def create() -> RemoteInvoice:
            if collection is Collection.SEND_INVOICE and days_until_due is None:
                raise ProviderRejected("A due date is needed.", code="parameter_missing")
            # Stripe takes a time to pay for invoices that are sent, and for no others.
            invoice = self._state.new_invoice(customer_id, reference, currency, days_until_due)
            return invoice.shown()

        params = (customer_id, reference, currency, collection, days_until_due)
        return self._answers.once("create_invoice", key, params, create)

    def add_lines(
        self, invoice_id: str, lines: Sequence[RemoteLine], *, currency: str, key: str
    ) -> RemoteInvoice:
        """See the protocol."""
        if any(line.amount != line.quantity * line.unit_amount for line in lines):
            raise ValueError("a line's amount is not its quantity times its unit amount")

        def add() -> RemoteInvoice:
            invoice = self._state.invoice(invoice_id)
            if invoice.status is not InvoiceStatus.DRAFT:
                raise ProviderRejected("Only drafts can be changed.", code="invoice_not_editable")
            if not 1 <= len(lines) <= MAX_LINES - len(invoice.lines):
                raise ProviderRejected("Too many lines, or none.", code="invalid_request")
            if currency != invoice.currency:
                raise ProviderRejected("The currency is another.", code="invalid_request")
            invoice.lines.extend(lines)
            return invoice.shown()

        params = (invoice_id, tuple(lines), currency)
        invoice = self._answers.once("add_lines", key, params, add)
        if invoice.total != sum(line.amount for line in lines):
            raise ProviderRejected("The draft's total is not ours.", code="total_mismatch")
        return invoice

    def finalize_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """See the protocol."""

        def finalize() -> RemoteInvoice:
            invoice = self._state.invoice(invoice_id)
            if invoice.status is not InvoiceStatus.DRAFT:
                return invoice.shown()
            if not invoice.lines:
                raise ProviderRejected("It has no lines.", code="invoice_no_customer_line_items")
            self._state.finalize(invoice)
            return invoice.shown()

        return self._answers.once("finalize_invoice", key, (invoice_id,), finalize)

    def send_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """See the protocol."""

        def send() -> RemoteInvoice:
            invoice = self._state.invoice(invoice_id)
            if invoice.days_until_due is None:
                raise ProviderRejected("It is paid by card.", code="invalid_request")
            if invoice.status is InvoiceStatus.DRAFT:
                raise ProviderRejected("It is a draft.", code="status_transition_invalid")
            if invoice.status is InvoiceStatus.OPEN:
                self._state.tell("invoice.sent", invoice.id)
            return invoice.shown()

        return self._answers.once("send_invoice", key, (invoice_id,), send)

    def pay_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """See the protocol."""

        def pay() -> RemoteInvoice:
            invoice = self._state.invoice(invoice_id)
            if invoice.status is InvoiceStatus.PAID:
                return invoice.shown()
            if invoice.status is InvoiceStatus.VOID:
                raise ProviderRejected("It is void.", code="status_transition_invalid")
            if invoice.status is InvoiceStatus.DRAFT:
                raise ProviderRejected("It is a draft.", code="status_transition_invalid")
            card = self._state.default_card(invoice.customer_id)
            if card is None:
                raise ProviderRejected("There is no default card.", code="missing")
            if card.decline_code is not None:
                self._state.record_failure(invoice, card)
                raise PaymentDeclined(card.message, code=card.decline_code)
            if card.authenticates:
                self._state.tell("invoice.payment_action_required", invoice.id)
                self._state.tell("invoice.payment_failed", invoice.id)
                raise AuthenticationRequired("The bank asks.", code="authentication_required")
            self._state.record_payment(invoice)
            return invoice.shown()

        return self._answers.once("pay_invoice", key, (invoice_id,), pay)

    def void_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """See the protocol."""

        def void() -> RemoteInvoice:
            invoice = self._state.invoice(invoice_id)
            if invoice.status is InvoiceStatus.PAID:
                raise ProviderRejected("It was paid.", code="invoice_paid")
            if invoice.status is InvoiceStatus.DRAFT:
                del self._state.invoices[invoice_id]
                self._state.tell("invoice.deleted", invoice.id)
                return replace(invoice.shown(), status=InvoiceStatus.VOID)
            if invoice.status is not InvoiceStatus.VOID:
                self._state.void(invoice)
            return invoice.shown()

        return self._answers.once("void_invoice", key, (invoice_id,), void)

    def refund_invoice(self, invoice_id: str, *, key: str) -> None:
        """See the protocol."""

        def refund() -> None:
            invoice = self._state.invoice(invoice_id)
            if invoice.shown().amount_paid == 0 or invoice.is_paid_elsewhere:
                raise ProviderRejected("Nothing was paid here.", code="nothing_to_refund")
            if not invoice.is_refunded:
                invoice.is_refunded = True
                self._state.tell("charge.refunded", invoice.id)
            if invoice.shown().amount_paid < invoice.total:
                raise ProviderRejected("The rest was paid from credit.", code="partly_refunded")

        self._answers.once("refund_invoice", key, (invoice_id,), refund)

    def get_invoice(self, invoice_id: str) -> RemoteInvoice:
        """See the protocol."""
        return self._answers.read("get_invoice", lambda: self._state.invoice(invoice_id).shown())

    def find_invoice(self, customer_id: str, *, reference: str) -> RemoteInvoice | None:
        """See the protocol."""

        def find() -> RemoteInvoice | None:
            self._state.customer(customer_id)
            for invoice in reversed(self._state.invoices.values()):
                if invoice.customer_id == customer_id and invoice.reference == reference:
                    return invoice.shown()
            return None

        return self._answers.read("find_invoice", find)

    # --- webhooks and jobs ---

    def read_event(self, payload: bytes, *, signature: str) -> ProviderEvent:
        """See the protocol."""
        if not hmac.compare_digest(_signature(payload).encode(), signature.encode()):
            raise ProviderRejected("The signature is wrong.", code="signature")
        body = json.loads(payload)
        return ProviderEvent(
            id=body["id"],
            type=body["type"],
            object_id=body["data"]["object"]["id"],
            api_version=body["api_version"],
        )

    def for_jobs(self) -> Self:
        """See the protocol. There is no network here that could lose an answer."""
        return self


def _signature(payload: bytes) -> str:
    return hmac.new(WEBHOOK_SECRET, payload, hashlib.sha256).hexdigest()
