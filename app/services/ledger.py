"""Keeping the license ledgers up to date with what servers uploaded.

The work of a server is one piece under that server's lock: what has been processed is remembered
by `server.ledger_cursor`, the last arrival id seen. Rows of the future wait in
`pending_audit_rows` until their time. Rules: docs/rules/ledger.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from app.domain import ledger as rules
from app.domain.calendar import cycle_at
from app.domain.kinds import (
    LIVE_STATUSES,
    CustomerKind,
    EndReason,
    LicenseManagement,
    PlanStatus,
)
from app.domain.ledger import SeatRow
from app.domain.transitions import Change
from app.models.customers import Customer
from app.models.deals import OrganizationMove, PlanMove
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Organization, Server
from app.models.uploads import AuditRow, PendingAuditRow
from app.services.late_rows import LateRows
from app.services.plan_ledger import PlanSync, get_next_plan, load_entries
from app.services.plan_life import activate_plan, end_plan, end_trial
from app.services.plan_rules import to_entries
from app.services.seats import is_stale, load_seat_rows, load_seat_rows_by_id
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync did, as counts of rows."""

    rows: int = 0
    plans: int = 0
    entries: int = 0


def get_last_ledger_for_automanaged_plan_if_exists(
    session: Session, customer: Customer
) -> LedgerEntry | None:
    """The entry in force of the customer's live plan with automatic licenses, or None."""
    plan = session.scalars(
        select(Plan).where(
            Plan.customer_id == customer.id,
            Plan.status.in_(LIVE_STATUSES),
            Plan.license_management == LicenseManagement.AUTOMATIC,
        )
    ).one_or_none()
    if plan is None:
        return None
    stored = load_entries(session, plan_id=plan.id)
    by_id = {row.id: row for row in stored}
    effective = rules.effective_entries(to_entries(stored))
    return by_id[effective[-1].id] if effective and effective[-1].id else None


def sync_license_ledger_if_needed(
    work: UnitOfWork, customer: Customer, *, as_of: datetime
) -> SyncResult:
    """Bring the ledger of `customer` up to `as_of`, and with it those of its whole server.

    The cursor belongs to the server, so its customers move on together. Safe to repeat; claims
    the server and the customers. `as_of` must not lie before the start of this unit of work.
    """
    server_id = get_server_id(customer)
    return sync_server_ledgers(work, work.claim_server(server_id), as_of=as_of)


def get_server_id(customer: Customer) -> int:
    """The server whose uploads count the people of `customer`."""
    if customer.kind is CustomerKind.SERVER:
        assert customer.server_id is not None
        return customer.server_id
    assert customer.organization is not None
    return customer.organization.server_id


def sync_server_ledgers(work: UnitOfWork, server: Server, *, as_of: datetime) -> SyncResult:
    """Process every row of `server` that arrived since the last time and is due by `as_of`.

    `server` must be claimed. Each open plan of the server and of its organizations gets its
    entries, its renewals that fell due, and its end if it was set to end by then.
    """
    if as_of < work.now:
        raise ValueError("rows that are due now would be passed over by the cursor")
    rows = _take_new_rows(work, server, as_of=as_of)
    plans = _load_open_plans(work.session, server)
    written = 0
    if plans:
        customers = {
            customer.id: customer
            for customer in work.claim_customers(plan.customer_id for plan in plans)
        }
        for plan in plans:
            customer = customers[plan.customer_id]
            # The plan of an organization that moved away is here for late rows of this server.
            home = work.session.get_one(Server, get_server_id(customer))
            written += _sync_plan(work, plan, customer, home, rows, as_of)
            while (following := _follow(work, plan, customer, home, as_of=as_of)) is not None:
                plan = following
                sync = PlanSync(work, plan, customer, home)
                sync.begin(as_of=as_of)
                written += 1 + sync.written
    return SyncResult(rows=len(rows), plans=len(plans), entries=written)


def has_ledger_work(session: Session, server: Server, *, as_of: datetime) -> bool:
    """Whether a sync of `server` would find anything to do: new rows, rows that have become due,
    or a live plan whose cycle has ended. Cheap, and asked before anything is claimed."""
    newer = select(AuditRow.id).where(
        AuditRow.server_id == server.id, AuditRow.id > server.ledger_cursor
    )
    due = select(PendingAuditRow.audit_row_id).where(
        PendingAuditRow.server_id == server.id, PendingAuditRow.due_at <= as_of
    )
    if session.execute(newer.limit(1)).first() or session.execute(due.limit(1)).first():
        return True
    for plan in _load_open_plans(session, server):
        last = session.scalars(
            select(LedgerEntry.event_time)
            .where(LedgerEntry.plan_id == plan.id)
            .order_by(LedgerEntry.event_time.desc())
            .limit(1)
        ).one()
        if cycle_at(plan.billing_cycle_anchor, plan.schedule, last).end <= as_of:
            return True
        if plan.status in LIVE_STATUSES and plan.end_date is not None and plan.end_date <= as_of:
            return True
    return False


