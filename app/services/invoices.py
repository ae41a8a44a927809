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
from app.domain.kinds import (
    AdjustmentReason,
    Collection,
    InvoiceStatus,
    LineKind,
    LineSource,
    PromoKind,
)
from app.models.charges import Adjustment
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine, InvoiceLineEntry
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.services.unit_of_work import UnitOfWork

LICENSE_LINES = (LineKind.FIRST, LineKind.RENEWAL, LineKind.ADDED)


@dataclass(frozen=True, slots=True)
class InvoicePart:
    """Lines of one source. `text` is what stands on them where they have words of their own.

    `plan` is the plan whose time they charge for, None before a purchase has one.
    """

    tier: str
    lines: Sequence[LineDraft]
    source_kind: LineSource
    source_id: int
    plan: Plan | None = None
    text: str | None = None
    is_estimated: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """What is about to be stored. `occasion` is `cycle`, `purchase:<id>`, `growth:<id>`,
    `switch:<plan id>` or `one_off:<id>`.

    months_from_payment: the length of the first cycle of a purchase that begins when its invoice
    is paid; its lines get their period then. due_at: the last day for paying a sent invoice, where
    it is not so many days from its sending.
    """

    boundary: datetime
    occasion: str
    currency: str
    collection: Collection
    parts: Sequence[InvoicePart]
    purchase: Purchase | None = None
    months_from_payment: int | None = None
    due_at: datetime | None = None

    @property
    def total(self) -> int:
        """Sum of all lines in cents."""
        return sum(total_of(part.lines) for part in self.parts)

    @property
    def plan(self) -> Plan | None:
        """The plan that the invoice is about: of several, the one that goes on."""
        plans = [part.plan for part in self.parts if part.plan is not None]
        return max(plans, key=lambda plan: plan.id) if plans else None

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
        total=draft.total,
        due_at=draft.due_at,
        is_estimated=any(part.is_estimated for part in draft.parts),
        created_at=work.now,
        to_deliver=to_deliver,
    )
    work.session.add(invoice)
    work.flush()
    position = 0
    for part in draft.parts:
        for line in part.lines:
            _record_line(work, invoice, draft, part, line, position=position)
            position += 1
    return invoice


def _record_line(
    work: UnitOfWork,
    invoice: Invoice,
    draft: InvoiceDraft,
    part: InvoicePart,
    line: LineDraft,
    *,
    position: int,
) -> None:
    line = _with_free_name(work.session, part, line)
    # A plan outlives its tier in the catalog.
    tier = work.ctx.catalog.tiers.get(part.tier)
    row = InvoiceLine(
        invoice_id=invoice.id,
        position=position,
        source_kind=part.source_kind,
        source_id=part.source_id,
        plan_id=part.plan.id if part.plan else None,
        kind=line.kind,
        tier=part.tier,
        description=part.text
        or work.ctx.describe_line(
            line.kind,
            tier_title=part.tier if tier is None else tier.title,
            quantity=line.quantity,
            since=line.period_start,
            months_from_payment=draft.months_from_payment,
            promo=_promo_of(draft, part),
            is_estimated=part.is_estimated,
        ),
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        amount=line.amount,
        period_start=line.period_start,
        period_end=line.period_end,
        is_estimated=part.is_estimated,
    )
    work.session.add(row)
    work.flush()
    link_entries(work.session, row, line.entry_ids)


def _promo_of(draft: InvoiceDraft, part: InvoicePart) -> PromoKind:
    """Whose discount a discount line gives."""
    if part.plan is not None:
        return part.plan.promo_kind
    return draft.purchase.promo_kind if draft.purchase is not None else PromoKind.NEW_CUSTOMER


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
    an invoice voided or written off is never billed again. An estimate that was put right counts as
    what it was put right to."""
    statement = select(InvoiceLine.period_start, InvoiceLine.quantity).where(
        InvoiceLine.plan_id == plan.id, InvoiceLine.kind.in_(LICENSE_LINES)
    )
    billed: dict[int, int] = {}
    for period_start, quantity in session.execute(statement):
        index = cycle_at(plan.billing_cycle_anchor, plan.schedule, period_start).index
        billed[index] = billed.get(index, 0) + quantity
    for index, licenses in load_estimate_corrections(session, plan).items():
        billed[index] = billed.get(index, 0) + licenses
    return billed


def load_estimate_corrections(session: Session, plan: Plan) -> dict[int, int]:
    """The licenses by which estimates of whole cycles were put right, by index of the cycle."""
    statement = select(Adjustment.period_start, Adjustment.period_end, Adjustment.licenses).where(
        Adjustment.plan_id == plan.id,
        Adjustment.reason == AdjustmentReason.ESTIMATE,
        Adjustment.period_start == Adjustment.cycle_start,
    )
    over = plan.ended_at or plan.end_date
    found: dict[int, int] = {}
    for start, end, licenses in session.execute(statement):
        cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, start)
        if end == cycle.end or end == over:
            found[cycle.index] = found.get(cycle.index, 0) + licenses
    return found


def _with_free_name(session: Session, part: InvoicePart, line: LineDraft) -> LineDraft:
    """The line, named by a second that no line of its source and kind has yet.

    Licenses can be added again in the very second of some that are billed already (a late row
    while an annual cycle is open); the second bill of that second says the next one.
    """
    if line.kind is not LineKind.ADDED:
        return line
    taken = set(
        session.scalars(
            select(InvoiceLine.period_start).where(
                InvoiceLine.source_kind == part.source_kind,
                InvoiceLine.source_id == part.source_id,
                InvoiceLine.kind == line.kind,
                InvoiceLine.period_end == line.period_end,
            )
        )
    )
    start = line.period_start
    while start in taken:
        start += timedelta(seconds=1)
    return replace(line, period_start=start)
