"""What one invoice charges: lines computed from a plan's terms and its ledger. Pure.

The invoice of boundary b bills entries with event_time <= b and none later, however late it runs.
The same functions answer purchases, previews, dry runs and the page's "next charge".
Rules: docs/rules/proration.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.domain.calendar import Cycle, cycle_at, cycle_number, is_renewal_boundary
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS, NewCustomerTerms
from app.domain.kinds import LineKind, Schedule
from app.domain.ledger import Entry, effective_entries
from app.domain.money import prorate


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """What a plan charges. `price` is cents for one license and one cycle.

    ends_at: when the plan ends (set to end, or ended); None while it renews.
    """

    anchor: datetime
    schedule: Schedule
    price: int
    new_customer: NewCustomerTerms = NO_NEW_CUSTOMER_TERMS
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One line about to be stored; `amount` = `quantity` x `unit_amount`, in cents.

    entry_ids: the ledger entries that made it, in order of time.
    """

    kind: LineKind
    quantity: int
    unit_amount: int
    period_start: datetime
    period_end: datetime
    entry_ids: tuple[int, ...] = ()

    @property
    def amount(self) -> int:
        """Cents of the line."""
        return self.quantity * self.unit_amount


def total_of(lines: Sequence[LineDraft]) -> int:
    """Sum of the lines in cents."""
    return sum(line.amount for line in lines)


def first_lines(terms: PlanTerms, *, licenses: int) -> list[LineDraft]:
    """The lines of a purchase: the first cycle, and the discount for new customers."""
    cycle = cycle_at(terms.anchor, terms.schedule, terms.anchor)
    first = LineDraft(LineKind.FIRST, licenses, terms.price, cycle.start, cycle.end)
    return [first, *_discount_lines(terms, cycle, [first])]


def renewal_estimate(terms: PlanTerms, *, licenses: int, cycle_index: int) -> list[LineDraft]:
    """The lines of a renewal if nothing changes until then: what pages show ahead."""
    cycle = cycle_number(terms.anchor, terms.schedule, cycle_index)
    line = LineDraft(LineKind.RENEWAL, licenses, terms.price, cycle.start, _end_of(terms, cycle))
    return [line, *_discount_lines(terms, cycle, [line])]


def boundary_lines(
    terms: PlanTerms,
    *,
    entries: Sequence[Entry],
    billed: Mapping[int, int],
    invoiced_until: datetime,
    boundary: datetime,
) -> list[LineDraft]:
    """The lines of the invoice of `boundary`; an empty list means that nothing is to be billed.

    entries: all stored entries from the start of the closing cycle on. billed: the licenses
    already billed, by index of the cycle. invoiced_until: the boundary before.
    """
    closing = cycle_at(terms.anchor, terms.schedule, invoiced_until)
    known = [entry for entry in effective_entries(entries) if entry.event_time <= boundary]
    renewing = is_renewal_boundary(terms.anchor, terms.schedule, boundary)
    lines = _added_lines(terms, closing, known, billed=billed.get(closing.index, 0))
    ended = terms.ends_at is not None and terms.ends_at <= boundary
    if not renewing or ended:
        return lines
    starting = cycle_at(terms.anchor, terms.schedule, boundary)
    renewal = next(
        (entry for entry in known if entry.is_renewal and entry.event_time == starting.start), None
    )
    assert renewal is not None, "the renewal is written to the ledger before it is billed"
    already = billed.get(starting.index, 0)
    quantity = max(0, renewal.licenses - already)
    if quantity:
        lines.append(
            LineDraft(
                LineKind.RENEWAL,
                quantity,
                terms.price,
                starting.start,
                _end_of(terms, starting),
                _ids(renewal),
            )
        )
    lines += _added_lines(terms, starting, known, billed=max(already, renewal.licenses))
    return [*lines, *_discount_lines(terms, starting, lines, renewal)]


def growth_lines(
    terms: PlanTerms, *, entries: Sequence[Entry], billed: Mapping[int, int], at: datetime
) -> list[LineDraft]:
    """What was added up to `at` and is not billed yet, in the cycle of `at`.

    The first lines or the renewal of that cycle must have been billed before: they are in `billed`.
    """
    cycle = cycle_at(terms.anchor, terms.schedule, at)
    known = [entry for entry in effective_entries(entries) if entry.event_time <= at]
    return _added_lines(terms, cycle, known, billed=billed.get(cycle.index, 0))


def _added_lines(
    terms: PlanTerms, cycle: Cycle, entries: Sequence[Entry], *, billed: int
) -> list[LineDraft]:
    """Rises over the highest count billed in the cycle; those of one UTC day with one unit price
    are one line, dated from the first."""
    end = _end_of(terms, cycle)
    groups: dict[tuple[date, int], LineDraft] = {}
    highest = billed
    for entry in entries:
        inside = cycle.start <= entry.event_time < min(cycle.end, end)
        if not inside or entry.is_renewal or entry.licenses <= highest:
            continue
        rise = entry.licenses - highest
        highest = entry.licenses
        unit = prorate(terms.price, remaining=end - entry.event_time, length=cycle.length)
        key = (entry.event_time.date(), unit)
        known = groups.get(key)
        groups[key] = LineDraft(
            LineKind.ADDED,
            rise + (known.quantity if known else 0),
            unit,
            known.period_start if known else entry.event_time,
            end,
            (known.entry_ids if known else ()) + _ids(entry),
        )
    return list(groups.values())


def _discount_lines(
    terms: PlanTerms, cycle: Cycle, lines: Sequence[LineDraft], renewal: Entry | None = None
) -> list[LineDraft]:
    promised = terms.new_customer.amount_for(cycle.index, terms.schedule)
    amount = min(promised, total_of(lines))
    if amount <= 0:
        return []
    entry_ids = _ids(renewal) if renewal is not None else ()
    return [LineDraft(LineKind.DISCOUNT, 1, -amount, cycle.start, cycle.end, entry_ids)]


def _end_of(terms: PlanTerms, cycle: Cycle) -> datetime:
    """Where what is charged for a cycle ends: at the renewal, or at the plan's end before it."""
    return cycle.end if terms.ends_at is None else min(cycle.end, terms.ends_at)


def _ids(entry: Entry) -> tuple[int, ...]:
    return () if entry.id is None else (entry.id,)
