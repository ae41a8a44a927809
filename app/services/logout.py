"""Logging out: the session's row is deleted."""

from app.services.audit import record_audit
from app.services.browser_sessions import end_session
from app.services.context import Context, billing_user_actor
from app.services.identity import Identity
from app.services.unit_of_work import unit_of_work


def log_out(ctx: Context, id_hash: str, *, identity: Identity | None, ip: str | None) -> None:
    """End a browser's session. Nothing happens when it has ended already."""
    with unit_of_work(ctx) as work:
        ended = end_session(work, id_hash)
        if ended and identity is not None:
            record_audit(
                work,
                "login.ended",
                actor=billing_user_actor(identity.billing_user_id, ip=ip),
                server_id=identity.server_id,
                organization_id=identity.organization_id,
            )
        work.commit()
