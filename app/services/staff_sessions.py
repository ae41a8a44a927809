"""The sessions of somebody of staff: which are open, and ending them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.models.sessions import BrowserSession
from app.services.audit import record_audit
from app.services.browser_sessions import end_session
from app.services.context import Actor, Context
from app.services.identity import STAFF_IDLE_LIFE, STAFF_SESSION_LIFE
from app.services.unit_of_work import UnitOfWork, unit_of_work

# As much of the hash of a session's id as names it on a page; it lets nobody in.
HANDLE_LENGTH = 16


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser where the person is logged in."""

    handle: str
    began_at: datetime
    last_seen_at: datetime
    ip: str | None
    user_agent: str | None
    is_here: bool


def list_sessions(
    session: Session, staff_user_id: int, *, here: str, now: datetime
) -> list[OpenSession]:
    """Those that are open, this one (its hash is `here`) first and then the latest."""
    statement = (
        select(BrowserSession)
        .where(
            BrowserSession.staff_user_id == staff_user_id,
            BrowserSession.revoked_at.is_(None),
            BrowserSession.last_seen_at > now - STAFF_IDLE_LIFE,
            BrowserSession.authenticated_at > now - STAFF_SESSION_LIFE,
        )
        .order_by(BrowserSession.last_seen_at.desc(), BrowserSession.id.desc())
    )
    found = [
        OpenSession(
            handle=row.id_hash[:HANDLE_LENGTH],
            began_at=row.authenticated_at or row.created_at,
            last_seen_at=row.last_seen_at,
            ip=row.ip,
            user_agent=row.user_agent,
            is_here=row.id_hash == here,
        )
        for row in session.scalars(statement)
    ]
    return sorted(found, key=lambda entry: not entry.is_here)


def end_session_of(ctx: Context, staff_user_id: int, handle: str, *, actor: Actor) -> None:
    """End one of the person's own sessions. Raises NotFoundError when there is no such."""
    with unit_of_work(ctx) as work:
        statement = (
            update(BrowserSession)
            .where(
                BrowserSession.staff_user_id == staff_user_id,
                BrowserSession.id_hash.startswith(handle, autoescape=True),
                BrowserSession.revoked_at.is_(None),
            )
            .values(revoked_at=work.now)
            .returning(BrowserSession.id)
            .execution_options(synchronize_session=False)
        )
        if not work.session.execute(statement).all():
            raise NotFoundError("session")
        record_audit(work, "staff.session_ended", actor=actor)
        work.commit()


def end_all_others(ctx: Context, staff_user_id: int, *, here: str, actor: Actor) -> int:
    """End every session of the person but this one; returns how many."""
    with unit_of_work(ctx) as work:
        ended = end_other_sessions(work, staff_user_id, here=here)
        record_audit(work, "staff.session_ended", actor=actor, after={"count": ended})
        work.commit()
    return ended


def end_other_sessions(work: UnitOfWork, staff_user_id: int, *, here: str) -> int:
    """The same within a unit of work."""
    statement = (
        update(BrowserSession)
        .where(
            BrowserSession.staff_user_id == staff_user_id,
            BrowserSession.id_hash != here,
            BrowserSession.revoked_at.is_(None),
        )
        .values(revoked_at=work.now)
        .returning(BrowserSession.id)
        .execution_options(synchronize_session=False)
    )
    return len(work.session.execute(statement).all())


def log_out_staff(ctx: Context, id_hash: str, *, actor: Actor) -> None:
    """End this browser's session. Nothing happens when it has ended already."""
    with unit_of_work(ctx) as work:
        if end_session(work, id_hash):
            record_audit(work, "staff.logged_out", actor=actor)
        work.commit()
