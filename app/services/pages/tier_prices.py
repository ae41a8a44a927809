"""What a tier would cost a customer who starts it now, and from what numbers that follows."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.calendar import cycle_number
from app.domain.catalog import Catalog, Tier
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS, NewCustomerTerms, StaffDiscount
from app.domain.invoicing import (
    PlanTerms,
    discounted_cycles,
    first_lines,
    renewal_estimate,
    total_of,
)
from app.domain.kinds import Schedule, TierKind
from app.models.customers import Customer

MONTHS_A_YEAR = 12


class LicensesReason(StrEnum):
    """Why so many licenses are billed."""

    PEOPLE = "people"
    # More than the people, because the tier is sold with no fewer.
    TIER_MINIMUM = "tier_minimum"
    # Because so many were agreed with this customer.
    AGREED_MINIMUM = "agreed_minimum"
    # Because fewer would cost less than the discount for new customers.
    DISCOUNT_MINIMUM = "discount_minimum"
    # Nobody is there yet, and nothing less than one license can be bought.
    AT_LEAST_ONE = "at_least_one"


@dataclass(frozen=True, slots=True)
class PriceView:
    """What a tier costs with a schedule, in cents.

    `per_license` is what one costs now, `list_price` what it costs everybody. `full` is a bill
    before the discount for new customers, `first` the first bill, `later` what a bill is once a
    discount is over, from `discount_ends_at` on (None without a discount that ends).
    `first_year` and `later_year` add up the bills of twelve months. All but `per_license` are None
    when nobody knows how many people there are; `yearly_saving` is then for one license. It is what
    a year costs less than twelve months do.
    """

    schedule: Schedule
    per_license: int
    list_price: int
    full: int | None
    first: int | None
    later: int | None
    first_year: int | None
    later_year: int | None
    discount_ends_at: datetime | None
    yearly_saving: int

    @property
    def discount(self) -> int:
        """What the first bill is less than it would be."""
        return 0 if self.full is None or self.first is None else self.full - self.first


@dataclass(frozen=True, slots=True)
class TierView:
    """One tier side by side with the others. `licenses` are those of the first bill, for `reason`;
    `later_licenses` those once the discount for new customers is used up."""

    key: str
    title: str
    kind: TierKind
    summary: str
    includes: tuple[str, ...]
    minimum: int
    licenses: int | None
    later_licenses: int | None
    reason: LicensesReason
    discount_amount: int
    discount_months: int
    prices: tuple[PriceView, ...]
    trial_days: int
    is_current: bool
    can_choose: bool


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who would buy: the people counted now (None: nobody knows), what was agreed with the
    customer, the discount for new customers as it stands for one tier or what staff took off its
    price, and how long it could be tried for nothing."""

    people: int | None
    agreed_minimum: int
    is_exempt: bool
    terms: NewCustomerTerms
    now: datetime
    discount: StaffDiscount | None = None
    trial_days: int = 0

    def licenses(self, tier: Tier, *, discounted: bool = True) -> int | None:
        """The licenses that this tier is billed with, while the discount lasts or afterwards."""
        if self.people is None:
            return None
        if self.is_exempt:
            return max(self.people, 1)
        return max(self.people, self.minimum(tier, discounted=discounted))

    def minimum(self, tier: Tier, *, discounted: bool = True) -> int:
        """The least licenses that this tier is sold with."""
        promised = self.terms.minimum if discounted else 1
        return max(tier.minimum_licenses, self.agreed_minimum, promised)


def agreed_minimum(customer: Customer | None) -> int:
    """The least licenses that staff agreed with a customer; 0 without."""
    return customer.minimum_licenses or 0 if customer is not None else 0


