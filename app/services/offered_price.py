"""The price of a tier for one customer: the list price, what staff took off, and what is taken
off for new customers. One of the discounts applies, they never add up. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.catalog import Catalog, Tier
from app.domain.discounts import (
    NO_NEW_CUSTOMER_TERMS,
    NewCustomerTerms,
    StaffDiscount,
    minimum_while_discounted,
)
from app.domain.errors import BillingError
from app.domain.kinds import KIND_PROFILES, Schedule, TierKind
from app.models.customers import Customer
from app.models.deals import Coupon
from app.services.coupons import coupon_terms
from app.services.customers import Payer
from app.services.plan_factory import get_staff_discount


@dataclass(frozen=True, slots=True)
class OfferedPrice:
    """Cents for one license and one cycle. `discounted_price` is what staff made of it, None
    without their discount for this schedule; then `promo` is what a coupon or a new customer
    gets."""

    list_price: int
    discount: StaffDiscount | None
    discounted_price: int | None
    promo: NewCustomerTerms

    @property
    def first_price(self) -> int:
        """What a license costs in the first cycle."""
        return self.list_price if self.discounted_price is None else self.discounted_price


def get_offered_price(
    catalog: Catalog,
    customer: Customer | None,
    payer: Payer,
    tier: Tier,
    *,
    schedule: Schedule,
    starts_at: datetime,
    coupon: Coupon | None = None,
) -> OfferedPrice:
    """What a plan of `tier` costs that begins to be paid for at `starts_at`, with a coupon that is
    good for it. Raises BillingError `coupon_beside_discount`: they never add up."""
    list_price = tier.price(catalog.currency, schedule)
    discount = get_staff_discount(customer, tier.key, at=starts_at)
    price = None if discount is None else discount.price_for(list_price, schedule)
    if price is None:
        if coupon is not None:
            return OfferedPrice(list_price, None, None, coupon_terms(coupon))
        promo = get_new_customer_terms(catalog, customer, payer, tier)
        return OfferedPrice(list_price, None, None, promo)
    if coupon is not None:
        raise BillingError("coupon_beside_discount")
    return OfferedPrice(list_price, discount, price, NO_NEW_CUSTOMER_TERMS)


def get_new_customer_terms(
    catalog: Catalog, customer: Customer | None, payer: Payer, tier: Tier
) -> NewCustomerTerms:
    """The discount for new customers as it stands for this payer and tier."""
    promised = catalog.new_customer_discount
    eligible = KIND_PROFILES[payer.kind].new_customer_discount
    if promised is None or not eligible or tier.kind is not TierKind.PAID:
        return NO_NEW_CUSTOMER_TERMS
    left = customer.new_customer_months_left if customer is not None else None
    months = promised.months if left is None else left
    if months <= 0:
        return NO_NEW_CUSTOMER_TERMS
    monthly = tier.price(catalog.currency, Schedule.MONTHLY)
    return NewCustomerTerms(
        amount=promised.amount,
        months_at_start=months,
        minimum=minimum_while_discounted(amount=promised.amount, monthly_price=monthly),
    )
