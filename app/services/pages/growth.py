"""How the licenses of the present cycle came about, for the billing page."""

from dataclasses import dataclass
from datetime import date, datetime

from app.services.pages.plan_now import PlanNow


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


def growth_of(now: PlanNow) -> Growth:
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
