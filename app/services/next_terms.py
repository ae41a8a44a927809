"""What a plan that takes the place of another is to be: its price, its discounts, its licenses.

Used where it begins at once and where it is scheduled. Reads only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at
from app.domain.catalog import Tier
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS, NewCustomerTerms
from app.domain.errors import BillingError
from app.domain.kinds import PlanStatus, PromoKind, Schedule, TierKind
from app.models.customers import Customer
from app.models.deals import Coupon
from app.models.plans import Plan
from app.services.context import Context
from app.services.customers import Payer
from app.services.may_buy import load_sold_tier
from app.services.offered_price import get_new_customer_terms
from app.services.plan_factory import PlanSpec, get_staff_discount
from app.services.plan_rules import new_customer_terms


class Reading(Protocol):
    """What is read from: a unit of work, or what a page has."""

    @property
    def ctx(self) -> Context: ...

    @property
    def session(self) -> Session: ...

    @property
    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class PlanChoice:
    """The plan that somebody wants in the place of the one that runs."""

    tier: str
    schedule: Schedule


def load_tier(reading: Reading, customer: Customer, key: str, *, by_staff: bool) -> Tier:
    """The tier of that key, if it is sold by licenses, and to this customer unless staff ask.

    Raises BillingError `unknown_tier` or `tier_required`.
    """
    if not by_staff:
        return load_sold_tier(reading.ctx.catalog, customer, key=key)
    tier = reading.ctx.catalog.tiers.get(key)
    if tier is None or tier.kind is not TierKind.PAID:
        raise BillingError("unknown_tier")
    return tier


def is_higher(reading: Reading, plan: Plan, tier: Tier) -> bool:
    """Whether `tier` stands above the plan's own in the catalog. A tier that is not sold any more
    stands below all others."""
    own = reading.ctx.catalog.tiers.get(plan.tier)
    return own is None or tier.rank > own.rank


def spec_of(
    reading: Reading,
    payer: Payer,
    customer: Customer,
    plan: Plan,
    tier: Tier,
    *,
    schedule: Schedule,
    starts_at: datetime,
    months_back: int = 0,
) -> PlanSpec:
    """The terms of a plan of `tier` that begins at `starts_at` in the place of `plan`: who manages
    the licenses and how it is paid stay as they are.

    months_back: months of the plan's discount that were paid for and are not over.
    Raises BillingError `unknown_tier` when it is not sold in the plan's currency.
    """
    try:
        price = tier.price(plan.currency, schedule)
    except KeyError:
        raise BillingError("unknown_tier") from None
    discount = get_staff_discount(customer, tier.key, at=starts_at)
    promo, coupon_id = NO_NEW_CUSTOMER_TERMS, None
    if discount is None or discount.price_for(price, schedule) is None:
        promo, coupon_id = _promo(reading, payer, customer, plan, tier, months_back=months_back)
    return PlanSpec(
        tier=tier.key,
        status=PlanStatus.NEVER_STARTED,
        schedule=schedule,
        currency=plan.currency,
        management=plan.license_management,
        collection=plan.collection,
        anchor=starts_at,
        invoiced_until=reading.now,
        price=price,
        tier_minimum=tier.minimum_licenses,
        discount=discount,
        promo=promo,
        coupon_id=coupon_id,
    )


def terms_of(plan: Plan, spec: PlanSpec) -> dict[str, Any]:
    """What must not change between a page and its confirmation, as JSON."""
    discounted = None
    if spec.discount is not None and spec.price is not None:
        discounted = spec.discount.price_for(spec.price, spec.schedule)
    return {
        "plan": plan.id,
        "tier": spec.tier,
        "schedule": spec.schedule.value,
        "currency": spec.currency,
        "price": spec.price if discounted is None else discounted,
        "discount_amount": spec.promo.amount,
        "discount_percent": spec.promo.percent,
        "discount_months": spec.promo.months_at_start,
        "tier_minimum": spec.tier_minimum,
    }


def check_terms(confirmed: Mapping[str, Any] | None, plan: Plan, spec: PlanSpec) -> None:
    """Raises BillingError `change_outdated` (with the names of what is different) when the terms
    are no longer those that were confirmed; None asks for nothing, since staff see no page."""
    if confirmed is None:
        return
    now = terms_of(plan, spec)
    changes = tuple(name for name, value in now.items() if confirmed.get(name) != value)
    if changes:
        raise BillingError("change_outdated", changes=changes)


def _promo(
    reading: Reading,
    payer: Payer,
    customer: Customer,
    plan: Plan,
    tier: Tier,
    *,
    months_back: int,
) -> tuple[NewCustomerTerms, int | None]:
    """The discount of so many months: what is left of the plan's coupon if it is good for the
    tier, else what is left of the one for new customers."""
    if plan.promo_kind is PromoKind.COUPON and plan.coupon_id is not None:
        coupon = reading.session.get_one(Coupon, plan.coupon_id)
        terms = new_customer_terms(plan)
        index = cycle_at(plan.billing_cycle_anchor, plan.schedule, reading.now).index
        left = terms.months_left_before(index + 1, plan.schedule) + months_back
        if left > 0 and coupon.tier in {None, tier.key}:
            kept = NewCustomerTerms(
                amount=terms.amount,
                months_at_start=left,
                kind=PromoKind.COUPON,
                percent=terms.percent,
            )
            return kept, coupon.id
        months_back = 0
    if months_back and customer.new_customer_months_left is not None:
        # As if they were the customer's already; the row itself is changed by whoever changes plans.
        customer = Customer(
            new_customer_months_left=customer.new_customer_months_left + months_back
        )
    return get_new_customer_terms(reading.ctx.catalog, customer, payer, tier), None
