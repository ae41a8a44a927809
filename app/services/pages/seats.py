"""People and licenses over a stretch of a plan: in steps for the plot, by day for the file."""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at, month_boundary
from app.domain.days import ONE_DAY, start_of_day
from app.domain.ledger import Entry, effective_entries
from app.models.plans import Plan
from app.services.customers import Payer
from app.services.pages.head import Head, load_head
from app.services.pages.people import load_people
from app.services.pages.plan_now import PlanNow, get_plan_now, load_entries_since
from app.services.plan_ledger import ONE_SECOND
from app.services.plan_rules import begins_at

# A plot and its table show no more steps than this; see `Grain`.
MOST_STEPS = 60
MONTHS_OF_A_YEAR = 12

Changes = Sequence[tuple[datetime, int]]


class SeatsRange(StrEnum):
    """How far back the plot goes."""

    CYCLE = "cycle"
    YEAR = "year"
    PLAN = "plan"


class Grain(StrEnum):
    """How many of the changes are shown: each, or the last one of each day, week or month."""

    CHANGE = "change"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Step:
    """People and licenses from `at` on; None where it is not known."""

    at: datetime
    people: int | None
    licenses: int | None


@dataclass(frozen=True, slots=True)
class SeatsOverTime:
    """The plot of [start, end). `ranges` are those that show something of their own."""

    range: SeatsRange
    ranges: tuple[SeatsRange, ...]
    start: datetime
    end: datetime
    steps: tuple[Step, ...]
    grain: Grain


@dataclass(frozen=True, slots=True)
class DayOfSeats:
    """People and licenses when a UTC day ended, or now for today; None where not known."""

    day: date
    people: int | None
    licenses: int | None


@dataclass(frozen=True, slots=True)
class _History:
    """Changes of people and licenses; both begin with what was so at or before `start`."""

    start: datetime
    end: datetime
    people: Changes
    licenses: Changes
    heard: datetime | None

    def people_at(self, at: datetime) -> int | None:
        """Nobody knows the people after the last report of a server that went silent."""
        if self.heard is not None and at > self.heard:
            return None
        return value_at(self.people, at)


def load_seats_over_time(
    session: Session, head: Head, plan_now: PlanNow, *, chosen: SeatsRange
) -> SeatsOverTime:
    """The plot of the range that was asked for, or of the next smaller one that this plan has."""
    ranges = _ranges(plan_now)
    shown = chosen if chosen in ranges else ranges[-1] if chosen is SeatsRange.YEAR else ranges[0]
    history = _load_history(session, head, plan_now, shown)
    times = {at for at, _ in history.people} | {at for at, _ in history.licenses}
    if history.heard is not None:
        times.add(history.heard + ONE_SECOND)
    steps, grain = _thinned(
        [
            Step(at, history.people_at(at), value_at(history.licenses, at))
            for at in sorted(times)
            if at <= plan_now.now
        ]
    )
    end = plan_now.cycle.end if shown is SeatsRange.CYCLE else history.end
    start = history.start
    return SeatsOverTime(shown, ranges, start, max(end, start + ONE_DAY), steps, grain)


def load_seats_by_day(
    session: Session, payer: Payer, *, chosen: SeatsRange, now: datetime
) -> Iterator[DayOfSeats]:
    """Each UTC day of the range up to today, in order; nothing without a plan."""
    head = load_head(session, payer, now=now)
    plan_now = get_plan_now(session, head)
    if plan_now is None:
        return
    history = _load_history(session, head, plan_now, chosen)
    day = history.start.date()
    while day <= history.end.date():
        at = min(start_of_day(day + ONE_DAY) - ONE_SECOND, history.end)
        # The day of a last report counts by it, though it did not hear the day's end.
        heard = min(at, history.heard) if history.heard else at
        is_known = heard.date() == day
        people = history.people_at(heard) if is_known else None
        yield DayOfSeats(day, people, value_at(history.licenses, at))
        day += ONE_DAY


