"""The page that schedules a paid plan for the end of a legacy plan, and what is said of both on
other pages."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import Collection, LicenseManagement, Schedule, TierKind
from app.services.complimentary import is_of_kind
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.head import Head, load_head
from app.services.pages.parts import CardView, PageLine, card_of, page_lines, tier_title
from app.services.pages.upgrade import WRONG_CHOICE, TierOption, tier_options
from app.services.quote import PurchaseChoice, count_payer_people
from app.services.schedule_upgrade import sign_scheduled_quote
from app.services.scheduled_quote import (
    ScheduledQuote,
    get_legacy_to_follow,
    make_scheduled_quote,
)


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """What a choice will cost; amounts in cents of `currency`. `token` is the signed quote."""

    token: str
    tier_title: str
    schedule: Schedule
    management: LicenseManagement
    currency: str
    people: int
    licenses: int
    lines: tuple[PageLine, ...]
    total: int
    renews_at: datetime
    renewal_total: int
    is_by_invoice: bool


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """Everything the page shows. `quote` is None when the choice is refused, `problem` then says
    why. `legacy_title` ends at `starts_at`, and nothing is charged before."""

    tiers: tuple[TierOption, ...]
    currency: str
    people: int
    legacy_title: str
    starts_at: datetime
    quote: ScheduleView | None
    problem: BillingError | None
    card: CardView | None
    least_by_invoice: int
    most_by_invoice: int
    days_until_due: int


def load_schedule_page(
    ctx: Context, session: Session, payer: Payer, choice: PurchaseChoice | None, *, now: datetime
) -> SchedulePage:
    """The price of `choice` from the end of the legacy plan on; the page without a price when it is
    None.

    Raises BillingError `no_legacy_plan`, `plan_has_ended` or `upgrade_is_scheduled`, and
    MissingDataError.
    """
    head = load_head(session, payer, now=now)
    legacy = get_legacy_to_follow(session, ctx.catalog, head.customer, now=now)
    assert legacy.end_date is not None, "legacy plans have an agreed end"
    people = count_payer_people(session, payer, now=now).people
    quote: ScheduleView | None = None
    problem: BillingError | None = None
    try:
        if choice is not None:
            made = make_scheduled_quote(session, ctx.catalog, payer, choice, now=now)
            quote = _view(ctx, payer, made)
    except BillingError as error:
        if error.code not in WRONG_CHOICE:
            raise
        problem = error
    return SchedulePage(
        tiers=tier_options(ctx, head.customer),
        currency=ctx.catalog.currency,
        people=people,
        legacy_title=tier_title(ctx.catalog, legacy.tier),
        starts_at=legacy.end_date,
        quote=quote,
        problem=problem,
        card=card_of(head.customer),
        least_by_invoice=max(people, ctx.catalog.min_invoiced_licenses),
        most_by_invoice=ctx.catalog.max_self_serve_licenses,
        days_until_due=ctx.catalog.days_until_due,
    )


def can_schedule(ctx: Context, head: Head) -> bool:
    """Whether a plan can be scheduled for the end of the one that runs."""
    plan = head.live_plan
    if plan is None or not is_of_kind(ctx.catalog, plan, TierKind.LEGACY):
        return False
    return plan.next_plan_id is None and plan.end_date is not None and plan.end_date > head.now


def _view(ctx: Context, payer: Payer, quote: ScheduledQuote) -> ScheduleView:
    return ScheduleView(
        token=sign_scheduled_quote(ctx, payer, quote),
        tier_title=quote.tier.title,
        schedule=quote.schedule,
        management=quote.management,
        currency=quote.currency,
        people=quote.people,
        licenses=quote.licenses,
        lines=page_lines(ctx, quote.lines, title=quote.tier.title),
        total=quote.total,
        renews_at=quote.renews_at,
        renewal_total=quote.renewal_total,
        is_by_invoice=quote.collection is Collection.SEND_INVOICE,
    )
