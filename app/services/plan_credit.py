"""What a plan that ends inside its cycle was paid for and does not use: money, and months of a
discount. Reads only. Rules: docs/rules/changes.md.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at, whole_months_between
from app.domain.invoicing import PaidLine, unused_value
from app.domain.kinds import InvoiceStatus, LineKind
from app.models.invoices import Invoice, InvoiceLine
from app.models.plans import Plan
from app.services.invoices import LICENSE_LINES
from app.services.plan_rules import new_customer_terms

CREDITED = (*LICENSE_LINES, LineKind.DISCOUNT, LineKind.ADJUSTMENT)


def load_paid_lines(session: Session, plan: Plan, *, at: datetime) -> list[PaidLine]:
    """Everything paid that is for time of the plan after `at`; what was paid back is left out."""
    statement = (
        select(InvoiceLine.amount, InvoiceLine.period_start, InvoiceLine.period_end)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(
            InvoiceLine.plan_id == plan.id,
            InvoiceLine.kind.in_(CREDITED),
            InvoiceLine.period_end > at,
            Invoice.status == InvoiceStatus.PAID,
            Invoice.refunded_at.is_(None),
        )
    )
    return [PaidLine(*row) for row in session.execute(statement)]


def compute_credit(session: Session, plan: Plan, *, at: datetime) -> int:
    """Cents of everything paid that are for time of the plan after `at`."""
    return unused_value(load_paid_lines(session, plan, at=at), at=at)


def compute_unused_months(plan: Plan, *, at: datetime, is_paid: bool) -> int:
    """Whole months of the plan's discount of so many months that the bill of this cycle used up
    for time after `at`; all of them when that bill was not paid. A discount that was for a part of
    the cycle's months was spread over all of them."""
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, at)
    if cycle.index < 0:
        return 0
    used = new_customer_terms(plan).months_used_by(cycle.index, plan.schedule)
    whole = whole_months_between(plan.billing_cycle_anchor, at, cycle.end)
    return used * whole // plan.schedule.months if is_paid else used


def is_discount_paid(session: Session, plan: Plan, *, at: datetime) -> bool:
    """Whether the bill of the cycle of `at` gave its discount and was paid."""
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, at)
    paid = (
        select(InvoiceLine.id)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(
            InvoiceLine.plan_id == plan.id,
            InvoiceLine.kind == LineKind.DISCOUNT,
            InvoiceLine.period_start == cycle.start,
            Invoice.status == InvoiceStatus.PAID,
            Invoice.refunded_at.is_(None),
        )
    )
    return session.scalars(paid.limit(1)).first() is not None
