"""The list of invoices, newest first, a page at a time, all of them or those of a choice."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.kinds import Collection, InvoiceStatus, PurchaseStatus
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.models.purchases import Purchase
from app.services.customers import Payer
from app.services.invoices import begins_with_payment
from app.services.pages.invoice_states import (
    InvoiceChoice,
    InvoiceState,
    dated,
    is_chosen,
    state_of,
)
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice of the list; the total is in cents. `waits_in_purchase` names the unfinished
    purchase that it belongs to: it is paid there."""

    id: int
    number: str | None
    state: InvoiceState
    collection: Collection
    dated: datetime
    due_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    total: int
    currency: str
    hosted_url: str | None
    pdf_url: str | None
    waits_in_purchase: int | None

    @property
    def is_open(self) -> bool:
        """Whether it waits for its payment."""
        return self.state in {InvoiceState.TO_PAY, InvoiceState.OVERDUE, InvoiceState.FAILED}


@dataclass(frozen=True, slots=True)
class OpenAmount:
    """What waits for its payment in one currency: so many invoices, so many cents."""

    count: int
    total: int
    currency: str


@dataclass(frozen=True, slots=True)
class InvoicesPage:
    """One page of the list. `part` counts what the choice shows, `all_count` every invoice.

    `open_row` is the one invoice that waits for its payment, None when there are none or several;
    `is_known_to_provider` says whether there are receipts to look at.
    """

    rows: tuple[InvoiceRow, ...]
    part: ListPart
    choice: InvoiceChoice
    all_count: int
    years: tuple[int, ...]
    open_amounts: tuple[OpenAmount, ...]
    open_row: InvoiceRow | None
    is_known_to_provider: bool

    @property
    def open_count(self) -> int:
        """How many invoices wait for their payment."""
        return sum(amount.count for amount in self.open_amounts)


def load_invoices_page(
    session: Session, payer: Payer, choice: InvoiceChoice, *, number: int, now: datetime
) -> InvoicesPage:
    """Page `number` (from 1; one that is not there becomes the nearest) of the chosen invoices."""
    groups = _load_groups(session, payer, choice)
    part = part_of_list(sum(group.chosen for group in groups), number=number)
    amounts = tuple(
        OpenAmount(group.open_count, int(group.open_total), group.currency)
        for group in groups
        if group.open_count
    )
    only = [group.open_id for group in groups if group.open_count == 1]
    one = only[0] if len(amounts) == len(only) == 1 else None
    rows = _load_rows(session, payer, choice, offset=part.offset, besides=one, now=now)
    shown = [row for row, is_listed in rows if is_listed]
    return InvoicesPage(
        rows=tuple(shown),
        part=part,
        choice=choice,
        all_count=sum(group.number for group in groups),
        years=_years(groups),
        open_amounts=amounts,
        open_row=next((row for row, _ in rows if row.id == one), None),
        is_known_to_provider=any(group.stripe_customer_id for group in groups),
    )


def _load_groups(session: Session, payer: Payer, choice: InvoiceChoice) -> list[Any]:
    """One row for each currency, and one without numbers for a customer without invoices."""
    # The invoice of a card that waits for its bank is asked for again before anything is owed; one
    # that is sent for a purchase is there to be paid.
    is_open = and_(
        Invoice.status == InvoiceStatus.OPEN,
        or_(
            Purchase.id.is_(None),
            Purchase.status != PurchaseStatus.OPEN,
            Invoice.collection == Collection.SEND_INVOICE,
        ),
    )
    statement = (
        select(
            Customer.stripe_customer_id,
            Invoice.currency,
            func.count(Invoice.id).label("number"),
            func.count(Invoice.id).filter(is_chosen(choice)).label("chosen"),
            func.count(Invoice.id).filter(is_open).label("open_count"),
            func.coalesce(func.sum(Invoice.total).filter(is_open), 0).label("open_total"),
            func.max(Invoice.id).filter(is_open).label("open_id"),
            func.min(dated()).label("first"),
            func.max(dated()).label("last"),
        )
        .select_from(Customer)
        .outerjoin(Invoice, Invoice.customer_id == Customer.id)
        .outerjoin(Purchase, Purchase.id == Invoice.purchase_id)
        .where(Customer.uuid == payer.uuid)
        .group_by(Customer.stripe_customer_id, Invoice.currency)
        .order_by(Invoice.currency)
    )
    return list(session.execute(statement))


def _years(groups: list[Any]) -> tuple[int, ...]:
    """Every year from that of the first invoice to that of the last, newest first."""
    counted = [group for group in groups if group.number]
    if not counted:
        return ()
    first = min(group.first for group in counted).year
    last = max(group.last for group in counted).year
    return tuple(range(last, first - 1, -1))


def _load_rows(
    session: Session,
    payer: Payer,
    choice: InvoiceChoice,
    *,
    offset: int,
    besides: int | None,
    now: datetime,
) -> list[tuple[InvoiceRow, bool]]:
    """The rows of the page in their order, and the invoice `besides` that may not be among them;
    each with whether it is listed."""
    listed = (
        select(Invoice.id)
        .join(Customer, Customer.id == Invoice.customer_id)
        .where(Customer.uuid == payer.uuid, is_chosen(choice))
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
            func.max(listed.c.id),
        )
        .join(Customer, Customer.id == Invoice.customer_id)
        .outerjoin(listed, listed.c.id == Invoice.id)
        .outerjoin(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
        .outerjoin(
            Purchase,
            and_(Purchase.id == Invoice.purchase_id, Purchase.status == PurchaseStatus.OPEN),
        )
        .where(
            Customer.uuid == payer.uuid,
            or_(listed.c.id.is_not(None), Invoice.id == besides),
        )
        .group_by(Invoice.id, Purchase.id)
        .order_by(Invoice.boundary.desc(), Invoice.id.desc())
    )
    return [
        (_row(invoice, start, end, purchase_id, now=now), listed_id is not None)
        for invoice, start, end, purchase_id, listed_id in session.execute(statement)
    ]


def _row(
    invoice: Invoice,
    start: datetime | None,
    end: datetime | None,
    purchase_id: int | None,
    *,
    now: datetime,
) -> InvoiceRow:
    if begins_with_payment(invoice):
        start = end = None
    return InvoiceRow(
        id=invoice.id,
        number=invoice.number,
        state=state_of(invoice, now=now),
        collection=invoice.collection,
        dated=invoice.finalized_at or invoice.boundary,
        due_at=invoice.due_at,
        period_start=start,
        period_end=end,
        total=invoice.total,
        currency=invoice.currency,
        hosted_url=invoice.hosted_url,
        pdf_url=invoice.pdf_url,
        waits_in_purchase=purchase_id,
    )
