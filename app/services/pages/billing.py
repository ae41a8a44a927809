"""The billing page: the plan, its next charge line by line, people and licenses, what is owed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at
from app.domain.catalog import UploadHelp
from app.domain.coverage import LONGEST_DEFERRAL
from app.domain.invoicing import LineDraft
from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    EndReason,
    LicenseManagement,
    LineKind,
    PlanStatus,
    Schedule,
)
from app.domain.ledger import Entry
from app.domain.upload_help import choose_upload_help
from app.models.plans import Plan
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.coming import load_coming_lines
from app.services.pages.complimentary import ComplimentaryView, get_complimentary_view
from app.services.pages.contacts import Contacts, load_contacts
from app.services.pages.discount import DiscountView, discount_of
from app.services.pages.growth import Growth, growth_of
from app.services.pages.head import Head, load_head
from app.services.pages.parts import (
    CardView,
    EntryView,
    OpenPurchase,
    PageLine,
    RowView,
    Share,
    card_of,
    open_purchase_of,
    page_line,
    page_lines,
    tier_title,
)
from app.services.pages.plan_now import (
    Charge,
    PlanNow,
    UnpaidInvoice,
    get_plan_now,
    load_billed_now,
)
from app.services.pages.seats import SeatsOverTime, SeatsRange, load_seats_over_time
from app.services.pages.uploads import Refusal, refusal_of
from app.services.plan_rules import begins_at, has_agreed_end
from app.services.revive_plan import REVIVED_WITHIN

ONE_DAY = timedelta(days=1)
SWITCHES = (AtCycleEnd.SWITCH_SCHEDULE, AtCycleEnd.SWITCH_TIER)
# Ledger entries shown behind one line.
MOST_ENTRIES = 100


class BillingState(StrEnum):
    """Which billing page it is."""

    NO_PLAN = "no_plan"
    COVERED_BY_SERVER = "covered_by_server"
    LIVE = "live"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ChargeView:
    """A charge to come, with its lines. `is_due`: its day has come, the run has not."""

    at: datetime
    lines: tuple[PageLine, ...]
    total: int
    is_due: bool
    renews: bool


@dataclass(frozen=True, slots=True)
class SwitchView:
    """The plan that follows at the end of the cycle: `price` is cents for a license and a cycle."""

    at: datetime
    tier_title: str
    schedule: Schedule
    price: int
    is_other_tier: bool


@dataclass(frozen=True, slots=True)
class PlanView:
    """The plan in words' reach: amounts in cents of `currency`.

    During a free trial `trial_ends_at` says when it is over, in so many days (one that has begun
    counts). `is_suspended` says that an invoice has waited so long for uploads that the paid part is off.
    `price` is what a license costs in this cycle, `list_price` before staff took anything off; both
    None for a `fixed_price` (for a year), which has no licenses to pay. `has_agreed_end`: only staff
    change when it ends. `licenses_at_renewal` is None when nobody can tell. `is_by_invoice`: what is due is sent as an
    invoice, not charged.
    """

    tier_title: str
    status: PlanStatus
    schedule: Schedule
    management: LicenseManagement
    currency: str
    price: int | None
    list_price: int | None
    fixed_price: int | None
    has_agreed_end: bool
    cycle_start: datetime
    cycle_end: datetime
    started_at: datetime
    trial_ends_at: datetime | None
    trial_days_left: int
    ends_at: datetime | None
    is_ending: bool
    licenses: int
    licenses_at_renewal: int | None
    deferred_since: datetime | None
    is_suspended: bool
    people: int | None
    over_by: int
    growth: Growth
    next_charge: ChargeView | None
    renewal: ChargeView | None
    discount: DiscountView | None
    is_by_invoice: bool
    # Whether it was tried for nothing and never paid for.
    is_trial_only: bool
    switch: SwitchView | None
    estimated_since: datetime | None = None
    # Until when a payment brings a plan back that ended unpaid.
    revivable_until: datetime | None = None

    @property
    def is_last_charge(self) -> bool:
        """Whether the next charge is made at the plan's end; a fixed price is charged until then."""
        if not self.is_ending or self.ends_at is None or self.next_charge is None:
            return False
        return self.next_charge.at >= self.ends_at


