"""The queue of staff: audit rows that came late say that fewer people were there than were billed.

Nothing is given back by itself, since backdating would be the way to cheat. Whoever looked at a
case says what was done about it. Rules: docs/rules/late-rows.md.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError, NotFoundError
from app.domain.late_rows import Fall
from app.models.charges import LateFall
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.uploads import AuditRow
from app.services.audit import record_audit
from app.services.context import SYSTEM, Actor, Context
from app.services.staff_change import checked_reason
from app.services.unit_of_work import UnitOfWork, unit_of_work

BORNE_OUT = "Rows that came later bear out what was billed."


@dataclass(frozen=True, slots=True)
class LateFallLine:
    """One case of the queue; `row_id` is the server's own number of the audit row."""

    id: int
    customer_uuid: str
    customer_name: str
    tier: str
    cycle_start: datetime
    cycle_end: datetime
    billed: int
    needed: int
    row_id: int | None
    row_at: datetime | None
    found_at: datetime
    resolved_at: datetime | None
    resolution: str | None


def load_open_falls(session: Session, plan: Plan, *, since: datetime) -> dict[datetime, LateFall]:
    """The cases of a plan that nobody has looked at, by the start of their cycle."""
    statement = select(LateFall).where(
        LateFall.plan_id == plan.id,
        LateFall.cycle_start >= since,
        LateFall.resolved_at.is_(None),
    )
    return {fall.cycle_start: fall for fall in session.scalars(statement.order_by(LateFall.id))}


def record_fall(
    work: UnitOfWork, plan: Plan, fall: Fall, *, known: LateFall | None, row_id: int
) -> None:
    """Put a case into the queue, or bring the one that waits up to date."""
    if known is not None:
        known.billed_licenses, known.licenses = fall.billed, fall.needed
        return
    seen = select(LateFall.id).where(
        LateFall.plan_id == plan.id,
        LateFall.cycle_start == fall.cycle.start,
        LateFall.audit_row_id == row_id,
    )
    if work.session.scalars(seen).first() is not None:
        # Staff have decided about it.
        return
    work.session.add(
        LateFall(
            customer_id=plan.customer_id,
            plan_id=plan.id,
            cycle_start=fall.cycle.start,
            cycle_end=fall.cycle.end,
            billed_licenses=fall.billed,
            licenses=fall.needed,
            audit_row_id=row_id,
            found_at=work.now,
        )
    )
    record_audit(
        work,
        "late_fall.found",
        actor=SYSTEM,
        customer_id=plan.customer_id,
        after={
            "plan": plan.id,
            "cycle": fall.cycle.start.isoformat(),
            "billed": fall.billed,
            "needed": fall.needed,
            "audit_row": row_id,
        },
    )


def withdraw_fall(work: UnitOfWork, fall: LateFall) -> None:
    """Rows that came later still bear out what was billed: nobody need look at it any more."""
    fall.resolved_at, fall.resolved_by, fall.resolution = work.now, SYSTEM.name, BORNE_OUT
    _record_resolved(work, fall, actor=SYSTEM, reason=BORNE_OUT)


def list_late_falls(session: Session, *, everything: bool = False) -> list[LateFallLine]:
    """The queue, oldest first; with `everything` also what has been resolved."""
    statement = (
        select(LateFall, Customer.uuid, Customer.display_name, Plan.tier, AuditRow)
        .join(Customer, Customer.id == LateFall.customer_id)
        .join(Plan, Plan.id == LateFall.plan_id)
        .outerjoin(AuditRow, AuditRow.id == LateFall.audit_row_id)
        .order_by(LateFall.id)
    )
    if not everything:
        statement = statement.where(LateFall.resolved_at.is_(None))
    return [
        LateFallLine(
            id=fall.id,
            customer_uuid=uuid,
            customer_name=name,
            tier=tier,
            cycle_start=fall.cycle_start,
            cycle_end=fall.cycle_end,
            billed=fall.billed_licenses,
            needed=fall.licenses,
            row_id=row.remote_id if row is not None else None,
            row_at=row.event_time if row is not None else None,
            found_at=fall.found_at,
            resolved_at=fall.resolved_at,
            resolution=fall.resolution,
        )
        for fall, uuid, name, tier, row in session.execute(statement)
    ]


def resolve_late_fall(
    ctx: Context, fall_id: int, *, reason: str, actor: Actor, dry_run: bool = False
) -> None:
    """Somebody has looked at it and says what was done. Raises NotFoundError, or BillingError
    `late_fall_resolved` when that was said before, `reason_missing`, `reason_too_long`."""
    with unit_of_work(ctx) as work:
        fall = work.session.get(LateFall, fall_id)
        if fall is None:
            raise NotFoundError("late_fall")
        work.claim_customer(fall.customer_id)
        work.session.refresh(fall)
        if fall.resolved_at is not None:
            raise BillingError("late_fall_resolved", fall=fall_id)
        fall.resolved_at, fall.resolved_by = work.now, actor.name
        fall.resolution = checked_reason(reason)
        _record_resolved(work, fall, actor=actor, reason=fall.resolution)
        if not dry_run:
            work.commit()


def _record_resolved(work: UnitOfWork, fall: LateFall, *, actor: Actor, reason: str) -> None:
    record_audit(
        work,
        "late_fall.resolved",
        actor=actor,
        customer_id=fall.customer_id,
        before={"late_fall": fall.id, "billed": fall.billed_licenses, "needed": fall.licenses},
        after={"reason": reason},
    )
