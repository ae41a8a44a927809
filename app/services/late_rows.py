"""What audit rows that came late cost for cycles that have been invoiced, and what estimates are
put right by. Rules: docs/rules/late-rows.md.

Nothing that was invoiced is touched: a rise becomes an adjustment, tied to its audit row and to a
ledger entry, which stands on the plan's next invoice; a fall goes to staff. What waits for its
invoice is computed anew whenever rows come, so that their order makes no difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from app.domain.calendar import BEFORE, cycle_at, cycle_number
from app.domain.kinds import LineKind
from app.domain.late_rows import (
    CYCLES_BACK,
    Correction,
    Fall,
    decide_corrections,
    replay,
    steps_of,
)
from app.domain.ledger import (
    CORRECTION_ACTOR,
    Entry,
    SeatRow,
    effective_entries,
    entry_at,
)
from app.models.charges import Adjustment, LateFall
from app.models.invoices import InvoiceLineEntry
from app.models.plans import LedgerEntry
from app.services.audit import record_audit
from app.services.billed_cycles import load_billed_cycles
from app.services.context import SYSTEM
from app.services.late_falls import load_open_falls, record_fall, withdraw_fall
from app.services.plan_ledger import ONE_SECOND, PlanSync, load_entries
from app.services.plan_rules import is_complimentary, to_entries

# Rows named in one audit entry.
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class _Truth:
    """What the plan needed by all rows, and by those that were not late; the rows in order."""

    told: Sequence[Entry]
    before: Sequence[Entry]
    rows: Sequence[SeatRow]


class LateRows:
    """The late rows of one plan. `settle` does what has to be done."""

    def __init__(self, sync: PlanSync, new_rows: Sequence[SeatRow]) -> None:
        self.sync, self.work, self.plan, self.rules = sync, sync.work, sync.plan, sync.rules
        anchor, schedule = self.rules.anchor, self.rules.schedule
        self.open = cycle_at(anchor, schedule, self.plan.invoiced_until)
        first = self.open.index - CYCLES_BACK
        if self.plan.estimated_since is not None:
            # What came before an estimate, in silence, was not known either when it was billed.
            first = min(first, cycle_at(anchor, schedule, self.plan.estimated_since).index - 1)
        self.first = max(first, 0 if self.plan.trial_start is None else BEFORE)
        self.since = max(cycle_number(anchor, schedule, self.first).start, self.rules.begins_at)
        mine = [row for row in new_rows if row.organization_id in sync.organizations]
        late = [row for row in mine if self.rules.begins_at <= row.event_time < self.open.start]
        self.late = [row for row in late if row.event_time >= self.since]
        self.too_old = [row for row in late if row.event_time < self.since]
        # By audit row id: what came late and is not charged for good yet.
        self.late_ids: set[int] = {row.id for row in self.late}

    def settle(self, *, is_stale: bool) -> None:
        """Write down what follows for cycles that have been billed; safe to repeat."""
        if self.plan.fixed_price is not None or is_complimentary(self.plan):
            return
        if self.too_old:
            self._note_too_old()
        # What was estimated is put right once the uploads are here, whatever they say.
        is_to_settle = self.plan.estimated_since is not None and not is_stale
        if not self.late and not is_to_settle:
            return
        waiting = self._load_waiting()
        falls = load_open_falls(self.work.session, self.plan, since=self.since)
        self.late_ids |= {one.audit_row_id for one in falls.values()}
        self.late_ids |= {one.audit_row_id for one in waiting if one.audit_row_id is not None}
        truth = self._load_truth()
        corrections: list[Correction] = []
        for billed in load_billed_cycles(self.work.session, self.plan, first=self.first):
            told = steps_of(truth.told, billed.cycle)
            before = steps_of(truth.before, billed.cycle)
            found, fall = decide_corrections(billed, told=told, before=before)
            corrections += found
            self._settle_fall(fall, falls.get(billed.cycle.start), truth)
        self._record(corrections, waiting, truth)
        self.work.flush()

    def _load_truth(self) -> _Truth:
        until = self.open.start
        seats, happenings = self.sync.load_happenings(self.since, until - ONE_SECOND)
        first = cycle_at(self.rules.anchor, self.rules.schedule, self.since)
        stored = self.sync.load_stored(first)
        rules = replace(self.rules, next_rules=None)
        settled = self.plan.settled_through
        if settled is not None:
            # Whatever came since the last invoice and is older than the open cycle came late.
            rows = (one for one in happenings if isinstance(one, SeatRow))
            self.late_ids |= {row.id for row in rows if row.id > settled}
        not_late = [
            one for one in happenings if not isinstance(one, SeatRow) or one.id not in self.late_ids
        ]
        told, before = (
            replay(
                rules,
                stored=stored,
                seats=seats,
                happenings=happened,
                since=self.since,
                until=until,
            )
            for happened in (happenings, not_late)
        )
        known = [one for one in happenings if isinstance(one, SeatRow)]
        return _Truth(told, before, sorted(known, key=lambda row: (row.event_time, row.order_id)))

    def _load_waiting(self) -> list[Adjustment]:
        """The adjustments that stand on no invoice yet."""
        statement = select(Adjustment).where(
            Adjustment.plan_id == self.plan.id,
            Adjustment.invoice_id.is_(None),
            Adjustment.cycle_start >= self.since,
        )
        return list(self.work.session.scalars(statement.order_by(Adjustment.id)))

    def _settle_fall(self, fall: Fall | None, known: LateFall | None, truth: _Truth) -> None:
        if fall is not None:
            row_id = self._row_for(fall.at, truth) or min(self.late_ids)
            record_fall(self.work, self.plan, fall, known=known, row_id=row_id)
        elif known is not None:
            withdraw_fall(self.work, known)

    def _record(
        self, corrections: Sequence[Correction], waiting: Sequence[Adjustment], truth: _Truth
    ) -> None:
        """Keep what waits and is still right, give up the rest, add what is new."""
        left = {_key_of_adjustment(one): one for one in waiting}
        new = [one for one in corrections if left.pop(_key_of(one), None) is None]
        for gone in left.values():
            self._give_up(gone, truth)
        for correction in new:
            self._add(correction, truth)

    def _add(self, correction: Correction, truth: _Truth) -> None:
        step, row_id = correction.step, None
        if step is not None and step.row_id in self.late_ids:
            row_id = step.row_id
        if row_id is None:
            row_id = self._row_for(correction.period_start, truth)
        adjustment = Adjustment(
            customer_id=self.plan.customer_id,
            plan_id=self.plan.id,
            reason=correction.reason,
            cycle_start=correction.cycle.start,
            period_start=correction.period_start,
            period_end=correction.period_end,
            licenses=correction.licenses,
            unit_amount=correction.unit_amount,
            audit_row_id=row_id,
            entry_id=self._entry_for(correction, row_id),
            created_at=self.work.now,
        )
        self.work.session.add(adjustment)
        self.work.flush()
        self._audit("adjustment.recorded", adjustment)

    def _row_for(self, at: datetime, truth: _Truth) -> int | None:
        """The last late row by then; for want of one (an estimate), the last row."""
        rows = [row for row in truth.rows if row.event_time <= at]
        late = [row for row in rows if row.id in self.late_ids]
        return (late or rows)[-1].id if rows else None

    def _entry_for(self, correction: Correction, row_id: int | None) -> int | None:
        """The ledger entry behind a correction: the one that the sync has written, in cycles that
        were estimated; else one of its own, dated in the cycle that was billed."""
        if correction.step is None or correction.period_start >= self.sync.open_from:
            return self._free_entry_at(correction)
        step = correction.step
        names = row_id if step.row_id == row_id else None
        entry = Entry(
            event_time=step.at,
            is_renewal=False,
            licenses=correction.top,
            licenses_at_next_renewal=max(correction.top, step.licenses_at_next_renewal),
            order_id=step.order_id,
            people=step.people,
            audit_row_id=names,
            actor=CORRECTION_ACTOR if names is None else None,
        )
        return self.sync.append(entry).id

    def _free_entry_at(self, correction: Correction) -> int | None:
        stored = to_entries(load_entries(self.work.session, plan_id=self.plan.id, since=self.since))
        at = [
            one.id for one in effective_entries(stored) if one.event_time == correction.period_start
        ]
        taken = set(
            self.work.session.scalars(
                select(InvoiceLineEntry.entry_id).where(
                    InvoiceLineEntry.entry_id.in_(at), InvoiceLineEntry.role == LineKind.ADJUSTMENT
                )
            )
        )
        taken |= set(
            self.work.session.scalars(
                select(Adjustment.entry_id).where(Adjustment.entry_id.in_(at))
            )
        )
        return next((entry_id for entry_id in at if entry_id not in taken), None)

    def _give_up(self, adjustment: Adjustment, truth: _Truth) -> None:
        """What waited is not right any more. Its entry stays; one at the same place corrects it."""
        entry = (
            None
            if adjustment.entry_id is None
            else self.work.session.get_one(LedgerEntry, adjustment.entry_id)
        )
        if entry is not None and entry.event_time < self.sync.open_from:
            right = entry_at(truth.told, entry.event_time)
            assert right is not None  # the replay begins before any late row
            self.sync.append(
                Entry(
                    event_time=entry.event_time,
                    is_renewal=False,
                    licenses=min(right.licenses, entry.licenses),
                    licenses_at_next_renewal=right.licenses_at_next_renewal,
                    order_id=entry.order_id,
                    people=right.people,
                    actor=CORRECTION_ACTOR,
                )
            )
        self._audit("adjustment.given_up", adjustment)
        self.work.session.delete(adjustment)
        self.work.flush()

    def _note_too_old(self) -> None:
        record_audit(
            self.work,
            "ledger.rows_too_old",
            actor=SYSTEM,
            customer_id=self.plan.customer_id,
            after={
                "plan": self.plan.id,
                "rows": len(self.too_old),
                "audit_rows": [row.id for row in self.too_old[:MOST_NAMED]],
                "before": self.since.isoformat(),
            },
        )

    def _audit(self, action: str, adjustment: Adjustment) -> None:
        record_audit(
            self.work,
            action,
            actor=SYSTEM,
            customer_id=self.plan.customer_id,
            after={
                "plan": self.plan.id,
                "adjustment": adjustment.id,
                "reason": adjustment.reason.value,
                "licenses": adjustment.licenses,
                "unit_amount": adjustment.unit_amount,
                "audit_row": adjustment.audit_row_id,
            },
        )


def _key_of(one: Correction) -> tuple[object, ...]:
    return (
        one.reason,
        one.cycle.start,
        one.period_start,
        one.period_end,
        one.licenses,
        one.unit_amount,
    )


def _key_of_adjustment(one: Adjustment) -> tuple[object, ...]:
    return (
        one.reason,
        one.cycle_start,
        one.period_start,
        one.period_end,
        one.licenses,
        one.unit_amount,
    )
