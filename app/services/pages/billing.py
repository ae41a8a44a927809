"""The billing page: the plan, its next charge line by line, people and licenses, what is owed."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from app.domain.coverage import LONGEST_DEFERRAL
from app.domain.kinds import AtCycleEnd, LicenseManagement, PlanStatus, Schedule
from app.domain.ledger import Entry
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.head import Head, load_head
from app.services.pages.parts import (
    CardView,
    EntryView,
    OpenPurchase,
    PageLine,
    RowView,
    card_of,
    open_purchase_of,
    page_line,
    tier_title,
)
from app.services.pages.plan_now import (
    Charge,
    PlanNow,
    UnpaidInvoice,
    load_billed_now,
    load_plan_now,
)

# A plot of more steps shows the last one of each day.
MOST_STEPS = 60
# Ledger entries shown behind one line.
MOST_ENTRIES = 100


class BillingState(StrEnum):
    """Which billing page it is."""

    NO_PLAN = "no_plan"
    COVERED_BY_SERVER = "covered_by_server"
    LIVE = "live"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Step:
    """People and licenses from `at` on; None where it is not known."""

    at: datetime
    people: int | None
    licenses: int | None


@dataclass(frozen=True, slots=True)
class Growth:
    """How the licenses of the present cycle came about: so many at its start, then additions
    (day of the addition, number)."""

    at_start: int
    added: tuple[tuple[datetime, int], ...]

    @property
    def total_added(self) -> int:
        """All additions together."""
        return sum(number for _, number in self.added)


@dataclass(frozen=True, slots=True)
class ChargeView:
    """A charge to come, with its lines. `is_due`: its day has come, the run has not."""

    at: datetime
    lines: tuple[PageLine, ...]
    total: int
    is_due: bool
    renews: bool


@dataclass(frozen=True, slots=True)
class PlanView:
    """The plan in words' reach: amounts in cents of `currency`.

    `is_suspended` says that an invoice has waited so long for uploads that the paid part is off.
    `licenses_at_renewal` is None when nobody can tell.
    """

    tier_title: str
    status: PlanStatus
    schedule: Schedule
    management: LicenseManagement
    currency: str
    price: int
    cycle_start: datetime
    cycle_end: datetime
    started_at: datetime
    ends_at: datetime | None
    is_ending: bool
    licenses: int
    licenses_at_renewal: int | None
    deferred_since: datetime | None
    is_suspended: bool
    people: int | None
    over_by: int
    growth: Growth
    steps: tuple[Step, ...]
    next_charge: ChargeView | None
    renewal: ChargeView | None


@dataclass(frozen=True, slots=True)
class BillingPage:
    """Everything the billing page shows."""

    state: BillingState
    now: datetime
    is_stale: bool
    last_heard: datetime | None
    plan: PlanView | None
    server_tier_title: str | None
    card: CardView | None
    unpaid: tuple[UnpaidInvoice, ...]
    open_purchase: OpenPurchase | None
    is_parked: bool
    free_seats: int


def load_billing_page(
    ctx: Context, session: Session, payer: Payer, *, now: datetime
) -> BillingPage:
    """The billing page of `payer` as of now. Never raises for missing uploads: it says so."""
    head = load_head(session, payer, now=now)
    plan = _load_plan_now(session, head)
    if plan is not None:
        unpaid = plan.billed.unpaid
    elif head.customer is not None:
        unpaid = load_billed_now(session, head.customer, None).unpaid
    else:
        unpaid = ()
    server_tier = head.server_tier if head.is_covered_by_server else None
    return BillingPage(
        state=_state(head),
        now=now,
        is_stale=head.is_stale,
        last_heard=head.last_heard,
        plan=plan_view(ctx, head, plan) if plan is not None else None,
        server_tier_title=tier_title(ctx.catalog, server_tier) if server_tier else None,
        card=card_of(head.customer),
        unpaid=unpaid,
        open_purchase=open_purchase_of(ctx.catalog, head.purchase),
        is_parked=head.customer is not None and head.customer.parked_at is not None,
        free_seats=ctx.catalog.free_seats,
    )


def _load_plan_now(session: Session, head: Head) -> PlanNow | None:
    plan = head.plan
    if plan is None or head.customer is None or plan.price_per_license is None:
        return None
    return load_plan_now(session, head, plan, head.customer)


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


def plan_view(ctx: Context, head: Head, now: PlanNow) -> PlanView:
    """The plan as pages show it. People are left out when the uploads are stale."""
    plan, title = now.plan, tier_title(ctx.catalog, now.plan.tier)
    assert plan.price_per_license is not None, "fixed prices have a page of their own"
    people = None if head.is_stale else now.people
    manual = plan.license_management is LicenseManagement.MANUAL
    deferred = plan.invoice_deferred_since
    is_over = now.terms.ends_at is not None and now.terms.ends_at <= now.now
    charge, renewal = (None, None) if head.is_stale else (now.charge(), now.renewal())
    if is_over:
        renewal = None
    return PlanView(
        tier_title=title,
        status=plan.status,
        schedule=plan.schedule,
        management=plan.license_management,
        currency=plan.currency,
        price=plan.price_per_license,
        cycle_start=now.cycle.start,
        cycle_end=now.cycle.end,
        started_at=plan.billing_cycle_anchor,
        ends_at=now.terms.ends_at,
        is_ending=plan.at_cycle_end is AtCycleEnd.END and not is_over,
        licenses=now.current.licenses,
        licenses_at_renewal=None if head.is_stale else now.licenses_at_renewal,
        deferred_since=deferred,
        is_suspended=deferred is not None and now.now - deferred > LONGEST_DEFERRAL,
        people=people,
        over_by=max(0, people - now.current.licenses) if manual and people is not None else 0,
        growth=_growth(now),
        steps=_steps(now, shows_people=people is not None),
        next_charge=charge_view(ctx, now, charge, title=title) if charge else None,
        renewal=charge_view(ctx, now, renewal, title=title) if renewal else None,
    )


def charge_view(ctx: Context, now: PlanNow, charge: Charge, *, title: str) -> ChargeView:
    """A charge with its words, and behind each line the entries that make it."""
    views = _entry_views(now)
    lines = []
    for line in charge.lines:
        ids = line.entry_ids[:MOST_ENTRIES]
        why = tuple(views[entry_id] for entry_id in ids if entry_id in views)
        hidden = len(line.entry_ids) - len(ids)
        lines.append(page_line(ctx, line, title=title, why=why, hidden=hidden))
    return ChargeView(
        at=charge.boundary,
        lines=tuple(lines),
        total=charge.total,
        is_due=charge.boundary <= now.now,
        renews=charge.renews,
    )


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


def _growth(now: PlanNow) -> Growth:
    """The rises of the present cycle, those of one UTC day together."""
    entries = now.in_cycle()
    if not entries:
        return Growth(now.current.licenses, ())
    highest = entries[0].licenses
    added: dict[date, tuple[datetime, int]] = {}
    for entry in entries[1:]:
        if entry.licenses > highest:
            at, number = added.get(entry.event_time.date(), (entry.event_time, 0))
            added[entry.event_time.date()] = (at, number + entry.licenses - highest)
            highest = entry.licenses
    return Growth(entries[0].licenses, tuple(added.values()))


def _steps(now: PlanNow, *, shows_people: bool) -> tuple[Step, ...]:
    """People and licenses over the present cycle, where either changes."""
    people = now.history.changes if shows_people else ()
    licenses: list[tuple[datetime, int]] = []
    for entry in now.in_cycle():
        highest = max(entry.licenses, licenses[-1][1]) if licenses else entry.licenses
        licenses.append((entry.event_time, highest))
    times = sorted({at for at, _ in people} | {at for at, _ in licenses})
    return _thinned([Step(at, _value_at(people, at), _value_at(licenses, at)) for at in times])


def _value_at(changes: Sequence[tuple[datetime, int]], at: datetime) -> int | None:
    known = bisect_right(changes, at, key=lambda change: change[0])
    return changes[known - 1][1] if known else None


def _thinned(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Not more than one step a day when there are very many."""
    if len(steps) <= MOST_STEPS:
        return tuple(steps)
    last_of_day = {step.at.date(): step for step in steps}
    return (steps[0], *(step for step in last_of_day.values() if step is not steps[0]))


__all__ = [
    "BillingPage",
    "BillingState",
    "ChargeView",
    "PlanView",
    "load_billing_page",
]
