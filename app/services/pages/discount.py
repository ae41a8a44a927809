"""The discount of some months that a plan carries: for new customers, or of a coupon."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.calendar import month_boundary
from app.domain.kinds import PromoKind
from app.models.plans import Plan


@dataclass(frozen=True, slots=True)
class DiscountView:
    """The discount for new customers or of a coupon: cents a month, or hundredths of a percent,
    until `ends_at`."""

    kind: PromoKind
    amount: int
    percent: int
    ends_at: datetime


def discount_of(plan: Plan) -> DiscountView | None:
    """What the plan was promised at its start; None for nothing."""
    months = plan.new_customer_months_at_start
    if not months or not (plan.new_customer_amount or plan.promo_percent):
        return None
    return DiscountView(
        kind=plan.promo_kind,
        amount=plan.new_customer_amount,
        percent=plan.promo_percent,
        ends_at=month_boundary(plan.billing_cycle_anchor, months),
    )