@dataclass(frozen=True, slots=True)
class BillingPage:
    """Everything the billing page shows. `upload_help` are the commands for the server's version;
    `refusal` says why its last report was not taken; `estimates`: what is due is charged by an
    estimate when the server is silent for long."""

    state: BillingState
    now: datetime
    is_stale: bool
    last_heard: datetime | None
    refusal: Refusal | None
    upload_help: tuple[UploadHelp, ...]
    plan: PlanView | None
    seats: SeatsOverTime | None
    contacts: Contacts
    server_tier_title: str | None
    card: CardView | None
    unpaid: tuple[UnpaidInvoice, ...]
    most_retries: int
    open_purchase: OpenPurchase | None
    is_parked: bool
    free_seats: int
    sponsorship_pending: bool
    complimentary: ComplimentaryView | None
    estimates: bool = False


def load_billing_page(
    ctx: Context,
    session: Session,
    payer: Payer,
    *,
    now: datetime,
    chosen: SeatsRange = SeatsRange.CYCLE,
) -> BillingPage:
    """The billing page of `payer` as of now, with the plot of `chosen`. Never raises for missing
    uploads: it says so."""
    head = load_head(session, payer, now=now)
    plan = get_plan_now(session, head)
    if plan is not None:
        unpaid = plan.billed.unpaid
    elif head.customer is not None:
        unpaid = load_billed_now(session, head.customer, None).unpaid
    else:
        unpaid = ()
    coming = load_coming_lines(ctx, session, head, plan.plan) if plan is not None else ()
    server_tier = head.server_tier if head.is_covered_by_server else None
    return BillingPage(
        state=_state(head),
        now=now,
        is_stale=head.is_stale,
        last_heard=head.last_heard,
        refusal=refusal_of(head.server),
        upload_help=choose_upload_help(
            ctx.catalog.upload_help, version=head.server.product_version
        ),
        plan=plan_view(ctx, head, plan, coming=coming) if plan is not None else None,
        seats=load_seats_over_time(session, head, plan, chosen=chosen) if plan else None,
        contacts=load_contacts(session, head),
        server_tier_title=tier_title(ctx.catalog, server_tier) if server_tier else None,
        card=card_of(head.customer),
        unpaid=unpaid,
        most_retries=len(ctx.catalog.dunning_gap_days),
        open_purchase=open_purchase_of(ctx.catalog, head.purchase),
        is_parked=head.customer is not None and head.customer.parked_at is not None,
        free_seats=ctx.catalog.free_seats,
        sponsorship_pending=head.asks_to_be_sponsored,
        estimates=ctx.catalog.estimate_when_stale,
        complimentary=_complimentary(ctx, session, head, plan),
    )


def _complimentary(
    ctx: Context, session: Session, head: Head, plan: PlanNow | None
) -> ComplimentaryView | None:
    is_live = _state(head) is BillingState.LIVE
    return get_complimentary_view(ctx, session, head, plan) if is_live else None


def _state(head: Head) -> BillingState:
    plan = head.plan
    if head.is_covered_by_server:
        return BillingState.COVERED_BY_SERVER
    if plan is None:
        return BillingState.NO_PLAN
    over = plan.ended_at or (plan.end_date if plan.at_cycle_end is AtCycleEnd.END else None)
    if over is not None and over <= head.now:
        return BillingState.ENDED
    return BillingState.LIVE


