"""What the fake payment provider remembers: customers, cards, sessions and invoices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from app.clock import Clock
from app.domain.kinds import Collection, InvoiceStatus
from app.gateways.payments import (
    BillingDetails,
    Card,
    ProviderEvent,
    ProviderRejected,
    RemoteInvoice,
    RemoteLine,
)

API_VERSION = "fake"
# Below this many cents no card is charged: the invoice counts as paid, the customer owes the rest.
MINIMUM_CHARGE = 50


@dataclass(frozen=True, slots=True)
class TestCard:
    """How the bank behaves when this card is charged."""

    brand: str
    last4: str
    decline_code: str | None = None
    message: str = ""
    authenticates: bool = False

    __test__ = False  # pytest would take the name for a test class


# The last four digits are those of the provider's own test numbers.
TEST_CARDS = {
    "visa": TestCard("visa", "4242"),
    "mastercard": TestCard("mastercard", "4444"),
    "declines": TestCard("visa", "0341", "generic_decline", "Your card was declined."),
    "insufficient_funds": TestCard(
        "visa", "9995", "insufficient_funds", "Your card has insufficient funds."
    ),
    "requires_authentication": TestCard("visa", "3184", authenticates=True),
}


@dataclass(slots=True)
class FakeCustomer:
    """A customer with the cards on file, oldest first. `credit` is the balance of each currency in
    cents (debt is negative), `credits` what was given, as references by id."""

    id: str
    reference: str
    email: str | None
    default: str | None = None
    details: BillingDetails | None = None
    invoices_numbered: int = 0
    cards: dict[str, Card] = field(default_factory=dict)
    credit: dict[str, int] = field(default_factory=dict)
    credits: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FakeSession:
    """A visit to the card page; `card` is set once it was completed."""

    id: str
    customer_id: str
    success_url: str
    card: Card | None = None


@dataclass(slots=True)
class FakeInvoice:
    """An invoice in any state. Amounts in cents."""

    id: str
    reference: str | None
    customer_id: str
    currency: str
    days_until_due: int | None = None
    status: InvoiceStatus = InvoiceStatus.DRAFT
    lines: list[RemoteLine] = field(default_factory=list)
    number: str | None = None
    paid_at: datetime | None = None
    due_at: datetime | None = None
    is_paid_elsewhere: bool = False
    # What came of an invoice that is still open, in cents.
    paid_in_part: int = 0
    is_refunded: bool = False
    failed_with: TestCard | None = None
    # Set when it is made final: what is left to pay, and by how much it lowered the credit.
    due: int | None = None
    credit_change: int = 0

    @property
    def is_sent(self) -> bool:
        """Whether it is sent to be paid, and so has a day until when."""
        return self.days_until_due is not None or self.due_at is not None

    @property
    def total(self) -> int:
        """Sum of the lines."""
        return sum(line.amount for line in self.lines)

    def shown(self) -> RemoteInvoice:
        """The state as a value that later changes do not touch."""
        due = max(self.total, 0) if self.due is None else self.due
        is_void = self.status is InvoiceStatus.VOID
        by_card = not self.is_sent
        hosted = f"https://invoice.fake.test/{self.id}" if self.number else None
        failed = self.failed_with
        return RemoteInvoice(
            id=self.id,
            reference=self.reference,
            customer_id=self.customer_id,
            status=self.status,
            total=self.total,
            amount_due=due,
            amount_paid=due if self.status is InvoiceStatus.PAID else self.paid_in_part,
            balance_applied=0 if is_void else max(self.credit_change, 0),
            currency=self.currency,
            collection=Collection.CHARGE_AUTOMATICALLY if by_card else Collection.SEND_INVOICE,
            number=self.number,
            hosted_url=hosted,
            pdf_url=f"{hosted}/pdf" if hosted else None,
            paid_at=self.paid_at,
            due_at=self.due_at,
            line_references=frozenset(line.reference for line in self.lines if line.reference),
            failure_code=failed.decline_code if failed else None,
            failure_message=failed.message if failed else None,
        )


class FakeState:
    """Everything, by id, and the events it made. Ids count up: the newest comes last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._customers: dict[str, FakeCustomer] = {}
        self._sessions: dict[str, FakeSession] = {}
        self._kinds: dict[str, TestCard] = {}
        self._made = 0
        self.invoices: dict[str, FakeInvoice] = {}
        self.events: list[ProviderEvent] = []

    def customer(self, customer_id: str) -> FakeCustomer:
        """Raises ProviderRejected `resource_missing`, as do the next two."""
        return _load(self._customers, customer_id)

    def session(self, session_id: str) -> FakeSession:
        """A visit to the card page."""
        return _load(self._sessions, session_id)

    def invoice(self, invoice_id: str) -> FakeInvoice:
        """An invoice that was not deleted."""
        return _load(self.invoices, invoice_id)

    def find_customer(self, reference: str) -> str | None:
        """The id of the newest customer with our reference."""
        found = [one.id for one in self._customers.values() if one.reference == reference]
        return found[-1] if found else None

    def new_customer(self, reference: str, email: str | None) -> str:
        """Make a customer; returns its id."""
        customer = FakeCustomer(self._new_id("cus"), reference, email)
        self._customers[customer.id] = customer
        return customer.id

    def new_card(self, customer_id: str, kind: TestCard) -> Card:
        """Put a card on file."""
        customer = self.customer(customer_id)
        card = Card(
            payment_method=self._new_id("pm"),
            brand=kind.brand,
            last4=kind.last4,
            exp_month=12,
            exp_year=2034,
        )
        customer.cards[card.payment_method] = card
        self._kinds[card.payment_method] = kind
        return card

    def default_card(self, customer_id: str) -> TestCard | None:
        """How the customer's default card behaves; None when there is none."""
        default = self.customer(customer_id).default
        return self._kinds[default] if default else None

    def new_session(self, customer_id: str, success_url: str) -> FakeSession:
        """Open a card page."""
        self.customer(customer_id)
        session_id = self._new_id("cs")
        session = FakeSession(
            session_id, customer_id, success_url.replace("{SESSION_ID}", session_id)
        )
        self._sessions[session_id] = session
        return session

    def new_credit(self, customer_id: str, *, amount: int, currency: str, reference: str) -> str:
        """Add to a customer's credit; returns the id of the change."""
        customer = self.customer(customer_id)
        customer.credit[currency] = customer.credit.get(currency, 0) + amount
        credit_id = self._new_id("cbtxn")
        customer.credits[credit_id] = reference
        return credit_id

    def new_invoice(
        self,
        customer_id: str,
        reference: str | None,
        currency: str,
        days_until_due: int | None,
        *,
        due_at: datetime | None = None,
    ) -> FakeInvoice:
        """Make an empty draft; one that is to be sent is due so many days after it is final, or
        at `due_at`."""
        self.customer(customer_id)
        if due_at is not None and due_at < self._clock.now():
            raise ProviderRejected("It must be due in the future.", code="invalid_request")
        invoice = FakeInvoice(
            self._new_id("in"), reference, customer_id, currency, days_until_due=days_until_due
        )
        invoice.due_at = due_at
        self.invoices[invoice.id] = invoice
        self.tell("invoice.created", invoice.id)
        return invoice

    def finalize(self, invoice: FakeInvoice) -> None:
        """Give a draft the next number of its customer, without gaps, and take the customer's
        credit for it; what leaves nothing to pay is paid."""
        customer = self.customer(invoice.customer_id)
        customer.invoices_numbered += 1
        prefix = customer.id.upper().replace("_", "")
        invoice.number = f"{prefix}-{customer.invoices_numbered:04d}"
        invoice.status = InvoiceStatus.OPEN
        if invoice.days_until_due is not None:
            invoice.due_at = self._clock.now() + timedelta(days=invoice.days_until_due)
        self._use_credit(invoice, customer)
        self.tell("invoice.finalized", invoice.id)
        if invoice.due == 0:
            self.record_payment(invoice)

    def _use_credit(self, invoice: FakeInvoice, customer: FakeCustomer) -> None:
        """Credit lowers what is due, debt raises it, a negative total becomes credit."""
        before = customer.credit.get(invoice.currency, 0)
        after = max(before - invoice.total, 0)
        due = max(invoice.total - before, 0)
        invoice.credit_change = before - after
        if 0 < due < MINIMUM_CHARGE:
            due, after = 0, -due
        invoice.due = due
        customer.credit[invoice.currency] = after

    def void(self, invoice: FakeInvoice) -> None:
        """Withdraw an open invoice; its credit comes back."""
        self.customer(invoice.customer_id).credit[invoice.currency] += invoice.credit_change
        invoice.status = InvoiceStatus.VOID
        self.tell("invoice.voided", invoice.id)

    def record_payment(self, invoice: FakeInvoice) -> None:
        """The money has come."""
        invoice.status = InvoiceStatus.PAID
        invoice.paid_at = self._clock.now()
        invoice.failed_with = None
        self.tell("invoice.paid", invoice.id)

    def record_failure(self, invoice: FakeInvoice, card: TestCard) -> None:
        """The card was refused; the invoice stays as it is."""
        invoice.failed_with = card
        self.tell("invoice.payment_failed", invoice.id)

    def tell(self, event_type: str, object_id: str) -> None:
        """Note an event."""
        event_id = self._new_id("evt")
        self.events.append(
            ProviderEvent(
                id=event_id, type=event_type, object_id=object_id, api_version=API_VERSION
            )
        )

    def _new_id(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_fake_{self._made}"


T = TypeVar("T")


def _load(kept: Mapping[str, T], object_id: str) -> T:
    if object_id not in kept:
        raise ProviderRejected(f"No such object: {object_id}", code="resource_missing")
    return kept[object_id]
