"""What an offer of a fixed price costs when it is accepted now. Reads only."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.calendar import cycle_number
from app.domain.catalog import Catalog
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS
from app.domain.errors import BillingError
from app.domain.invoicing import PlanTerms, first_lines, renewal_estimate, total_of
from app.domain.kinds import LicenseManagement, Schedule
from app.models.registrations import Server
from app.services.customers import Payer, get_customer
from app.services.may_buy import check_may_buy
from app.services.offers import load_offer
from app.services.plan_ledger import get_organization_ids_of
from app.services.quote import PurchaseChoice, Quote
from app.services.seats import count_people


def make_offer_quote(
    session: Session,
    catalog: Catalog,
    payer: Payer,
    choice: PurchaseChoice,
    *,
    now: datetime,
    confirmed_licenses: int | None = None,
) -> Quote:
    """The price of accepting the offer of `choice`, by the month or at once.

    How many people there are changes nothing, so nobody has to know: the last count is what the
    ledger begins with. Raises BillingError `unknown_tier`, those of `load_offer` and of
    `check_may_buy`.
    """
    assert choice.offer_id is not None, "it is an offer"
    customer = get_customer(session, payer)
    check_may_buy(session, payer, customer, now=now)
    offer = load_offer(session, customer, offer_id=choice.offer_id, now=now)
    tier = catalog.tiers.get(offer.tier)
    if tier is None:
        raise BillingError("unknown_tier")
    server = session.get_one(Server, payer.server_id)
    ids = get_organization_ids_of(session, payer.kind, payer.organization_id, server)
    people = sum(count_people(session, organization_ids=ids, at=now).values())
    licenses = confirmed_licenses or max(people, 1)
    terms = PlanTerms(now, choice.schedule, 0, fixed_price=offer.yearly_price)
    lines = first_lines(terms, licenses=1)
    # A year that was paid at once ends without a renewal.
    is_monthly = choice.schedule is Schedule.MONTHLY
    renewal = renewal_estimate(terms, licenses=1, cycle_index=1) if is_monthly else []
    return Quote(
        tier=tier,
        schedule=choice.schedule,
        license_management=LicenseManagement.AUTOMATIC,
        collection=choice.collection,
        currency=offer.currency,
        price=0,
        staff_discount=None,
        discounted_price=None,
        people=people,
        minimum=1,
        licenses=licenses,
        new_customer=NO_NEW_CUSTOMER_TERMS,
        lines=tuple(lines),
        total=total_of(lines),
        starts_at=now,
        trial_days=0,
        renews_at=cycle_number(now, choice.schedule, 0).end,
        renewal_licenses=licenses,
        renewal_lines=tuple(renewal),
        renewal_total=total_of(renewal),
        discounted_months=0,
        discount_ends_at=None,
        undiscounted_total=total_of(lines),
        fixed_price=offer.yearly_price,
        offer_id=offer.id,
    )
