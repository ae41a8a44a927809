"""The plans page: what a customer has, and what every tier would cost these people now."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at
from app.domain.catalog import Tier
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS, NewCustomerTerms, StaffDiscount
from app.domain.kinds import AtCycleEnd, CustomerKind, Schedule, TierKind
from app.models.plans import Plan
from app.services.context import Context
from app.services.customers import Payer
from app.services.may_buy import get_sold_tiers, get_trial_days
from app.services.offered_price import get_new_customer_terms
from app.services.pages.complimentary import get_scheduled_title
from app.services.pages.head import Head, load_head
from app.services.pages.parts import OpenPurchase, open_purchase_of, tier_title
from app.services.pages.people import PeopleHistory, load_people
from app.services.pages.plan_change import ChangeOffers, change_offers
from app.services.pages.plan_now import load_plan_now
from app.services.pages.schedule import can_schedule
from app.services.pages.tier_prices import Buyer, TierView, agreed_minimum, tier_view
from app.services.plan_factory import get_staff_discount
from app.services.plan_rules import is_complimentary

SHOWN_KINDS = (TierKind.FREE, TierKind.PAID, TierKind.FIXED)


class PlansState(StrEnum):
    """Which plans page it is."""

    CAN_BUY = "can_buy"
    SUBSCRIBED = "subscribed"
    ENDING = "ending"
    COVERED_BY_SERVER = "covered_by_server"


@dataclass(frozen=True, slots=True)
class CurrentPlan:
    """The plan that runs: `price` is cents of `currency` for a license and a cycle, None when it is
    not sold by licenses. `renewal_total` is what the next renewal costs if nothing changes; None
    when it does not renew, or nobody can tell."""

    tier_title: str
    schedule: Schedule
    currency: str
    price: int | None
    licenses: int | None
    renews_at: datetime | None
    renewal_total: int | None


@dataclass(frozen=True, slots=True)
class Sponsored:
    """The tier for those who do not have to pay, as the catalog describes it."""

    title: str
    summary: str
    includes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlansPage:
    """Everything the plans page shows. `people` is None when the uploads are stale.

    `complimentary_until` is when a plan ends that costs nothing; `required_tier` the title of the
    only tier that staff let this customer buy. `places` counts the active organizations these
    people are in, `over_places` those of them with more people than are free.
    """

    kind: CustomerKind
    state: PlansState
    currency: str
    people: int | None
    places: int
    over_places: int
    last_heard: datetime | None
    free_seats: int
    tiers: tuple[TierView, ...]
    current_tier: str | None
    current_title: str | None
    current: CurrentPlan | None
    complimentary_until: datetime | None
    required_tier: str | None
    ends_at: datetime | None
    cheapest: TierView | None
    discount: NewCustomerTerms | None
    open_purchase: OpenPurchase | None
    sponsored: Sponsored
    sponsorship_pending: bool
    changes: ChangeOffers | None
    can_schedule: bool
    scheduled_title: str | None

    @property
    def is_over_free(self) -> bool:
        """Whether a plan is needed."""
        return self.over_places > 0


def load_plans_page(ctx: Context, session: Session, payer: Payer, *, now: datetime) -> PlansPage:
    """The plans page of `payer` as of now. Never raises for missing uploads: it says so."""
    head = load_head(session, payer, now=now)
    history = None if head.is_stale else load_people(session, head, start=now)
    places = _people_of_places(history)
    people = history.now if history is not None else None
    state, plan = _state(head), _running_plan(head)
    current = plan.tier if plan is not None else head.server_tier
    over = sum(count > ctx.catalog.free_seats for count in places)
    tiers = tuple(
        _view(
            ctx,
            session,
            head,
            tier,
            people=people,
            state=state,
            current=current,
            needs_plan=over > 0,
        )
        for tier in ctx.catalog.tiers.values()
        if tier.kind in SHOWN_KINDS
    )
    return PlansPage(
        kind=payer.kind,
        state=state,
        currency=ctx.catalog.currency,
        people=people,
        places=len(places),
        over_places=over,
        last_heard=head.last_heard,
        free_seats=ctx.catalog.free_seats,
        tiers=tiers,
        current_tier=current,
        current_title=tier_title(ctx.catalog, current) if current else None,
        current=_current(ctx, session, head, plan),
        complimentary_until=(
            plan.end_date if plan is not None and is_complimentary(plan) else None
        ),
        required_tier=_required(ctx, head),
        ends_at=plan.end_date if plan is not None else None,
        cheapest=next((tier for tier in tiers if tier.can_choose), None),
        discount=_discount(ctx, head),
        open_purchase=open_purchase_of(ctx.catalog, head.purchase),
        sponsored=_sponsored(ctx),
        sponsorship_pending=head.asks_to_be_sponsored,
        changes=change_offers(ctx, session, head),
        can_schedule=can_schedule(ctx, head),
        scheduled_title=get_scheduled_title(ctx, session, head),
    )


def _people_of_places(history: PeopleHistory | None) -> list[int]:
    """The people of each active organization."""
    if history is None:
        return []
    return [state.people for state in history.states_at_end().values() if state.active]


def _running_plan(head: Head) -> Plan | None:
    """The customer's own plan; from its end on there is none, even before a job has seen that."""
    plan = head.live_plan
    is_over = plan is not None and plan.end_date is not None and plan.end_date <= head.now
    return None if is_over else plan


