"""A plan that ended since it was not paid for goes on when the money comes after all."""

from datetime import timedelta

from sqlalchemy import select, update

from app.domain.calendar import next_month_boundary
from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, EndReason, InvoiceStatus, PlanStatus
from app.domain.transitions import Change
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.metrics import PlanEnd
from app.models.plans import Plan, has_begun
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import SYSTEM
from app.services.customers import get_live_plan, load_payer
from app.services.may_buy import check_may_buy
from app.services.plan_ledger import PlanSync
from app.services.plan_life import apply_change
from app.services.unit_of_work import UnitOfWork

# How long after its end the payment of what was owed still brings a plan back.
REVIVED_WITHIN = timedelta(days=30)


def revive_plan_if_paid(
    work: UnitOfWork, *, server: Server, customer: Customer, invoice: Invoice
) -> Plan | None:
    """Let the plan go on that ended because `invoice` was not paid, now that it is; None when there
    is no such plan, it ended too long ago, or something stands in its way (another plan, the
    server's plan, or that the server has left).

    It goes on with its original anchor as if it had never ended: its ledger is brought up to now,
    and the next run bills the boundaries that have passed. Server and customer must be claimed.
    """
    if invoice.status is not InvoiceStatus.PAID:
        return None
    plan = _get_ended_plan(work, customer, invoice)
    if plan is None or not _may_go_on(work, customer, plan, invoice):
        return None
    ended_at = plan.ended_at
    assert ended_at is not None, "it has ended"
    apply_change(plan, Change.REVIVE)
    plan.ended_at = plan.ended_reason = None
    work.session.execute(
        update(PlanEnd)
        .where(PlanEnd.plan_id == plan.id, PlanEnd.revived_at.is_(None))
        .values(revived_at=work.now)
    )
    if plan.at_cycle_end is AtCycleEnd.RENEW:
        # Whatever was to follow it was called off when it ended.
        plan.end_date = plan.next_plan_id = None
    plan.invoice_deferred_since = None
    anchor, billed = plan.billing_cycle_anchor, plan.invoiced_until
    plan.next_invoice_date = anchor if billed < anchor else next_month_boundary(anchor, billed)
    work.flush()
    PlanSync(work, plan, customer, server).catch_up(since=ended_at, as_of=work.now)
    record_audit(
        work,
        "plan.revived",
        actor=SYSTEM,
        customer_id=customer.id,
        before={"ended_at": ended_at.isoformat()},
        after={"plan": plan.id, "invoice": invoice.id},
    )
    return plan


def _get_ended_plan(work: UnitOfWork, customer: Customer, invoice: Invoice) -> Plan | None:
    """The plan that ended over `invoice`: its own, or the one that had followed it; for a charge
    without a plan, the one that ended last."""
    if invoice.plan_id is None:
        latest = (
            select(Plan)
            .where(Plan.customer_id == customer.id, Plan.status == PlanStatus.ENDED, has_begun())
            .order_by(Plan.ended_at.desc(), Plan.id.desc())
            .limit(1)
        )
        plan = work.session.scalars(latest).unique().one_or_none()
    else:
        plan = work.session.get_one(Plan, invoice.plan_id)
    while plan is not None and plan.ended_reason is EndReason.SWITCHED and plan.next_plan_id:
        plan = work.session.get_one(Plan, plan.next_plan_id)
    is_unpaid = plan is not None and plan.ended_reason is EndReason.UNPAID
    return plan if is_unpaid else None


def _may_go_on(work: UnitOfWork, customer: Customer, plan: Plan, invoice: Invoice) -> bool:
    paid_at = invoice.paid_at or work.now
    if plan.ended_at is None or paid_at - plan.ended_at > REVIVED_WITHIN:
        return False
    if get_live_plan(work.session, customer.id) is not None:
        return False
    try:
        payer = load_payer(work.session, uuid=customer.uuid)
        check_may_buy(work.session, payer, customer, now=work.now)
    except BillingError:
        return False
    return True
