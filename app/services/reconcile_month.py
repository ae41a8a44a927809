"""Reading what explains the difference between recurring revenue and the invoices of a month."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from app.domain.metrics import Month, PlanRate
from app.domain.reconciliation import LineFact, PlanState, Reconciliation, reconcile
from app.models.invoices import Invoice, InvoiceLine
from app.models.plans import Plan
from app.services.mrr import Rates


def reconcile_month(
    session: Session, month: Month, closing: Rates, *, currency: str, now: datetime
) -> Reconciliation:
    """Explain the rates at the end of `month` (or now, while it lasts) by invoice lines, and those
    by the invoices of the month, as all of it stood then. One query."""
    before = month.closing(now)
    states = {
        plan.plan_id: PlanState(plan.schedule, plan.rate, plan.is_fixed) for plan in closing.plans
    }
    lines = []
    for row in session.execute(_lines(currency, month.start, before)):
        has_begun = row.plan_id is not None and row.plan_made < before
        if has_begun and row.plan_id not in states:
            states[row.plan_id] = PlanState(row.schedule, PlanRate(), row.fixed_price is not None)
        lines.append(
            LineFact(
                plan_id=row.plan_id if has_begun else None,
                kind=row.kind,
                quantity=row.quantity,
                unit_amount=row.unit_amount,
                covers=has_begun and row.period_start < before <= row.period_end,
                in_month=row.made >= month.start,
                is_void=row.voided_at is not None and row.voided_at < before,
            )
        )
    return reconcile(states, lines)


def _lines(currency: str, opened: datetime, before: datetime) -> Select[*tuple[Any, ...]]:
    """The lines of the month's invoices, and those for time that holds its last second."""
    covers = and_(InvoiceLine.period_start < before, InvoiceLine.period_end >= before)
    return (
        select(
            InvoiceLine.plan_id,
            InvoiceLine.kind,
            InvoiceLine.quantity,
            InvoiceLine.unit_amount,
            InvoiceLine.period_start,
            InvoiceLine.period_end,
            Invoice.created_at.label("made"),
            Invoice.voided_at,
            Plan.created_at.label("plan_made"),
            Plan.schedule,
            Plan.fixed_price,
        )
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .outerjoin(Plan, Plan.id == InvoiceLine.plan_id)
        .where(
            Invoice.currency == currency,
            Invoice.created_at < before,
            or_(Invoice.created_at >= opened, covers),
        )
    )
