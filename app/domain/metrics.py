"""Monthly recurring revenue: what counts for how much, and how it moves. Pure.

A rate is what a plan's running cycle costs in a month, before discounts of so many months. It is
counted in whole **twelfths of a cent**, in which a month of a year's price is exact; whole cents are
made once, at the very end (`domain/money.py`).

A fact counts from the instant at which it is so *and* is written down. What is learned later changes
no rate of an earlier instant, so a month that is over stays as it was. Rules: docs/rules/metrics.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from app.domain.calendar import month_boundary
from app.domain.kinds import Schedule
from app.domain.ledger import Entry, effective_entries
from app.domain.money import cents_of_twelfths

TWELFTHS = 12


class MovementKind(StrEnum):
    """How a customer's rate differs between two instants, in the order in which it is shown."""

    NEW = "new"
    REACTIVATION = "reactivation"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"


# What is taken off the opening rate; the others are added to it.
FALLING = frozenset({MovementKind.CONTRACTION, MovementKind.CHURN})


# --- the rate of one plan ---


@dataclass(frozen=True, slots=True)
class PriceFact:
    """A price that a plan had from `recorded_at` on: cents for one license and one cycle, after and
    before what staff took off; cycles that begin at or after `ends_at` cost the latter."""

    price: int
    list_price: int
    ends_at: datetime | None
    recorded_at: datetime

    def in_cycle(self, start: datetime) -> int:
        """Cents for one license in the cycle that begins at `start`."""
        is_over = self.ends_at is not None and start >= self.ends_at
        return self.list_price if is_over else self.price


@dataclass(frozen=True, slots=True)
class EntryFact:
    """A ledger entry, and when it was written."""

    entry: Entry
    recorded_at: datetime

    def is_known(self, *, before: datetime) -> bool:
        """Whether it counts just before that instant."""
        return max(self.entry.event_time, self.recorded_at) < before


@dataclass(frozen=True, slots=True)
class EndFact:
    """The plan ended: from `counts_from` on, when it was so and written down. One that was paid for
    after all goes on from `revived_at`."""

    counts_from: datetime
    revived_at: datetime | None = None

    def holds(self, *, before: datetime) -> bool:
        """Whether the plan is over just before that instant."""
        if self.counts_from >= before:
            return False
        return self.revived_at is None or self.revived_at >= before


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """All that decides the rate of one plan. `fixed_price`: cents for a year, or None."""

    anchor: datetime
    schedule: Schedule
    fixed_price: int | None
    prices: Sequence[PriceFact]
    entries: Sequence[EntryFact]
    ends: Sequence[EndFact] = ()


@dataclass(frozen=True, slots=True)
class PlanRate:
    """What one plan counts for: twelfths of a cent a month, licenses, and cents for one license in
    its running cycle (0 for a fixed price)."""

    rate: int = 0
    licenses: int = 0
    price: int = 0


