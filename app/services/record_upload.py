"""An upload of a server: all of it or nothing, in one transaction under the server's lock."""

from app.domain.coverage import Entitlement, EntitlementReason
from app.domain.errors import BillingError
from app.models.registrations import Server
from app.services.context import Actor, Context
from app.services.departed import Departed, load_departed
from app.services.entitlement import load_entitlements_by_uuid
from app.services.ledger import sync_server_ledgers
from app.services.logs import log_event
from app.services.refused_uploads import clear_refusal
from app.services.unit_of_work import UnitOfWork, unit_of_work
from app.services.upload_commands import RecordUpload, UploadResult
from app.services.upload_organizations import apply_organizations
from app.services.upload_placeholders import resolve_organizations
from app.services.upload_rows import (
    CheckedAuditRow,
    check_ascending,
    check_audit_rows,
    check_properties,
    store_audit_rows,
    store_organization_counts,
    store_server_counts,
    to_instant,
)

# Stock servers send this many rows at most; then more is waiting and the data is not complete.
FULL_BATCH = 10_000
# What a server hears of an organization that has moved away from it.
GONE = Entitlement(False, EntitlementReason.DEACTIVATED)


def record_upload(ctx: Context, command: RecordUpload, *, actor: Actor) -> UploadResult:
    """Apply the seven rules of the wire protocol ("POST server/analytics") to one upload.

    Raises BillingError `data_out_of_order`, `invalid_property`, `invalid_event_type`,
    `malformed_audit_log_data`, `duplicate_registration` or `server_deactivated`; nothing is stored
    then. The license ledgers of the server and its organizations are up to date afterwards.
    """
    # What can be told without the stored rows is checked before the server is locked.
    for rows in (command.organization_counts, command.server_counts, command.audit_rows or ()):
        check_ascending((row.remote_id for row in rows), after=rows[0].remote_id - 1 if rows else 0)
    check_properties(command.organization_counts)
    check_properties(command.server_counts)
    checked = check_audit_rows(command.audit_rows or ())
    with unit_of_work(ctx) as work:
        server = work.claim_server(command.server_id)
        if server.deactivated_at is not None:
            raise BillingError("server_deactivated")
        _accept_ids(server, command)
        departed = load_departed(work, server, command.organizations)
        if command.organizations is not None:
            here = departed.stay(command.organizations)
            apply_organizations(work, server, here, actor=actor)
        result = _store_rows(work, server, command, checked, departed, actor)
        _note_contact(work, server, command)
        work.flush()
        sync_server_ledgers(work, server, as_of=work.now)
        work.flush()
        entitlements = load_entitlements_by_uuid(
            work.session,
            ctx.catalog,
            server,
            uuids=[organization.uuid for organization in command.organizations or ()],
            now=work.now,
        ) | dict.fromkeys(departed.uuids, GONE)
        work.commit()
    _log(server, result)
    return UploadResult(
        organization_counts=result.organization_counts,
        server_counts=result.server_counts,
        audit_rows=result.audit_rows,
        entitlements=entitlements,
    )


def _accept_ids(server: Server, command: RecordUpload) -> None:
    """Rule 1, and the ids that count as accepted from now on: those of dropped rows too."""
    server.last_realm_count_id = check_ascending(
        (row.remote_id for row in command.organization_counts), after=server.last_realm_count_id
    )
    server.last_installation_count_id = check_ascending(
        (row.remote_id for row in command.server_counts), after=server.last_installation_count_id
    )
    server.last_audit_remote_id = check_ascending(
        (row.remote_id for row in command.audit_rows or ()), after=server.last_audit_remote_id
    )


def _store_rows(
    work: UnitOfWork,
    server: Server,
    command: RecordUpload,
    checked: list[CheckedAuditRow],
    departed: Departed,
    actor: Actor,
) -> UploadResult:
    rows = [
        row for row in checked if departed.counts(row.organization, to_instant(row.event_time_us))
    ]
    counts = [
        row
        for row in command.organization_counts
        if departed.counts(row.organization or 0, row.end_time)
    ]
    named = {row.organization for row in rows} | {row.organization or 0 for row in counts}
    ids = departed.ids(named)
    ids |= resolve_organizations(
        work,
        server,
        named - ids.keys(),
        is_listed=command.organizations is not None,
        actor=actor,
    )
    return UploadResult(
        organization_counts=store_organization_counts(work, server, counts, organization_ids=ids),
        server_counts=store_server_counts(work, server, command.server_counts),
        audit_rows=store_audit_rows(work, server, rows, organization_ids=ids),
    )


def _note_contact(work: UnitOfWork, server: Server, command: RecordUpload) -> None:
    """Rule 6: audit rows prove that the link works, even none; a full batch says more waits."""
    if command.audit_rows is not None and len(command.audit_rows) < FULL_BATCH:
        server.last_audit_log_update = work.now
    if command.product_version is not None:
        server.product_version = command.product_version
    if command.api_feature_level is not None:
        server.api_feature_level = command.api_feature_level
    clear_refusal(server)


def _log(server: Server, result: UploadResult) -> None:
    log_event(
        "upload.recorded",
        server=server.id,
        audit_rows=result.audit_rows.kept,
        audit_rows_dropped=result.audit_rows.dropped,
        organization_counts=result.organization_counts.kept,
        organization_counts_dropped=result.organization_counts.dropped,
        server_counts=result.server_counts.kept,
        server_counts_dropped=result.server_counts.dropped,
    )
