"""Months and cycles: every boundary is computed from the anchor, never from the one before.

Boundary n = anchor + n months (31 January -> 28 or 29 February -> 31 March); times of day are
kept. An instant exactly at a boundary belongs to the new period.

Whatever lies before the anchor is one period, number -1: a free trial, or the time in which a plan
was scheduled. It is never charged, so its length means nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

from app.domain.kinds import Schedule


def month_boundary(anchor: datetime, n: int) -> datetime:
    """The instant `n` months after `anchor`."""
    return anchor + relativedelta(months=n)


def months_elapsed(anchor: datetime, at: datetime) -> int:
    """The greatest n whose boundary is not after `at`; negative before the anchor."""
    n = (at.year - anchor.year) * 12 + at.month - anchor.month
    # A first guess by calendar is at most one too high.
    while month_boundary(anchor, n) > at:
        n -= 1
    return n


def next_month_boundary(anchor: datetime, after: datetime) -> datetime:
    """The first monthly boundary strictly after `after`."""
    return month_boundary(anchor, months_elapsed(anchor, after) + 1)


# Longer than any trial can be: the start of the period before the anchor.
BEFORE_THE_ANCHOR = timedelta(days=400)
BEFORE = -1


@dataclass(frozen=True, slots=True)
class Cycle:
    """One period [start, end) between two renewals; `index` counts from 0 at the anchor."""

    index: int
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """The real length, which proration divides by."""
        return self.end - self.start


def cycle_number(anchor: datetime, schedule: Schedule, index: int) -> Cycle:
    """The cycle of that index; every negative one means the time before the anchor."""
    if index < 0:
        return Cycle(BEFORE, anchor - BEFORE_THE_ANCHOR, anchor)
    months = schedule.months
    return Cycle(
        index=index,
        start=month_boundary(anchor, index * months),
        end=month_boundary(anchor, (index + 1) * months),
    )


def cycle_at(anchor: datetime, schedule: Schedule, at: datetime) -> Cycle:
    """The cycle that contains `at`."""
    if at < anchor:
        return cycle_number(anchor, schedule, BEFORE)
    return cycle_number(anchor, schedule, months_elapsed(anchor, at) // schedule.months)


def starts_cycle(anchor: datetime, schedule: Schedule, at: datetime) -> bool:
    """Whether a cycle starts at `at`, the first one included."""
    cycle = cycle_at(anchor, schedule, at)
    return cycle.start == at and cycle.index >= 0


def whole_months_between(anchor: datetime, start: datetime, end: datetime) -> int:
    """How many whole months, counted by the boundaries of `anchor`, lie in [start, end)."""
    first = months_elapsed(anchor, start)
    if month_boundary(anchor, first) < start:
        first += 1
    return max(0, months_elapsed(anchor, end) - first)
