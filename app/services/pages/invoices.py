"""The list of invoices, newest first, a page at a time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.kinds import InvoiceStatus, PurchaseStatus
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.models.purchases import Purchase
from app.services.customers import Payer
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice of the list; the total is in cents. `waits_in_purchase` names the unfinished
    purchase that it belongs to: it is paid there."""

    id: int
    number: str | None
    status: InvoiceStatus
    dated: datetime
    period_start: datetime | None
    period_end: datetime | None
    total: int
    currency: str
    hosted_url: str | None
    failure_message: str | None
    waits_in_purchase: int | None


@dataclass(frozen=True, slots=True)
class InvoicesPage:
    """One page of the list."""

    rows: tuple[InvoiceRow, ...]
    part: ListPart
    open_count: int
    open_total: int
    open_currency: str | None


def load_invoices_page(session: Session, payer: Payer, *, number: int) -> InvoicesPage:
    """Page `number` (from 1; one that is not there becomes the nearest) of the invoices."""
    mine = Customer.uuid == payer.uuid
    is_open = (Invoice.status == InvoiceStatus.OPEN) & (
        Purchase.status.is_(None) | (Purchase.status != PurchaseStatus.OPEN)
    )
    counted = session.execute(
        select(
            func.count(Invoice.id),
            func.count(Invoice.id).filter(is_open),
            func.coalesce(func.sum(Invoice.total).filter(is_open), 0),
            func.max(Invoice.currency).filter(is_open),
        )
        .join(Customer, Customer.id == Invoice.customer_id)
        .outerjoin(Purchase, Purchase.id == Invoice.purchase_id)
        .where(mine)
    ).one()
    total, open_count, open_total, open_currency = counted
    part = part_of_list(total, number=number)
    return InvoicesPage(
        rows=_load_rows(session, payer, offset=part.offset),
        part=part,
        open_count=open_count,
        open_total=int(open_total),
        open_currency=open_currency,
    )


def _load_rows(session: Session, payer: Payer, *, offset: int) -> tuple[InvoiceRow, ...]:
    shown = (
        select(Invoice.id)
        .join(Customer, Customer.id == Invoice.customer_id)
        .where(Customer.uuid == payer.uuid)
        .order_by(Invoice.boundary.desc(), Invoice.id.desc())
        .offset(offset)
        .limit(PAGE_SIZE)
        .subquery()
    )
    statement = (
        select(
            Invoice,
            func.min(InvoiceLine.period_start),
            func.max(InvoiceLine.period_end),
            Purchase.id,
        )
        .join(shown, shown.c.id == Invoice.id)
        .outerjoin(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
        .outerjoin(
            Purchase,
            (Purchase.id == Invoice.purchase_id) & (Purchase.status == PurchaseStatus.OPEN),
        )
        .group_by(Invoice.id, Purchase.id)
        .order_by(Invoice.boundary.desc(), Invoice.id.desc())
    )
    return tuple(
        InvoiceRow(
            id=invoice.id,
            number=invoice.number,
            status=invoice.status,
            dated=invoice.finalized_at or invoice.boundary,
            period_start=start,
            period_end=end,
            total=invoice.total,
            currency=invoice.currency,
            hosted_url=invoice.hosted_url,
            failure_message=invoice.failure_message,
            waits_in_purchase=purchase_id,
        )
        for invoice, start, end, purchase_id in session.execute(statement)
    )
