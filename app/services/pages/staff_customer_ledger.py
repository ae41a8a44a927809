"""The ledger of a customer for staff, newest entry first, each with what caused it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Organization
from app.models.uploads import AuditRow
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list
from app.services.pages.parts import RowView, tier_title
from app.services.pages.staff_customer_actors import ActorView, load_actors
from app.services.pages.staff_customer_frame import CustomerFrame


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One entry: the licenses it says, those of the next renewal, and the people counted then.

    `row` is the uploaded row that caused it, of the organization at `host`; `actor` is who or what
    did where no row was the cause.
    """

    id: int
    plan_id: int
    tier_title: str
    at: datetime
    is_renewal: bool
    licenses: int
    licenses_at_next_renewal: int
    people: int | None
    recorded_at: datetime
    row: RowView | None
    host: str | None
    actor: ActorView | None


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """One page of the entries of all plans."""

    frame: CustomerFrame
    rows: tuple[LedgerRow, ...]
    part: ListPart


def load_ledger_page(
    session: Session, frame: CustomerFrame, *, catalog: Catalog, number: int
) -> LedgerPage:
    """Page `number` (from 1) of the ledger."""
    mine = Plan.customer_id == (frame.customer_id or 0)
    counted = select(func.count(LedgerEntry.id)).join(Plan, Plan.id == LedgerEntry.plan_id)
    part = part_of_list(session.scalar(counted.where(mine)) or 0, number=number)
    found = session.execute(
        select(LedgerEntry, Plan.tier, AuditRow, Organization.host)
        .join(Plan, Plan.id == LedgerEntry.plan_id)
        .outerjoin(AuditRow, AuditRow.id == LedgerEntry.log_entry_id)
        .outerjoin(Organization, Organization.id == AuditRow.organization_id)
        .where(mine)
        .order_by(
            LedgerEntry.event_time.desc(),
            LedgerEntry.is_renewal,
            LedgerEntry.order_id.desc(),
            LedgerEntry.id.desc(),
        )
        .offset(part.offset)
        .limit(PAGE_SIZE)
    ).all()
    actors = load_actors(session, (entry.actor for entry, *_ in found))
    rows = tuple(
        LedgerRow(
            id=entry.id,
            plan_id=entry.plan_id,
            tier_title=tier_title(catalog, tier),
            at=entry.event_time,
            is_renewal=entry.is_renewal,
            licenses=entry.licenses,
            licenses_at_next_renewal=entry.licenses_at_next_renewal,
            people=entry.people,
            recorded_at=entry.recorded_at,
            row=None
            if row is None
            else RowView(row.remote_id, row.event_time, row.event_type, row.seats),
            host=host,
            actor=actors.get(entry.actor or ""),
        )
        for entry, tier, row, host in found
    )
    return LedgerPage(frame=frame, rows=rows, part=part)