def _state(head: Head) -> PlansState:
    if head.is_covered_by_server:
        return PlansState.COVERED_BY_SERVER
    plan = _running_plan(head)
    if plan is None or is_complimentary(plan):
        # What is bought takes the place of a plan that costs nothing.
        return PlansState.CAN_BUY
    return PlansState.ENDING if plan.at_cycle_end is AtCycleEnd.END else PlansState.SUBSCRIBED


def _view(
    ctx: Context,
    session: Session,
    head: Head,
    tier: Tier,
    *,
    people: int | None,
    state: PlansState,
    current: str | None,
    needs_plan: bool,
) -> TierView:
    customer = head.customer
    paid = tier.kind is TierKind.PAID
    terms = get_new_customer_terms(ctx.catalog, customer, head.payer, tier)
    first_bill = _first_bill_of(head, tier)
    discount = get_staff_discount(customer, tier.key, at=first_bill)
    buyer = Buyer(
        people=people,
        agreed_minimum=agreed_minimum(customer),
        is_exempt=customer is not None and customer.exempt_from_license_number_check,
        terms=terms if paid and not _is_for_all(discount) else NO_NEW_CUSTOMER_TERMS,
        now=first_bill,
        discount=discount,
        trial_days=get_trial_days(session, head.payer, customer, tier),
    )
    can_buy = state is PlansState.CAN_BUY
    is_free_now = tier.kind is TierKind.FREE and not needs_plan and current is None
    return tier_view(
        ctx.catalog,
        tier,
        buyer,
        is_current=is_free_now if can_buy else tier.key == current,
        can_choose=can_buy and tier in get_sold_tiers(ctx.catalog, customer),
    )


def _is_for_all(discount: StaffDiscount | None) -> bool:
    """Whether what staff took off counts for every schedule."""
    return discount is not None and (
        discount.percent is not None or None not in {discount.monthly_price, discount.annual_price}
    )


def _first_bill_of(head: Head, tier: Tier) -> datetime:
    """When the bill that a tier shows first would be made: now, and for the tier that is running
    at its next renewal, since what is left of a discount counts from there."""
    plan = _running_plan(head)
    if plan is None or plan.tier != tier.key or plan.at_cycle_end is AtCycleEnd.END:
        return head.now
    return cycle_at(plan.billing_cycle_anchor, plan.schedule, head.now).end


def _current(ctx: Context, session: Session, head: Head, plan: Plan | None) -> CurrentPlan | None:
    if plan is None or head.customer is None:
        return None
    title = tier_title(ctx.catalog, plan.tier)
    if plan.price_per_license is None:
        return CurrentPlan(title, plan.schedule, plan.currency, None, None, None, None)
    now = load_plan_now(session, head, plan, head.customer)
    renewal = None if head.is_stale else now.renewal()
    return CurrentPlan(
        tier_title=title,
        schedule=plan.schedule,
        currency=plan.currency,
        price=now.terms.price_in(now.cycle),
        licenses=now.current.licenses,
        renews_at=None if plan.at_cycle_end is AtCycleEnd.END else now.cycle.end,
        renewal_total=renewal.total if renewal is not None else None,
    )


def _required(ctx: Context, head: Head) -> str | None:
    key = head.customer.required_plan_tier if head.customer is not None else None
    return None if key is None else tier_title(ctx.catalog, key)


def _discount(ctx: Context, head: Head) -> NewCustomerTerms | None:
    """The discount for new customers as far as it is left; the same for every tier."""
    first = next(iter(get_sold_tiers(ctx.catalog, head.customer)), None)
    if first is None or get_staff_discount(head.customer, first.key, at=head.now) is not None:
        return None
    terms = get_new_customer_terms(ctx.catalog, head.customer, head.payer, first)
    return terms if terms.months_at_start else None


def _sponsored(ctx: Context) -> Sponsored:
    tier = next(tier for tier in ctx.catalog.tiers.values() if tier.kind is TierKind.SPONSORED)
    return Sponsored(tier.title, tier.summary, tier.includes)
