"""A payment provider in memory that behaves as the real one does, for tests and for walking about.

It remembers idempotency keys (replays answers, failures too; refuses a key used for something
else), refuses what the provider refuses, and can be told to fail before or after it has acted. The
contract suite in tests/gateways runs against it and against the real SDK.
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self

from app.domain.kinds import Collection, InvoiceStatus
from app.gateways.fake_world import FakeWorld, signature_of
from app.gateways.payments import (
    MAX_LINES,
    AuthenticationRequired,
    BillingDetails,
    Card,
    CardSetup,
    PaymentDeclined,
    ProviderEvent,
    ProviderRejected,
    RemoteInvoice,
    RemoteLine,
)


class FakePayments(FakeWorld):
    """See the module: the protocol. What tests do to the world around it is in fake_world.py."""

    # --- customers and cards ---

    def create_customer(self, *, reference: str, name: str, email: str | None, key: str) -> str:
        """See the protocol."""
        return self._answers.once(
            "create_customer",
            key,
            (reference, name, email),
            lambda: self._state.new_customer(reference, email),
        )

    def update_customer(self, customer_id: str, details: BillingDetails, *, key: str) -> None:
        """See the protocol."""

        def change() -> None:
            customer = self._state.customer(customer_id)
            customer.details = details
            customer.email = details.email or customer.email
            self._state.tell("customer.updated", customer_id)

        self._answers.once("update_customer", key, (customer_id, details), change)

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
        due_at: datetime | None = None,
    ) -> RemoteInvoice:
        """See the protocol."""

        def create() -> RemoteInvoice:
            if collection is Collection.SEND_INVOICE and days_until_due is None and due_at is None:
                raise ProviderRejected("A due date is needed.", code="parameter_missing")
            # Stripe takes a time to pay for invoices that are sent, and for no others.
            invoice = self._state.new_invoice(
                customer_id, reference, currency, days_until_due, due_at=due_at
            )
            return invoice.shown()

        params = (customer_id, reference, currency, collection, days_until_due, due_at)
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
            if not invoice.is_sent:
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
        if not hmac.compare_digest(signature_of(payload).encode(), signature.encode()):
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