def plan_view(
    ctx: Context, head: Head, now: PlanNow, *, coming: tuple[PageLine, ...] = ()
) -> PlanView:
    """The plan as pages show it. People are left out when the uploads are stale. `coming` are the
    lines of the next charge beside those of the plan."""
    plan, title = now.plan, tier_title(ctx.catalog, now.plan.tier)
    people = None if head.is_stale else now.people
    # A fixed price is charged whoever is there.
    is_unknown = head.is_stale and plan.fixed_price is None
    manual = plan.license_management is LicenseManagement.MANUAL
    deferred = plan.invoice_deferred_since
    is_over = now.terms.ends_at is not None and now.terms.ends_at <= now.now
    charge, renewal = (
        (None, None) if is_unknown else (now.charge(is_next=bool(coming)), now.renewal())
    )
    if is_over:
        renewal = None
    is_trial = plan.status is PlanStatus.TRIAL and now.now < plan.billing_cycle_anchor
    trial_ends_at = plan.billing_cycle_anchor if is_trial else None
    return PlanView(
        tier_title=title,
        status=plan.status,
        schedule=plan.schedule,
        management=plan.license_management,
        currency=plan.currency,
        price=None if plan.fixed_price is not None else now.terms.price_in(now.cycle),
        list_price=plan.price_per_license,
        fixed_price=plan.fixed_price,
        has_agreed_end=has_agreed_end(plan),
        cycle_start=now.cycle.start,
        cycle_end=now.cycle.end,
        started_at=begins_at(plan),
        trial_ends_at=trial_ends_at,
        trial_days_left=0 if trial_ends_at is None else -((now.now - trial_ends_at) // ONE_DAY),
        ends_at=now.terms.ends_at,
        is_ending=plan.at_cycle_end is AtCycleEnd.END and not is_over,
        licenses=now.current.licenses,
        licenses_at_renewal=None if head.is_stale else now.licenses_at_renewal,
        deferred_since=deferred,
        is_suspended=deferred is not None and now.now - deferred > LONGEST_DEFERRAL,
        people=people,
        over_by=max(0, people - now.current.licenses) if manual and people is not None else 0,
        growth=growth_of(now),
        next_charge=charge_view(ctx, now, charge, title=title, more=coming) if charge else None,
        renewal=charge_view(ctx, now, renewal, title=title) if renewal else None,
        discount=discount_of(plan),
        is_by_invoice=plan.collection is Collection.SEND_INVOICE,
        is_trial_only=now.cycle.index < 0,
        estimated_since=plan.estimated_since,
        switch=None if is_over else _switch_of(ctx, now),
        revivable_until=_revivable_until(plan),
    )


def _switch_of(ctx: Context, now: PlanNow) -> SwitchView | None:
    """The change that somebody scheduled; what follows a plan whose end was agreed is told with
    that end."""
    plan = now.following
    if plan is None or now.plan.at_cycle_end not in SWITCHES or has_agreed_end(now.plan):
        return None
    price = plan.price_per_license if plan.discounted_price is None else plan.discounted_price
    return SwitchView(
        at=plan.billing_cycle_anchor,
        tier_title=tier_title(ctx.catalog, plan.tier),
        schedule=plan.schedule,
        price=price or 0,
        is_other_tier=plan.tier != now.plan.tier,
    )


def _revivable_until(plan: Plan) -> datetime | None:
    if plan.ended_at is None or plan.ended_reason is not EndReason.UNPAID:
        return None
    return plan.ended_at + REVIVED_WITHIN


def charge_view(
    ctx: Context, now: PlanNow, charge: Charge, *, title: str, more: tuple[PageLine, ...] = ()
) -> ChargeView:
    """A charge with its words, and behind each line the entries that make it; `more` are the lines
    that stand on it beside the plan's. What they give back beyond it is kept as credit."""
    views = _entry_views(now)
    lines = []
    for line in charge.lines:
        ids = line.entry_ids[:MOST_ENTRIES]
        why = tuple(views[entry_id] for entry_id in ids if entry_id in views)
        hidden = len(line.entry_ids) - len(ids)
        share = _share(now, line)
        lines.append(
            page_line(
                ctx,
                line,
                title=title,
                why=why,
                hidden=hidden,
                share=share,
                promo=now.plan.promo_kind,
            )
        )
    if now.following is not None:
        next_title, promo = tier_title(ctx.catalog, now.following.tier), now.following.promo_kind
        lines += page_lines(ctx, charge.following, title=next_title, promo=promo)
    return ChargeView(
        at=charge.boundary,
        lines=(*lines, *more),
        total=max(0, charge.total + sum(line.amount for line in more)),
        is_due=charge.boundary <= now.now,
        renews=charge.renews,
    )


def _share(now: PlanNow, line: LineDraft) -> Share | None:
    """What part of its cycle a line charges for, where it is not all of it."""
    if line.kind not in {LineKind.ADDED, LineKind.ADJUSTMENT}:
        return None
    cycle = cycle_at(now.terms.anchor, now.terms.schedule, line.period_start)
    return Share(now.terms.price_in(cycle), line.period_end - line.period_start, cycle.length)


def _entry_views(now: PlanNow) -> dict[int, EntryView]:
    """The entries of the present cycle by id, each with the licenses before it."""
    rows = {row.id: row for row in now.history.rows}
    before: Entry | None = None
    views: dict[int, EntryView] = {}
    for entry in now.in_cycle():
        row = rows.get(entry.audit_row_id or 0)
        shown = RowView(row.remote_id, row.event_time, row.event_type, row.seats) if row else None
        views[entry.id or 0] = EntryView(
            at=entry.event_time,
            is_renewal=entry.is_renewal,
            licenses_before=before.licenses if before else None,
            licenses=entry.licenses,
            licenses_at_next_renewal=entry.licenses_at_next_renewal,
            people=entry.people,
            actor=entry.actor,
            rows=(shown,) if shown else (),
        )
        before = entry
    return views


__all__ = [
    "BillingPage",
    "BillingState",
    "ChargeView",
    "PlanView",
    "load_billing_page",
]
