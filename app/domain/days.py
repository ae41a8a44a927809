"""Counts at the end of each UTC day, from the instants at which they changed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many there were when a UTC day ended, and how many more than the day before (None on the
    first day that is known)."""

    day: date
    count: int
    change: int | None


def start_of_day(day: date) -> datetime:
    """Midnight UTC at which a day begins."""
    return datetime.combine(day, time(), UTC)


def counts_by_day(
    changes: Sequence[tuple[datetime, int]], *, first: date, last: date
) -> list[DayCount]:
    """The count at the end of each day of [first, last].

    `changes` are in order of time; what happens at midnight belongs to the day that begins. Days
    before the first change are left out: nobody knows what was so then.
    """
    found: list[DayCount] = []
    known: int | None = None
    position = 0
    day = first
    while day <= last:
        end = start_of_day(day + ONE_DAY)
        while position < len(changes) and changes[position][0] < end:
            known = changes[position][1]
            position += 1
        if known is not None:
            change = known - found[-1].count if found else None
            found.append(DayCount(day, known, change))
        day += ONE_DAY
    return found
