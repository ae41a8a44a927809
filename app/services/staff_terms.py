"""What staff agreed with a customer, as it is told: to the audit log and to whoever changes it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.kinds import LIVE_STATUSES, PlanStatus
from app.models.customers import Customer
from app.models.deals import Offer
from app.models.plans import Plan
from app.services.plan_factory import get_staff_discount
from app.services.plan_rules import is_complimentary


def described_terms(customer: Customer) -> dict[str, Any]:
    """The tier, the discount and the rules for licenses, by name; who promised it is a person, and
    so stands on the customer only."""
    ends_at = customer.discount_ends_at
    return {
        "required_tier": customer.required_plan_tier,
        "discount_percent": percent_text(customer.discount_percent),
        "monthly_price": customer.discount_monthly_price,
        "annual_price": customer.discount_annual_price,
        "discount_ends_at": None if ends_at is None else ends_at.isoformat(),
        "minimum_licenses": customer.minimum_licenses,
        "exempt_from_license_number_check": customer.exempt_from_license_number_check,
    }


def percent_text(rate: int | None) -> str | None:
    """Hundredths of a percent as people write them: 8725 is "87.25", 4000 is "40"."""
    if rate is None:
        return None
    whole, rest = divmod(rate, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".") if rest else str(whole)


def has_discount(customer: Customer) -> bool:
    """Whether staff took anything off the price of the required tier."""
    tier = customer.required_plan_tier
    return tier is not None and get_staff_discount(customer, tier) is not None


def load_current_plans(session: Session, customer_id: int) -> list[Plan]:
    """The plan that runs and the one that is scheduled, as far as there are any."""
    statuses = (*LIVE_STATUSES, PlanStatus.NEVER_STARTED)
    found = select(Plan).where(Plan.customer_id == customer_id, Plan.status.in_(statuses))
    return list(session.scalars(found.order_by(Plan.id)).unique())


def has_paid_plan(session: Session, customer_id: int) -> bool:
    """Whether a plan that costs something runs or is scheduled."""
    plans = load_current_plans(session, customer_id)
    return any(not is_complimentary(plan) for plan in plans)


def get_open_offer(session: Session, customer_id: int) -> Offer | None:
    """The offer of a fixed price that can be accepted, or will have expired."""
    found = select(Offer).where(Offer.customer_id == customer_id, Offer.closed_at.is_(None))
    return session.scalars(found).one_or_none()
