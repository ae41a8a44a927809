"""Which invoices of a run stand out, so that somebody looks at them before they are made. Pure."""

from dataclasses import dataclass
from enum import StrEnum

# An amount that moved by more than a fifth against the invoice before.
NOTABLE = 5


class Standout(StrEnum):
    """Why an invoice is worth a look."""

    FIRST = "first"
    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class RunTotals:
    """Sums of a run in one currency, in cents: what it makes, and what the same customers got the
    last time (customers without an earlier invoice add nothing there)."""

    currency: str
    invoices: int
    total: int
    previous_total: int

    @property
    def difference(self) -> int:
        """How much more than the last time, in cents."""
        return self.total - self.previous_total


def find_standout(total: int, previous: int | None) -> Standout | None:
    """Why an invoice of `total` cents stands out against the one before; None when it does not."""
    if previous is None:
        return Standout.FIRST
    if abs(total - previous) * NOTABLE <= previous:
        return None
    return Standout.HIGHER if total > previous else Standout.LOWER
