"""Dry runs: the same code as the real run, in a unit of work that is never kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.models.customers import Customer
from app.models.invoices import Invoice
from app.services.context import Context
from app.services.invoice_plan import StepOutcome, take_step
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class PreviewedLine:
    """One line as it would stand on the invoice; amounts in cents."""

    description: str
    quantity: int
    unit_amount: int
    amount: int
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True)
class PreviewedInvoice:
    """An invoice that would be made. `previous_total` is the total of the customer's last invoice
    of the same plan, None when there is none."""

    customer_uuid: str
    customer_name: str
    boundary: datetime
    currency: str
    total: int
    previous_total: int | None
    lines: tuple[PreviewedLine, ...]


@dataclass(slots=True)
class Preview:
    """What would happen to one customer."""

    invoices: list[PreviewedInvoice] = field(default_factory=list)
    deferred: int = 0


def preview_due_invoices(
    ctx: Context, customer_id: int, *, as_of: datetime | None = None
) -> Preview:
    """Every invoice the run would make for a customer by `as_of` (default: now).

    Raises what the run would raise.
    """
    preview = Preview()
    with unit_of_work(ctx) as work:
        until = as_of or work.now
        previous = _last_total(work, customer_id)
        while True:
            step = take_step(work, customer_id, as_of=max(until, work.now))
            if step.outcome is StepOutcome.DEFERRED:
                preview.deferred += 1
            if step.outcome in {StepOutcome.DEFERRED, StepOutcome.NOTHING_DUE}:
                return preview
            if step.invoice_id is not None:
                made = preview_of(work, step.invoice_id, previous=previous)
                preview.invoices.append(made)
                previous = made.total


def preview_of(
    work: UnitOfWork, invoice_id: int, *, previous: int | None = None
) -> PreviewedInvoice:
    """An invoice that was made in this unit of work, as people are shown it."""
    invoice = _load(work, invoice_id)
    customer = work.session.get_one(Customer, invoice.customer_id)
    lines: Sequence[PreviewedLine] = [
        PreviewedLine(
            line.description,
            line.quantity,
            line.unit_amount,
            line.amount,
            line.period_start,
            line.period_end,
        )
        for line in invoice.lines
    ]
    return PreviewedInvoice(
        customer_uuid=customer.uuid,
        customer_name=customer.display_name,
        boundary=invoice.boundary,
        currency=invoice.currency,
        total=invoice.total,
        previous_total=previous,
        lines=tuple(lines),
    )


def _load(work: UnitOfWork, invoice_id: int) -> Invoice:
    return work.session.scalars(
        select(Invoice)
        .where(Invoice.id == invoice_id)
        .options(selectinload(Invoice.lines))
        .execution_options(populate_existing=True)
    ).one()


def _last_total(work: UnitOfWork, customer_id: int) -> int | None:
    return work.session.scalars(
        select(Invoice.total)
        .where(Invoice.customer_id == customer_id)
        .order_by(Invoice.boundary.desc(), Invoice.id.desc())
        .limit(1)
    ).first()
