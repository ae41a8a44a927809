"""Rows of browser sessions: made when there is something to keep, replaced at login, purged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from app.gateways.tokens import TokenGateway
from app.models.sessions import BrowserSession
from app.services.audit import LONGEST_IP
from app.services.context import Context
from app.services.identity import STAFF_IDLE_LIFE
from app.services.unit_of_work import UnitOfWork, unit_of_work

# Expired sessions are good for the redirect back to the product for this long.
KEPT = timedelta(days=30)
# How exact `last_seen_at` has to be: a page fetched within this time is no news.
SEEN_STEP = timedelta(minutes=10)
# The same of staff, whose sessions end when they are not used for an hour.
STAFF_SEEN_STEP = timedelta(minutes=1)
LONGEST_USER_AGENT = 200
_PURPOSE = "session"


@dataclass(frozen=True, slots=True)
class SessionChanges:
    """What one request did to the values of its session."""

    changed: Mapping[str, Any]
    removed: frozenset[str] = frozenset()


def session_id_hashes(tokens: TokenGateway, secret: str) -> list[str]:
    """The hashes under which the session with this id may be stored (keys rotate)."""
    return tokens.hashes(_PURPOSE, secret)


def store_session(
    ctx: Context, changes: SessionChanges, *, id_hash: str | None, renew: bool = False
) -> str | None:
    """Keep what a request changed; returns the id for the cookie when it is a new one.

    Requests of two tabs may run at once, so only what this one changed is written. A row that is
    gone meanwhile (logged out in the other tab) is not brought back: the values get a fresh row
    without an identity. `renew` gives the row a new id.
    """
    with unit_of_work(ctx) as work:
        row = _lock(work, id_hash) if id_hash is not None else None
        secret = None
        if row is None:
            secret = _insert(work, data=dict(changes.changed))
        else:
            kept = {name: value for name, value in row.data.items() if name not in changes.removed}
            row.data = kept | dict(changes.changed)
            if not _is_idle(row, now=work.now):
                row.last_seen_at = work.now
            if renew:
                secret = ctx.tokens.new_secret()
                row.id_hash = ctx.tokens.hash_secret(_PURPOSE, secret)
        work.commit()
    return secret


def note_session_seen(ctx: Context, id_hash: str) -> None:
    """Remember that a session is in use; called when `last_seen_at` is older than SEEN_STEP."""
    with unit_of_work(ctx) as work:
        statement = (
            update(BrowserSession)
            .where(BrowserSession.id_hash == id_hash)
            .values(last_seen_at=work.now)
            .execution_options(synchronize_session=False)
        )
        work.session.execute(statement)
        work.commit()


def begin_identity_session(
    work: UnitOfWork,
    *,
    billing_user_id: int,
    authenticated_at: datetime,
    way_back: str | None,
    data: Mapping[str, Any],
) -> str:
    """Make the session of somebody who has just logged in; returns its id, for the cookie only."""
    return _insert(
        work,
        data=dict(data),
        billing_user_id=billing_user_id,
        authenticated_at=authenticated_at,
        way_back=way_back,
    )


def begin_staff_session(
    work: UnitOfWork,
    *,
    staff_user_id: int,
    ip: str | None,
    user_agent: str | None,
    data: Mapping[str, Any],
) -> str:
    """Make the session of somebody of staff who has just logged in; returns its id, for the cookie
    only. Where it was begun is kept for the person's list of sessions."""
    return _insert(
        work,
        data=dict(data),
        staff_user_id=staff_user_id,
        authenticated_at=work.now,
        ip=ip[:LONGEST_IP] if ip else None,
        user_agent=user_agent[:LONGEST_USER_AGENT] if user_agent else None,
    )


def end_session(work: UnitOfWork, id_hash: str) -> bool:
    """Delete a session, at logout or when a login replaces it; False when it was gone already."""
    statement = (
        delete(BrowserSession)
        .where(BrowserSession.id_hash == id_hash)
        .returning(BrowserSession.id)
        .execution_options(synchronize_session=False)
    )
    return work.session.execute(statement).first() is not None


def revoke_sessions(work: UnitOfWork, *, billing_user_id: int) -> None:
    """End every session of a person at once, wherever it is open."""
    statement = (
        update(BrowserSession)
        .where(
            BrowserSession.billing_user_id == billing_user_id, BrowserSession.revoked_at.is_(None)
        )
        .values(revoked_at=work.now)
        .execution_options(synchronize_session=False)
    )
    work.session.execute(statement)


def revoke_staff_sessions(work: UnitOfWork, *, staff_user_id: int) -> None:
    """The same for somebody of staff."""
    statement = (
        update(BrowserSession)
        .where(BrowserSession.staff_user_id == staff_user_id, BrowserSession.revoked_at.is_(None))
        .values(revoked_at=work.now)
        .execution_options(synchronize_session=False)
    )
    work.session.execute(statement)


def purge_sessions(ctx: Context) -> int:
    """Delete sessions that nobody has used for 30 days; returns how many. For the daily job."""
    with unit_of_work(ctx) as work:
        statement = (
            delete(BrowserSession)
            .where(BrowserSession.last_seen_at <= work.now - KEPT)
            .returning(BrowserSession.id)
            .execution_options(synchronize_session=False)
        )
        purged = len(work.session.execute(statement).all())
        work.commit()
    return purged


def _lock(work: UnitOfWork, id_hash: str) -> BrowserSession | None:
    statement = select(BrowserSession).where(
        BrowserSession.id_hash == id_hash, BrowserSession.revoked_at.is_(None)
    )
    return work.session.scalars(statement.with_for_update()).first()


def _is_idle(row: BrowserSession, *, now: datetime) -> bool:
    """Whether nobody used this session of staff for too long: then it stays over, even when values
    are still kept in it (a message for the login that follows)."""
    return row.staff_user_id is not None and now >= row.last_seen_at + STAFF_IDLE_LIFE


def _insert(work: UnitOfWork, *, data: dict[str, Any], **identity: Any) -> str:
    tokens = work.ctx.tokens
    secret = tokens.new_secret()
    row = BrowserSession(
        id_hash=tokens.hash_secret(_PURPOSE, secret),
        data=data,
        created_at=work.now,
        last_seen_at=work.now,
        **identity,
    )
    work.session.add(row)
    return secret
