"""One invoice: its lines, the ledger entries behind each, and the audit rows behind those."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.calendar import cycle_at
from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import Collection, LineKind, LineSource, PurchaseStatus
from app.domain.ledger import Entry, effective_entries
from app.domain.money import prorate
from app.domain.seats import get_role_counts
from app.models.charges import Adjustment
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine, InvoiceLineEntry
from app.models.plans import LedgerEntry, Plan
from app.models.purchases import Purchase
from app.models.uploads import AuditRow
from app.services.context import Context
from app.services.customers import Payer
from app.services.invoices import begins_with_payment
from app.services.pages.coming import load_telling_rows
from app.services.pages.invoice_states import InvoiceState, state_of
from app.services.pages.parts import (
    CardView,
    EntryView,
    PageLine,
    RowView,
    Share,
    card_of,
    tier_title,
)
from app.services.plan_ledger import ONE_SECOND
from app.services.plan_rules import plan_terms

# Ledger entries shown behind one line; what is left out is counted.
MOST_ENTRIES = 100
# Lines that charge for a part of a cycle.
SHARED = frozenset({LineKind.ADDED, LineKind.ADJUSTMENT})


@dataclass(frozen=True, slots=True)
class InvoicePage:
    """Everything the page of one invoice shows; amounts in cents of `currency`.

    `balance_applied` is what credit paid of it. `waits_in_purchase` names the unfinished purchase that the invoice belongs to.
    """

    id: int
    number: str | None
    state: InvoiceState
    collection: Collection
    currency: str
    total: int
    balance_applied: int
    lines: tuple[PageLine, ...]
    tier_title: str | None
    boundary: datetime
    is_due: bool
    dated: datetime
    due_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    refunded_at: datetime | None
    hosted_url: str | None
    pdf_url: str | None
    failure_message: str | None
    waits_in_purchase: int | None
    card: CardView | None
    is_known_to_provider: bool
    is_estimated: bool = False

    @property
    def rest(self) -> int:
        """What credit from the customer's balance left to pay."""
        return self.total - self.balance_applied

    @property
    def is_open(self) -> bool:
        """Whether it waits for its payment."""
        return self.state in {InvoiceState.TO_PAY, InvoiceState.OVERDUE, InvoiceState.FAILED}


def load_invoice_page(
    ctx: Context, session: Session, payer: Payer, invoice_id: int, *, now: datetime
) -> InvoicePage:
    """An invoice of `payer`, with the same number of queries however much stands behind it.

    Raises NotFoundError when there is none, or it is somebody else's.
    """
    invoice, customer, plan, purchase_id = _load_invoice(session, payer, invoice_id)
    lines, entries = _load_lines(session, invoice_id)
    told = _load_adjustments(session, [line for line, _ in lines])
    before = _load_licenses_before(session, plan, entries.values())
    counts = _load_counts(session, customer, invoice_id)
    return InvoicePage(
        id=invoice.id,
        number=invoice.number,
        state=state_of(invoice, now=now),
        collection=invoice.collection,
        currency=invoice.currency,
        total=invoice.total,
        balance_applied=invoice.balance_applied,
        lines=tuple(
            replace(
                _page_line(invoice, line, links, before, counts),
                share=_share(plan, line),
                **told.get(line.id, {}),
            )
            for line, links in lines
        ),
        tier_title=tier_title(ctx.catalog, lines[0][0].tier) if lines else None,
        boundary=invoice.boundary,
        is_due=invoice.boundary <= now,
        dated=invoice.finalized_at or invoice.boundary,
        due_at=invoice.due_at,
        paid_at=invoice.paid_at,
        voided_at=invoice.voided_at,
        refunded_at=invoice.refunded_at,
        hosted_url=invoice.hosted_url,
        pdf_url=invoice.pdf_url,
        failure_message=invoice.failure_message,
        waits_in_purchase=purchase_id,
        card=card_of(customer),
        is_known_to_provider=customer.stripe_customer_id is not None,
        is_estimated=invoice.is_estimated,
    )


