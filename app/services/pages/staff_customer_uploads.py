"""The uploads behind a customer's counts for staff: their health, the plot, the rows themselves."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.domain.seats import ORGANIZATION_DEACTIVATED, ORGANIZATION_REACTIVATED
from app.models.registrations import Organization, Server
from app.models.uploads import AuditRow, PendingAuditRow
from app.services.context import Context
from app.services.pages.head import Head, load_head
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list
from app.services.pages.people import load_people
from app.services.pages.plan_now import get_plan_now
from app.services.pages.seats import SeatsOverTime, SeatsRange, Step, load_seats_over_time
from app.services.pages.staff_customer_frame import CustomerFrame
from app.services.pages.uploads import UploadsPage, uploads_page

# How far back the plot of a customer without a plan goes.
WITHOUT_PLAN = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class AcceptedIds:
    """The highest ids of the server's own that were accepted, and which count of ids it is."""

    audit_rows: int
    organization_counts: int
    server_counts: int
    epoch: int


@dataclass(frozen=True, slots=True)
class UploadedRow:
    """One uploaded row that can change a count. `arrival` is our own number for it."""

    arrival: int
    remote_id: int
    epoch: int
    host: str | None
    event_type: int
    at: datetime
    received_at: datetime
    people: int | None
    backfilled: bool


@dataclass(frozen=True, slots=True)
class StaffUploadsPage:
    """Everything the page shows. `seats` is the plot of the plan; without one, `steps` are the
    people of the last three months. `pending` rows wait for their own time to come, `flagged` of
    them are far ahead: the server's clock is wrong."""

    frame: CustomerFrame
    health: UploadsPage
    ids: AcceptedIds
    feature_level: int | None
    pending: int
    flagged: int
    seats: SeatsOverTime | None
    steps: tuple[Step, ...]
    start: datetime
    rows: tuple[UploadedRow, ...]
    part: ListPart
    now: datetime


def load_staff_uploads_page(
    ctx: Context,
    session: Session,
    frame: CustomerFrame,
    *,
    number: int,
    chosen: SeatsRange,
    now: datetime,
) -> StaffUploadsPage:
    """Health, plot of `chosen`, and page `number` (from 1) of the rows; a fixed number of queries."""
    head = load_head(session, frame.payer, now=now)
    server: Server = head.server
    plan = get_plan_now(session, head)
    pending, flagged = session.execute(
        select(
            func.count(PendingAuditRow.audit_row_id),
            func.count(PendingAuditRow.audit_row_id).filter(PendingAuditRow.flagged),
        ).where(PendingAuditRow.server_id == server.id)
    ).one()
    total = session.scalar(select(func.count(AuditRow.id)).where(_wanted(frame))) or 0
    part = part_of_list(total, number=number)
    has_plan = head.live_plan is not None or head.is_covered_by_server
    return StaffUploadsPage(
        frame=frame,
        health=uploads_page(ctx.catalog, server, has_plan=has_plan, now=now),
        ids=AcceptedIds(
            audit_rows=server.last_audit_remote_id,
            organization_counts=server.last_realm_count_id,
            server_counts=server.last_installation_count_id,
            epoch=server.id_epoch,
        ),
        feature_level=server.api_feature_level,
        pending=pending,
        flagged=flagged,
        seats=load_seats_over_time(session, head, plan, chosen=chosen) if plan else None,
        steps=() if plan else _steps_without_plan(session, head),
        start=now - WITHOUT_PLAN,
        rows=_load_rows(session, frame, part),
        part=part,
        now=now,
    )


def _wanted(frame: CustomerFrame) -> ColumnElement[bool]:
    """Rows that can change a count of the customer."""
    switches = (ORGANIZATION_DEACTIVATED, ORGANIZATION_REACTIVATED)
    counts = or_(AuditRow.seats.is_not(None), AuditRow.event_type.in_(switches))
    if frame.payer.organization_id is not None:
        return counts & (AuditRow.organization_id == frame.payer.organization_id)
    return counts & (AuditRow.server_id == frame.payer.server_id)


def _load_rows(session: Session, frame: CustomerFrame, part: ListPart) -> tuple[UploadedRow, ...]:
    found = session.execute(
        select(AuditRow, Organization.host)
        .outerjoin(Organization, Organization.id == AuditRow.organization_id)
        .where(_wanted(frame))
        .order_by(AuditRow.event_time.desc(), AuditRow.id_epoch.desc(), AuditRow.remote_id.desc())
        .offset(part.offset)
        .limit(PAGE_SIZE)
    )
    return tuple(
        UploadedRow(
            arrival=row.id,
            remote_id=row.remote_id,
            epoch=row.id_epoch,
            host=host,
            event_type=row.event_type,
            at=row.event_time,
            received_at=row.received_at,
            people=row.seats,
            backfilled=row.backfilled,
        )
        for row, host in found
    )


def _steps_without_plan(session: Session, head: Head) -> tuple[Step, ...]:
    """The people at the end of each day on which their number changed; nothing for a server that
    never uploaded."""
    if head.last_heard is None:
        return ()
    history = load_people(session, head, start=head.now - WITHOUT_PLAN)
    by_day = {at.date(): Step(at, people, None) for at, people in history.changes}
    return tuple(by_day.values())
