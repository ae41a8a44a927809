"""The hourly run: every server's new or newly due rows become ledger entries."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.domain.kinds import LIVE_STATUSES
from app.jobs.progress import Progress, Silent
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.models.uploads import AuditRow, PendingAuditRow
from app.services.context import Context
from app.services.ledger import has_ledger_work, sync_server_ledgers
from app.services.unit_of_work import unit_of_work

log = logging.getLogger(__name__)


@dataclass(slots=True)
class SyncCounts:
    """What the run did: servers looked at, rows processed, entries written, servers that failed."""

    processed: int = 0
    rows: int = 0
    entries: int = 0
    failed: int = 0


def sync_ledgers(ctx: Context, *, progress: Progress | None = None) -> SyncCounts:
    """Bring every ledger up to now. A server that fails is logged and does not stop the others."""
    progress = progress or Silent()
    counts = SyncCounts()
    with unit_of_work(ctx) as work:
        server_ids = _servers_with_work(work.session, now=work.now)
    progress.start("servers", len(server_ids))
    for server_id in server_ids:
        counts.processed += 1
        try:
            _sync(ctx, server_id, counts)
        except Exception:
            # One server's trouble is its own: the others are brought up to date all the same.
            log.exception("server %s: its ledgers could not be synced", server_id)
            counts.failed += 1
        progress.advance()
    return counts


def _sync(ctx: Context, server_id: int, counts: SyncCounts) -> None:
    with unit_of_work(ctx) as work:
        server = work.claim_server(server_id)
        if has_ledger_work(work.session, server, as_of=work.now):
            result = sync_server_ledgers(work, server, as_of=work.now)
            counts.rows += result.rows
            counts.entries += result.entries
            work.commit()


def _servers_with_work(session: Session, *, now: datetime) -> list[int]:
    """Servers with rows past their cursor, rows that have become due, or a live plan."""
    newer = select(AuditRow.id).where(
        AuditRow.server_id == Server.id, AuditRow.id > Server.ledger_cursor
    )
    due = select(PendingAuditRow.audit_row_id).where(
        PendingAuditRow.server_id == Server.id, PendingAuditRow.due_at <= now
    )
    live = (
        select(func.coalesce(Customer.server_id, Organization.server_id))
        .join(Plan, Plan.customer_id == Customer.id)
        .outerjoin(Organization, Organization.id == Customer.organization_id)
        .where(Plan.status.in_(LIVE_STATUSES))
    )
    statement = select(Server.id).where(or_(newer.exists(), due.exists(), Server.id.in_(live)))
    return list(session.scalars(statement.order_by(Server.id)))
