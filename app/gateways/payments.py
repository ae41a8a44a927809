"""The payment provider in our words: about twenty calls and five errors.

Each call that changes something takes `key`, the idempotency key made from our row ids. The
caller stores the attempt before the call. Source of the rules: docs/rules/payments.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, Self

from app.domain.kinds import Collection, InvoiceStatus

# The provider takes no more lines than this on one invoice.
MAX_LINES = 250


class PaymentsError(Exception):
    """Base of the five ways a call can fail.

    `code` is stable and for programs. `message` is the provider's sentence: for the person when a
    card was declined, for whoever reads the log otherwise; it never holds keys.
    """

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message


class CalledInTransaction(RuntimeError):
    """A gateway was called inside an open transaction: a mistake in our code.

    The database would hold its locks for as long as the provider takes to answer.
    """

    def __init__(self) -> None:
        super().__init__("no gateway call inside a transaction")


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
    """A definite no: asking again with the same key gives the same answer.

    Look at the present state before asking with a new key. Besides the provider's own codes
    (`resource_missing` and others): `invoice_paid` (it cannot be voided), `nothing_to_refund` (it
    was not paid through the provider), `refund_failed`, `idempotency_conflict`
    (the key was used for another request), `stored_failure` (the key holds a fault of the provider
    that is replayed for a day), `total_mismatch`, `signature` and `unreadable` (webhooks).
    """


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

    `amount` = `quantity` x `unit_amount`; gateways raise ValueError when it is not. A line whose
    time begins with its payment has no period.
    """

    reference: str
    description: str
    quantity: int
    unit_amount: int
    amount: int
    period_start: datetime | None
    period_end: datetime | None


@dataclass(frozen=True, slots=True)
class RemoteInvoice:
    """The present state of an invoice at the provider. Amounts in cents. `due_at` is when a sent
    invoice is due. `reference` is None for one that was not made by us, in the dashboard say.

    `balance_applied` is what the customer's credit paid of it when it was made final, never
    negative; `amount_due` is what was left to pay then, and `amount_paid` what came of that. It is
    0 for a draft, and for a void invoice, whose credit went back to the customer.
    `failure_code` and `failure_message` tell of the last attempt to charge a card that has not
    succeeded; they are read by `get_invoice` and after a payment, not in lists.
    """

    id: str
    reference: str | None
    customer_id: str
    status: InvoiceStatus
    total: int
    amount_due: int
    amount_paid: int
    balance_applied: int
    currency: str
    collection: Collection
    number: str | None = None
    hosted_url: str | None = None
    pdf_url: str | None = None
    paid_at: datetime | None = None
    due_at: datetime | None = None
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


ADDRESS_PARTS = ("line1", "line2", "city", "postal_code", "state", "country")


@dataclass(frozen=True, slots=True)
class BillingDetails:
    """What stands on invoices as the payer: the country is an ISO 3166 code of two letters, empty
    texts are parts that there are none of. Without an email the provider keeps the one it has."""

    name: str
    email: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    postal_code: str = ""
    state: str = ""
    country: str = ""


class PaymentsGateway(Protocol):
    """What we ask of a payment provider."""

    def create_customer(self, *, reference: str, name: str, email: str | None, key: str) -> str:
        """Make a customer; returns the provider's id. `reference` is our customer's UUID."""
        ...

    def update_customer(self, customer_id: str, details: BillingDetails, *, key: str) -> None:
        """Put name, address and email on the customer; they stand on its later invoices."""
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

    def get_newest_card(self, customer_id: str) -> Card | None:
        """The card that was entered last and is still on file; None when there is none."""
        ...

    def set_default_card(self, customer_id: str, card: Card, *, key: str) -> None:
        """Charge future invoices to this card.

        Repeating it does no harm, but a key that was used before would replay the old answer
        without setting anything: give each call a key of its own.
        """
        ...

    def create_portal_session(self, customer_id: str, *, return_url: str, key: str) -> str:
        """Open the provider's page with the receipts and the billing address of a customer;
        returns its address, which is good for a few minutes. A link there leads to `return_url`."""
        ...

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
        """Add `amount` cents (more than 0) of credit to the customer's balance; returns the id of
        that change of the balance.

        Credit pays for invoices of its currency when they are made final, the next one first. It
        cannot be taken back by its id, so look with `find_balance_credit` before giving it again
        under a new key. Raises ValueError for an amount that is not above 0.
        """
        ...

    def find_balance_credit(self, customer_id: str, *, reference: str) -> str | None:
        """The id of the credit given for our `reference`, found by listing the changes of the
        customer's balance (never by search, which lags); None when there is none."""
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
        due_at: datetime | None = None,
    ) -> RemoteInvoice:
        """Make an empty draft. `reference` is our invoice's id.

        One that is to be sent is due so many days after it is made final, or at `due_at`, which
        must lie ahead; exactly one of them is given. The others have neither.
        """
        ...

    def add_lines(
        self, invoice_id: str, lines: Sequence[RemoteLine], *, currency: str, key: str
    ) -> RemoteInvoice:
        """Add lines to an empty draft in its currency; all or none, 1 to MAX_LINES of them.

        Raises ProviderRejected with code `total_mismatch` when the draft's total is not the sum
        of `lines` afterwards: then it held lines before.
        """
        ...

    def finalize_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """Make a draft final: it gets its number and can be paid. The customer's credit is taken
        off what is due; when nothing is left to pay, or the total is 0, it is paid at once.

        An invoice that is final already is returned as it is.
        """
        ...

    def send_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """Let the provider mail an open invoice to its customer, to be paid by whoever gets it.

        An invoice that is paid or void already is returned as it is.
        """
        ...

    def pay_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """Charge the customer's default card. Raises PaymentDeclined or AuthenticationRequired.

        An invoice that is paid already is returned as it is.
        """
        ...

    def void_invoice(self, invoice_id: str, *, key: str) -> RemoteInvoice:
        """Declare an open invoice void, whoever made it; credit that was used for it goes back to
        the customer's balance. A draft is deleted and returned as void.

        An invoice that is void already is returned as it is. Raises ProviderRejected with code
        `invoice_paid` when it was paid, and `resource_missing` for a draft deleted earlier.
        """
        ...

    def refund_invoice(self, invoice_id: str, *, key: str) -> None:
        """Give back all that was paid for an invoice through the provider; it stays paid. Credit
        that was used for it does not go back.

        One that was given back already is left alone. Raises ProviderRejected with code
        `nothing_to_refund` when nothing was paid, or not through the provider, `partly_refunded`
        when what came through the provider went back and the rest was paid another way, and
        `refund_failed` when the bank does not take it back.
        """
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
        """Verify and read a webhook. `object_id` is empty for objects that have no id.

        Raises ProviderRejected with code `signature` when it is not signed as it must be, and
        `unreadable` when it is not an event.
        """
        ...

    def for_jobs(self) -> Self:
        """This gateway for work that nobody waits for in a browser: it repeats calls that got no
        answer (with the same key) before it gives up."""
        ...
