"""The plans page: every tier with what it would cost these people now."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from app.domain.calendar import cycle_number
from app.domain.catalog import Catalog, Tier
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS, NewCustomerTerms
from app.domain.invoicing import PlanTerms, first_lines, total_of
from app.domain.kinds import AtCycleEnd, Schedule, TierKind
from app.models.customers import Customer
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.head import Head, load_head
from app.services.pages.parts import tier_title
from app.services.pages.people import load_people
from app.services.quote import get_new_customer_terms

SHOWN_KINDS = (TierKind.FREE, TierKind.PAID, TierKind.FIXED)


class PlansState(StrEnum):
    """Which plans page it is."""

    CAN_BUY = "can_buy"
    SUBSCRIBED = "subscribed"
    ENDING = "ending"
    COVERED_BY_SERVER = "covered_by_server"


@dataclass(frozen=True, slots=True)
class PriceView:
    """What a tier costs with a schedule, in cents.

    `first` is the first bill, `later` what a bill is once the discount is used up, from
    `discount_ends_at` on (None without a discount). First and total are None when nobody knows how
    many people there are. `yearly_saving` is what a year costs less than twelve months do.
    """

    schedule: Schedule
    per_license: int
    first: int | None
    later: int | None
    discount_ends_at: datetime | None
    yearly_saving: int


@dataclass(frozen=True, slots=True)
class TierView:
    """One tier side by side with the others."""

    key: str
    title: str
    kind: TierKind
    summary: str
    includes: tuple[str, ...]
    minimum: int
    licenses: int | None
    prices: tuple[PriceView, ...]
    is_current: bool
    can_choose: bool


@dataclass(frozen=True, slots=True)
class PlansPage:
    """Everything the plans page shows. `people` is None when the uploads are stale."""

    state: PlansState
    currency: str
    people: int | None
    last_heard: datetime | None
    free_seats: int
    is_over_free: bool
    tiers: tuple[TierView, ...]
    current_title: str | None
    ends_at: datetime | None
    cheapest: TierView | None
    discount: NewCustomerTerms | None


def load_plans_page(ctx: Context, session: Session, payer: Payer, *, now: datetime) -> PlansPage:
    """The plans page of `payer` as of now. Never raises for missing uploads: it says so."""
    head = load_head(session, payer, now=now)
    people = None if head.is_stale else load_people(session, head, start=now).now
    state = _state(head)
    tiers = tuple(
        _tier_view(ctx.catalog, head, tier, people=people, state=state)
        for tier in ctx.catalog.tiers.values()
        if tier.kind in SHOWN_KINDS
    )
    live = head.live_plan
    current = live.tier if live is not None else head.server_tier
    offered = [tier for tier in tiers if tier.can_choose]
    first = next(iter(ctx.catalog.self_serve_tiers()), None)
    terms = get_new_customer_terms(ctx.catalog, head.customer, payer, first) if first else None
    return PlansPage(
        state=state,
        currency=ctx.catalog.currency,
        people=people,
        last_heard=head.last_heard,
        free_seats=ctx.catalog.free_seats,
        is_over_free=people is not None and people > ctx.catalog.free_seats,
        tiers=tiers,
        current_title=tier_title(ctx.catalog, current) if current else None,
        ends_at=live.end_date if live is not None else None,
        cheapest=offered[0] if offered else None,
        discount=terms if terms is not None and terms.months_at_start else None,
    )


def _state(head: Head) -> PlansState:
    plan = head.live_plan
    if head.is_covered_by_server:
        return PlansState.COVERED_BY_SERVER
    if plan is None:
        return PlansState.CAN_BUY
    return PlansState.ENDING if plan.at_cycle_end is AtCycleEnd.END else PlansState.SUBSCRIBED


def _tier_view(
    catalog: Catalog, head: Head, tier: Tier, *, people: int | None, state: PlansState
) -> TierView:
    live = head.live_plan
    current = live.tier if live is not None else head.server_tier
    has_plan = state is not PlansState.CAN_BUY
    customer = head.customer
    # Whoever has a plan sees what the tiers cost without the discounts of a purchase.
    terms = (
        NO_NEW_CUSTOMER_TERMS
        if has_plan
        else get_new_customer_terms(catalog, customer, head.payer, tier)
    )
    minimum = _minimum(tier, customer, terms)
    licenses = _licenses(people, minimum, customer)
    return TierView(
        key=tier.key,
        title=tier.title,
        kind=tier.kind,
        summary=tier.summary,
        includes=tier.includes,
        minimum=minimum,
        licenses=licenses if tier.kind is TierKind.PAID else None,
        prices=tuple(
            _price(catalog, tier, schedule, terms, licenses=licenses, now=head.now)
            for schedule in Schedule
            if (catalog.currency, schedule) in tier.prices
        ),
        is_current=tier.key == current if has_plan else tier.kind is TierKind.FREE,
        can_choose=tier.self_serve and not has_plan,
    )


def _minimum(tier: Tier, customer: Customer | None, terms: NewCustomerTerms) -> int:
    """The least licenses that this tier is sold with now."""
    own = customer.minimum_licenses or 0 if customer is not None else 0
    return max(tier.minimum_licenses, own, terms.minimum)


def _licenses(people: int | None, minimum: int, customer: Customer | None) -> int | None:
    if people is None:
        return None
    exempt = customer is not None and customer.exempt_from_license_number_check
    return max(people, 1) if exempt else max(people, minimum)


def _price(
    catalog: Catalog,
    tier: Tier,
    schedule: Schedule,
    terms: NewCustomerTerms,
    *,
    licenses: int | None,
    now: datetime,
) -> PriceView:
    each = tier.price(catalog.currency, schedule)
    saved = _saved_a_year(catalog, tier, schedule)
    if licenses is None:
        return PriceView(schedule, each, None, None, None, saved)
    first = total_of(first_lines(PlanTerms(now, schedule, each, terms), licenses=licenses))
    bills = -(-terms.months_at_start // schedule.months)
    return PriceView(
        schedule=schedule,
        per_license=each,
        first=first,
        later=each * licenses,
        discount_ends_at=cycle_number(now, schedule, bills).start if bills else None,
        yearly_saving=saved * licenses,
    )


def _saved_a_year(catalog: Catalog, tier: Tier, schedule: Schedule) -> int:
    """Cents that a license costs less in a year than by the month."""
    monthly = tier.prices.get((catalog.currency, Schedule.MONTHLY))
    if monthly is None or schedule is Schedule.MONTHLY:
        return 0
    return max(0, 12 * monthly - tier.price(catalog.currency, schedule))