def tier_view(
    catalog: Catalog, tier: Tier, buyer: Buyer, *, is_current: bool, can_choose: bool
) -> TierView:
    """A tier with its prices for `buyer`."""
    is_paid = tier.kind is TierKind.PAID
    return TierView(
        key=tier.key,
        title=tier.title,
        kind=tier.kind,
        summary=tier.summary,
        includes=tier.includes,
        minimum=buyer.minimum(tier),
        licenses=buyer.licenses(tier) if is_paid else None,
        later_licenses=buyer.licenses(tier, discounted=False) if is_paid else None,
        reason=_reason(tier, buyer),
        discount_amount=buyer.terms.amount,
        discount_months=buyer.terms.months_at_start,
        prices=tuple(
            _price(catalog, tier, schedule, buyer)
            for schedule in Schedule
            if (catalog.currency, schedule) in tier.prices
        ),
        trial_days=buyer.trial_days if can_choose else 0,
        is_current=is_current,
        can_choose=can_choose,
    )


def _reason(tier: Tier, buyer: Buyer) -> LicensesReason:
    people, licenses = buyer.people or 0, buyer.licenses(tier) or 0
    if people >= licenses:
        return LicensesReason.PEOPLE
    if buyer.is_exempt or licenses == 1:
        return LicensesReason.AT_LEAST_ONE
    if licenses == tier.minimum_licenses:
        return LicensesReason.TIER_MINIMUM
    if licenses == buyer.agreed_minimum:
        return LicensesReason.AGREED_MINIMUM
    return LicensesReason.DISCOUNT_MINIMUM


def _price(catalog: Catalog, tier: Tier, schedule: Schedule, buyer: Buyer) -> PriceView:
    terms = _terms(catalog, tier, schedule, buyer)
    each, listed = terms.price_in(cycle_number(terms.anchor, schedule, 0)), terms.price
    saved = _saved_a_year(catalog, tier, schedule, buyer)
    licenses, later = buyer.licenses(tier), buyer.licenses(tier, discounted=False)
    if licenses is None or later is None:
        return PriceView(schedule, each, listed, None, None, None, None, None, None, saved)
    bills = discounted_cycles(terms)
    bills_a_year = MONTHS_A_YEAR // schedule.months
    last_price = each if bills is None else listed
    return PriceView(
        schedule=schedule,
        per_license=each,
        list_price=listed,
        full=each * licenses,
        first=total_of(first_lines(terms, licenses=licenses)),
        later=last_price * later,
        first_year=_first_year(terms, bills_a_year, discounted=licenses, afterwards=later),
        later_year=bills_a_year * last_price * later,
        discount_ends_at=cycle_number(buyer.now, schedule, bills).start if bills else None,
        yearly_saving=saved * later,
    )


def _terms(catalog: Catalog, tier: Tier, schedule: Schedule, buyer: Buyer) -> PlanTerms:
    price = tier.price(catalog.currency, schedule)
    made = None if buyer.discount is None else buyer.discount.price_for(price, schedule)
    return PlanTerms(
        anchor=buyer.now,
        schedule=schedule,
        price=price,
        # They never add up.
        new_customer=buyer.terms if made is None else NO_NEW_CUSTOMER_TERMS,
        discounted_price=made,
        discount_ends_at=None if buyer.discount is None else buyer.discount.ends_at,
    )


def _first_year(terms: PlanTerms, bills: int, *, discounted: int, afterwards: int) -> int:
    """The bills of the first twelve months together, if nobody comes or goes."""
    total = 0
    for index in range(bills):
        lasts = terms.new_customer.months_left_before(index, terms.schedule) > 0
        licenses = discounted if lasts else afterwards
        total += total_of(renewal_estimate(terms, licenses=licenses, cycle_index=index))
    return total


def _saved_a_year(catalog: Catalog, tier: Tier, schedule: Schedule, buyer: Buyer) -> int:
    """Cents that a license costs less in a year than by the month."""
    if (catalog.currency, Schedule.MONTHLY) not in tier.prices or schedule is Schedule.MONTHLY:
        return 0
    monthly, annual = (
        terms.price_in(cycle_number(terms.anchor, terms.schedule, 0))
        for terms in (_terms(catalog, tier, each, buyer) for each in Schedule)
    )
    return max(0, 12 * monthly - annual)