def _take_new_rows(work: UnitOfWork, server: Server, *, as_of: datetime) -> list[SeatRow]:
    """The rows to process, by time; moves the cursor past everything that has arrived."""
    session = work.session
    pending = select(PendingAuditRow.audit_row_id).where(
        PendingAuditRow.server_id == server.id, PendingAuditRow.due_at <= as_of
    )
    due_ids = list(session.scalars(pending))
    found = {
        row.id: row
        for row in load_seat_rows(
            session, server_id=server.id, after_id=server.ledger_cursor, up_to_time=as_of
        )
    }
    if due_ids:
        found.update((row.id, row) for row in load_seat_rows_by_id(session, row_ids=due_ids))
        session.execute(
            delete(PendingAuditRow).where(
                PendingAuditRow.server_id == server.id, PendingAuditRow.due_at <= as_of
            )
        )
    newest = session.scalar(
        select(func.max(AuditRow.id)).where(
            AuditRow.server_id == server.id, AuditRow.id > server.ledger_cursor
        )
    )
    server.ledger_cursor = max(server.ledger_cursor, newest or 0)
    return sorted(found.values(), key=lambda row: (row.event_time, row.order_id))


def _load_open_plans(session: Session, server: Server) -> list[Plan]:
    present = select(Organization.id).where(Organization.server_id == server.id)
    moved = select(OrganizationMove.organization_id)
    # Those that moved away go on with the rows of both servers, and were counted here before.
    moved = moved.where(OrganizationMove.from_server_id == server.id)
    given = select(PlanMove.organization_id).where(PlanMove.server_id == server.id)
    of_server: ColumnElement[bool] = or_(
        *(Customer.organization_id.in_(those) for those in (present, moved, given))
    )
    # A plan that has ended takes late rows of its last period until its closing invoice is made.
    is_open = or_(Plan.status.in_(LIVE_STATUSES), Plan.next_invoice_date.is_not(None))
    statement = (
        select(Plan)
        .join(Customer, Customer.id == Plan.customer_id)
        .where(or_(Customer.server_id == server.id, of_server), is_open)
        .order_by(Plan.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(statement).unique())


def _sync_plan(
    work: UnitOfWork,
    plan: Plan,
    customer: Customer,
    server: Server,
    new_rows: Sequence[SeatRow],
    as_of: datetime,
) -> int:
    """Write what follows for one plan; returns the number of entries."""
    if plan.status is PlanStatus.TRIAL and plan.billing_cycle_anchor <= as_of:
        # First, since whatever happens from the anchor on is not of a plan that ends there.
        end_trial(work, plan)
    sync = PlanSync(work, plan, customer, server)
    late = LateRows(sync, new_rows)
    is_provisional = plan.estimated_since is not None
    if not is_provisional:
        # Before the rest, so that the entry of the cycle in which it happened names the row.
        late.settle(is_stale=False)
    sync.take(new_rows, as_of=as_of)
    sync.check_count(as_of=as_of)
    if is_provisional:
        late.settle(is_stale=is_stale(server, now=work.now))
    return sync.written


def _follow(
    work: UnitOfWork, plan: Plan, customer: Customer, server: Server, *, as_of: datetime
) -> Plan | None:
    """End the plan if its end has come; returns the plan that follows it, if one begins now."""
    if plan.status not in LIVE_STATUSES or plan.end_date is None or plan.end_date > as_of:
        return None
    following = get_next_plan(work.session, plan)
    if following is not None and waits_for_data(following, server, now=work.now):
        # It would begin with a number that nobody knows; what comes in the meantime is kept.
        return None
    reason = EndReason.CYCLE_END if following is None else EndReason.SWITCHED
    end_plan(work, plan, at=plan.end_date, change=Change.REACH_END, reason=reason)
    if following is not None:
        activate_plan(work, following, after=plan, customer=customer, server=server)
    return following


def waits_for_data(following: Plan, server: Server, *, now: datetime) -> bool:
    """Whether a plan that follows another cannot begin, since the server's counts are stale and
    it is charged by them."""
    return following.fixed_price is None and is_stale(server, now=now)
