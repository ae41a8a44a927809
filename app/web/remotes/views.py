"""The calls of the wire protocol: each parses, calls its service and answers."""

from flask import Response, jsonify, request

from app.domain.coverage import Entitlement
from app.services.accepted_ids import load_accepted_ids
from app.services.authenticate_server import AuthenticatedServer
from app.services.context import server_actor
from app.services.create_billing_link import create_billing_link
from app.services.deactivate_server import deactivate_server
from app.services.entitlement import load_entitlement_details
from app.services.record_upload import record_upload
from app.services.refused_uploads import noting_refusal
from app.services.register_server import register_server
from app.web.access import public
from app.web.context import get_context, get_read_session
from app.web.remotes import blueprint
from app.web.remotes.authentication import for_server, limit_registrations
from app.web.remotes.bodies import read_fields, read_query
from app.web.remotes.commands import read_billing_call, read_registration, read_upload
from app.web.remotes.values import read_uuid

BASE = "/api/v1/remotes"


@blueprint.post(f"{BASE}/server/register")
@public
@limit_registrations
def post_register() -> Response:
    """Create or update a registration. Clients of 2.x send the fields in the query string."""
    ctx = get_context()
    command = read_registration(
        read_fields(request, with_query=True),
        check_deliverability=ctx.settings.check_email_deliverability,
    )
    return success(created=register_server(ctx, command, ip=request.remote_addr))


@blueprint.get(f"{BASE}/server/analytics/status")
@for_server
def get_analytics_status(caller: AuthenticatedServer) -> Response:
    """The highest row id accepted in each table: a server sends what comes after."""
    accepted = load_accepted_ids(get_read_session(), server_id=caller.id)
    return success(
        last_realm_count_id=accepted.organization_counts,
        last_installation_count_id=accepted.server_counts,
        last_realmauditlog_id=accepted.audit_rows,
    )


@blueprint.post(f"{BASE}/server/analytics")
@for_server
def post_analytics(caller: AuthenticatedServer) -> Response:
    """Take an upload, all of it or nothing, and say which organizations have the paid feature."""
    with noting_refusal(get_context(), caller.id):
        command = read_upload(read_fields(request), server_id=caller.id)
        result = record_upload(get_context(), command, actor=server_actor(caller.id))
    return success(
        realms={uuid: _entitlement(found) for uuid, found in result.entitlements.items()}
    )


@blueprint.post(f"{BASE}/server/billing")
@for_server
def post_billing(caller: AuthenticatedServer) -> Response:
    """The link by which a person of the product logs in here."""
    command = read_billing_call(read_fields(request), caller)
    url = create_billing_link(
        get_context(), command, actor=server_actor(caller.id, ip=request.remote_addr)
    )
    return success(billing_access_url=url)


@blueprint.post(f"{BASE}/server/deactivate")
@for_server
def post_deactivate(caller: AuthenticatedServer) -> Response:
    """End the registration."""
    deactivate_server(
        get_context(), caller.id, actor=server_actor(caller.id, ip=request.remote_addr)
    )
    return success()


@blueprint.get(f"{BASE}/server/entitlement")
@for_server
def get_entitlement(caller: AuthenticatedServer) -> Response:
    """Whether one organization has the paid feature, and what that follows from."""
    ctx = get_context()
    details = load_entitlement_details(
        get_read_session(),
        ctx.catalog,
        server_id=caller.id,
        organization_uuid=read_uuid(read_query(request).text("realm_uuid"), "realm_uuid"),
        now=ctx.now(),
    )
    return success(
        **_entitlement(details.entitlement),
        plan=details.tier,
        reason=details.entitlement.reason.value,
        licenses=details.licenses,
        seats=details.people,
        # Packages with quotas are not sold yet.
        quotas=[],
    )


def success(**fields: object) -> Response:
    """An answer that says yes, in the form that every client of the protocol reads."""
    return jsonify({"result": "success", "msg": "", **fields})


def _entitlement(found: Entitlement) -> dict[str, object]:
    end = found.expected_end
    return {
        "can_push": found.is_allowed,
        "expected_end_timestamp": None if end is None else int(end.timestamp()),
    }
