"""Every line of the chosen invoices, for a file: read while it is sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.services.customers import Payer
from app.services.invoices import begins_with_payment
from app.services.pages.invoice_states import InvoiceChoice, InvoiceState, is_chosen, state_of

# Rows that are held at a time, however many there are.
ROWS_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class FiledLine:
    """A line with its invoice; amounts in cents of `currency`. An invoice that has no line yet is
    one with None in the line's own fields."""

    number: str | None
    state: InvoiceState
    dated: datetime
    due_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    refunded_at: datetime | None
    currency: str
    total: int
    description: str | None
    quantity: int | None
    unit_amount: int | None
    amount: int | None
    period_start: datetime | None
    period_end: datetime | None


def read_invoice_lines(
    session: Session, payer: Payer, choice: InvoiceChoice, *, now: datetime
) -> Iterator[FiledLine]:
    """The lines in the order of the list: newest invoice first, its lines as it shows them. One
    query, of which a few hundred rows are held at a time."""
    statement = (
        select(Invoice, InvoiceLine)
        .join(Customer, Customer.id == Invoice.customer_id)
        .outerjoin(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
        .where(Customer.uuid == payer.uuid, is_chosen(choice))
        .order_by(Invoice.boundary.desc(), Invoice.id.desc(), InvoiceLine.position)
        .execution_options(yield_per=ROWS_AT_A_TIME)
    )
    for invoice, line in session.execute(statement):
        yield _filed(invoice, line, now=now)


def _filed(invoice: Invoice, line: InvoiceLine | None, *, now: datetime) -> FiledLine:
    is_dated = not begins_with_payment(invoice)
    return FiledLine(
        number=invoice.number,
        state=state_of(invoice, now=now),
        dated=invoice.finalized_at or invoice.boundary,
        due_at=invoice.due_at,
        paid_at=invoice.paid_at,
        voided_at=invoice.voided_at,
        refunded_at=invoice.refunded_at,
        currency=invoice.currency,
        total=invoice.total,
        description=line.description if line else None,
        quantity=line.quantity if line else None,
        unit_amount=line.unit_amount if line else None,
        amount=line.amount if line else None,
        period_start=line.period_start if line and is_dated else None,
        period_end=line.period_end if line and is_dated else None,
    )
