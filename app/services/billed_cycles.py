"""What was billed for the cycles of a plan, license by license, adjustments included."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at, cycle_number
from app.domain.kinds import LineKind
from app.domain.late_rows import BilledCycle, BilledLicense
from app.models.charges import Adjustment
from app.models.invoices import InvoiceLine
from app.models.plans import Plan
from app.services.invoices import LICENSE_LINES
from app.services.plan_rules import plan_terms


def load_billed_cycles(session: Session, plan: Plan, *, first: int) -> list[BilledCycle]:
    """The cycles from number `first` to the open one. What waits for its invoice is not billed."""
    anchor, schedule = plan.billing_cycle_anchor, plan.schedule
    last = cycle_at(anchor, schedule, plan.invoiced_until)
    terms = plan_terms(plan)
    since = cycle_number(anchor, schedule, first).start
    lines = _load_lines(session, plan, since=since)
    adjustments = _load_adjustments(session, plan, since=since)
    found = []
    for index in range(max(0, first), last.index + 1):
        cycle = cycle_number(anchor, schedule, index)
        end = cycle.end if terms.ends_at is None else min(cycle.end, terms.ends_at)
        of_cycle = [line for line in lines if cycle.start <= line.period_start < cycle.end]
        whole = [line.unit_amount for line in of_cycle if line.kind is not LineKind.ADDED]
        billed = [
            BilledLicense(line.period_start, line.unit_amount)
            for line in of_cycle
            for _ in range(line.quantity)
        ]
        for adjustment in adjustments:
            if adjustment.cycle_start == cycle.start:
                billed = _adjusted(billed, adjustment, end=end)
        estimated_since = plan.estimated_since
        found.append(
            BilledCycle(
                cycle=cycle,
                end=end,
                price=whole[0] if whole else terms.price_in(cycle),
                billed=tuple(sorted(billed, key=lambda one: one.since)),
                is_estimated=estimated_since is not None and cycle.start >= estimated_since,
                is_open=index == last.index,
            )
        )
    return found


def _load_lines(session: Session, plan: Plan, *, since: datetime) -> list[InvoiceLine]:
    statement = (
        select(InvoiceLine)
        .where(
            InvoiceLine.plan_id == plan.id,
            InvoiceLine.kind.in_(LICENSE_LINES),
            InvoiceLine.period_start >= since,
        )
        .order_by(InvoiceLine.period_start, InvoiceLine.id)
    )
    return list(session.scalars(statement))


def _load_adjustments(session: Session, plan: Plan, *, since: datetime) -> list[Adjustment]:
    statement = (
        select(Adjustment)
        .where(
            Adjustment.plan_id == plan.id,
            Adjustment.cycle_start >= since,
            Adjustment.invoice_id.is_not(None),
        )
        .order_by(Adjustment.id)
    )
    return list(session.scalars(statement))


def _adjusted(
    billed: Iterable[BilledLicense], adjustment: Adjustment, *, end: datetime
) -> list[BilledLicense]:
    """The licenses after an adjustment: charged from earlier on, or from later on."""
    licenses = list(billed)
    is_more = adjustment.licenses > 0
    charged, needed = adjustment.period_start, adjustment.period_end
    if is_more:
        charged, needed = needed, charged
    for _ in range(abs(adjustment.licenses)):
        known = next((one for one in licenses if one.since == charged), None)
        if known is not None:
            licenses.remove(known)
        elif not is_more:
            continue
        unit = known.unit if known is not None else 0
        unit += adjustment.unit_amount if is_more else -adjustment.unit_amount
        if needed < end:
            changed = BilledLicense(needed, unit)
            licenses.append(changed if known is None else replace(known, since=needed, unit=unit))
    return licenses
