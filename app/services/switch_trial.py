"""Another schedule during a free trial by card: at once, since nothing was paid yet. The new plan
is in its trial, which ends when the old one's would have. Rules: docs/rules/changes.md."""

from dataclasses import replace

from app.domain.calendar import BEFORE, cycle_number
from app.domain.kinds import AtCycleEnd, Collection, EndReason, PlanStatus
from app.domain.transitions import Change
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Server
from app.services.context import Actor
from app.services.plan_factory import PlanSpec, make_plan
from app.services.plan_ledger import get_counted_organization_ids
from app.services.plan_life import end_plan
from app.services.plan_rules import ledger_rules
from app.services.running_plan import append_entry, audit_change, get_current_entry
from app.services.seats import count_people
from app.services.unit_of_work import UnitOfWork


def can_switch_trial(plan: Plan) -> bool:
    """Whether the schedule of `plan` changes at once: not once a trial was invoiced ahead."""
    by_card = plan.collection is Collection.CHARGE_AUTOMATICALLY
    return plan.status is PlanStatus.TRIAL and plan.at_cycle_end is AtCycleEnd.RENEW and by_card


def switch_trial(
    work: UnitOfWork,
    *,
    server: Server,
    customer: Customer,
    plan: Plan,
    spec: PlanSpec,
    actor: Actor,
    reason: str = "",
) -> Plan:
    """End `plan`, which is in its free trial, and begin the plan of `spec` in its place, in trial
    until the same end.

    Server and customer must be claimed, and the ledger brought up to now. Raises BillingError
    `transition_refused`.
    """
    chosen = get_current_entry(work, plan).licenses_at_next_renewal
    end_plan(work, plan, at=work.now, change=Change.REPLACE, reason=EndReason.REPLACED, actor=actor)
    # Nothing was used that could be billed.
    plan.next_invoice_date = None
    work.flush()
    made = make_plan(
        work,
        customer,
        replace(
            spec,
            status=PlanStatus.TRIAL,
            anchor=plan.billing_cycle_anchor,
            trial_start=work.now,
            next_invoice_date=plan.billing_cycle_anchor,
            invoiced_until=work.now,
        ),
        actor=actor,
        reason=reason or "switch",
    )
    counted = get_counted_organization_ids(work.session, customer, server)
    people = sum(count_people(work.session, organization_ids=counted, at=work.now).values())
    rules = ledger_rules(made, customer)
    licenses = max(1, rules.needed(people, cycle_number(rules.anchor, made.schedule, BEFORE)))
    if not rules.automatic:
        licenses = chosen if rules.exempt else max(chosen, licenses)
    append_entry(
        work, server, made, (licenses, licenses), people=people, actor=actor, is_renewal=True
    )
    audit_change(
        work,
        "plan.replaced",
        made,
        actor,
        reason=reason,
        instead_of=plan.id,
        tier=made.tier,
        schedule=made.schedule.value,
        licenses=licenses,
    )
    return made
