"""A registration ends (billing rules, "Deactivation")."""

from app.domain.errors import BillingError
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.deactivation_rules import check_deactivation, customers_of_server
from app.services.logs import log_event
from app.services.outbox import record_mail
from app.services.server_access import end_access_to_server
from app.services.unit_of_work import UnitOfWork, unit_of_work


def deactivate_server(
    ctx: Context, server_id: int, *, actor: Actor, reason: str | None = None
) -> None:
    """Deactivate the registration of a server: it may not upload any more, the paid feature is off
    for its organizations, and everybody is logged out of their billing. Its contact is mailed.

    Raises BillingError `deactivation_refused` while something stands in the way (`obstacles` of
    `check_deactivation`), and `server_deactivated` when it was done before. `reason` is written
    into the audit log where staff act.
    """
    with unit_of_work(ctx) as work:
        server = work.claim_server(server_id)
        if server.deactivated_at is not None:
            raise BillingError("server_deactivated")
        _refuse_while_paid(work, server_id)
        server.deactivated_at = work.now
        end_access_to_server(work, server_id)
        at = work.now.isoformat()
        record_audit(
            work,
            "server.deactivated",
            actor=actor,
            server_id=server_id,
            before={"deactivated_at": None},
            after={"deactivated_at": at} | ({} if reason is None else {"reason": reason}),
        )
        record_mail(
            work,
            template="server_deactivated",
            recipient=server.contact_email,
            params={"host": server.hostname, "at": work.now, "by": _door_of(actor)},
            # A server that support brought back may leave again.
            event_key=f"server.deactivated:{server_id}:{at}",
        )
        work.commit()
    log_event("server.deactivated", server=server_id, actor=actor.name)


def _refuse_while_paid(work: UnitOfWork, server_id: int) -> None:
    # Claimed, so that no purchase starts a plan while we look.
    work.claim_customers(work.session.scalars(customers_of_server(server_id)).all())
    found = check_deactivation(work.session, server_id, catalog=work.ctx.catalog, now=work.now)
    if found.obstacles:
        raise BillingError("deactivation_refused", obstacles=found.obstacles)


def _door_of(actor: Actor) -> str:
    """ "billing_user", "server" or what else somebody came through; never who it was."""
    return actor.name.partition(":")[0]
