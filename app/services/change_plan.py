"""What a customer changes about a running plan: end it, keep it, set the number of licenses."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.calendar import cycle_at
from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, CancellationReason, LicenseManagement
from app.domain.transitions import Change, decide_transition
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.context import Actor, Context
from app.services.customers import Payer
from app.services.plan_life import apply_change, end_if_set_now
from app.services.plan_rules import ledger_rules
from app.services.preview_change import make_change
from app.services.quote import MOST_LICENSES, count_payer_people
from app.services.recount_plan import recount_plan
from app.services.running_plan import (
    append_entry,
    audit_change,
    claim_running_plan,
    get_current_entry,
    give_up_next_plan,
    refuse_agreed_plan,
)
from app.services.unit_of_work import UnitOfWork

# Characters of what a customer says about why it leaves.
LONGEST_COMMENT = 1000


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Why the customer ends its plan, as far as it said."""

    reason: CancellationReason | None = None
    comment: str = ""


def end_plan_at_cycle_end(
    ctx: Context, payer: Payer, *, actor: Actor, said: Cancellation | None = None
) -> datetime:
    """See `end_at_cycle_end`."""
    return make_change(ctx, lambda work: end_at_cycle_end(work, payer, actor=actor, said=said))


def end_at_cycle_end(
    work: UnitOfWork,
    payer: Payer,
    *,
    actor: Actor,
    reason: str = "",
    said: Cancellation | None = None,
) -> datetime:
    """Let the plan end when its cycle does, or its free trial; returns that instant. Can be taken
    back until then.

    `reason` is why staff do it; `said` what the customer said, kept with the plan. Its words stay
    out of the audit log: they may name people. Raises BillingError `no_plan`, `plan_is_agreed` or `transition_refused`.
    """
    _, _, plan = claim_running_plan(work, payer)
    refuse_agreed_plan(plan)
    apply_change(plan, Change.END_AT_CYCLE_END)
    ends = plan.end_date = end_if_set_now(work.session, plan, now=work.now)
    told = {}
    if said is not None:
        plan.cancellation_reason = said.reason
        plan.cancellation_comment = said.comment[:LONGEST_COMMENT] or None
        told = {"said": said.reason.value} if said.reason is not None else {}
    audit_change(work, "plan.set_to_end", plan, actor, reason=reason, end=ends.isoformat(), **told)
    return ends


def keep_plan(ctx: Context, payer: Payer, *, actor: Actor) -> AtCycleEnd:
    """See `take_back`."""
    return make_change(ctx, lambda work: take_back(work, payer, actor=actor))


def take_back(work: UnitOfWork, payer: Payer, *, actor: Actor, reason: str = "") -> AtCycleEnd:
    """Take an instructed end back, or a scheduled change; returns what the instruction was.

    Raises BillingError `no_plan`, `plan_is_agreed` or `transition_refused`.
    """
    server, customer, plan = claim_running_plan(work, payer)
    if plan.end_date is not None and plan.end_date <= work.now:
        raise BillingError("plan_has_ended")
    # What staff agreed ends as agreed: kept, it would go on for nothing.
    refuse_agreed_plan(plan)
    was = plan.at_cycle_end
    apply_change(plan, Change.KEEP)
    plan.end_date = None
    plan.cancellation_reason = plan.cancellation_comment = None
    give_up_next_plan(work, plan, actor=actor)
    recount_plan(work, server, customer, actor=actor)
    audit_change(work, "plan.kept", plan, actor, reason=reason, instead_of=was.value)
    return was


def change_licenses_now(ctx: Context, payer: Payer, *, licenses: int, actor: Actor) -> None:
    """Raise the licenses of a manual plan now, and with them the number at renewal.

    The difference is on the next invoice. Raises BillingError `not_manual`, `licenses_not_raised`,
    `too_few_licenses`, `too_many_licenses`, `contact_support_for_more`, `no_plan`,
    `transition_refused`.
    """
    make_change(ctx, lambda work: raise_licenses(work, payer, licenses, actor=actor))


def raise_licenses(
    work: UnitOfWork, payer: Payer, licenses: int, *, actor: Actor, reason: str = ""
) -> None:
    """See `change_licenses_now`."""
    server, customer, plan = claim_running_plan(work, payer)
    current = get_current_entry(work, plan)
    people = _check_licenses(work, plan, customer, payer, licenses)
    if licenses <= current.licenses:
        raise BillingError("licenses_not_raised", licenses=current.licenses)
    at_renewal = max(licenses, current.licenses_at_next_renewal)
    append_entry(work, server, plan, (licenses, at_renewal), people=people, actor=actor)
    audit_change(work, "plan.licenses_raised", plan, actor, reason=reason, licenses=licenses)


def change_licenses_at_renewal(ctx: Context, payer: Payer, *, licenses: int, actor: Actor) -> None:
    """Set the licenses a manual plan renews with. Raises as `change_licenses_now`, and
    `licenses_unchanged`, and `plan_is_ending` since there will be no renewal."""
    make_change(ctx, lambda work: set_renewal_licenses(work, payer, licenses, actor=actor))


def set_renewal_licenses(
    work: UnitOfWork, payer: Payer, licenses: int, *, actor: Actor, reason: str = ""
) -> None:
    """See `change_licenses_at_renewal`."""
    server, customer, plan = claim_running_plan(work, payer)
    if plan.at_cycle_end is AtCycleEnd.END:
        raise BillingError("plan_is_ending")
    current = get_current_entry(work, plan)
    people = _check_licenses(work, plan, customer, payer, licenses)
    if licenses == current.licenses_at_next_renewal:
        raise BillingError("licenses_unchanged", licenses=licenses)
    pair = (current.licenses, licenses)
    append_entry(work, server, plan, pair, people=people, actor=actor)
    audit_change(
        work, "plan.licenses_at_renewal_set", plan, actor, reason=reason, licenses=licenses
    )


def _check_licenses(
    work: UnitOfWork, plan: Plan, customer: Customer, payer: Payer, licenses: int
) -> int:
    """Refuse a number that is too small or absurd; returns the people counted now."""
    if plan.license_management is not LicenseManagement.MANUAL:
        raise BillingError("not_manual")
    decide_transition(plan.status, plan.at_cycle_end, Change.CHANGE_LICENSES)
    people = count_payer_people(work.session, payer, now=work.now).people
    rules = ledger_rules(plan, customer)
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, work.now)
    least = 1 if rules.exempt else max(people, rules.minimum_during(cycle))
    if licenses < least:
        raise BillingError("too_few_licenses", minimum=least, people=people)
    if licenses > MOST_LICENSES:
        raise BillingError("too_many_licenses", maximum=MOST_LICENSES)
    most = work.ctx.settings.max_invoice_amount
    if plan.price_per_license is not None and licenses * plan.price_per_license > most:
        raise BillingError("contact_support_for_more", total=most, currency=plan.currency)
    return people
