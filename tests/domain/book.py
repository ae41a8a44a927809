"""A ledger book in memory: keeps rows and entries, asks the rules what to append, bills months.

It does with plain lists what the services do with tables, and refuses what the tables refuse.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.calendar import Cycle, cycle_at, next_month_boundary
from app.domain.invoicing import (
    LineDraft,
    PlanTerms,
    boundary_lines,
    first_lines,
    growth_lines,
    total_of,
)
from app.domain.kinds import LicenseManagement, LineKind, Schedule
from app.domain.ledger import (
    Entry,
    LedgerRules,
    SeatRow,
    SeatState,
    decide_entries,
    effective_entries,
    entry_at,
)

ONE_SECOND = timedelta(seconds=1)
LICENSE_LINES = (LineKind.FIRST, LineKind.RENEWAL, LineKind.ADDED)
Said = tuple[datetime, bool, int, int]
Charge = tuple[str, int, int, datetime, datetime]


def instant(text: str) -> datetime:
    """An ISO date or date and time, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ANCHOR = instant("2012-01-02 03:04:05")


@dataclass(frozen=True)
class Bill:
    """One invoice."""

    boundary: datetime
    lines: Sequence[LineDraft]

    @property
    def total(self) -> int:
        return total_of(self.lines)

    @property
    def charges(self) -> list[Charge]:
        """The lines without the ids of their entries, which depend on the order of arrival."""
        return [
            (line.kind.value, line.quantity, line.unit_amount, line.period_start, line.period_end)
            for line in self.lines
        ]


