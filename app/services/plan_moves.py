"""Whether what a server bought goes to an organization of it, or back (billing rules, "Server and
organization"). Reads only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import CustomerKind, OfferStatus, PlanStatus, PurchaseStatus
from app.domain.ledger import entry_at
from app.models.customers import Customer
from app.models.deals import Offer
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.models.registrations import Organization, Server
from app.services.customers import Payer, get_customer, get_live_plan, payer_of_organization
from app.services.plan_ledger import load_entries
from app.services.plan_rules import to_entries


class Stays(StrEnum):
    """Why a plan does not move."""

    SEVERAL_ORGANIZATIONS = "several_organizations"
    NOT_BILLABLE = "not_billable"
    SPONSORSHIP_PENDING = "sponsorship_pending"
    OPEN_PURCHASE = "open_purchase"
    HAS_PLAN = "has_plan"
    PAID_BEFORE = "paid_before"
    OTHER_TERMS = "other_terms"


@dataclass(frozen=True, slots=True)
class MovingPlan:
    """What is going to move, for a page: its tier, and the licenses in force (None: unknown)."""

    tier_title: str
    licenses: int | None
    has_next_plan: bool


def server_payer(server: Server) -> Payer:
    """The payer that a server is."""
    return Payer(CustomerKind.SERVER, server.uuid, server.id, None, server.hostname)


def get_customer_to_move(session: Session, organization: Organization) -> Customer | None:
    """The server's customer whose live plan is to go to `organization` at a login; None when there
    is no such plan, or the organization has one of its own and needs none."""
    giver = get_customer(session, server_payer(organization.server))
    if giver is None or get_live_plan(session, giver.id) is None:
        return None
    taker = get_customer(session, payer_of_organization(organization))
    if taker is not None and get_live_plan(session, taker.id) is not None:
        return None
    return giver


def find_hindrance_at_login(
    session: Session, giver: Customer, organization: Organization
) -> Stays | None:
    """Why the plan of `giver`, the organization's server, stays there; None when it moves."""
    billable = select(func.count()).where(
        Organization.server_id == organization.server_id,
        Organization.deactivated.is_(False),
        Organization.locally_deleted_at.is_(None),
        Organization.is_system_bot_realm.is_(False),
    )
    if (session.scalar(billable) or 0) > 1:
        return Stays.SEVERAL_ORGANIZATIONS
    if (
        organization.is_system_bot_realm
        or organization.deactivated
        or organization.locally_deleted_at is not None
    ):
        return Stays.NOT_BILLABLE
    taker = get_customer(session, payer_of_organization(organization))
    return find_hindrance(session, giver, taker)


def find_hindrance(session: Session, giver: Customer, taker: Customer | None) -> Stays | None:
    """Why what `giver` bought cannot go to `taker` (None: not a customer yet), whoever asks."""
    both = [giver] if taker is None else [giver, taker]
    if any(customer.sponsorship_pending for customer in both):
        return Stays.SPONSORSHIP_PENDING
    ids = [customer.id for customer in both]
    payments = select(Purchase.id).where(
        Purchase.customer_id.in_(ids), Purchase.status == PurchaseStatus.OPEN
    )
    if session.scalars(payments.limit(1)).first() is not None:
        return Stays.OPEN_PURCHASE
    if taker is None:
        return None
    scheduled = select(Plan.id).where(
        Plan.customer_id == taker.id, Plan.status == PlanStatus.NEVER_STARTED
    )
    has_scheduled = session.scalars(scheduled.limit(1)).first() is not None
    if get_live_plan(session, taker.id) is not None or has_scheduled:
        return Stays.HAS_PLAN
    if taker.stripe_customer_id is not None:
        return Stays.PAID_BEFORE
    if (has_terms(giver) and has_terms(taker)) or _have_both_offers(session, ids):
        return Stays.OTHER_TERMS
    return None


def has_terms(customer: Customer) -> bool:
    """Whether staff agreed on anything with a customer that a merge of two would have to weigh."""
    return (
        customer.required_plan_tier is not None
        or customer.discount_percent is not None
        or customer.discount_monthly_price is not None
        or customer.discount_annual_price is not None
        or customer.minimum_licenses is not None
        or customer.exempt_from_license_number_check
    )


def _have_both_offers(session: Session, customer_ids: list[int]) -> bool:
    offers = select(func.count()).where(
        Offer.customer_id.in_(customer_ids), Offer.status == OfferStatus.OPEN
    )
    return (session.scalar(offers) or 0) > 1


def describe_moving_plan(
    session: Session, catalog: Catalog, giver: Customer, *, now: datetime
) -> MovingPlan:
    """The live plan of `giver`, as the page says it."""
    plan = get_live_plan(session, giver.id)
    assert plan is not None, "only a customer with a live plan is asked about"
    entry = entry_at(to_entries(load_entries(session, plan_id=plan.id)), now)
    tier = catalog.tiers.get(plan.tier)
    return MovingPlan(
        tier_title=plan.tier if tier is None else tier.title,
        licenses=None if entry is None else entry.licenses,
        has_next_plan=plan.next_plan_id is not None,
    )