Links = list[tuple[LedgerEntry, AuditRow | None]]


def _load_invoice(
    session: Session, payer: Payer, invoice_id: int
) -> tuple[Invoice, Customer, Plan | None, int | None]:
    statement = (
        select(Invoice, Customer, Plan, Purchase.id)
        .join(Customer, Customer.id == Invoice.customer_id)
        .outerjoin(Plan, Plan.id == Invoice.plan_id)
        .outerjoin(
            Purchase,
            and_(Purchase.id == Invoice.purchase_id, Purchase.status == PurchaseStatus.OPEN),
        )
        .where(Invoice.id == invoice_id, Customer.uuid == payer.uuid)
    )
    found = session.execute(statement).unique().one_or_none()
    if found is None:
        raise NotFoundError("invoice")
    invoice, customer, plan, purchase_id = found
    return invoice, customer, plan, purchase_id


def _load_lines(
    session: Session, invoice_id: int
) -> tuple[list[tuple[InvoiceLine, Links]], dict[int, LedgerEntry]]:
    """The lines in order, each with its entries and their audit rows; and all entries by id."""
    statement = (
        select(InvoiceLine, LedgerEntry, AuditRow)
        .outerjoin(InvoiceLineEntry, InvoiceLineEntry.line_id == InvoiceLine.id)
        .outerjoin(LedgerEntry, LedgerEntry.id == InvoiceLineEntry.entry_id)
        .outerjoin(AuditRow, AuditRow.id == LedgerEntry.log_entry_id)
        .where(InvoiceLine.invoice_id == invoice_id)
        .order_by(
            InvoiceLine.position,
            LedgerEntry.event_time,
            LedgerEntry.is_renewal.desc(),
            LedgerEntry.order_id,
            LedgerEntry.id,
        )
    )
    lines: dict[int, tuple[InvoiceLine, Links]] = {}
    entries: dict[int, LedgerEntry] = {}
    for line, entry, row in session.execute(statement):
        _, links = lines.setdefault(line.id, (line, []))
        if entry is not None:
            links.append((entry, row))
            entries[entry.id] = entry
    return list(lines.values()), entries


def _load_adjustments(session: Session, lines: Iterable[InvoiceLine]) -> dict[int, dict[str, Any]]:
    """Why adjustments are, and which uploaded row told: by the id of their line."""
    by_source = {
        line.source_id: line.id for line in lines if line.source_kind is LineSource.ADJUSTMENT
    }
    if not by_source:
        return {}
    found = session.scalars(select(Adjustment).where(Adjustment.id.in_(by_source))).all()
    rows = load_telling_rows(session, found)
    return {
        by_source[one.id]: {"correction": one.reason, "told_by": rows.get(one.id)} for one in found
    }


def _load_licenses_before(
    session: Session, plan: Plan | None, entries: Iterable[LedgerEntry]
) -> Mapping[int, int]:
    """The licenses in force just before each entry, by the entry's id; the first has none."""
    linked = list(entries)
    if plan is None or not linked:
        return {}
    first = min(entry.event_time for entry in linked)
    # An entry on a boundary follows the last one of the cycle before it.
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, first)
    since = cycle.start
    if first == cycle.start and cycle.index > 0:
        since = cycle_at(plan.billing_cycle_anchor, plan.schedule, cycle.start - ONE_SECOND).start
    statement = select(
        LedgerEntry.event_time,
        LedgerEntry.is_renewal,
        LedgerEntry.licenses,
        LedgerEntry.licenses_at_next_renewal,
        LedgerEntry.order_id,
        LedgerEntry.people,
        LedgerEntry.log_entry_id,
        LedgerEntry.actor,
        LedgerEntry.id,
    ).where(
        LedgerEntry.plan_id == plan.id,
        LedgerEntry.event_time >= since,
        LedgerEntry.event_time <= max(entry.event_time for entry in linked),
    )
    known = effective_entries(Entry(*row) for row in session.execute(statement))
    before: dict[int, int] = {}
    highest: int | None = None
    for entry in known:
        if highest is not None and entry.id is not None:
            before[entry.id] = highest
        if highest is None or entry.is_renewal:
            highest = entry.licenses
        else:
            highest = max(highest, entry.licenses)
    return before


