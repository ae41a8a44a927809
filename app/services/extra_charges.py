"""What stands on the next invoice beside the plan's own time: adjustments and one-off charges."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.invoicing import LineDraft, total_of
from app.domain.kinds import LineKind, LineSource
from app.models.charges import Adjustment, BalanceCredit, OneOff
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.services.context import Context
from app.services.invoices import InvoicePart
from app.services.unit_of_work import UnitOfWork

Charge = Adjustment | OneOff


def load_open_charges(session: Session, plans: Sequence[Plan], *, now: datetime) -> list[Charge]:
    """What waits for the next invoice of these plans of one customer, oldest first."""
    adjustments = session.scalars(
        select(Adjustment)
        .where(Adjustment.plan_id.in_([plan.id for plan in plans]), Adjustment.invoice_id.is_(None))
        .order_by(Adjustment.id)
    )
    one_offs = session.scalars(
        select(OneOff)
        .where(
            OneOff.customer_id == plans[-1].customer_id,
            OneOff.currency == plans[-1].currency,
            OneOff.invoice_id.is_(None),
            OneOff.canceled_at.is_(None),
            OneOff.at_once.is_(False),
            OneOff.created_at <= now,
        )
        .order_by(OneOff.id)
    )
    return [*adjustments, *one_offs]


def parts_of_charges(
    ctx: Context, charges: Sequence[Charge], plans: Sequence[Plan]
) -> list[InvoicePart]:
    """The lines of these charges, each its own source."""
    by_id = {plan.id: plan for plan in plans}
    return [
        part_of_adjustment(ctx, charge, by_id[charge.plan_id])
        if isinstance(charge, Adjustment)
        else part_of_one_off(charge, tier=plans[-1].tier)
        for charge in charges
    ]


def part_of_adjustment(ctx: Context, charge: Adjustment, plan: Plan) -> InvoicePart:
    """The line of an adjustment. What is given back is so many licenses at a negative price."""
    line = LineDraft(
        LineKind.ADJUSTMENT,
        abs(charge.licenses),
        charge.unit_amount if charge.licenses > 0 else -charge.unit_amount,
        charge.period_start,
        charge.period_end,
        () if charge.entry_id is None else (charge.entry_id,),
    )
    text = ctx.describe_adjustment(
        charge.reason, licenses=charge.licenses, since=charge.period_start
    )
    return InvoicePart(plan.tier, [line], LineSource.ADJUSTMENT, charge.id, plan=plan, text=text)


def part_of_one_off(charge: OneOff, *, tier: str) -> InvoicePart:
    """The line of a single charge; it is for the instant at which staff added it."""
    line = LineDraft(LineKind.ONE_OFF, 1, charge.amount, charge.created_at, charge.created_at)
    return InvoicePart(tier, [line], LineSource.ONE_OFF, charge.id, text=charge.description)


def keep_the_rest(
    work: UnitOfWork, plan: Plan, parts: Sequence[InvoicePart], *, boundary: datetime
) -> list[InvoicePart]:
    """No invoice is below zero: what an estimate gives back beyond it goes onto the customer's
    credit balance, and a line says so."""
    total = sum(total_of(part.lines) for part in parts)
    if total >= 0:
        return []
    text = work.ctx.describe_adjustment(None, licenses=0, since=boundary)
    work.session.add(
        BalanceCredit(
            customer_id=plan.customer_id,
            plan_id=plan.id,
            amount=-total,
            currency=plan.currency,
            description=text,
            created_at=work.now,
        )
    )
    line = LineDraft(LineKind.CREDIT, 1, -total, boundary, boundary)
    return [InvoicePart(plan.tier, [line], LineSource.PLAN, plan.id, plan=plan, text=text)]


def mark_charged(charges: Sequence[Charge], invoice: Invoice) -> None:
    """They stand on `invoice` and wait no more."""
    for charge in charges:
        charge.invoice_id = invoice.id
