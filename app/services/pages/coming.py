"""What stands on the next invoice beside the plan's own time: adjustments and single charges."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.invoicing import total_of
from app.models.charges import Adjustment
from app.models.plans import Plan
from app.models.uploads import AuditRow
from app.services.context import Context
from app.services.extra_charges import load_open_charges, parts_of_charges
from app.services.pages.head import Head
from app.services.pages.parts import PageLine, RowView


def load_coming_lines(
    ctx: Context, session: Session, head: Head, plan: Plan
) -> tuple[PageLine, ...]:
    """The lines that wait for the next invoice of `plan`, which mostly are none."""
    if not head.has_open_charges:
        return ()
    charges = load_open_charges(session, [plan], now=head.now)
    rows = load_telling_rows(
        session, [charge for charge in charges if isinstance(charge, Adjustment)]
    )
    lines = []
    for charge, part in zip(charges, parts_of_charges(ctx, charges, [plan]), strict=True):
        line, is_adjustment = part.lines[0], isinstance(charge, Adjustment)
        lines.append(
            PageLine(
                description=part.text or "",
                quantity=line.quantity,
                unit_amount=line.unit_amount,
                amount=total_of(part.lines),
                period_start=line.period_start if is_adjustment else None,
                period_end=line.period_end if is_adjustment else None,
                kind=line.kind,
                correction=charge.reason if isinstance(charge, Adjustment) else None,
                told_by=rows.get(charge.id) if is_adjustment else None,
            )
        )
    return tuple(lines)


def load_telling_rows(session: Session, adjustments: Sequence[Adjustment]) -> dict[int, RowView]:
    """The uploaded row behind each adjustment, by the adjustment's id."""
    ids = {one.audit_row_id: one.id for one in adjustments if one.audit_row_id is not None}
    if not ids:
        return {}
    rows = {row.id: row for row in session.scalars(select(AuditRow).where(AuditRow.id.in_(ids)))}
    return {
        one.id: RowView(row.remote_id, row.event_time, row.event_type, row.seats)
        for one in adjustments
        if (row := rows.get(one.audit_row_id or 0)) is not None
    }
