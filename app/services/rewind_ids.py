"""Staff let a server that lost its database send rows under ids that it used before."""

from dataclasses import dataclass

from app.domain.errors import BillingError
from app.domain.row_order import LAST_EPOCH
from app.services.accepted_ids import AcceptedIds, accepted_ids_of
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.logs import log_event
from app.services.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True, kw_only=True)
class RewindIds:
    """The last row id of each table that counts from now on; None leaves a table alone."""

    server_id: int
    organization_counts: int | None = None
    server_counts: int | None = None
    audit_rows: int | None = None
    reason: str


def rewind_ids(ctx: Context, command: RewindIds, *, actor: Actor) -> AcceptedIds:
    """Lower the ids that rule 1 of an upload compares with; returns those that count now.

    The wire protocol has it ("staff can rewind its last accepted ids (audited), then rule 3 absorbs
    what is sent again"). What was stored stays, with the ids it had: the server begins a new epoch
    of ids, so that an id may mean another row than it did before.
    Raises NotFoundError, and BillingError `rewind_higher` for an id above the present one,
    `rewind_negative`, `rewind_nothing` when no id becomes lower, or `rewind_too_often`.
    """
    with unit_of_work(ctx) as work:
        server = work.claim_server(command.server_id)
        before = accepted_ids_of(server)
        after = AcceptedIds(
            organization_counts=_lower(
                "realm_counts", before.organization_counts, command.organization_counts
            ),
            server_counts=_lower(
                "installation_counts", before.server_counts, command.server_counts
            ),
            audit_rows=_lower("realmauditlog_rows", before.audit_rows, command.audit_rows),
        )
        if after == before:
            raise BillingError("rewind_nothing")
        if server.id_epoch >= LAST_EPOCH:
            raise BillingError("rewind_too_often")
        server.last_realm_count_id = after.organization_counts
        server.last_installation_count_id = after.server_counts
        server.last_audit_remote_id = after.audit_rows
        server.id_epoch += 1
        record_audit(
            work,
            "server.ids_rewound",
            actor=actor,
            server_id=server.id,
            before=_described(before, server.id_epoch - 1),
            after=_described(after, server.id_epoch) | {"reason": command.reason},
        )
        work.commit()
    log_event("server.ids_rewound", server=command.server_id, actor=actor.name)
    return after


def _lower(table: str, present: int, wanted: int | None) -> int:
    if wanted is None:
        return present
    if wanted < 0:
        raise BillingError("rewind_negative", table=table)
    if wanted > present:
        raise BillingError("rewind_higher", table=table, present=present)
    return wanted


def _described(ids: AcceptedIds, epoch: int) -> dict[str, int]:
    return {
        "realm_counts": ids.organization_counts,
        "installation_counts": ids.server_counts,
        "realmauditlog_rows": ids.audit_rows,
        "id_epoch": epoch,
    }
