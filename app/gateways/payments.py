"""The payment provider in our words: about a dozen calls and five errors.

Each call that changes something takes `key`, the idempotency key made from our row ids. The
caller stores the attempt before the call. Source of the rules: docs/rules/payments.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.domain.kinds import Collection, InvoiceStatus


class PaymentsError(Exception):
    """Base of the five ways a call can fail."""

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message


class PaymentDeclined(PaymentsError):
    """The card was refused; `message` is the provider's sentence for the person."""


class AuthenticationRequired(PaymentsError):
    """The bank wants the person to authenticate (3-D Secure); the invoice stays open."""


class ProviderUnavailable(PaymentsError):
    """No answer, or a fault of the provider: what was asked may or may not have happened.

    Repeat with the same key."""


class ProviderBusy(ProviderUnavailable):
    """Too many requests: certainly nothing happened; later with the same key."""


class ProviderRejected(PaymentsError):
    """A definite no to what we asked (wrong state, unknown object, bad parameter)."""


@dataclass(frozen=True, slots=True)
class Card:
    """The provider's reference to a card and what may be shown of it."""

    payment_method: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class CardSetup:
    """The state of a visit to the provider's card page."""

    session_id: str
    complete: bool
    customer_id: str | None = None
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class RemoteLine:
    """One line as it is sent: cents, signed; `reference` is our line's id.

    `unit_amount` is None for lines that are an amount and not quantity x unit.
    """

    reference: str
    description: str
    quantity: int
    unit_amount: int
    amount: int
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True)
class RemoteInvoice:
    """The present state of an invoice at the provider. Amounts in cents."""

    id: str
    reference: str | None
    customer_id: str
    status: InvoiceStatus
    total: int
    amount_due: int
    amount_paid: int
    currency: str
    number: str | None = None
    hosted_url: str | None = None
    pdf_url: str | None = None
    paid_at: datetime | None = None
    line_references: frozenset[str] = field(default_factory=frozenset)
    failure_code: str | None = None
    failure_message: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A verified webhook event: what happened to which object."""

    id: str
    type: str
    object_id: str
    api_version: str | None


class PaymentsGateway(Protocol):
    """What we ask of a payment provider."""

    def create_customer(
        self, *, reference: str, name: str, email: str | None, key: str
    ) -> str:
        """Make a customer; returns the provider's id. `reference` is our customer's UUID."""
        ...

    def create_card_setup(
        self, customer_id: str, *, success_url: str, cancel_url: str, key: str
    ) -> tuple[str, str]:
        """Open a card page; returns (session id, address of the page). `{SESSION_ID}` in
        `success_url` is replaced by the provider."""
        ...

    def get_card_setup(self, session_id: str) -> CardSetup:
        """What became of a visit to the card page."""
        ...

    def set_default_card(self, customer_id: str, card: Card, *, key: str) -> None:
        """Charge future invoices to this card."""
        ...

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
        """Make an empty draft. `reference` is our invoice's id."""
        ...

    def add_lines(self, invoice_id: str, lines: Sequence[RemoteLine], *, key: str) -> None:
        """Add lines to a draft; all or none."""
        ...

    def finalize_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """Make a draft final: it gets its number and can be paid."""
        ...

    def pay_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """Charge the card on file. Raises PaymentDeclined or AuthenticationRequired."""
        ...

    def void_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """Declare an open invoice void (a draft is deleted)."""
        ...

    def get_invoice(self, invoice_id: str) -> RemoteInvoice:
        """The present state. Raises ProviderRejected with code `resource_missing`."""
        ...

    def find_invoice(self, customer_id: str, *, reference: str) -> RemoteInvoice | None:
        """The invoice made for our `reference`, found by listing the customer's invoices
        (never by search, which lags)."""
        ...

    def find_customer(self, *, reference: str, email: str | None) -> str | None:
        """The id of the customer made for our `reference`, by listing; None when there is none."""
        ...

    def read_event(self, payload: bytes, *, signature: str) -> ProviderEvent:
        """Verify and read a webhook. Raises ProviderRejected when the signature is wrong."""
        ...


Metadata = Mapping[str, str]