def _load_counts(session: Session, customer: Customer, invoice_id: int) -> dict[int, AuditRow]:
    """For entries that no row caused (a purchase, a renewal): the row that told how many people
    there were, by the entry's id."""
    if customer.organization_id is None:
        return {}
    source = aliased(AuditRow)
    latest = (
        select(source.id)
        .where(
            source.organization_id == customer.organization_id,
            source.seats.is_not(None),
            or_(
                source.event_time < LedgerEntry.event_time,
                and_(
                    source.event_time == LedgerEntry.event_time,
                    source.order_id <= LedgerEntry.order_id,
                ),
            ),
        )
        .order_by(source.event_time.desc(), source.id_epoch.desc(), source.remote_id.desc())
        .limit(1)
        .correlate(LedgerEntry)
        .scalar_subquery()
    )
    statement = (
        select(LedgerEntry.id, AuditRow)
        .join(InvoiceLineEntry, InvoiceLineEntry.entry_id == LedgerEntry.id)
        .join(InvoiceLine, InvoiceLine.id == InvoiceLineEntry.line_id)
        .join(AuditRow, AuditRow.id == latest)
        .where(InvoiceLine.invoice_id == invoice_id, LedgerEntry.log_entry_id.is_(None))
    )
    found: dict[int, AuditRow] = {}
    for entry_id, row in session.execute(statement):
        found[entry_id] = row
    return found


def _page_line(
    invoice: Invoice,
    line: InvoiceLine,
    links: Links,
    before: Mapping[int, int],
    counts: Mapping[int, AuditRow],
) -> PageLine:
    # A single charge is for no length of time.
    is_dated = not begins_with_payment(invoice) and line.period_start < line.period_end
    return PageLine(
        description=line.description,
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        amount=line.amount,
        period_start=line.period_start if is_dated else None,
        period_end=line.period_end if is_dated else None,
        why=tuple(
            _entry_view(entry, row or counts.get(entry.id), before.get(entry.id))
            for entry, row in links[:MOST_ENTRIES]
        ),
        hidden=max(0, len(links) - MOST_ENTRIES),
        kind=line.kind,
    )


def _share(plan: Plan | None, line: InvoiceLine) -> Share | None:
    """What part of its cycle a line charged for, where the plan as stored gives exactly its price:
    what was agreed otherwise meanwhile is not explained by guessing."""
    if plan is None or plan.price_per_license is None or line.kind not in SHARED:
        return None
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, line.period_start)
    # With what staff took off, or before they did.
    for each in (plan_terms(plan).price_in(cycle), plan.price_per_license):
        share = Share(each, line.period_end - line.period_start, cycle.length)
        price = prorate(share.price, remaining=share.remaining, length=share.length)
        if price == line.unit_amount:
            return share
    return None


def _entry_view(entry: LedgerEntry, row: AuditRow | None, before: int | None) -> EntryView:
    return EntryView(
        at=entry.event_time,
        is_renewal=entry.is_renewal,
        licenses_before=before,
        licenses=max(entry.licenses, before or 0) if not entry.is_renewal else entry.licenses,
        licenses_at_next_renewal=entry.licenses_at_next_renewal,
        people=entry.people,
        actor=entry.actor,
        rows=(_row_view(row),) if row is not None else (),
    )


def _row_view(row: AuditRow) -> RowView:
    return RowView(
        remote_id=row.remote_id,
        at=row.event_time,
        event_type=row.event_type,
        people=row.seats,
        roles=_roles(row),
    )


def _roles(row: AuditRow) -> tuple[tuple[str, int], ...]:
    try:
        counts = get_role_counts(row) or {}
    except BillingError:
        # Stored before a rule became stricter: the number of people still stands beside it.
        return ()
    return tuple((role, counts[role]) for role in sorted(counts) if counts[role])
