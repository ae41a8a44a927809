"""Plans that cost nothing: legacy ones until an agreed date, and sponsored ones.

Each is active from the moment it is made, is set to end at its date, and is never invoiced.
Rules: docs/rules/transitions.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog, Tier
from app.domain.errors import BillingError
from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    LicenseManagement,
    PlanStatus,
    Schedule,
    TierKind,
)
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Server
from app.services.context import Actor
from app.services.customers import get_live_plan
from app.services.plan_factory import PlanSpec, make_plan
from app.services.plan_ledger import get_counted_organization_ids
from app.services.plan_rules import ledger_rules
from app.services.running_plan import append_entry, audit_change
from app.services.seats import count_people, is_stale
from app.services.unit_of_work import UnitOfWork

# Nobody means to give something away for longer; a mistyped year would be kept unseen.
LONGEST = timedelta(days=366 * 20)


@dataclass(frozen=True, slots=True)
class Complimentary:
    """What is to be given: the kind of its tier, and the instant at which it ends."""

    kind: TierKind
    until: datetime


def tier_of_kind(catalog: Catalog, kind: TierKind) -> Tier:
    """The catalog's one tier of a kind of which there is exactly one."""
    return next(tier for tier in catalog.tiers.values() if tier.kind is kind)


def is_of_kind(catalog: Catalog, plan: Plan, kind: TierKind) -> bool:
    """Whether the plan is of a tier of that kind; one that is not sold any more was paid."""
    tier = catalog.tiers.get(plan.tier)
    return tier is not None and tier.kind is kind


def check_until(until: datetime, *, now: datetime) -> None:
    """Refuse an end that is no time ahead. Raises BillingError `end_not_ahead` or
    `end_too_far`."""
    if until <= now:
        raise BillingError("end_not_ahead", date=until)
    if until > now + LONGEST:
        raise BillingError("end_too_far", date=until)


def get_scheduled_plan(session: Session, customer_id: int) -> Plan | None:
    """The plan that waits for its start; at most one, by a unique index."""
    return session.scalars(
        select(Plan).where(Plan.customer_id == customer_id, Plan.status == PlanStatus.NEVER_STARTED)
    ).one_or_none()


def check_nothing_runs(work: UnitOfWork, customer: Customer) -> None:
    """Refuse a customer who has a plan, or one that waits for its start.

    Raises BillingError `customer_has_plan` or `customer_has_scheduled_plan` with its tier.
    """
    scheduled = get_scheduled_plan(work.session, customer.id)
    if scheduled is not None:
        raise BillingError(
            "customer_has_scheduled_plan",
            tier=_title(work, scheduled),
            at=scheduled.billing_cycle_anchor,
        )
    live = get_live_plan(work.session, customer.id)
    if live is not None:
        raise BillingError("customer_has_plan", tier=_title(work, live), ends_at=live.end_date)


def start_complimentary_plan(
    work: UnitOfWork,
    server: Server,
    customer: Customer,
    given: Complimentary,
    *,
    actor: Actor,
    reason: str,
) -> Plan:
    """Give a customer a plan that costs nothing, with its one ledger row.

    Server and customer must be claimed, and no other plan live. Missing data counts nobody.
    """
    tier = tier_of_kind(work.ctx.catalog, given.kind)
    spec = PlanSpec(
        tier=tier.key,
        status=PlanStatus.ACTIVE,
        at_cycle_end=AtCycleEnd.END,
        schedule=Schedule.ANNUAL,
        currency=work.ctx.catalog.currency,
        price=0,
        # Nothing is sold, so nothing has to be bought; what was agreed with the customer stands.
        tier_minimum=0,
        management=LicenseManagement.AUTOMATIC,
        collection=Collection.CHARGE_AUTOMATICALLY,
        anchor=work.now,
        invoiced_until=work.now,
        next_invoice_date=given.until,
        end_date=given.until,
    )
    plan = make_plan(work, customer, spec, actor=actor, reason=reason)
    people = 0
    if not is_stale(server, now=work.now):
        counted = get_counted_organization_ids(work.session, customer, server)
        people = sum(count_people(work.session, organization_ids=counted, at=work.now).values())
    licenses = ledger_rules(plan, customer).needed_at(people, work.now)
    # Rows of the very second up to this one were counted.
    entry = append_entry(
        work, server, plan, (licenses, licenses), people=people, actor=actor, is_renewal=True
    )
    plan.invoiced_through = entry.id
    audit_change(
        work,
        "plan.given",
        plan,
        actor,
        reason=reason,
        tier=plan.tier,
        until=given.until.isoformat(),
        licenses=licenses,
    )
    return plan


def _title(work: UnitOfWork, plan: Plan) -> str:
    tier = work.ctx.catalog.tiers.get(plan.tier)
    return plan.tier if tier is None else tier.title
