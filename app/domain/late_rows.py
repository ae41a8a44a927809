"""What audit rows that came late change about cycles that have been billed. Pure.

Licenses never fall inside a cycle, so a cycle is told by one instant for each license: from when
on it was needed. What was billed is told in the same way, and the two are compared license by
license. A license that was needed earlier than it was billed from, or was not billed at all, is
charged for the time between: together that is what the rows would have cost on time. One that was
billed and turns out not to have been needed is never given back by itself, except where we had
estimated. Rules: docs/rules/late-rows.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.calendar import Cycle
from app.domain.kinds import AdjustmentReason
from app.domain.ledger import Entry, LedgerRules, Recount, SeatRow, SeatState, decide_entries
from app.domain.ledger import effective_entries as effective
from app.domain.money import prorate

# Rows that are older than this many cycles before the open one change no bill.
CYCLES_BACK = 2


@dataclass(frozen=True, slots=True)
class BilledLicense:
    """One license as it was billed: from when on, and for how many cents."""

    since: datetime
    unit: int


@dataclass(frozen=True, slots=True)
class BilledCycle:
    """A cycle of which at least the renewal was billed. `price` is cents for all of it, `end` where
    it ends or the plan before it. is_open: what was added in it is not billed for good yet."""

    cycle: Cycle
    end: datetime
    price: int
    billed: tuple[BilledLicense, ...]
    is_estimated: bool = False
    is_open: bool = False

    def value_from(self, at: datetime | None) -> int:
        """Cents for a license that is needed from `at` on; None: for one that is not."""
        if at is None or at >= self.end:
            return 0
        return prorate(self.price, remaining=self.end - at, length=self.cycle.length)


@dataclass(frozen=True, slots=True)
class Step:
    """From `at` on so many licenses are needed; `row_id` is the audit row that says so, if one
    does."""

    at: datetime
    licenses: int
    licenses_at_next_renewal: int = 0
    order_id: int = 0
    people: int | None = None
    row_id: int | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """So many licenses (negative: given back) for [period_start, period_end), each for
    `unit_amount` cents. `step` is what told that they were needed, None when they were not; `top` is
    how many licenses there are with them."""

    reason: AdjustmentReason
    cycle: Cycle
    period_start: datetime
    period_end: datetime
    licenses: int
    unit_amount: int
    step: Step | None
    top: int


@dataclass(frozen=True, slots=True)
class Fall:
    """At `at` fewer licenses were needed than were billed."""

    cycle: Cycle
    at: datetime
    billed: int
    needed: int


def replay(
    rules: LedgerRules,
    *,
    stored: Sequence[Entry],
    seats: Mapping[int, SeatState],
    happenings: Iterable[SeatRow | Recount],
    since: datetime,
    until: datetime,
) -> list[Entry]:
    """The ledger from `since` through `until` as it would be, had all rows been there on time.

    stored: the entries from `since` on, of which one stands at `since` or before it; what people
    said stays, what the system wrote is decided anew. seats: each organization just before `since`.
    """
    known = effective(stored)
    begins = (since, False, 0)
    kept = [entry for entry in known if entry.place <= begins][-1:] or known[:1]
    kept += [entry for entry in known if entry.place > max(begins, kept[0].place) and entry.by_hand]
    decided = decide_entries(
        rules, stored=kept, seats=seats, happenings=happenings, since=since, as_of=until
    )
    last = max((entry.id or 0 for entry in kept), default=0)
    numbered = [replace(entry, id=last + n) for n, entry in enumerate(decided, start=1)]
    return effective([*kept, *numbered])


def steps_of(entries: Sequence[Entry], cycle: Cycle) -> tuple[Step, ...]:
    """How the licenses of `cycle` rise; the first step is at its start. Empty when the plan did not
    renew into it."""
    steps: list[Step] = []
    for entry in entries:
        if not cycle.start <= entry.event_time < cycle.end:
            continue
        if not steps and entry.event_time != cycle.start:
            continue
        if not steps or entry.licenses > steps[-1].licenses:
            steps.append(
                Step(
                    entry.event_time,
                    entry.licenses,
                    entry.licenses_at_next_renewal,
                    entry.order_id,
                    entry.people,
                    entry.audit_row_id,
                )
            )
    return tuple(steps)


def decide_corrections(
    billed: BilledCycle, *, told: Sequence[Step], before: Sequence[Step]
) -> tuple[list[Correction], Fall | None]:
    """What has to be charged, or given back, for one cycle, and whether staff must look at it.

    told: what all rows say. before: what they said without those that came late, so that nothing is
    charged that another cause has changed. The open cycle is compared at its start only.
    """
    found: dict[tuple[datetime, datetime, int], Correction] = {}
    fallen: datetime | None = None
    most = max(len(billed.billed), told[-1].licenses if told else 0)
    for number in range(1, most + 1):
        paid = billed.billed[number - 1] if number <= len(billed.billed) else None
        step, earlier = _step_for(billed, told, number), _step_for(billed, before, number)
        one = None
        if billed.is_estimated:
            one = _against_estimate(billed, paid, step)
        elif not billed.is_open:
            one = _rise(billed, paid, step, earlier)
        if one is not None:
            key = (one.period_start, one.period_end, one.licenses * one.unit_amount)
            known = found.get(key)
            licenses = one.licenses + (known.licenses if known else 0)
            found[key] = replace(one, licenses=licenses, top=number)
        elif _is_fall(billed, paid, step, earlier):
            assert paid is not None  # only what was billed can be too much
            fallen = paid.since if fallen is None else max(fallen, paid.since)
    ordered = sorted(found.values(), key=lambda one: (one.period_start, one.top))
    return ordered, None if fallen is None else _fall_at(billed, told, fallen)


def _step_for(billed: BilledCycle, steps: Sequence[Step], number: int) -> Step | None:
    """From when on the license of that number is needed. In the open cycle, what is added later is
    billed like everything else that is added."""
    for step in steps:
        if step.licenses >= number:
            later = billed.is_open and step.at > billed.cycle.start
            return None if later or step.at >= billed.end else step
    return None


def _rise(
    billed: BilledCycle, paid: BilledLicense | None, step: Step | None, earlier: Step | None
) -> Correction | None:
    if step is None:
        return None
    until, covered = billed.end, 0
    if paid is not None:
        until, covered = paid.since, paid.unit
    if earlier is not None and earlier.at < until:
        until, covered = earlier.at, billed.value_from(earlier.at)
    unit = billed.value_from(step.at) - covered
    if step.at >= until or unit <= 0:
        return None
    return Correction(AdjustmentReason.LATE_ROWS, billed.cycle, step.at, until, 1, unit, step, 1)


def _against_estimate(
    billed: BilledCycle, paid: BilledLicense | None, step: Step | None
) -> Correction | None:
    """The difference to what we had estimated, up or down."""
    if billed.is_open and paid is not None and paid.since > billed.cycle.start and step is None:
        # It was added in the cycle and billed as that, from what the uploads said.
        return None
    unit = billed.value_from(step.at if step else None) - (paid.unit if paid else 0)
    if unit == 0:
        return None
    needed, charged = step.at if step else billed.end, paid.since if paid else billed.end
    start, end = min(needed, charged), max(needed, charged)
    if start == end:
        return None
    sign = 1 if unit > 0 else -1
    told = step if sign > 0 else None
    return Correction(AdjustmentReason.ESTIMATE, billed.cycle, start, end, sign, abs(unit), told, 1)


def _is_fall(
    billed: BilledCycle, paid: BilledLicense | None, step: Step | None, earlier: Step | None
) -> bool:
    if paid is None or billed.is_estimated or earlier is None:
        return False
    if billed.is_open and paid.since > billed.cycle.start:
        return False
    if step is not None and step.at <= max(paid.since, earlier.at):
        return False
    return billed.value_from(step.at if step else None) < paid.unit


def _fall_at(billed: BilledCycle, told: Sequence[Step], at: datetime) -> Fall:
    needed = max((step.licenses for step in told if step.at <= at), default=0)
    charged = sum(1 for one in billed.billed if one.since <= at)
    return Fall(billed.cycle, at, charged, needed)
