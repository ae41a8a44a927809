"""What waits for a second person, and what became of what waited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from app.domain.kinds import StaffActionStatus
from app.models.customers import Customer
from app.models.staff import StaffAction, StaffUser
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list

Asker, Decider = aliased(StaffUser), aliased(StaffUser)


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """One act: what, for whom, who asked and who decided."""

    id: int
    action: str
    payer_uuid: str
    customer_name: str
    reason: str
    status: StaffActionStatus
    asked_by: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None


@dataclass(frozen=True, slots=True)
class ApprovalsPage:
    """Those that wait, oldest first, and a page of those that were decided, newest first."""

    waiting: tuple[ApprovalRow, ...]
    waiting_count: int
    decided: tuple[ApprovalRow, ...]
    part: ListPart


def load_approvals_page(session: Session, *, number: int) -> ApprovalsPage:
    """The list of acts that two people are needed for, in a constant number of queries."""
    waits = StaffAction.status == StaffActionStatus.WAITING
    was_decided = StaffAction.decided_at.is_not(None)
    waiting_count, total = session.execute(
        select(
            func.count(StaffAction.id).filter(waits), func.count(StaffAction.id).filter(was_decided)
        )
    ).one()
    part = part_of_list(total, number=number)
    waiting = _rows(session, waits, StaffAction.created_at.asc(), StaffAction.id.asc())
    decided = _rows(
        session, was_decided, StaffAction.decided_at.desc(), StaffAction.id.desc(), part.offset
    )
    return ApprovalsPage(waiting, waiting_count, decided, part)


def load_approval_row(session: Session, action_id: int) -> ApprovalRow | None:
    """One of them; None when there is none of that id."""
    found = _rows(session, StaffAction.id == action_id, StaffAction.id.asc(), StaffAction.id.asc())
    return found[0] if found else None


def _rows(
    session: Session,
    condition: ColumnElement[bool],
    first: ColumnElement[Any],
    second: ColumnElement[Any],
    offset: int = 0,
) -> tuple[ApprovalRow, ...]:
    query = (
        select(StaffAction, Asker, Decider, Customer.display_name)
        .join(Asker, Asker.id == StaffAction.asked_by)
        .outerjoin(Decider, Decider.id == StaffAction.decided_by)
        .outerjoin(Customer, Customer.id == StaffAction.customer_id)
        .where(condition)
        .order_by(first, second)
        .offset(offset)
        .limit(PAGE_SIZE)
    )
    return tuple(
        ApprovalRow(
            id=row.id,
            action=row.action,
            payer_uuid=row.payer_uuid,
            customer_name=name or row.payer_uuid,
            reason=row.reason,
            status=row.status,
            asked_by=asker.full_name or asker.email,
            created_at=row.created_at,
            decided_by=(decider.full_name or decider.email) if decider is not None else None,
            decided_at=row.decided_at,
            decision_reason=row.decision_reason,
        )
        for row, asker, decider, name in session.execute(query)
    )
