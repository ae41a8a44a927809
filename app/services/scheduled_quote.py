"""What a paid plan costs that begins when a legacy plan ends. Reads only; nothing is billed now.

The first bill is made at that date, with the licenses there are then; what is shown is what it
would be if nobody came or went.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.calendar import BEFORE, cycle_number
from app.domain.catalog import Catalog, Tier
from app.domain.discounts import NewCustomerTerms, StaffDiscount
from app.domain.errors import BillingError
from app.domain.invoicing import LineDraft, PlanTerms, renewal_estimate, total_of
from app.domain.kinds import AtCycleEnd, Collection, LicenseManagement, Schedule
from app.domain.ledger import LedgerRules
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.customers import Payer, get_customer
from app.services.legacy import load_legacy_plan
from app.services.may_buy import load_sold_tier
from app.services.offered_price import get_offered_price
from app.services.quote import MOST_LICENSES, PurchaseChoice, count_payer_people


@dataclass(frozen=True, slots=True)
class ScheduledQuote:
    """A plan to come. Cents of `currency` and licenses; `minimum` is the least number of them that
    the tier is sold with then, `least` the smallest that can be chosen by hand."""

    tier: Tier
    schedule: Schedule
    management: LicenseManagement
    collection: Collection
    currency: str
    price: int
    discount: StaffDiscount | None
    discounted_price: int | None
    new_customer: NewCustomerTerms
    people: int
    minimum: int
    least: int
    licenses: int
    starts_at: datetime
    lines: tuple[LineDraft, ...]
    total: int
    renews_at: datetime
    renewal_total: int

    def terms(self) -> dict[str, Any]:
        """What must not change between the page and the confirmation, as JSON."""
        return {
            "tier": self.tier.key,
            "schedule": self.schedule.value,
            "currency": self.currency,
            "price": self.price if self.discounted_price is None else self.discounted_price,
            "discount_amount": self.new_customer.amount,
            "discount_months": self.new_customer.months_at_start,
            "tier_minimum": self.tier.minimum_licenses,
            "starts_at": self.starts_at.isoformat(),
        }


def get_legacy_to_follow(
    session: Session, catalog: Catalog, customer: Customer | None, *, now: datetime
) -> Plan:
    """The legacy plan that a paid one can be scheduled for.

    Raises BillingError `no_legacy_plan`, `plan_has_ended`, or `upgrade_is_scheduled` where there is
    one already.
    """
    plan = load_legacy_plan(session, catalog, customer)
    assert plan.end_date is not None, "legacy plans have an agreed end"
    if plan.at_cycle_end is not AtCycleEnd.END:
        raise BillingError("upgrade_is_scheduled", at=plan.end_date)
    if plan.end_date <= now:
        raise BillingError("plan_has_ended")
    return plan


def make_scheduled_quote(
    session: Session, catalog: Catalog, payer: Payer, choice: PurchaseChoice, *, now: datetime
) -> ScheduledQuote:
    """What `choice` will cost from the end of the legacy plan of `payer` on.

    Raises BillingError as `get_legacy_to_follow`, and `unknown_tier`, `tier_required`,
    `licenses_missing`, `too_few_licenses`, `too_many_licenses`, `too_many_for_invoice`;
    MissingDataError when nobody can tell how many people there are.
    """
    customer = get_customer(session, payer)
    legacy = get_legacy_to_follow(session, catalog, customer, now=now)
    assert customer is not None and legacy.end_date is not None, "it has a plan with an end"
    tier = load_sold_tier(catalog, customer, key=choice.tier)
    people = count_payer_people(session, payer, now=now).people
    starts_at = legacy.end_date
    offered = get_offered_price(
        catalog, customer, payer, tier, schedule=choice.schedule, starts_at=starts_at
    )
    price, promo = offered.list_price, offered.promo
    management = LicenseManagement.MANUAL if choice.is_by_invoice else choice.license_management
    rules = LedgerRules(
        anchor=starts_at,
        schedule=choice.schedule,
        management=management,
        tier_minimum=tier.minimum_licenses,
        customer_minimum=customer.minimum_licenses or 0,
        exempt=customer.exempt_from_license_number_check,
        new_customer=promo,
    )
    before = cycle_number(starts_at, choice.schedule, BEFORE)
    needed = rules.needed(people, before)
    least = 1 if rules.exempt else needed
    if choice.is_by_invoice and not rules.exempt:
        least = max(least, catalog.min_invoiced_licenses)
    licenses = _licenses(choice, catalog, needed=needed, least=least, people=people)
    terms = PlanTerms(
        starts_at,
        choice.schedule,
        price,
        promo,
        discounted_price=offered.discounted_price,
        discount_ends_at=None if offered.discount is None else offered.discount.ends_at,
    )
    lines = renewal_estimate(terms, licenses=licenses, cycle_index=0)
    first = cycle_number(starts_at, choice.schedule, 0)
    renewed = rules.needed(people, first) if rules.automatic else licenses
    return ScheduledQuote(
        tier=tier,
        schedule=choice.schedule,
        management=management,
        collection=choice.collection,
        currency=catalog.currency,
        price=price,
        discount=offered.discount,
        discounted_price=offered.discounted_price,
        new_customer=promo,
        people=people,
        minimum=max(rules.minimum_during(before), least if choice.is_by_invoice else 0),
        least=least,
        licenses=licenses,
        starts_at=starts_at,
        lines=tuple(lines),
        total=total_of(lines),
        renews_at=first.end,
        renewal_total=total_of(renewal_estimate(terms, licenses=renewed, cycle_index=1)),
    )


def _licenses(
    choice: PurchaseChoice, catalog: Catalog, *, needed: int, least: int, people: int
) -> int:
    """The number of licenses to begin with, as it stands now."""
    is_chosen = choice.license_management is LicenseManagement.MANUAL
    most = catalog.max_self_serve_licenses
    if choice.is_by_invoice and max(choice.licenses or 0 if is_chosen else 0, least) > most:
        raise BillingError("too_many_for_invoice", maximum=most)
    if not is_chosen:
        return max(needed, least)
    if choice.licenses is None:
        raise BillingError("licenses_missing", minimum=least)
    if choice.licenses < least:
        raise BillingError("too_few_licenses", minimum=least, people=people)
    if choice.licenses > MOST_LICENSES:
        raise BillingError("too_many_licenses", maximum=MOST_LICENSES)
    return choice.licenses
