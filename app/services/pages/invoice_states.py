"""Where an invoice stands, as pages and files tell it, and the choice of some by it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, true

from app.domain.kinds import InvoiceStatus
from app.models.invoices import Invoice


class InvoiceState(StrEnum):
    """The provider's status, and what else there is to know: one tag for each."""

    DRAFT = "draft"
    TO_PAY = "to_pay"
    OVERDUE = "overdue"
    FAILED = "failed"
    PAID = "paid"
    REFUNDED = "refunded"
    VOID = "void"
    WRITTEN_OFF = "written_off"


class StateChoice(StrEnum):
    """What a list can be narrowed to; each state belongs to one of them."""

    TO_PAY = "to-pay"
    PAID = "paid"
    REFUNDED = "refunded"
    VOID = "void"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class InvoiceChoice:
    """Which invoices are shown: all, or those of a state, of a year (in UTC), of both."""

    state: StateChoice | None = None
    year: int | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.state is None and self.year is None


EVERY_INVOICE = InvoiceChoice()

_STATES = {
    InvoiceStatus.DRAFT: InvoiceState.DRAFT,
    InvoiceStatus.OPEN: InvoiceState.TO_PAY,
    InvoiceStatus.PAID: InvoiceState.PAID,
    InvoiceStatus.VOID: InvoiceState.VOID,
    InvoiceStatus.UNCOLLECTIBLE: InvoiceState.WRITTEN_OFF,
}


def state_of(invoice: Invoice, *, now: datetime) -> InvoiceState:
    """The state of an invoice as of `now`. An open one is overdue from its due date on."""
    if invoice.status is InvoiceStatus.PAID and invoice.refunded_at is not None:
        return InvoiceState.REFUNDED
    if invoice.status is InvoiceStatus.OPEN:
        if invoice.due_at is not None and invoice.due_at <= now:
            return InvoiceState.OVERDUE
        if invoice.failure_message is not None:
            return InvoiceState.FAILED
    return _STATES[invoice.status]


def dated() -> ColumnElement[datetime]:
    """The date of an invoice: when it became final, until then when it will be charged."""
    return func.coalesce(Invoice.finalized_at, Invoice.boundary)


def is_chosen(choice: InvoiceChoice) -> ColumnElement[bool]:
    """The condition of the invoices that a choice shows."""
    conditions: list[ColumnElement[bool]] = [true()]
    if choice.state is not None:
        conditions.append(_has_state(choice.state))
    if choice.year is not None:
        first = datetime(choice.year, 1, 1, tzinfo=UTC)
        conditions += [dated() >= first, dated() < first.replace(year=choice.year + 1)]
    return and_(*conditions)


def _has_state(state: StateChoice) -> ColumnElement[bool]:
    is_paid = Invoice.status == InvoiceStatus.PAID
    conditions: dict[StateChoice, ColumnElement[bool]] = {
        StateChoice.TO_PAY: Invoice.status == InvoiceStatus.OPEN,
        StateChoice.PAID: and_(is_paid, Invoice.refunded_at.is_(None)),
        StateChoice.REFUNDED: and_(is_paid, Invoice.refunded_at.is_not(None)),
        StateChoice.VOID: Invoice.status.in_((InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE)),
        StateChoice.DRAFT: Invoice.status == InvoiceStatus.DRAFT,
    }
    return conditions[state]
