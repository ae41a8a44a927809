"""Legacy plans: staff let a customer of the old terms have everything for nothing until a date.

A date given by staff means 00:00 UTC at its start. At the end the plan ends quietly, or the plan
that the customer scheduled begins (app/services/schedule_upgrade.py).
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.calendar import month_boundary
from app.domain.catalog import Catalog
from app.domain.errors import BillingError
from app.domain.kinds import EndReason, TierKind
from app.domain.transitions import Change
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.services.complimentary import (
    Complimentary,
    check_nothing_runs,
    check_until,
    is_of_kind,
    start_complimentary_plan,
)
from app.services.context import Actor, Context
from app.services.coverage import get_covering_plan
from app.services.customers import Payer, claim_payer, get_live_plan
from app.services.ledger import sync_server_ledgers
from app.services.offers import MONTHS
from app.services.plan_ledger import get_next_plan
from app.services.plan_life import apply_change, end_plan
from app.services.running_plan import audit_change, give_up_next_plan
from app.services.staff_change import StaffChange, checked_reason
from app.services.unit_of_work import UnitOfWork, unit_of_work


def create_legacy_plan(
    ctx: Context,
    payer: Payer,
    *,
    until: datetime,
    reason: str,
    actor: Actor,
    dry_run: bool = False,
    again: bool = False,
) -> StaffChange:
    """Put a customer on a legacy plan until `until`. With `again`, one who has exactly that
    already is passed over. A dry run checks everything and keeps nothing.

    Raises BillingError `end_not_ahead`, `end_too_far`, `server_deactivated`,
    `covered_by_others`, `customer_has_plan`, `customer_has_scheduled_plan`, and those of a reason.
    """
    reason = checked_reason(reason)
    with unit_of_work(ctx) as work:
        server, customer = _claim(work, payer)
        live = get_live_plan(work.session, customer.id)
        is_legacy = live is not None and is_of_kind(ctx.catalog, live, TierKind.LEGACY)
        if again and live is not None and is_legacy and live.end_date == until:
            there = _shown(work, live)
            return StaffChange(there, there)
        check_until(until, now=work.now)
        _check_may_have(work, payer, server, customer)
        check_nothing_runs(work, customer)
        given = Complimentary(TierKind.LEGACY, until)
        plan = start_complimentary_plan(work, server, customer, given, actor=actor, reason=reason)
        change = StaffChange({}, _shown(work, plan))
        if not dry_run:
            work.commit()
        return change


def move_legacy_end(
    ctx: Context,
    payer: Payer,
    *,
    until: datetime,
    reason: str,
    actor: Actor,
    dry_run: bool = False,
) -> StaffChange:
    """Move the end of a legacy plan, and with it the start of the plan that is scheduled for it.

    Raises BillingError `no_legacy_plan`, `end_not_ahead`, `end_too_far`, `end_unchanged`.
    """
    reason = checked_reason(reason)
    with unit_of_work(ctx) as work:
        _, customer = _claim(work, payer)
        plan = load_legacy_plan(work.session, ctx.catalog, customer)
        check_until(until, now=work.now)
        if plan.end_date == until:
            raise BillingError("end_unchanged", date=until)
        before = _shown(work, plan)
        apply_change(plan, Change.MOVE_END)
        plan.end_date = plan.next_invoice_date = until
        plan.invoice_deferred_since = None
        following = get_next_plan(work.session, plan)
        if following is not None:
            # Nothing of it has begun, so nothing was computed from its anchor.
            following.billing_cycle_anchor = until
            if following.end_date is not None:
                following.end_date = month_boundary(until, MONTHS)
        work.flush()
        after = _shown(work, plan)
        audit_change(
            work,
            "plan.end_moved",
            plan,
            actor,
            reason=reason,
            tier=plan.tier,
            until=after["until"],
            instead_of=before["until"],
        )
        if not dry_run:
            work.commit()
        return StaffChange(before, after)


def end_legacy_plan(
    ctx: Context, payer: Payer, *, reason: str, actor: Actor, dry_run: bool = False
) -> StaffChange:
    """End a legacy plan now, and give up the plan that is scheduled for its end.

    Raises BillingError `no_legacy_plan`.
    """
    reason = checked_reason(reason)
    with unit_of_work(ctx) as work:
        _, customer = _claim(work, payer)
        plan = load_legacy_plan(work.session, ctx.catalog, customer)
        before = _shown(work, plan)
        if get_next_plan(work.session, plan) is not None:
            give_up_next_plan(work, plan, actor=actor)
            apply_change(plan, Change.CANCEL_NEXT)
        end_plan(
            work, plan, at=work.now, change=Change.END_NOW, reason=EndReason.STAFF, actor=actor
        )
        after = {"plan": None, "until": None, "scheduled": None}
        audit_change(work, "plan.ended_by_staff", plan, actor, reason=reason, tier=plan.tier)
        if not dry_run:
            work.commit()
        return StaffChange(before, after)


def load_legacy_plan(session: Session, catalog: Catalog, customer: Customer | None) -> Plan:
    """The legacy plan that runs. Raises BillingError `no_legacy_plan`."""
    plan = get_live_plan(session, customer.id) if customer is not None else None
    if plan is None or not is_of_kind(catalog, plan, TierKind.LEGACY):
        raise BillingError("no_legacy_plan")
    return plan


def _claim(work: UnitOfWork, payer: Payer) -> tuple[Server, Customer]:
    """Lock the payer and let whatever has come to its end by now be over."""
    server, customer = claim_payer(work, payer)
    sync_server_ledgers(work, server, as_of=work.now)
    work.flush()
    return server, customer


def _check_may_have(work: UnitOfWork, payer: Payer, server: Server, customer: Customer) -> None:
    if server.deactivated_at is not None:
        raise BillingError("server_deactivated")
    if payer.organization_id is None:
        return
    organization = work.session.get_one(Organization, payer.organization_id)
    covering = get_covering_plan(work.session, organization)
    if covering is not None and covering.customer_id != customer.id:
        raise BillingError("covered_by_others", host=server.hostname)


def _shown(work: UnitOfWork, plan: Plan) -> dict[str, Any]:
    following = get_next_plan(work.session, plan)
    return {
        "plan": plan.tier,
        "until": None if plan.end_date is None else plan.end_date.isoformat(),
        "scheduled": None if following is None else following.tier,
    }
