"""What one invoice charges: lines computed from a plan's terms and its ledger. Pure.

The invoice of boundary b bills entries with event_time <= b and none later, however late it runs.
The same functions answer purchases, previews, dry runs and the page's "next charge".
Rules: docs/rules/proration.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.domain.calendar import BEFORE, Cycle, cycle_at, cycle_number, starts_cycle
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS, NewCustomerTerms
from app.domain.kinds import LineKind, Schedule
from app.domain.ledger import Entry, effective_entries
from app.domain.money import monthly_part, prorate, unused


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """What a plan charges. `price` is cents for one license and one cycle, before staff took
    anything off.

    ends_at: when the plan ends (set to end, or ended); None while it renews. discounted_price:
    what staff made of the price, for cycles that begin before `discount_ends_at` (None: for all).
    fixed_price: cents for a year, whoever is there; then nothing is charged per license.
    first_kind: what the line of the first cycle is when it is billed at the anchor and not by a
    purchase: a renewal for a plan that follows another, the first of a plan after its trial.
    """

    anchor: datetime
    schedule: Schedule
    price: int
    new_customer: NewCustomerTerms = NO_NEW_CUSTOMER_TERMS
    ends_at: datetime | None = None
    discounted_price: int | None = None
    discount_ends_at: datetime | None = None
    fixed_price: int | None = None
    first_kind: LineKind = LineKind.RENEWAL

    def price_in(self, cycle: Cycle) -> int:
        """Cents for one license in `cycle`, with the discount of staff while it lasts."""
        if self.discounted_price is None:
            return self.price
        if self.discount_ends_at is not None and cycle.start >= self.discount_ends_at:
            return self.price
        return self.discounted_price

    def fixed_part(self, cycle: Cycle) -> int:
        """Cents of the fixed price that `cycle` costs."""
        assert self.fixed_price is not None
        if self.schedule is Schedule.ANNUAL:
            return self.fixed_price
        return monthly_part(self.fixed_price, cycle.index)


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


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A line that was paid: cents (negative for a discount) for [period_start, period_end)."""

    amount: int
    period_start: datetime
    period_end: datetime


def total_of(lines: Sequence[LineDraft]) -> int:
    """Sum of the lines in cents."""
    return sum(line.amount for line in lines)


def first_lines(terms: PlanTerms, *, licenses: int) -> list[LineDraft]:
    """The lines of a purchase: the first cycle, and the discount of so many months."""
    cycle = cycle_number(terms.anchor, terms.schedule, 0)
    first = _cycle_line(terms, cycle, LineKind.FIRST, licenses)
    return [first, *_discount_lines(terms, cycle, [first])]


def renewal_estimate(terms: PlanTerms, *, licenses: int, cycle_index: int) -> list[LineDraft]:
    """The lines of a renewal if nothing changes until then: what pages show ahead."""
    cycle = cycle_number(terms.anchor, terms.schedule, cycle_index)
    kind = terms.first_kind if cycle_index == 0 else LineKind.RENEWAL
    line = _cycle_line(terms, cycle, kind, licenses)
    return [line, *_discount_lines(terms, cycle, [line])]


def discounted_cycles(terms: PlanTerms) -> int | None:
    """How many cycles are cheaper than the list price; None for all of them."""
    if terms.discounted_price is None:
        return -(-terms.new_customer.months_at_start // terms.schedule.months)
    ends_at = terms.discount_ends_at
    if ends_at is None:
        return None
    last = cycle_at(terms.anchor, terms.schedule, ends_at)
    return last.index if last.start == ends_at else last.index + 1


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
    already billed, by index of the cycle (a fixed price counts as one license). invoiced_until: the
    boundary before; before the anchor when the first cycle is not billed yet.
    """
    closing = cycle_at(terms.anchor, terms.schedule, invoiced_until)
    known = [entry for entry in effective_entries(entries) if entry.event_time <= boundary]
    lines = _added_lines(terms, closing, known, billed=billed.get(closing.index, 0))
    ended = terms.ends_at is not None and terms.ends_at <= boundary
    if ended or not _is_to_renew(terms, invoiced_until, boundary):
        return lines
    starting = cycle_at(terms.anchor, terms.schedule, boundary)
    renewal = next(
        (entry for entry in known if entry.is_renewal and entry.event_time == starting.start), None
    )
    assert renewal is not None, "the renewal is written to the ledger before it is billed"
    already = billed.get(starting.index, 0)
    licenses = renewal.licenses if terms.fixed_price is None else 1
    quantity = max(0, licenses - already)
    if quantity:
        kind = terms.first_kind if starting.index == 0 else LineKind.RENEWAL
        lines.append(_cycle_line(terms, starting, kind, quantity, _ids(renewal)))
    lines += _added_lines(terms, starting, known, billed=max(already, licenses))
    if already:
        # The cycle was invoiced ahead, with its discount.
        return lines
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


def unused_value(lines: Iterable[PaidLine], *, at: datetime) -> int:
    """What of everything that was paid is for time after `at`, in cents; never negative.

    For each line ceil(amount x remaining / length) of that line's own period, discounts included:
    they take their share back.
    """
    total = 0
    for line in lines:
        if line.period_end <= at:
            continue
        remaining = line.period_end - max(at, line.period_start)
        total += unused(
            line.amount, remaining=remaining, length=line.period_end - line.period_start
        )
    return max(0, total)


def _is_to_renew(terms: PlanTerms, invoiced_until: datetime, boundary: datetime) -> bool:
    """Whether a cycle that no purchase has paid for starts at `boundary`."""
    if not starts_cycle(terms.anchor, terms.schedule, boundary):
        return False
    return boundary > terms.anchor or invoiced_until < terms.anchor


def _cycle_line(
    terms: PlanTerms, cycle: Cycle, kind: LineKind, licenses: int, entry_ids: tuple[int, ...] = ()
) -> LineDraft:
    """The line of a whole cycle: so many licenses, or the cycle's part of a fixed price."""
    end = _end_of(terms, cycle)
    if terms.fixed_price is not None:
        return LineDraft(kind, 1, terms.fixed_part(cycle), cycle.start, end, entry_ids)
    return LineDraft(kind, licenses, terms.price_in(cycle), cycle.start, end, entry_ids)


def _added_lines(
    terms: PlanTerms, cycle: Cycle, entries: Sequence[Entry], *, billed: int
) -> list[LineDraft]:
    """Rises over the highest count billed in the cycle; those of one UTC day with one unit price
    are one line, dated from the first. Whoever comes in the time before the anchor, or under a
    fixed price, costs nothing."""
    end = _end_of(terms, cycle)
    price = terms.price_in(cycle)
    if cycle.index == BEFORE or terms.fixed_price is not None or not price:
        return []
    groups: dict[tuple[date, int], LineDraft] = {}
    highest = billed
    for entry in entries:
        inside = cycle.start <= entry.event_time < min(cycle.end, end)
        if not inside or entry.is_renewal or entry.licenses <= highest:
            continue
        rise = entry.licenses - highest
        highest = entry.licenses
        unit = prorate(price, remaining=end - entry.event_time, length=cycle.length)
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
    # It is not for fixed prices, and never comes on top of what staff took off.
    if terms.fixed_price is not None or terms.price_in(cycle) != terms.price:
        return []
    of_cycle = [line for line in lines if line.period_start >= cycle.start]
    promised = terms.new_customer.amount_for(
        cycle.index, terms.schedule, licenses_total=total_of(of_cycle)
    )
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
