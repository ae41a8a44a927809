"""The whole audit log about a customer for staff, with who did it and what changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, union
from sqlalchemy.orm import Session

from app.models.audit import AuditEntry
from app.models.people import PersonalDetail
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list
from app.services.pages.staff_customer_actors import ActorView, load_actors
from app.services.pages.staff_customer_frame import CustomerFrame


@dataclass(frozen=True, slots=True)
class ChangedValue:
    """One field of an entry: what it was and what it became; None where nothing was kept."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class AuditRowView:
    """One act. `then` is what the person was called at the time, where that is kept."""

    id: int
    at: datetime
    action: str
    actor: ActorView
    then: str | None
    ip: str | None
    changes: tuple[ChangedValue, ...]


@dataclass(frozen=True, slots=True)
class StaffAuditPage:
    """One page of the log, narrowed to `area` (the noun that its actions begin with) unless that is
    None; `areas` are those there is something about."""

    frame: CustomerFrame
    rows: tuple[AuditRowView, ...]
    part: ListPart
    area: str | None
    areas: tuple[str, ...]


def load_staff_audit_page(
    session: Session, frame: CustomerFrame, *, area: str | None, number: int
) -> StaffAuditPage:
    """Page `number` (from 1) of the entries, newest first."""
    mine = AuditEntry.id.in_(union(*(select(AuditEntry.id).where(one) for one in _mine(frame))))
    actions = session.execute(
        select(AuditEntry.action, func.count(AuditEntry.id)).where(mine).group_by(AuditEntry.action)
    ).all()
    areas = tuple(sorted({_area_of(action) for action, _ in actions}))
    chosen = area if area in areas else None
    counted = [count for action, count in actions if chosen in {None, _area_of(action)}]
    part = part_of_list(sum(counted), number=number)
    statement = select(
        AuditEntry, PersonalDetail.full_name, PersonalDetail.email, PersonalDetail.ip
    ).outerjoin(PersonalDetail, PersonalDetail.id == AuditEntry.personal_detail_id)
    if chosen is not None:
        statement = statement.where(AuditEntry.action.startswith(f"{chosen}.", autoescape=True))
    found = session.execute(
        statement.where(mine).order_by(AuditEntry.id.desc()).offset(part.offset).limit(PAGE_SIZE)
    ).all()
    actors = load_actors(session, (entry.actor for entry, *_ in found))
    rows = tuple(
        AuditRowView(
            id=entry.id,
            at=entry.at,
            action=entry.action,
            actor=actors[entry.actor],
            then=name or email,
            ip=ip,
            changes=_changes(entry.before or {}, entry.after or {}),
        )
        for entry, name, email, ip in found
    )
    return StaffAuditPage(frame=frame, rows=rows, part=part, area=chosen, areas=areas)


def _area_of(action: str) -> str:
    return action.partition(".")[0]


def _mine(frame: CustomerFrame) -> list[ColumnElement[bool]]:
    """The entries that the export of the customer has, too; each condition has an index."""
    payer = frame.payer
    if payer.organization_id is not None:
        conditions = [AuditEntry.organization_id == payer.organization_id]
    else:
        conditions = [AuditEntry.server_id == payer.server_id]
    if frame.customer_id is not None:
        conditions.append(AuditEntry.customer_id == frame.customer_id)
    return list(conditions)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[ChangedValue, ...]:
    """The fields with a value; what stayed as it was has no `before`."""
    names = [*after, *(name for name in before if name not in after)]
    found = ((name, before.get(name), after.get(name)) for name in names)
    return tuple(
        ChangedValue(name, None if was == became else was, became)
        for name, was, became in found
        if not (was is None and became is None)
    )
