"""Where a person is led after login (login flow, step 10)."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import LIVE_STATUSES, PlanStatus, TierKind
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.services.coverage import get_live_plans
from app.services.login_links import DEFAULT_PAGE, NEXT_PAGES


def decide_landing(
    session: Session, place: Organization | Server, *, next_page: str | None, catalog: Catalog
) -> str:
    """The name of the page: what was asked for, else what fits the plan.

    Sponsored leads to the sponsorship page, a live plan (of an organization or of its server) to
    billing, a plan that is scheduled to billing as well, and no plan to the plans.
    """
    if next_page in NEXT_PAGES:
        return next_page
    if isinstance(place, Organization):
        live = get_live_plans(session, [place])[place.id]
    else:
        live = _own_plans(session, place, *LIVE_STATUSES)
    # A plan outlives its tier in the catalog.
    tiers = [catalog.tiers.get(plan.tier) for plan in live]
    if any(tier is not None and tier.kind is TierKind.SPONSORED for tier in tiers):
        return "sponsorship"
    if live or _own_plans(session, place, PlanStatus.NEVER_STARTED):
        return DEFAULT_PAGE
    return "plans"


def _own_plans(session: Session, place: Organization | Server, *statuses: PlanStatus) -> list[Plan]:
    statement = (
        select(Plan)
        .join(Customer, Customer.id == Plan.customer_id)
        .where(_is_customer(place), Plan.status.in_(statuses))
    )
    return list(session.scalars(statement))


def _is_customer(place: Organization | Server) -> ColumnElement[bool]:
    if isinstance(place, Organization):
        return Customer.organization_id == place.id
    return Customer.server_id == place.id
