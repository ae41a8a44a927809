"""The usage page: who is counted now, against what, and how it was at the end of each day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.days import DayCount, counts_by_day, start_of_day
from app.domain.kinds import CustomerKind
from app.domain.ledger import SeatState
from app.models.plans import Plan
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.head import Head, load_head
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list
from app.services.pages.parts import tier_title
from app.services.pages.people import PeopleHistory, load_history
from app.services.pages.plan_now import load_plan_now
from app.services.pages.seats import Changes, load_licenses_since
from app.services.pages.usage_places import (
    Place,
    PlaceCover,
    decide_cover,
    load_places,
    load_roles,
)

# What somebody pays for, whose people are not in the customer's own count.
PAID_BY_OTHERS = frozenset({PlaceCover.OWN_PLAN})
NOT_THERE = frozenset({PlaceCover.DEACTIVATED, PlaceCover.GONE})


@dataclass(frozen=True, slots=True)
class PlaceView:
    """One organization: its people, and what its paid part stands on. `room` says how many more
    people are free."""

    name: str
    host: str
    people: int
    cover: PlaceCover
    tier_title: str | None
    room: int


@dataclass(frozen=True, slots=True)
class UsagePage:
    """Everything the usage page shows. `as_of` is the instant that its numbers speak of: now, the
    last report when the server is silent, None when it never reported.

    `plan_title` is the plan that pays for these people, `licenses` what it holds (None: it is not
    counted in licenses, or not theirs to see) and `license_days` what it held at the end of each
    day. `places` is one organization, or a page of a server's.
    """

    kind: CustomerKind
    as_of: datetime | None
    is_stale: bool
    people: int
    roles: tuple[tuple[str, int], ...]
    free_seats: int
    plan_title: str | None
    licenses: int | None
    places: tuple[PlaceView, ...]
    part: ListPart
    counted_places: int
    over_places: int
    range_days: int
    days: tuple[DayCount, ...]
    license_days: tuple[DayCount, ...]
    today: date

    @property
    def changed_days(self) -> tuple[DayCount, ...]:
        """The days on which a number changed, and the first one; newest first."""
        paid = {day.day for day in self.license_days if day.change != 0}
        return tuple(day for day in reversed(self.days) if day.change != 0 or day.day in paid)

    @property
    def licenses_by_day(self) -> dict[date, int]:
        """The paid licenses at the end of each day of the plan."""
        return {day.day: day.count for day in self.license_days}


def load_usage_page(
    ctx: Context, session: Session, payer: Payer, *, range_days: int, number: int, now: datetime
) -> UsagePage:
    """The usage of `payer` as of now, over the last `range_days` days; page `number` of a server's
    organizations. The queries are as many for one organization as for a thousand."""
    head = load_head(session, payer, now=now)
    places = load_places(session, head)
    until = head.last_heard if head.is_stale else now
    first = (until or now).date() - timedelta(days=range_days - 1)
    history = load_history(
        session, [place.id for place in places], start=start_of_day(first), until=until or now
    )
    views = _views(ctx, head, places, history)
    mine = {key for key, view in views.items() if _is_mine(head, view)}
    counted = history.only(mine)
    shown = sorted(views.values(), key=lambda view: (-view.people, view.name, view.host))
    part = part_of_list(len(shown), number=number)
    licenses, paid = _load_licenses(session, head, since=start_of_day(first))
    days = _days(counted, places, mine, first=first) if until is not None else ()
    return UsagePage(
        kind=payer.kind,
        as_of=until,
        is_stale=head.is_stale,
        people=counted.now,
        roles=load_roles(session, head, _there(views, mine), until=until or now),
        free_seats=ctx.catalog.free_seats,
        plan_title=_plan_title(ctx, head),
        licenses=licenses,
        places=tuple(shown[part.offset : part.offset + PAGE_SIZE]),
        part=part,
        counted_places=len(_there(views, mine)),
        over_places=sum(view.cover is PlaceCover.OVER_FREE for view in views.values()),
        range_days=range_days,
        days=days,
        license_days=_license_days(paid, days),
        today=now.date(),
    )


def _views(
    ctx: Context, head: Head, places: list[Place], history: PeopleHistory
) -> dict[int, PlaceView]:
    """Every organization by its id."""
    states = history.states_at_end()
    own, servers = _tiers(head)
    views: dict[int, PlaceView] = {}
    for place in places:
        state: SeatState = states[place.id]
        cover = decide_cover(
            place,
            is_active=state.active,
            people=state.people,
            server_tier=servers,
            free_seats=ctx.catalog.free_seats,
            now=history.until,
        )
        key = place.own_tier if cover is PlaceCover.OWN_PLAN else own or servers
        views[place.id] = PlaceView(
            name=place.name or place.host,
            host=place.host,
            people=state.people,
            cover=cover,
            tier_title=tier_title(ctx.catalog, key) if key else None,
            room=max(0, ctx.catalog.free_seats - state.people),
        )
    return views


def _running_plan(head: Head) -> Plan | None:
    """The customer's own plan, unless its end has come."""
    plan = head.live_plan
    is_over = plan is not None and plan.end_date is not None and plan.end_date <= head.now
    return None if is_over else plan


def _tiers(head: Head) -> tuple[str | None, str | None]:
    """The tier of the organization's own live plan, and of its server's."""
    plan = _running_plan(head)
    key = plan.tier if plan is not None else None
    return (None, key) if head.payer.kind is CustomerKind.SERVER else (key, head.server_tier)


def _is_mine(head: Head, view: PlaceView) -> bool:
    """Whether the people of an organization are in this customer's count."""
    return head.payer.kind is CustomerKind.ORGANIZATION or view.cover not in PAID_BY_OTHERS


def _there(views: dict[int, PlaceView], mine: set[int]) -> set[int]:
    return {key for key in mine if views[key].cover not in NOT_THERE}


def _plan_title(ctx: Context, head: Head) -> str | None:
    own, servers = _tiers(head)
    key = own or servers
    return tier_title(ctx.catalog, key) if key else None


def _load_licenses(session: Session, head: Head, *, since: datetime) -> tuple[int | None, Changes]:
    """The paid licenses now and how they changed; none where the plan is not counted in them."""
    plan = _running_plan(head)
    if plan is None or head.customer is None or plan.price_per_license is None:
        return None, ()
    plan_now = load_plan_now(session, head, plan, head.customer)
    return plan_now.current.licenses, load_licenses_since(session, plan_now, since=since)


def _license_days(paid: Changes, days: tuple[DayCount, ...]) -> tuple[DayCount, ...]:
    if not paid or not days:
        return ()
    return tuple(counts_by_day(paid, first=days[0].day, last=days[-1].day))


def _days(
    history: PeopleHistory, places: list[Place], mine: set[int], *, first: date
) -> tuple[DayCount, ...]:
    """The days from `first` on, without those before anything was ever counted."""
    starts = [p.first_count_at for p in places if p.id in mine and p.first_count_at is not None]
    starts = [start for start in starts if start <= history.until]
    if not starts:
        return ()
    first = max(first, min(starts).date())
    return tuple(counts_by_day(history.changes, first=first, last=history.until.date()))
