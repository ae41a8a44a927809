"""Staff take the deactivation of a registration back."""

from app.domain.errors import BillingError
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.logs import log_event
from app.services.unit_of_work import unit_of_work


def reactivate_server(ctx: Context, server_id: int, *, actor: Actor, reason: str) -> None:
    """Let a deactivated server upload and log in again, with the key and the hostname it had.

    A deactivated registration keeps its hostname (nobody else could register it meanwhile), so
    there is nothing to take it back from. Plans are not touched: what ended stays ended, and what
    covers the server, its own plan or the free limit, is worked out from its next upload as ever.
    Raises NotFoundError, and BillingError `server_active` when there is nothing to take back.
    """
    with unit_of_work(ctx) as work:
        server = work.claim_server(server_id)
        if server.deactivated_at is None:
            raise BillingError("server_active", host=server.hostname)
        record_audit(
            work,
            "server.reactivated",
            actor=actor,
            server_id=server_id,
            before={"deactivated_at": server.deactivated_at.isoformat()},
            after={"deactivated_at": None, "reason": reason},
        )
        server.deactivated_at = None
        work.commit()
    log_event("server.reactivated", server=server_id, actor=actor.name)