def monthly_rate(schedule: Schedule, *, licenses: int, price: int) -> int:
    """Twelfths of a cent a month of so many licenses at `price` cents a cycle."""
    return licenses * price * (TWELFTHS // schedule.months)


def plan_rate(facts: PlanFacts, *, before: datetime) -> PlanRate:
    """What the plan counts for just before an instant.

    Nothing before its first paid cycle is in the ledger (a trial, a plan that waits), nor once it
    has ended. Licenses are those of the cycle in the ledger, which never fall inside it; the price
    is the one that was agreed when that cycle began.
    """
    if any(end.holds(before=before) for end in facts.ends):
        return PlanRate()
    known = [fact.entry for fact in facts.entries if fact.is_known(before=before)]
    in_order = effective_entries(known)
    renewals = [n for n, entry in enumerate(in_order) if entry.is_renewal]
    if not renewals or in_order[renewals[-1]].event_time < facts.anchor:
        return PlanRate()
    start = in_order[renewals[-1]].event_time
    licenses = max(entry.licenses for entry in in_order[renewals[-1] :])
    if facts.fixed_price is not None:
        return PlanRate(facts.fixed_price, licenses, 0)
    price = price_of_cycle(facts.prices, start)
    return PlanRate(monthly_rate(facts.schedule, licenses=licenses, price=price), licenses, price)


def price_of_cycle(prices: Sequence[PriceFact], start: datetime) -> int:
    """Cents for one license in the cycle that began at `start`: by the last price that was written
    by then, or the first one of a plan that was written down after it had begun."""
    agreed = [price for price in prices if price.recorded_at <= start]
    return (agreed[-1] if agreed else prices[0]).in_cycle(start)


# --- movements ---


@dataclass(frozen=True, slots=True)
class Movement:
    """How one customer's rate differs: `amount` is positive, in twelfths of a cent."""

    kind: MovementKind
    amount: int

    @property
    def change(self) -> int:
        """What it adds to the total."""
        return -self.amount if self.kind in FALLING else self.amount


def decide_movement(opening: int, closing: int, *, has_paid_before: bool) -> Movement | None:
    """The movement of one customer between two instants; None when the rates are the same.

    has_paid_before: whether any plan of the customer had come into a paid cycle by the opening:
    then one that starts from nothing comes back.
    """
    if opening == closing:
        return None
    if opening == 0:
        kind = MovementKind.REACTIVATION if has_paid_before else MovementKind.NEW
        return Movement(kind, closing)
    if closing == 0:
        return Movement(MovementKind.CHURN, opening)
    if closing > opening:
        return Movement(MovementKind.EXPANSION, closing - opening)
    return Movement(MovementKind.CONTRACTION, opening - closing)


@dataclass(frozen=True, slots=True)
class MrrBridge:
    """From the rate at the opening to the rate at the closing, in twelfths of a cent, with how many
    customers moved in which way and how many pay at the closing."""

    opening: int = 0
    amounts: Mapping[MovementKind, int] = field(default_factory=dict)
    customers: Mapping[MovementKind, int] = field(default_factory=dict)
    paying: int = 0

    def amount(self, kind: MovementKind) -> int:
        """The sum of all movements of a kind; never negative."""
        return self.amounts.get(kind, 0)

    def count(self, kind: MovementKind) -> int:
        """How many customers moved so."""
        return self.customers.get(kind, 0)

    @property
    def closing(self) -> int:
        """The rate at the closing."""
        rises = sum(self.amount(kind) for kind in MovementKind if kind not in FALLING)
        return self.opening + rises - sum(self.amount(kind) for kind in FALLING)

    def in_cents(self) -> "MrrCents":
        """The same in whole cents that add up (`cents_that_add_up`)."""
        signed = [
            -self.amount(kind) if kind in FALLING else self.amount(kind) for kind in MovementKind
        ]
        steps = cents_that_add_up(self.opening, signed)
        changes = dict(zip(MovementKind, (abs(step) for step in steps), strict=True))
        return MrrCents(
            cents_of_twelfths(self.opening),
            changes,
            cents_of_twelfths(self.closing),
            self.closing,
        )


@dataclass(frozen=True, slots=True)
class MrrCents:
    """A bridge in whole cents: opening + new + reactivation + expansion - contraction - churn =
    closing."""

    opening: int
    movements: Mapping[MovementKind, int]
    closing: int
    # Twelve months of the exact closing: as many cents as a month has twelfths of a cent.
    yearly: int

    @property
    def gained(self) -> int:
        """What new customers, those that came back, and those that grew add."""
        return sum(cents for kind, cents in self.movements.items() if kind not in FALLING)

    @property
    def lost(self) -> int:
        """What those that shrank or left took away."""
        return sum(cents for kind, cents in self.movements.items() if kind in FALLING)


def bridge(
    opening: Mapping[int, int], closing: Mapping[int, int], *, paid_before: Iterable[int]
) -> MrrBridge:
    """The bridge between the rates of each customer at two instants (nothing for who is missing).

    paid_before: the customers that had paid before the opening, as far as they pay nothing there.
    """
    before = frozenset(paid_before)
    amounts: dict[MovementKind, int] = {}
    customers: dict[MovementKind, int] = {}
    for customer in opening.keys() | closing.keys():
        moved = decide_movement(
            opening.get(customer, 0), closing.get(customer, 0), has_paid_before=customer in before
        )
        if moved is not None:
            amounts[moved.kind] = amounts.get(moved.kind, 0) + moved.amount
            customers[moved.kind] = customers.get(moved.kind, 0) + 1
    paying = sum(1 for rate in closing.values() if rate)
    return MrrBridge(sum(opening.values()), amounts, customers, paying)


def cents_that_add_up(start: int, steps: Iterable[int]) -> list[int]:
    """Steps in twelfths of a cent as whole cents, so that the rounded start and these steps make
    the rounded end exactly: each is the difference of two rounded running totals, and no more than
    a cent away from itself."""
    shown = []
    total = start
    for step in steps:
        shown.append(cents_of_twelfths(total + step) - cents_of_twelfths(total))
        total += step
    return shown


# --- months ---


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar, in UTC."""

    year: int
    number: int

    @staticmethod
    def of(at: datetime) -> "Month":
        """The month that holds an instant."""
        at = at.astimezone(UTC)
        return Month(at.year, at.month)

    @property
    def start(self) -> datetime:
        """Its first second: what happens in that second belongs to it."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first second of the next."""
        return self.plus(1).start

    def plus(self, months: int) -> "Month":
        """So many months later, or earlier."""
        return Month.of(month_boundary(self.start, months))

    def closing(self, now: datetime) -> datetime:
        """Up to when its facts count: its end, or one second after `now` while it lasts."""
        return min(self.end, now + timedelta(seconds=1))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


def months_between(first: Month, last: Month) -> list[Month]:
    """Every month from `first` through `last`."""
    months = []
    while first <= last:
        months.append(first)
        first = first.plus(1)
    return months
