"""Storing invoices: the draft with its lines and what they came from, in one transaction.

Unique by (customer, boundary, group) and the lines by (source, period, kind): whoever computes
the same thing twice is stopped by the database, not by luck.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at
from app.domain.invoicing import LineDraft, total_of
from app.domain.kinds import Collection, InvoiceStatus, LineKind, LineSource
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine, InvoiceLineEntry
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.services.unit_of_work import UnitOfWork

LICENSE_LINES = (LineKind.FIRST, LineKind.RENEWAL, LineKind.ADDED)


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """What is about to be stored. `occasion` is `cycle`, `purchase:<id>` or `growth:<id>`.

    months_from_payment: the length of the first cycle of a purchase that begins when its invoice
    is paid; its lines get their period then.
    """

    boundary: datetime
    occasion: str
    currency: str
    collection: Collection
    tier: str
    lines: Sequence[LineDraft]
    source_kind: LineSource
    source_id: int
    plan: Plan | None = None
    purchase: Purchase | None = None
    months_from_payment: int | None = None

    @property
    def group_key(self) -> str:
        """Currency, payment method and occasion: what may stand on one invoice together."""
        return f"{self.currency}|{self.collection.value}|{self.occasion}"


def record_invoice(
    work: UnitOfWork, customer: Customer, draft: InvoiceDraft, *, to_deliver: bool
) -> Invoice:
    """Store one invoice with its lines and the ledger entries behind them."""
    invoice = Invoice(
        customer_id=customer.id,
        boundary=draft.boundary,
        group_key=draft.group_key,
        plan_id=draft.plan.id if draft.plan else None,
        purchase_id=draft.purchase.id if draft.purchase else None,
        status=InvoiceStatus.DRAFT,
        currency=draft.currency,
        collection=draft.collection,
        total=total_of(draft.lines),
        created_at=work.now,
        to_deliver=to_deliver,
    )
    work.session.add(invoice)
    work.flush()
    title = work.ctx.catalog.tier(draft.tier).title
    for position, line in enumerate(draft.lines):
        line = _with_free_name(work.session, draft, line)
        row = InvoiceLine(
            invoice_id=invoice.id,
            position=position,
            source_kind=draft.source_kind,
            source_id=draft.source_id,
            kind=line.kind,
            tier=draft.tier,
            description=work.ctx.describe_line(
                line.kind,
                tier_title=title,
                quantity=line.quantity,
                since=line.period_start,
                months_from_payment=draft.months_from_payment,
            ),
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            amount=line.amount,
            period_start=line.period_start,
            period_end=line.period_end,
        )
        work.session.add(row)
        work.flush()
        link_entries(work.session, row, line.entry_ids)
    return invoice


def pays_for_purchase(invoice: Invoice) -> bool:
    """Whether paying this invoice starts the plan of its purchase. An invoice for growth belongs
    to a purchase too, but paying it starts nothing."""
    return invoice.purchase_id is not None and "|purchase:" in invoice.group_key


def begins_with_payment(invoice: Invoice) -> bool:
    """Whether the time that its lines charge for begins only when it is paid: the sent invoice of
    a purchase, until its plan starts."""
    is_sent = invoice.collection is Collection.SEND_INVOICE
    return is_sent and pays_for_purchase(invoice) and invoice.plan_id is None


def link_entries(session: Session, line: InvoiceLine, entry_ids: Sequence[int]) -> None:
    """Tie a line to the ledger entries that made it."""
    session.add_all(
        InvoiceLineEntry(line_id=line.id, entry_id=entry_id, role=line.kind)
        for entry_id in entry_ids
    )
    session.flush()


def load_billed(session: Session, plan: Plan) -> dict[int, int]:
    """Licenses already billed, by index of the plan's cycle; void invoices count as billed, since
    an invoice voided or written off is never billed again."""
    statement = (
        select(InvoiceLine.period_start, InvoiceLine.quantity)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(Invoice.plan_id == plan.id, InvoiceLine.kind.in_(LICENSE_LINES))
    )
    billed: dict[int, int] = {}
    for period_start, quantity in session.execute(statement):
        index = cycle_at(plan.billing_cycle_anchor, plan.schedule, period_start).index
        billed[index] = billed.get(index, 0) + quantity
    return billed


def _with_free_name(session: Session, draft: InvoiceDraft, line: LineDraft) -> LineDraft:
    """The line, named by a second that no line of its source and kind has yet.

    Licenses can be added again in the very second of some that are billed already (a late row
    while an annual cycle is open); the second bill of that second says the next one.
    """
    if line.kind is not LineKind.ADDED:
        return line
    taken = set(
        session.scalars(
            select(InvoiceLine.period_start).where(
                InvoiceLine.source_kind == draft.source_kind,
                InvoiceLine.source_id == draft.source_id,
                InvoiceLine.kind == line.kind,
                InvoiceLine.period_end == line.period_end,
            )
        )
    )
    start = line.period_start
    while start in taken:
        start += timedelta(seconds=1)
    return replace(line, period_start=start)
