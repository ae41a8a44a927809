"""The quote: exactly what a purchase would charge now and at the next renewal. Reads only.

The page shows it, the confirmation carries it signed, and the purchase is refused when price,
discount, tier or plan have changed since. People may change: what was confirmed is charged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.calendar import cycle_number
from app.domain.catalog import Catalog, Tier
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS, NewCustomerTerms, StaffDiscount
from app.domain.errors import BillingError, MissingDataError
from app.domain.invoicing import (
    LineDraft,
    PlanTerms,
    discounted_cycles,
    first_lines,
    renewal_estimate,
    total_of,
)
from app.domain.kinds import Collection, LicenseManagement, Schedule
from app.domain.ledger import LedgerRules
from app.models.registrations import Server
from app.services.coupons import load_coupon
from app.services.customers import Payer, get_customer
from app.services.may_buy import check_may_buy, get_trial_days, load_sold_tier
from app.services.offered_price import get_offered_price
from app.services.plan_ledger import get_organization_ids_of
from app.services.seats import count_people, is_stale

# Nothing larger is a number of people that somebody means.
MOST_LICENSES = 1_000_000


@dataclass(frozen=True, slots=True)
class PurchaseChoice:
    """What the person chose. `licenses` counts under manual management only.

    Who pays by invoice always has manual management; with automatic chosen, or not chosen yet, it
    is the least number that can be bought.
    """

    tier: str
    schedule: Schedule
    license_management: LicenseManagement
    licenses: int | None = None
    collection: Collection = Collection.CHARGE_AUTOMATICALLY
    # The code of a coupon; the offer of a fixed price that is accepted: its tier is the offer's.
    coupon: str | None = None
    offer_id: int | None = None

    @property
    def is_by_invoice(self) -> bool:
        """Whether an invoice is sent instead of charging a card."""
        return self.collection is Collection.SEND_INVOICE


@dataclass(frozen=True, slots=True)
class Quote:
    """What it costs. Cents and licenses; `minimum` is the least licenses of this tier now.

    `price` is the list price of a license and a cycle, `discounted_price` what staff made of it by
    `staff_discount`; without that it is None and `new_customer` is what is taken off.

    By invoice the time begins with the payment: `starts_at`, `renews_at` and the periods of the
    lines are those of somebody who pays at once. With a free trial of `trial_days` the plan begins
    at `starts_at`, and what is paid for at `trial_end`: that is when `total` is charged or due.
    """

    tier: Tier
    schedule: Schedule
    license_management: LicenseManagement
    collection: Collection
    currency: str
    price: int
    staff_discount: StaffDiscount | None
    discounted_price: int | None
    people: int
    minimum: int
    licenses: int
    new_customer: NewCustomerTerms
    lines: tuple[LineDraft, ...]
    total: int
    starts_at: datetime
    trial_days: int
    renews_at: datetime
    renewal_licenses: int
    renewal_lines: tuple[LineDraft, ...]
    renewal_total: int
    # When the discount is over, and what a renewal costs from then on; without an end, what every
    # renewal costs.
    discounted_months: int
    discount_ends_at: datetime | None
    undiscounted_total: int
    # The coupon that `new_customer` tells the terms of, if there is one.
    coupon_id: int | None = None
    coupon_code: str | None = None
    # Cents for a year whoever is there, by an offer; then there is no price of a license.
    fixed_price: int | None = None
    offer_id: int | None = None

    @property
    def first_price(self) -> int:
        """Cents for a license in the first cycle, before what a new customer gets."""
        return self.price if self.discounted_price is None else self.discounted_price

    @property
    def trial_end(self) -> datetime | None:
        """Until when nothing is charged; None without a free trial."""
        return self.starts_at + timedelta(days=self.trial_days) if self.trial_days else None

    def terms(self) -> dict[str, Any]:
        """What must not change between the page and the payment, as JSON."""
        discount = self.staff_discount
        ends_at = discount.ends_at if discount is not None else None
        return {
            "tier": self.tier.key,
            "schedule": self.schedule.value,
            "currency": self.currency,
            "price": self.price,
            "discounted_price": self.discounted_price,
            "discount_percent": discount.percent if discount is not None else None,
            "discount_until": ends_at.isoformat() if ends_at is not None else None,
            "discount_amount": self.new_customer.amount,
            "discount_months": self.new_customer.months_at_start,
            "discount_share": self.new_customer.percent,
            "coupon": self.coupon_code,
            "fixed_price": self.fixed_price,
            "offer": self.offer_id,
            "tier_minimum": self.tier.minimum_licenses,
            "trial_days": self.trial_days,
        }


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """Who counts for a payer now, or why nobody can tell."""

    people: int
    last_heard: datetime | None


def count_payer_people(session: Session, payer: Payer, *, now: datetime) -> PeopleCount:
    """The people `payer` would be billed for. Raises MissingDataError when uploads are stale."""
    server = session.get_one(Server, payer.server_id)
    if is_stale(server, now=now):
        raise MissingDataError(last_heard=server.last_audit_log_update, server_id=server.id)
    ids = get_organization_ids_of(session, payer.kind, payer.organization_id, server)
    people = sum(count_people(session, organization_ids=ids, at=now).values())
    return PeopleCount(people, server.last_audit_log_update)


def make_quote(
    session: Session,
    catalog: Catalog,
    payer: Payer,
    choice: PurchaseChoice,
    *,
    now: datetime,
    confirmed_licenses: int | None = None,
) -> Quote:
    """What `choice` costs `payer` now. `confirmed_licenses` stand as they are: what was confirmed
    is charged even if people came or left since.

    Raises BillingError when it cannot be bought: `unknown_tier`, `tier_required`,
    `licenses_missing`, `too_few_licenses`, `too_many_licenses`, `too_many_for_invoice`,
    `already_subscribed`, `covered_by_server`, `server_deactivated`, those of `load_coupon` and
    `coupon_beside_discount`; MissingDataError when nobody can tell how many people there are.
    """
    customer = get_customer(session, payer)
    tier = load_sold_tier(catalog, customer, key=choice.tier)
    check_may_buy(session, payer, customer, now=now)
    people = count_payer_people(session, payer, now=now).people
    coupon = None
    if choice.coupon:
        coupon = load_coupon(session, choice.coupon, customer=customer, tier=tier, now=now)
    trial_days = get_trial_days(session, payer, customer, tier)
    anchor = now + timedelta(days=trial_days)
    offered = get_offered_price(
        catalog,
        customer,
        payer,
        tier,
        schedule=choice.schedule,
        starts_at=anchor,
        coupon=coupon,
    )
    new_customer = offered.promo
    exempt = customer is not None and customer.exempt_from_license_number_check
    minimum = max(
        tier.minimum_licenses,
        (customer.minimum_licenses or 0) if customer is not None else 0,
        new_customer.minimum,
    )
    floor = 1 if exempt else max(people, minimum)
    if choice.is_by_invoice and not exempt:
        floor = max(floor, catalog.min_invoiced_licenses)
    licenses = confirmed_licenses or _choose_licenses(
        choice,
        automatic=max(people, 1) if exempt else floor,
        floor=floor,
        people=people,
        most_by_invoice=catalog.max_self_serve_licenses,
    )
    management = LicenseManagement.MANUAL if choice.is_by_invoice else choice.license_management
    terms = PlanTerms(
        anchor=anchor,
        schedule=choice.schedule,
        price=offered.list_price,
        new_customer=new_customer,
        discounted_price=offered.discounted_price,
        discount_ends_at=None if offered.discount is None else offered.discount.ends_at,
    )
    rules = LedgerRules(
        anchor=anchor,
        schedule=choice.schedule,
        management=management,
        tier_minimum=tier.minimum_licenses,
        customer_minimum=(customer.minimum_licenses or 0) if customer is not None else 0,
        exempt=exempt,
        new_customer=new_customer,
    )
    cycle = cycle_number(anchor, choice.schedule, 0)
    renewal_licenses = rules.billable(people, cycle) if rules.automatic else licenses
    renewal = renewal_estimate(terms, licenses=renewal_licenses, cycle_index=1)
    lines = first_lines(terms, licenses=licenses)
    # With the discount its least number of licenses goes, too.
    undiscounted = replace(rules, new_customer=NO_NEW_CUSTOMER_TERMS)
    undiscounted_licenses = (
        undiscounted.billable(people, cycle) if rules.automatic else renewal_licenses
    )
    cycles = discounted_cycles(terms)
    last_price = offered.first_price if cycles is None else offered.list_price
    return Quote(
        tier=tier,
        schedule=choice.schedule,
        license_management=management,
        collection=choice.collection,
        currency=catalog.currency,
        price=offered.list_price,
        staff_discount=offered.discount,
        discounted_price=offered.discounted_price,
        people=people,
        minimum=minimum,
        licenses=licenses,
        new_customer=new_customer,
        lines=tuple(lines),
        total=total_of(lines),
        starts_at=now,
        trial_days=trial_days,
        renews_at=cycle.end,
        renewal_licenses=renewal_licenses,
        renewal_lines=tuple(renewal),
        renewal_total=total_of(renewal),
        discounted_months=(cycles or 0) * choice.schedule.months,
        discount_ends_at=cycle_number(anchor, choice.schedule, cycles).start if cycles else None,
        undiscounted_total=last_price * undiscounted_licenses,
        coupon_id=None if coupon is None else coupon.id,
        coupon_code=None if coupon is None else coupon.code,
    )


def find_changes(confirmed: Mapping[str, Any], current: Quote) -> list[str]:
    """The names of the terms that are no longer what was confirmed."""
    now = current.terms()
    return [name for name, value in now.items() if confirmed.get(name) != value]


def _choose_licenses(
    choice: PurchaseChoice, *, automatic: int, floor: int, people: int, most_by_invoice: int
) -> int:
    """The licenses that are bought, at least `floor`. Raises BillingError when the number cannot
    be; `people` tells whether it is they who make the floor."""
    is_chosen = choice.license_management is LicenseManagement.MANUAL
    licenses = choice.licenses if is_chosen else automatic
    if choice.is_by_invoice and max(licenses or 0, floor) > most_by_invoice:
        raise BillingError("too_many_for_invoice", maximum=most_by_invoice)
    if licenses is None:
        raise BillingError("licenses_missing", minimum=floor)
    if is_chosen and licenses < floor:
        raise BillingError("too_few_licenses", minimum=floor, people=people)
    if is_chosen and licenses > MOST_LICENSES:
        raise BillingError("too_many_licenses", maximum=MOST_LICENSES)
    return licenses
