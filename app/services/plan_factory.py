"""Making plans: one place that copies terms onto a row and writes down the price it has."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.discounts import NO_NEW_CUSTOMER_TERMS, NewCustomerTerms, StaffDiscount
from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    LicenseManagement,
    PlanStatus,
    Schedule,
)
from app.models.customers import Customer
from app.models.plans import Plan, PlanPrice
from app.services.context import Actor
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """What a plan is to be. Cents for one license and cycle (`price`, before staff took anything
    off) or for a year (`fixed_price`): exactly one of them. `next_invoice_date` and
    `invoiced_until` as in models/plans.py."""

    tier: str
    status: PlanStatus
    schedule: Schedule
    currency: str
    management: LicenseManagement
    collection: Collection
    anchor: datetime
    invoiced_until: datetime
    next_invoice_date: datetime | None = None
    at_cycle_end: AtCycleEnd = AtCycleEnd.RENEW
    price: int | None = None
    fixed_price: int | None = None
    tier_minimum: int = 1
    discount: StaffDiscount | None = None
    promo: NewCustomerTerms = NO_NEW_CUSTOMER_TERMS
    coupon_id: int | None = None
    offer_id: int | None = None
    trial_start: datetime | None = None
    end_date: datetime | None = None


def get_staff_discount(
    customer: Customer | None, tier: str, *, at: datetime | None = None
) -> StaffDiscount | None:
    """What staff took off the price of `tier` for this customer; None for nothing, or for a
    discount that is over by `at`."""
    if customer is None or customer.required_plan_tier != tier:
        return None
    discount = StaffDiscount(
        percent=customer.discount_percent,
        monthly_price=customer.discount_monthly_price,
        annual_price=customer.discount_annual_price,
        ends_at=customer.discount_ends_at,
    )
    if at is not None and discount.ends_at is not None and discount.ends_at <= at:
        return None
    prices = (discount.percent, discount.monthly_price, discount.annual_price)
    return None if all(price is None for price in prices) else discount


def make_plan(
    work: UnitOfWork, customer: Customer, spec: PlanSpec, *, actor: Actor, reason: str = "start"
) -> Plan:
    """Store a plan and the price it begins with. The caller writes its first ledger entry."""
    plan = Plan(
        customer_id=customer.id,
        tier=spec.tier,
        status=spec.status,
        at_cycle_end=spec.at_cycle_end,
        schedule=spec.schedule,
        currency=spec.currency,
        price_per_license=spec.price,
        fixed_price=spec.fixed_price,
        tier_minimum=spec.tier_minimum,
        new_customer_months_at_start=spec.promo.months_at_start,
        new_customer_amount=spec.promo.amount,
        new_customer_minimum=spec.promo.minimum,
        promo_kind=spec.promo.kind,
        promo_percent=spec.promo.percent,
        coupon_id=spec.coupon_id,
        offer_id=spec.offer_id,
        license_management=spec.management,
        collection=spec.collection,
        billing_cycle_anchor=spec.anchor,
        trial_start=spec.trial_start,
        end_date=spec.end_date,
        next_invoice_date=spec.next_invoice_date,
        invoiced_until=spec.invoiced_until,
        created_at=work.now,
    )
    work.session.add(plan)
    work.flush()
    set_discount(work, plan, spec.discount, actor=actor, reason=reason)
    return plan


def set_discount(
    work: UnitOfWork, plan: Plan, discount: StaffDiscount | None, *, actor: Actor, reason: str
) -> None:
    """Give a plan the price that `discount` makes of its own, or its own back; the price it has
    from now on is written down. A fixed price and a price of nothing stay what they are."""
    if plan.price_per_license is None:
        return
    price = None
    if discount is not None and plan.price_per_license:
        price = discount.price_for(plan.price_per_license, plan.schedule)
    plan.discounted_price = price
    plan.discount = discount.percent if discount is not None and price is not None else None
    plan.discount_ends_at = discount.ends_at if discount is not None and price is not None else None
    work.session.add(
        PlanPrice(
            plan_id=plan.id,
            price=plan.price_per_license if price is None else price,
            list_price=plan.price_per_license,
            percent=plan.discount,
            ends_at=plan.discount_ends_at,
            reason=reason[:300],
            actor=actor.name,
            recorded_at=work.now,
        )
    )
    work.flush()
