"""Stripe, spoken to through its SDK: the only file that imports it.

Stripe's errors become the five of `app/gateways/payments.py`. Inside a page's request nothing is
repeated, nothing waits longer than ten seconds for Stripe, and no call is begun once the page has
no time left for it; jobs may repeat and take their time (`for_jobs`).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Self, cast

import stripe
from stripe.params import CustomerCreateParams, InvoiceAddLinesParamsLine, InvoiceCreateParams

from app.domain.kinds import Collection, InvoiceStatus
from app.gateways.payments import (
    MAX_LINES,
    AuthenticationRequired,
    CalledInTransaction,
    Card,
    CardSetup,
    ProviderBusy,
    ProviderEvent,
    ProviderRejected,
    ProviderUnavailable,
    RemoteInvoice,
    RemoteLine,
)
from app.gateways.stripe_customers import StripeCustomers
from app.gateways.stripe_errors import quiet_the_sdk, translate
from app.gateways.stripe_values import (
    CUSTOMER_REFERENCE,
    INVOICE_REFERENCE,
    Json,
    paid_intents,
    paid_through_stripe,
    payment_intent_status,
    read_card,
    read_card_setup,
    read_invoice,
    read_provider_event,
    read_reference,
    write_line,
)

log = logging.getLogger(__name__)

# The version this file was written and tried against, whatever the account's default is.
API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 10
JOB_RETRIES = 2
_PAGE = 100
# The longest way `expand` goes: it ends at what the bank said about the last attempt.
_PAYMENTS = "payments.data.payment.payment_intent"


class StripeGateway(StripeCustomers):
    """See `PaymentsGateway` for what each call promises."""

    def __init__(
        self,
        *,
        secret_key: str,
        webhook_secret: str,
        api_base: str | None,
        in_transaction: Callable[[], bool],
        has_time: Callable[[], bool] = lambda: True,
        retries: int = 0,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        quiet_the_sdk()
        self._has_time = has_time
        self._options: dict[str, Any] = {
            "secret_key": secret_key,
            "webhook_secret": webhook_secret,
            "api_base": api_base,
            "in_transaction": in_transaction,
            "timeout": timeout,
        }
        self._in_transaction = in_transaction
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base else None,
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout),
        )
        self._api = self._client.v1
        self._balances = self._api.customers.balance_transactions
        self._customers = self._api.customers

    def for_jobs(self) -> Self:
        """See the protocol."""
        return type(self)(**self._options, retries=JOB_RETRIES)

    # --- customers and cards ---

    def create_customer(self, *, reference: str, name: str, email: str | None, key: str) -> str:
        """See the protocol."""
        params: CustomerCreateParams = {"name": name, "metadata": {CUSTOMER_REFERENCE: reference}}
        if email is not None:
            params["email"] = email
        with self._calling("create_customer"):
            return self._api.customers.create(params, _under(key)).id

    def find_customer(self, *, reference: str, email: str | None) -> str | None:
        """See the protocol. Looks at all customers with this email, then at the newest ones: a
        customer made under an earlier email is there, since we look only after a failed call."""
        with self._calling("find_customer"):
            if email is not None:
                same = self._api.customers.list({"email": email, "limit": _PAGE})
                for customer in same.auto_paging_iter():
                    if read_reference(_json(customer), CUSTOMER_REFERENCE) == reference:
                        return customer.id
            for customer in self._api.customers.list({"limit": _PAGE}).data:
                if read_reference(_json(customer), CUSTOMER_REFERENCE) == reference:
                    return customer.id
        return None

    def create_card_setup(
        self, customer_id: str, *, success_url: str, cancel_url: str, key: str
    ) -> tuple[str, str]:
        """See the protocol."""
        with self._calling("create_card_setup"):
            session = self._api.checkout.sessions.create(
                {
                    "mode": "setup",
                    "customer": customer_id,
                    "allowed_payment_method_types": ["card"],
                    "success_url": success_url.replace("{SESSION_ID}", "{CHECKOUT_SESSION_ID}"),
                    "cancel_url": cancel_url,
                },
                _under(key),
            )
        if session.url is None:
            raise ProviderUnavailable("The card page has no address.", code="no_address")
        return session.id, session.url

    def get_card_setup(self, session_id: str) -> CardSetup:
        """See the protocol."""
        with self._calling("get_card_setup"):
            session = self._api.checkout.sessions.retrieve(
                session_id, {"expand": ["setup_intent.payment_method"]}
            )
            return read_card_setup(_json(session))

    def get_newest_card(self, customer_id: str) -> Card | None:
        """See the protocol."""
        with self._calling("get_newest_card"):
            methods = self._api.payment_methods.list(
                {"customer": customer_id, "type": "card", "limit": 1}
            )
            return read_card(_json(methods.data[0])) if methods.data else None

    def set_default_card(self, customer_id: str, card: Card, *, key: str) -> None:
        """See the protocol."""
        with self._calling("set_default_card"):
            self._api.customers.update(
                customer_id,
                {"invoice_settings": {"default_payment_method": card.payment_method}},
                _under(key),
            )

    def create_portal_session(self, customer_id: str, *, return_url: str, key: str) -> str:
        """See the protocol."""
        with self._calling("create_portal_session"):
            return self._api.billing_portal.sessions.create(
                {"customer": customer_id, "return_url": return_url}, _under(key)
            ).url

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
        """See the protocol. Stripe collects nothing by itself: `auto_advance` stays off."""
        params: InvoiceCreateParams = {
            "customer": customer_id,
            "currency": currency,
            "collection_method": collection.value,
            "auto_advance": False,
            "pending_invoice_items_behavior": "exclude",
            "metadata": {INVOICE_REFERENCE: reference},
        }
        if collection is Collection.SEND_INVOICE and days_until_due is not None:
            params["days_until_due"] = days_until_due
        if collection is Collection.SEND_INVOICE and due_at is not None:
            params["due_date"] = int(due_at.timestamp())
        with self._calling("create_invoice"):
            return read_invoice(_json(self._api.invoices.create(params, _under(key))))

    def add_lines(
        self, invoice_id: str, lines: Sequence[RemoteLine], *, currency: str, key: str
    ) -> RemoteInvoice:
        """See the protocol."""
        sent = [write_line(line, currency=currency) for line in lines]
        if not 1 <= len(sent) <= MAX_LINES:
            raise ProviderRejected(
                f"An invoice has 1 to {MAX_LINES} lines, not {len(sent)}.", code="invalid_request"
            )
        with self._calling("add_lines"):
            invoice = self._api.invoices.add_lines(
                invoice_id, {"lines": cast(list[InvoiceAddLinesParamsLine], sent)}, _under(key)
            )
        found = _json(invoice)
        if found["total"] != sum(line.amount for line in lines):
            raise ProviderRejected("The draft's total is not ours.", code="total_mismatch")
        return self._complete(found)

    def finalize_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """See the protocol."""
        try:
            with self._calling("finalize_invoice"):
                invoice = self._api.invoices.finalize_invoice(
                    invoice_id, {"auto_advance": False}, _under(key)
                )
        except ProviderRejected:
            present = self.get_invoice(invoice_id)
            if present.status is InvoiceStatus.DRAFT:
                raise
            return present
        return self._complete(_json(invoice))

    def send_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """See the protocol."""
        try:
            with self._calling("send_invoice"):
                invoice = self._api.invoices.send_invoice(invoice_id, {}, _under(key))
        except ProviderRejected:
            present = self.get_invoice(invoice_id)
            if present.status not in {InvoiceStatus.PAID, InvoiceStatus.VOID}:
                raise
            return present
        return self._complete(_json(invoice))

    def pay_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """See the protocol."""
        try:
            with self._calling("pay_invoice"):
                invoice = self._api.invoices.pay(
                    invoice_id, {"off_session": True, "expand": [_PAYMENTS]}, _under(key)
                )
        except ProviderRejected:
            present = self.get_invoice(invoice_id)
            if present.status is not InvoiceStatus.PAID:
                raise
            return present
        found = _json(invoice)
        if found["status"] != "paid" and payment_intent_status(found) == "requires_action":
            raise AuthenticationRequired(
                "The bank asks for authentication.", code="authentication_required"
            )
        return self._complete(found)

    def void_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """See the protocol. The state is looked at first, since a draft cannot be voided."""
        present = self.get_invoice(invoice_id)
        if present.status is InvoiceStatus.DRAFT:
            return self._delete_draft(present)
        if present.status in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}:
            try:
                with self._calling("void_invoice"):
                    voided = self._api.invoices.void_invoice(invoice_id, {}, _under(key))
                return self._complete(_json(voided))
            except ProviderRejected:
                # Somebody was quicker: paid it, or voided it.
                present = self.get_invoice(invoice_id)
                if present.status not in {InvoiceStatus.PAID, InvoiceStatus.VOID}:
                    raise
        if present.status is InvoiceStatus.PAID:
            raise ProviderRejected("The invoice was paid.", code="invoice_paid")
        return present

    def refund_invoice(self, invoice_id: str, *, key: str) -> None:
        """See the protocol. The money goes back the way it came, payment by payment."""
        found = self._retrieve(invoice_id)
        intents = paid_intents(found)
        if not intents:
            raise ProviderRejected("Nothing was paid through Stripe.", code="nothing_to_refund")
        for intent in intents:
            try:
                with self._calling("refund_invoice"):
                    refund = self._api.refunds.create(
                        {"payment_intent": intent, "reason": "duplicate"}, _under(f"{key}:{intent}")
                    )
            except ProviderRejected as error:
                if error.code != "charge_already_refunded":
                    raise
                continue
            if refund.status in {"failed", "canceled"}:
                raise ProviderRejected("The refund failed.", code="refund_failed")
        if paid_through_stripe(found) < found["total"]:
            raise ProviderRejected("The rest was paid another way.", code="partly_refunded")

    def get_invoice(self, invoice_id: str) -> RemoteInvoice:
        """See the protocol."""
        return self._complete(self._retrieve(invoice_id))

    def find_invoice(self, customer_id: str, *, reference: str) -> RemoteInvoice | None:
        """See the protocol."""
        with self._calling("find_invoice"):
            newest_first = self._api.invoices.list({"customer": customer_id, "limit": _PAGE})
            for invoice in newest_first.auto_paging_iter():
                found = _json(invoice)
                if read_reference(found, INVOICE_REFERENCE) == reference:
                    return self._complete(found)
        return None

    # --- webhooks ---

    def read_event(self, payload: bytes, *, signature: str) -> ProviderEvent:
        """See the protocol. Signatures older than five minutes of real time are refused."""
        try:
            event = self._client.construct_event(payload, signature, self._webhook_secret)
            found = _json(event)
        except stripe.SignatureVerificationError:
            raise ProviderRejected("The signature is wrong.", code="signature") from None
        except (ValueError, TypeError, AttributeError):
            # Not UTF-8, not JSON, or JSON that is no object: the SDK lets these through.
            raise ProviderRejected("This is not an event.", code="unreadable") from None
        read = read_provider_event(found)
        if read.api_version != API_VERSION:
            # Only the type and the id are used, and these mean the same in every version.
            log.warning("event %s is of API version %s", read.id, read.api_version)
        return read

    # --- inside ---

    def _retrieve(self, invoice_id: str) -> Json:
        with self._calling("get_invoice"):
            return _json(self._api.invoices.retrieve(invoice_id, {"expand": [_PAYMENTS]}))

    def _delete_draft(self, draft: RemoteInvoice) -> RemoteInvoice:
        with self._calling("void_invoice"):
            self._api.invoices.delete(draft.id)
        return replace(draft, status=InvoiceStatus.VOID)

    def _complete(self, found: Json) -> RemoteInvoice:
        """The invoice with all of its lines: the object itself shows only the first ones."""
        if not (found.get("lines") or {}).get("has_more"):
            return read_invoice(found)
        with self._calling("get_invoice_lines"):
            lines = self._api.invoices.line_items.list(found["id"], {"limit": _PAGE})
            return read_invoice(found, lines=[_json(line) for line in lines.auto_paging_iter()])

    @contextmanager
    def _calling(self, what: str) -> Iterator[None]:
        if self._in_transaction():
            raise CalledInTransaction
        if not self._has_time():
            log.warning("stripe %s: not begun, the page has no time left", what)
            raise ProviderBusy("The page has no time left.", code="page_out_of_time")
        try:
            yield
        except stripe.StripeError as error:
            translated = translate(
                status=error.http_status,
                error=_error_of(error),
                message=error.user_message or "",
                replayed=(error.headers or {}).get("idempotent-replayed") == "true",
            )
            log.warning(
                "stripe %s: %s %s (request %s)",
                what,
                type(translated).__name__,
                translated.code,
                error.request_id,
            )
            # Not chained: the SDK's error carries whole bodies, with names and addresses.
            raise translated from None


def _under(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key}


def _json(found: stripe.StripeObject) -> Json:
    """Plain dictionaries: the SDK's objects raise where a dictionary has `get`."""
    return found.to_dict()


def _error_of(error: stripe.StripeError) -> Json:
    body = error.json_body
    inner = body.get("error") if isinstance(body, dict) else None
    return inner if isinstance(inner, dict) else {}
