"""Staff move the end that was agreed for a plan: of a legacy or sponsored one, or of a fixed price.

A fixed price is for a year, so its end never goes beyond twelve months after the anchor. When it
comes earlier nothing is given back, and by the month the one it ends in is billed whole.
"""

from datetime import datetime

from app.domain.calendar import month_boundary
from app.domain.errors import BillingError
from app.domain.kinds import TierKind
from app.domain.transitions import Change
from app.models.plans import Plan
from app.services.complimentary import check_until, is_of_kind
from app.services.context import Actor, Context
from app.services.customers import Payer, get_customer, get_live_plan
from app.services.legacy import move_legacy_end
from app.services.offers import MONTHS
from app.services.plan_ledger import get_next_plan
from app.services.plan_life import apply_change
from app.services.plan_rules import has_agreed_end, is_complimentary
from app.services.running_plan import audit_change, claim_running_plan
from app.services.staff_change import StaffChange, checked_reason
from app.services.unit_of_work import UnitOfWork, unit_of_work


def move_agreed_end(
    ctx: Context,
    payer: Payer,
    *,
    until: datetime,
    reason: str,
    actor: Actor,
    dry_run: bool = False,
) -> StaffChange:
    """Let the plan that runs end at `until` instead of when it was agreed.

    Raises BillingError `no_plan`, `no_agreed_end` for a plan that renews, `end_not_ahead`,
    `end_too_far`, `end_unchanged`, `end_beyond_year`, `end_holds_next` while something is scheduled
    for the end of a fixed price, and those of a reason.
    """
    said = checked_reason(reason)
    if _is_legacy(ctx, payer):
        return move_legacy_end(ctx, payer, until=until, reason=said, actor=actor, dry_run=dry_run)
    with unit_of_work(ctx) as work:
        _, _, plan = claim_running_plan(work, payer)
        before = plan.end_date
        _check(work, plan, until)
        apply_change(plan, Change.MOVE_END)
        plan.end_date = until
        if is_complimentary(plan):
            plan.next_invoice_date = until
        change = StaffChange(_shown(plan, before), _shown(plan, until))
        audit_change(
            work,
            "plan.end_moved",
            plan,
            actor,
            reason=said,
            tier=plan.tier,
            until=change.after["until"],
            instead_of=change.before["until"],
        )
        if not dry_run:
            work.commit()
        return change


def _is_legacy(ctx: Context, payer: Payer) -> bool:
    with unit_of_work(ctx) as work:
        customer = get_customer(work.session, payer)
        plan = None if customer is None else get_live_plan(work.session, customer.id)
        return plan is not None and is_of_kind(ctx.catalog, plan, TierKind.LEGACY)


def _check(work: UnitOfWork, plan: Plan, until: datetime) -> None:
    if not has_agreed_end(plan):
        raise BillingError("no_agreed_end")
    check_until(until, now=work.now)
    if plan.end_date == until:
        raise BillingError("end_unchanged", date=until)
    if plan.fixed_price is None:
        return
    last = month_boundary(plan.billing_cycle_anchor, MONTHS)
    if until > last:
        raise BillingError("end_beyond_year", day=last)
    if get_next_plan(work.session, plan) is not None:
        raise BillingError("end_holds_next")


def _shown(plan: Plan, until: datetime | None) -> dict[str, str | None]:
    return {"plan": plan.tier, "until": None if until is None else until.isoformat()}