def load_licenses_since(session: Session, plan_now: PlanNow, *, since: datetime) -> Changes:
    """The changes of the paid licenses from the cycle of `since` on, or from the plan's start;
    up to now, or to the plan's end."""
    start = max(since, begins_at(plan_now.plan))
    return _licenses_until_now(plan_now, _entries_since(session, plan_now, start))


def value_at(changes: Changes, at: datetime) -> int | None:
    """What the last change at or before `at` says."""
    known = bisect_right(changes, at, key=lambda change: change[0])
    return changes[known - 1][1] if known else None


def licenses_over_time(entries: Sequence[Entry]) -> list[tuple[datetime, int]]:
    """The paid licenses after each entry: within a cycle they never fall."""
    found: list[tuple[datetime, int]] = []
    for entry in effective_entries(entries):
        highest = entry.licenses
        if found and not entry.is_renewal:
            highest = max(highest, found[-1][1])
        found.append((entry.event_time, highest))
    return found


def _ranges(plan_now: PlanNow) -> tuple[SeatsRange, ...]:
    start = begins_at(plan_now.plan)
    if start >= plan_now.cycle.start:
        return (SeatsRange.CYCLE,)
    if start >= _a_year_before(plan_now.now):
        return (SeatsRange.CYCLE, SeatsRange.PLAN)
    return tuple(SeatsRange)


def _a_year_before(now: datetime) -> datetime:
    return month_boundary(now, -MONTHS_OF_A_YEAR)


def _load_history(session: Session, head: Head, plan_now: PlanNow, chosen: SeatsRange) -> _History:
    """Two queries for what lies before the present cycle, none for the cycle itself."""
    plan, over = plan_now.plan, plan_now.terms.ends_at
    heard = head.last_heard if head.is_stale else None
    end = max(plan_now.cycle.start, min(plan_now.now, over - ONE_SECOND if over else plan_now.now))
    if chosen is SeatsRange.CYCLE:
        start, people = plan_now.cycle.start, plan_now.history
        entries = list(plan_now.entries)
    else:
        start = _start_of(plan, chosen, now=plan_now.now)
        people = load_people(session, head, start=start)
        entries = _entries_since(session, plan_now, start)
    licenses = _licenses_until_now(plan_now, entries)
    return _History(start, end, _within(people.changes, start), _within(licenses, start), heard)


def _start_of(plan: Plan, chosen: SeatsRange, *, now: datetime) -> datetime:
    start = begins_at(plan)
    return max(start, _a_year_before(now)) if chosen is SeatsRange.YEAR else start


def _entries_since(session: Session, plan_now: PlanNow, start: datetime) -> list[Entry]:
    """The ledger from the cycle of `start` on; the part that no run has written yet included."""
    plan = plan_now.plan
    since = cycle_at(plan.billing_cycle_anchor, plan.schedule, start).start
    stored = load_entries_since(session, plan, since=since)
    return list({entry.id: entry for entry in (*stored, *plan_now.entries)}.values())


def _licenses_until_now(plan_now: PlanNow, entries: Sequence[Entry]) -> Changes:
    return [change for change in licenses_over_time(entries) if change[0] <= plan_now.now]


def _within(changes: Changes, start: datetime) -> list[tuple[datetime, int]]:
    """The changes after `start`, and before them what was so then."""
    known = value_at(changes, start)
    later = [change for change in changes if change[0] > start]
    return later if known is None else [(start, known), *later]


# Coarser and coarser, until the steps are few enough.
_GRAINS: tuple[tuple[Grain, Callable[[datetime], Hashable]], ...] = (
    (Grain.DAY, lambda at: at.date()),
    (Grain.WEEK, lambda at: at.isocalendar()[:2]),
    (Grain.MONTH, lambda at: (at.year, at.month)),
)


def _thinned(steps: Sequence[Step]) -> tuple[tuple[Step, ...], Grain]:
    """The first step, and the last one of each stretch of time that is fine enough."""
    grain = Grain.CHANGE
    kept = tuple(steps)
    for coarser, stretch_of in _GRAINS:
        if len(kept) <= MOST_STEPS:
            break
        last = {stretch_of(step.at): step for step in steps}
        kept = (steps[0], *(step for step in last.values() if step is not steps[0]))
        grain = coarser
    return kept, grain
