"""Who may buy what: one plan, one payer, the tier that was agreed with staff, and one free trial.
Reads only."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog, Tier
from app.domain.errors import BillingError
from app.domain.kinds import TierKind
from app.models.customers import Customer
from app.models.plans import Plan, has_begun
from app.models.registrations import Organization, Server
from app.services.coverage import get_covering_plan
from app.services.customers import Payer, get_live_plan
from app.services.plan_rules import is_complimentary


def check_may_buy(
    session: Session, payer: Payer, customer: Customer | None, *, now: datetime
) -> None:
    """Refuse whoever has a plan already, or whose server pays (one payer).

    A plan that costs nothing (legacy, sponsored) stands in nobody's way: what is bought takes its
    place. Raises BillingError `already_subscribed`, `server_deactivated`, `covered_by_server`.
    """
    live = get_live_plan(session, customer.id) if customer is not None else None
    if live is not None and not is_over(live, now=now) and not is_complimentary(live):
        raise BillingError("already_subscribed", tier=live.tier)
    if session.get_one(Server, payer.server_id).deactivated_at is not None:
        raise BillingError("server_deactivated")
    if payer.organization_id is None:
        return
    organization = session.get_one(Organization, payer.organization_id)
    covering = get_covering_plan(session, organization)
    others = covering is not None and (customer is None or covering.customer_id != customer.id)
    if covering is not None and others and not is_over(covering, now=now):
        raise BillingError("covered_by_server")


def is_over(plan: Plan, *, now: datetime) -> bool:
    """Whether the end of a live plan has come; it is over even before a job has written that down.

    Not when another plan is to follow: then that one begins at the very end.
    """
    return plan.end_date is not None and plan.end_date <= now and plan.next_plan_id is None


def load_sold_tier(catalog: Catalog, customer: Customer | None, *, key: str) -> Tier:
    """The tier of that key, if this customer can buy it.

    Where staff agreed on one tier with a customer, no other can be bought, and that one even when
    it is not for sale to everyone. Raises BillingError `unknown_tier` or `tier_required` (with the
    title of the tier that can be bought).
    """
    tier = catalog.tiers.get(key)
    required = customer.required_plan_tier if customer is not None else None
    if required is None:
        if tier is None or not tier.self_serve:
            raise BillingError("unknown_tier")
        return tier
    agreed = catalog.tiers.get(required)
    if tier is None or key != required:
        title = required if agreed is None else agreed.title
        raise BillingError("tier_required", tier=title)
    if tier.kind is not TierKind.PAID:
        # A fixed price is an offer that staff make.
        raise BillingError("unknown_tier")
    return tier


def get_sold_tiers(catalog: Catalog, customer: Customer | None) -> list[Tier]:
    """What this customer can buy alone, cheapest first: everything that is for sale, or the one
    tier that staff agreed on with him."""
    if customer is None or customer.required_plan_tier is None:
        return catalog.self_serve_tiers()
    agreed = catalog.tiers.get(customer.required_plan_tier)
    return [agreed] if agreed is not None and agreed.kind is TierKind.PAID else []


def get_trial_days(session: Session, payer: Payer, customer: Customer | None, tier: Tier) -> int:
    """How many days `payer` can try `tier` for nothing.

    None for a customer who ever had a plan, of whatever tier, nor for an organization whose server
    had one.
    """
    days = tier.trials[payer.kind]
    if not days:
        return 0
    payers = [Customer.server_id == payer.server_id]
    if customer is not None:
        payers.append(Customer.id == customer.id)
    had_plan = (
        select(Plan.id)
        .join(Customer, Customer.id == Plan.customer_id)
        .where(
            or_(*payers),
            has_begun(),
        )
        .limit(1)
    )
    return 0 if session.scalars(had_plan).first() is not None else days
