"""The facts that notices to customers are decided from, read from what is stored."""

from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at
from app.domain.catalog import Catalog
from app.domain.kinds import (
    LIVE_STATUSES,
    AtCycleEnd,
    Collection,
    LicenseManagement,
    TierKind,
)
from app.domain.ledger import entry_at
from app.domain.notices import NEWS_FOR, PlanFacts, end_of_card
from app.models.customers import Customer
from app.models.plans import Plan, has_begun
from app.models.registrations import Server
from app.services.plan_ledger import get_counted_organization_ids, get_next_plan, load_entries
from app.services.plan_rules import is_complimentary, to_entries
from app.services.seats import count_people, is_stale


def get_customers_to_notify(session: Session, *, now: datetime) -> list[int]:
    """The customers with a plan that runs, or that ended so lately that it is news."""
    is_news: ColumnElement[bool] = Plan.ended_at > now - NEWS_FOR
    statement = (
        select(Plan.customer_id)
        .where(or_(Plan.status.in_(LIVE_STATUSES), is_news))
        .distinct()
        .order_by(Plan.customer_id)
    )
    return list(session.scalars(statement))


def get_plan_to_notify_of(session: Session, customer_id: int) -> Plan | None:
    """The plan that runs, else the one that ended last."""
    begun = select(Plan).where(Plan.customer_id == customer_id, has_begun())
    plans = list(session.scalars(begun.order_by(Plan.ended_at, Plan.id)).unique())
    live = [plan for plan in plans if plan.status in LIVE_STATUSES]
    ended = [plan for plan in plans if plan.ended_at is not None]
    return live[0] if live else max(ended, key=_end_of, default=None)


def _end_of(plan: Plan) -> tuple[datetime, int]:
    assert plan.ended_at is not None
    return plan.ended_at, plan.id


def load_facts(
    session: Session,
    catalog: Catalog,
    plan: Plan,
    customer: Customer,
    server: Server,
    now: datetime,
) -> PlanFacts:
    """What there is to know of `plan` as of `now`."""
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, now)
    following = get_next_plan(session, plan)
    tier = catalog.tiers.get(plan.tier)
    is_ending = plan.end_date is not None and following is None
    renews_at = plan.end_date if following is not None else cycle.end
    is_stopped = server.deactivated_at is not None
    people, licenses, at_renewal = None, None, None
    counts = plan.license_management is LicenseManagement.MANUAL and plan.fixed_price is None
    if counts and plan.status in LIVE_STATUSES and not is_stale(server, now=now):
        counted = get_counted_organization_ids(session, customer, server)
        people = sum(count_people(session, organization_ids=counted, at=now).values())
        entry = entry_at(to_entries(load_entries(session, plan_id=plan.id)), now)
        if entry is not None:
            licenses, at_renewal = entry.licenses, entry.licenses_at_next_renewal
    return PlanFacts(
        plan_id=plan.id,
        status=plan.status,
        schedule=plan.schedule,
        anchor=plan.billing_cycle_anchor,
        cycle_start=max(cycle.start, plan.trial_start or cycle.start),
        is_complimentary=is_complimentary(plan),
        is_legacy=tier is not None and tier.kind is TierKind.LEGACY,
        is_per_license=plan.fixed_price is None,
        is_exempt=customer.exempt_from_license_number_check,
        renews_at=None if is_ending else renews_at,
        ends_at=plan.end_date if is_ending and plan.at_cycle_end is AtCycleEnd.END else None,
        agreed_end=plan.end_date,
        ended_at=plan.ended_at,
        ended_reason=plan.ended_reason,
        card=customer.card_last4,
        card_good_until=_card_good_until(plan, following, customer),
        last_heard=None if is_stopped else server.last_audit_log_update,
        people=people,
        licenses=licenses,
        licenses_at_renewal=at_renewal,
    )


def _card_good_until(plan: Plan, following: Plan | None, customer: Customer) -> datetime | None:
    """The end of the card on file, if anything is to be charged to it after that."""
    year, month = customer.card_exp_year, customer.card_exp_month
    payers = [one for one in (plan, following) if one is not None and not is_complimentary(one)]
    by_card = [one for one in payers if one.collection is Collection.CHARGE_AUTOMATICALLY]
    if customer.card_payment_method is None or year is None or month is None or not by_card:
        return None
    over = end_of_card(year, month)
    last = by_card[-1]
    is_needed = last.end_date is None or last.end_date > over or last.next_plan_id is not None
    return over if is_needed else None
