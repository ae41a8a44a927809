"""Months and cycles: every boundary is computed from the anchor, never from the one before.

Boundary n = anchor + n months (31 January -> 28 or 29 February -> 31 March); times of day are
kept. An instant exactly at a boundary belongs to the new period.
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
    """The cycle of that index."""
    months = schedule.months
    return Cycle(
        index=index,
        start=month_boundary(anchor, index * months),
        end=month_boundary(anchor, (index + 1) * months),
    )


def cycle_at(anchor: datetime, schedule: Schedule, at: datetime) -> Cycle:
    """The cycle that contains `at`."""
    return cycle_number(anchor, schedule, months_elapsed(anchor, at) // schedule.months)


def is_renewal_boundary(anchor: datetime, schedule: Schedule, at: datetime) -> bool:
    """Whether `at` starts a cycle other than the first."""
    cycle = cycle_at(anchor, schedule, at)
    return cycle.start == at and cycle.index > 0
