"""The paid feature of organizations, from what is stored (reads only)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.coverage import Cover, Entitlement, decide_entitlement, decide_plan_end
from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, TierKind
from app.domain.ledger import entry_at
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.services.coverage import get_live_plans
from app.services.may_buy import is_over
from app.services.plan_ledger import load_entries
from app.services.plan_rules import to_entries
from app.services.seats import count_people, is_stale


@dataclass(frozen=True, slots=True)
class EntitlementDetails:
    """The entitlement of one organization with what it follows from.

    `tier` is a key of the catalog; `licenses` those in force of the plan that covers it, None
    without one; `people` counts this organization alone.
    """

    entitlement: Entitlement
    tier: str
    licenses: int | None
    people: int


def load_entitlements(
    session: Session,
    catalog: Catalog,
    server: Server,
    organizations: Sequence[Organization],
    *,
    now: datetime,
) -> dict[int, Entitlement]:
    """The entitlement of each of the server's organizations, by our ids, in few queries."""
    plans = get_live_plans(session, organizations)
    people = count_people(session, organization_ids=list(plans), at=now)
    stale = is_stale(server, now=now)
    return {
        organization_id: decide_entitlement(
            now=now,
            is_deactivated=server.deactivated_at is not None,
            is_sponsored=any(
                _tier_kind(catalog, plan) is TierKind.SPONSORED and not is_over(plan, now=now)
                for plan in plans[organization_id]
            ),
            cover=_cover(plans[organization_id]),
            people=people[organization_id],
            free_seats=catalog.free_seats,
            last_audit_log_update=server.last_audit_log_update,
            is_stale=stale,
        )
        for organization_id in plans
    }


def load_entitlements_by_uuid(
    session: Session, catalog: Catalog, server: Server, *, uuids: Iterable[str], now: datetime
) -> dict[str, Entitlement]:
    """The same for the organizations of these UUIDs, by UUID. All must be of this server."""
    wanted = set(uuids)
    if not wanted:
        return {}
    statement = select(Organization).where(Organization.server_id == server.id)
    found = [
        organization for organization in session.scalars(statement) if organization.uuid in wanted
    ]
    entitlements = load_entitlements(session, catalog, server, found, now=now)
    return {
        organization.uuid: entitlements[organization.id]
        for organization in found
        if organization.uuid is not None
    }


def load_entitlement_details(
    session: Session, catalog: Catalog, *, server_id: int, organization_uuid: str, now: datetime
) -> EntitlementDetails:
    """One organization of the server with that id of ours.

    Raises BillingError `organization_unknown` or `organization_of_other_server`.
    """
    server = session.get_one(Server, server_id)
    organization = load_organization_of(session, catalog, server, uuid=organization_uuid)
    entitlements = load_entitlements(session, catalog, server, [organization], now=now)
    plans = get_live_plans(session, [organization])[organization.id]
    cover = _cover(plans)
    plan = plans[0] if cover is not None and cover.holds(at=now) else None
    people = count_people(session, organization_ids=[organization.id], at=now)
    return EntitlementDetails(
        entitlement=entitlements[organization.id],
        tier=_free_tier(catalog) if plan is None else plan.tier,
        licenses=None if plan is None else _licenses(session, plan, now=now),
        people=people[organization.id],
    )


def load_organization_of(
    session: Session, catalog: Catalog, server: Server, *, uuid: str
) -> Organization:
    """The organization of that UUID on this server.

    Raises BillingError `organization_unknown` when no list of a server has named it, and
    `organization_of_other_server` with the address of support, whom the product sends its admin
    to (login-flow, "An organization known under another server").
    """
    organization = session.scalars(
        select(Organization).where(Organization.uuid == uuid)
    ).one_or_none()
    if organization is None:
        raise BillingError("organization_unknown")
    if organization.server_id != server.id:
        raise BillingError("organization_of_other_server", support=catalog.brand.support_email)
    return organization


def _cover(plans: Sequence[Plan]) -> Cover | None:
    """The first of an organization's live plans is the one that covers it."""
    if not plans:
        return None
    plan = plans[0]
    is_ending = plan.at_cycle_end is AtCycleEnd.END or (
        plan.end_date is not None and plan.next_plan_id is None
    )
    ends_at = None
    if is_ending:
        ends_at = decide_plan_end(
            billing_cycle_anchor=plan.billing_cycle_anchor,
            schedule=plan.schedule,
            next_invoice_date=plan.next_invoice_date,
            end_date=plan.end_date,
        )
    return Cover(
        is_per_license=plan.fixed_price is None,
        ends_at=ends_at,
        deferred_since=plan.invoice_deferred_since,
    )


def _tier_kind(catalog: Catalog, plan: Plan) -> TierKind:
    """A plan outlives its tier in the catalog; what was sold once was paid for."""
    tier = catalog.tiers.get(plan.tier)
    return TierKind.PAID if tier is None else tier.kind


def _free_tier(catalog: Catalog) -> str:
    return next(tier.key for tier in catalog.tiers.values() if tier.kind is TierKind.FREE)


def _licenses(session: Session, plan: Plan, *, now: datetime) -> int | None:
    entry = entry_at(to_entries(load_entries(session, plan_id=plan.id)), now)
    return None if entry is None else entry.licenses
