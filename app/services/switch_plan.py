"""Another schedule, or another tier, from the end of the cycle on.

The plan that runs ends with its cycle and the one that follows is scheduled for that instant: the
closing lines of the first and the first lines of the second are one invoice. Can be taken back
until then (`change_plan.take_back`). Rules: docs/rules/changes.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.calendar import cycle_at
from app.domain.errors import BillingError
from app.domain.kinds import Schedule
from app.domain.transitions import Change
from app.services.context import Actor
from app.services.customers import Payer
from app.services.next_terms import PlanChoice, check_terms, is_higher, load_tier, spec_of, terms_of
from app.services.plan_factory import make_plan
from app.services.plan_life import apply_change
from app.services.recount_plan import recount_plan
from app.services.running_plan import audit_change, claim_running_plan, refuse_agreed_plan
from app.services.switch_trial import can_switch_trial, switch_trial
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A plan that will follow: when, what it will be, and the terms as they are signed. It has
    begun already (`has_begun`) where a free trial goes on with another schedule."""

    at: datetime
    tier: str
    schedule: Schedule
    terms: Mapping[str, Any]
    has_begun: bool = False


def switch_at_cycle_end(
    work: UnitOfWork,
    payer: Payer,
    choice: PlanChoice,
    *,
    actor: Actor,
    confirmed: Mapping[str, Any] | None = None,
    by_staff: bool = False,
    reason: str = "",
) -> Scheduled:
    """Let `choice` follow the plan that runs when its cycle ends; another schedule of a free trial
    by card begins at once.

    Raises BillingError `no_plan`, `plan_is_agreed`, `unknown_tier`, `change_is_none`,
    `higher_at_once` (customers move to a higher tier at once), `transition_refused` and
    `change_outdated`.
    """
    server, customer, plan = claim_running_plan(work, payer)
    refuse_agreed_plan(plan)
    tier = load_tier(work, customer, choice.tier, by_staff=by_staff or choice.tier == plan.tier)
    is_same_tier = tier.key == plan.tier
    if is_same_tier and choice.schedule is plan.schedule:
        raise BillingError("change_is_none", tier=tier.title)
    if not (is_same_tier or by_staff) and is_higher(work, plan, tier):
        raise BillingError("higher_at_once", tier=tier.title)
    if is_same_tier and can_switch_trial(plan):
        spec = spec_of(
            work,
            payer,
            customer,
            plan,
            tier,
            schedule=choice.schedule,
            starts_at=plan.billing_cycle_anchor,
        )
        check_terms(confirmed, plan, spec)
        terms = terms_of(plan, spec)
        switch_trial(
            work,
            server=server,
            customer=customer,
            plan=plan,
            spec=spec,
            actor=actor,
            reason=reason,
        )
        return Scheduled(work.now, tier.key, choice.schedule, terms, has_begun=True)
    apply_change(plan, Change.SWITCH_SCHEDULE if is_same_tier else Change.SWITCH_TIER)
    at = cycle_at(plan.billing_cycle_anchor, plan.schedule, work.now).end
    spec = spec_of(work, payer, customer, plan, tier, schedule=choice.schedule, starts_at=at)
    check_terms(confirmed, plan, spec)
    following = make_plan(work, customer, spec, actor=actor, reason=reason or "switch")
    plan.next_plan_id, plan.end_date = following.id, at
    recount_plan(work, server, customer, actor=actor)
    audit_change(
        work,
        "plan.switch_scheduled",
        plan,
        actor,
        reason=reason,
        next_plan=following.id,
        tier=tier.key,
        schedule=choice.schedule.value,
        at=at.isoformat(),
    )
    return Scheduled(at, tier.key, choice.schedule, terms_of(plan, spec))
