"""Where a person is led after login (login flow, step 10)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import PlanStatus, TierKind
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization
from app.services.coverage import get_live_plans
from app.services.login_links import DEFAULT_PAGE, NEXT_PAGES


def decide_landing(
    session: Session, organization: Organization, *, next_page: str | None, catalog: Catalog
) -> str:
    """The name of the page: what the product asked for, else what fits the plan.

    Sponsored leads to the sponsorship page, a live plan (its own or its server's) to billing, a
    plan that is scheduled to billing as well, and no plan to the plans.
    """
    if next_page in NEXT_PAGES:
        return next_page
    live = get_live_plans(session, [organization])[organization.id]
    if any(catalog.tier(plan.tier).kind is TierKind.SPONSORED for plan in live):
        return "sponsorship"
    if live or _has_scheduled_plan(session, organization):
        return DEFAULT_PAGE
    return "plans"


def _has_scheduled_plan(session: Session, organization: Organization) -> bool:
    statement = (
        select(Plan.id)
        .join(Customer, Customer.id == Plan.customer_id)
        .where(
            Customer.organization_id == organization.id,
            Plan.status == PlanStatus.NEVER_STARTED,
        )
    )
    return session.scalars(statement).first() is not None