@dataclass
class Book:
    """The ledger and the invoices of one plan, and every row its server has uploaded.

    `known` are rows that had arrived before the purchase.
    """

    rules: LedgerRules
    first: int
    price: int = 350
    known: Iterable[SeatRow] = ()
    entries: list[Entry] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    billed: dict[int, int] = field(default_factory=dict)
    _rows: dict[int, SeatRow] = field(default_factory=dict)
    _pending: list[SeatRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        anchor = self.rules.anchor
        for row in self.known:
            self._arrive(row)
        self.invoiced_until = anchor
        order = max((row.order_id for row in self._rows.values()), default=0)
        self._append(
            Entry(anchor, True, self.first, self.first, order, actor="billing_user:1"),
        )
        lines = first_lines(self.terms, licenses=self.first)
        self._charge(Bill(anchor, [replace(line, entry_ids=(1,)) for line in lines]))

    # --- uploads ---

    def upload(self, rows: Iterable[SeatRow] = (), *, as_of: datetime) -> list[Entry]:
        """Take rows in, whatever their order; returns what was appended to the ledger."""
        arrived = [row for row in map(self._arrive, rows) if row is not None]
        waiting = [*self._pending, *arrived]
        self._pending = [row for row in waiting if row.event_time > as_of]
        new = sorted(
            (row for row in waiting if row.event_time <= as_of),
            key=lambda row: (row.event_time, row.order_id),
        )
        if new:
            floor = self._cycle(self.invoiced_until).start
            since = max(new[0].event_time, self.rules.anchor, floor)
            older = [row for row in new if row.event_time < since]
            return self._decide(since, as_of=as_of, cause=older[-1] if older else None)
        last = effective_entries(self.entries)[-1].event_time
        ends_at, cycle = self.rules.ends_at, self._cycle(last)
        if cycle.end <= as_of and (ends_at is None or cycle.end < ends_at):
            return self._decide(last + ONE_SECOND, as_of=as_of)
        return []

    def recompute(self, since: datetime, *, as_of: datetime) -> list[Entry]:
        """Ask again about what was processed before."""
        return self._decide(since, as_of=as_of)

    def choose(self, at: datetime, *, licenses: int | None = None, at_next: int) -> Entry:
        """A person changes the licenses; `licenses` None leaves those of this cycle."""
        now = entry_at(self.entries, at)
        assert now is not None
        order = max((row.order_id for row in self._rows.values()), default=0)
        kept = now.licenses if licenses is None else licenses
        return self._append(Entry(at, False, kept, at_next, order, actor="billing_user:1"))

    def _arrive(self, row: SeatRow) -> SeatRow | None:
        if row.order_id in self._rows:
            return None
        self._rows[row.order_id] = replace(row, id=len(self._rows) + 1)
        return self._rows[row.order_id]

    def _decide(
        self, since: datetime, *, as_of: datetime, cause: SeatRow | None = None
    ) -> list[Entry]:
        start = self._cycle(since).start
        earlier = [e for e in effective_entries(self.entries) if e.event_time < start]
        counted = (self.rules.anchor, self.entries[0].order_id)
        # Rows of the anchor's second up to that one were counted by the purchase.
        past = [
            row
            for row in self._rows.values()
            if row.event_time < since or (row.event_time, row.order_id) <= counted
        ]
        seats: dict[int, SeatState] = {}
        for row in sorted(past, key=lambda row: (row.event_time, row.order_id)):
            before = seats.get(row.organization_id, SeatState())
            seats[row.organization_id] = before.after(row)
        new = decide_entries(
            self.rules,
            stored=[*earlier[-1:], *(e for e in self.entries if e.event_time >= start)],
            seats=seats,
            happenings=[row for row in self._rows.values() if row not in past],
            since=since,
            as_of=as_of,
            cause=cause,
        )
        return [self._append(entry) for entry in new]

    def _append(self, entry: Entry) -> Entry:
        """What the tables check: a row or an actor, one entry for a row, nothing below zero."""
        assert (entry.audit_row_id is None) != (entry.actor is None)
        rows = [known.audit_row_id for known in self.entries]
        assert entry.audit_row_id is None or entry.audit_row_id not in rows
        assert min(entry.pair) >= 0
        assert entry.id is None
        self.entries.append(replace(entry, id=len(self.entries) + 1))
        return self.entries[-1]

    # --- what the ledger says ---

    def at(self, when: datetime) -> tuple[int, int]:
        """The effective (licenses, licenses at next renewal) at an instant."""
        entry = entry_at(self.entries, when)
        assert entry is not None
        return entry.pair

    def says(self) -> list[Said]:
        """The effective entries: (event_time, is_renewal, licenses, at next renewal)."""
        return [(e.event_time, e.is_renewal, *e.pair) for e in effective_entries(self.entries)]

    # --- invoices ---

    @property
    def terms(self) -> PlanTerms:
        return PlanTerms(
            anchor=self.rules.anchor,
            schedule=self.rules.schedule,
            price=self.price,
            new_customer=self.rules.new_customer,
            ends_at=self.rules.ends_at,
        )

    def bill_through(self, now: datetime) -> list[Bill]:
        """Bill every monthly boundary that is due, one at a time; months with lines are bills."""
        made = []
        while (
            boundary := next_month_boundary(self.rules.anchor, self.invoiced_until)
        ) <= now and not self._is_over():
            start = self._cycle(self.invoiced_until).start
            lines = boundary_lines(
                self.terms,
                entries=[e for e in self.entries if e.event_time >= start],
                billed=self.billed,
                invoiced_until=self.invoiced_until,
                boundary=boundary,
            )
            self.invoiced_until = boundary
            if lines:
                made.append(self._charge(Bill(boundary, lines)))
        return made

    def growth(self, at: datetime) -> Bill:
        """What would be billed at once for what was added and not billed yet."""
        start = self._cycle(at).start
        entries = [entry for entry in self.entries if entry.event_time >= start]
        return Bill(at, growth_lines(self.terms, entries=entries, billed=self.billed, at=at))

    def end_at(self, ends_at: datetime) -> None:
        """Set the plan to end."""
        self.rules = replace(self.rules, ends_at=ends_at)

    def _is_over(self) -> bool:
        return self.rules.ends_at is not None and self.invoiced_until >= self.rules.ends_at

    def _charge(self, bill: Bill) -> Bill:
        self.bills.append(bill)
        for line in bill.lines:
            if line.kind in LICENSE_LINES:
                index = self._cycle(line.period_start).index
                self.billed[index] = self.billed.get(index, 0) + line.quantity
        return bill

    def _cycle(self, at: datetime) -> Cycle:
        return cycle_at(self.rules.anchor, self.rules.schedule, at)


class Rows:
    """Makes audit rows with ascending remote ids."""

    def __init__(self) -> None:
        self.last = 0

    def seats(self, at: datetime | str, seats: int, *, organization: int = 1) -> SeatRow:
        """An upload that says: so many people."""
        return self._row(at, 101, seats, organization)

    def deactivated(self, at: datetime | str, *, organization: int = 1) -> SeatRow:
        return self._row(at, 201, None, organization)

    def reactivated(self, at: datetime | str, *, organization: int = 1) -> SeatRow:
        return self._row(at, 202, None, organization)

    def _row(
        self, at: datetime | str, event_type: int, seats: int | None, organization: int
    ) -> SeatRow:
        self.last += 1
        when = instant(at) if isinstance(at, str) else at
        return SeatRow(0, organization, self.last, event_type, when, seats)


def monthly(anchor: datetime = ANCHOR, **changes: Any) -> LedgerRules:
    """Rules of a monthly plan; any field may be given."""
    return replace(LedgerRules(anchor, Schedule.MONTHLY), **changes)


def annual(anchor: datetime = ANCHOR, **changes: Any) -> LedgerRules:
    """Rules of an annual plan; any field may be given."""
    return replace(LedgerRules(anchor, Schedule.ANNUAL), **changes)


MANUAL = LicenseManagement.MANUAL
