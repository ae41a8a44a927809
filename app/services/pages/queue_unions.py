"""The queues that several tables fill: deals that end soon, and what changed hands."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, literal_column, union_all
from sqlalchemy.orm import aliased

from app.domain.catalog import Catalog
from app.domain.kinds import LIVE_STATUSES, TierKind
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.deals import Offer, OrganizationMove, PlanMove
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.services.pages.queue_columns import Source, What, of_kinds, queue_row

# Deals are looked at while there is time to talk about the next one.
AHEAD = timedelta(days=62)
# Transfers that somebody may ask about.
LATELY = timedelta(days=30)


def deals(now: datetime, catalog: Catalog) -> Source:
    """Discounts, fixed prices, legacy plans and sponsorships, by the day of their end."""

    def plans(what: What, condition: ColumnElement[bool], owner: Any = None) -> Select[Any]:
        return (
            queue_row(
                Plan.id,
                Customer.uuid,
                Customer.display_name,
                Plan.end_date,
                at=Plan.end_date,
                owner=owner,
                what=what,
                tier=Plan.tier,
                amount=Plan.fixed_price,
                currency=Plan.currency,
            )
            .join(Customer, Customer.id == Plan.customer_id)
            .outerjoin(Offer, Offer.id == Plan.offer_id)
            .where(
                Plan.status.in_(LIVE_STATUSES),
                Plan.next_plan_id.is_(None),
                Plan.end_date > now,
                Plan.end_date <= now + AHEAD,
                condition,
            )
        )

    discounts = queue_row(
        Customer.id,
        Customer.uuid,
        Customer.display_name,
        Customer.discount_ends_at,
        at=Customer.discount_ends_at,
        owner=Customer.discount_owner,
        what=What.DISCOUNT,
        tier=Customer.required_plan_tier,
        number=Customer.discount_percent,
    ).where(Customer.discount_ends_at > now, Customer.discount_ends_at <= now + AHEAD)
    return union_all(
        discounts,
        plans(What.FIXED_PRICE, Plan.fixed_price.is_not(None), Offer.owner),
        plans(What.LEGACY, Plan.tier.in_(of_kinds(catalog, TierKind.LEGACY))),
        plans(What.SPONSORED, Plan.tier.in_(of_kinds(catalog, TierKind.SPONSORED))),
    )


def transfers(now: datetime, _catalog: Catalog) -> Source:
    """Registrations, organizations and plans that changed hands lately."""
    old = aliased(Server)
    # Written as a literal, so that the index of these entries is used.
    is_transfer = AuditEntry.action == literal_column("'server.transferred'")
    registrations = (
        queue_row(
            AuditEntry.id, Server.uuid, Server.hostname, AuditEntry.at, what=What.REGISTRATION
        )
        .join(Server, Server.id == AuditEntry.server_id)
        .where(is_transfer, AuditEntry.at > now - LATELY)
    )
    organizations = (
        queue_row(
            OrganizationMove.id,
            Organization.uuid,
            func.coalesce(func.nullif(Organization.name, ""), Organization.host),
            OrganizationMove.moved_at,
            owner=old.hostname,
            what=What.ORGANIZATION,
            text=Server.hostname,
        )
        .join(Organization, Organization.id == OrganizationMove.organization_id)
        .join(old, old.id == OrganizationMove.from_server_id)
        .join(Server, Server.id == OrganizationMove.to_server_id)
        .where(OrganizationMove.moved_at > now - LATELY)
    )
    plans = (
        queue_row(
            PlanMove.id,
            Customer.uuid,
            Customer.display_name,
            PlanMove.moved_at,
            owner=Server.hostname,
            what=What.PLAN,
            text=cast(PlanMove.to_kind, String()),
        )
        .join(Customer, Customer.id == PlanMove.to_customer_id)
        .join(Server, Server.id == PlanMove.server_id)
        .where(PlanMove.moved_at > now - LATELY)
    )
    return union_all(registrations, organizations, plans)
