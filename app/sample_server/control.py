"""A JSON API under /_control/ by which tests and the demo move the sample server.

It is no part of the wire protocol.  It answers this machine only, and no browser page: every
browser names the page's origin when it posts, and such requests are refused.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g, jsonify, request
from flask.typing import ResponseReturnValue

from .access import store
from .audit import count_roles
from .inputs import clean_number, clean_role
from .organizations import list_organizations, load_organization, set_organization_active
from .people import add_sample_people, change_roles, newest_people, set_people_active
from .records import BOT, ROLE_NAMES, InputError, Organization, RoleCounts
from .registration import own_hostname
from .seed import MOST_PEOPLE, OrganizationSeed, seed_organization
from .uploads import CONTROL, last_uploads, upload_if_due, upload_now

control = Blueprint("control", __name__)


@control.before_request
def programs_only() -> None:
    """Refuse pages of browsers and the hosts of organizations."""
    if "Origin" in request.headers or g.organization is not None:
        abort(403)


def _body() -> dict[str, Any]:
    """Return the request's JSON object; an empty body is an empty object."""
    if not request.get_data():
        return {}
    content = request.get_json(force=True, silent=True)
    if not isinstance(content, dict):
        raise InputError("The body must be a JSON object.")
    return content


def _name(body: dict[str, Any]) -> str:
    name = body.get("organization")
    if not isinstance(name, str):
        raise InputError("“organization” must be the name of an organization.")
    return name


def _number(body: dict[str, Any], key: str) -> int:
    return clean_number(body.get(key), label=f"“{key}”", least=1, most=MOST_PEOPLE)


def _counts(organization: Organization) -> ResponseReturnValue:
    with store().read() as connection:
        counts = count_roles(connection, organization)
    return jsonify(organization=organization.name, **_count_fields(counts))


def _count_fields(counts: RoleCounts) -> dict[str, object]:
    roles = {name: counts.by_role.get(role, 0) for role, name in ROLE_NAMES.items()}
    return {"people": counts.people, "roles": roles, "bots": counts.bots}


@control.post("/people")
def add_people() -> ResponseReturnValue:
    """Add people: {organization, add, role="member"}; role "bot" adds bots."""
    body = _body()
    number = _number(body, "add")
    role, is_bot = clean_role(body.get("role", "member"), bots=True)
    with store().write() as connection:
        organization = load_organization(connection, _name(body))
        add_sample_people(connection, organization, number=number, role=role, is_bot=is_bot)
    return _counts(organization)


@control.post("/deactivate")
def deactivate() -> ResponseReturnValue:
    """Deactivate the newest people that are not owners: {organization, count}."""
    return _change_newest(active=False)


@control.post("/reactivate")
def reactivate() -> ResponseReturnValue:
    """Reactivate the newest deactivated people: {organization, count}."""
    return _change_newest(active=True)


def _change_newest(*, active: bool) -> ResponseReturnValue:
    body = _body()
    number = _number(body, "count")
    with store().write() as connection:
        organization = load_organization(connection, _name(body))
        ids = newest_people(connection, organization, number=number, active=not active)
        set_people_active(connection, organization, ids, active=active)
    return _counts(organization)


@control.post("/role")
def change_role() -> ResponseReturnValue:
    """Give the newest active people another role: {organization, count, role}."""
    body = _body()
    number = _number(body, "count")
    role, _ = clean_role(body.get("role"))
    with store().write() as connection:
        organization = load_organization(connection, _name(body))
        ids = newest_people(connection, organization, number=number, active=True)
        change_roles(connection, organization, ids, role=role)
    return _counts(organization)


@control.post("/organizations")
def create() -> ResponseReturnValue:
    """Create an organization: {organization, title="", people={role: n}}; 18 people by default."""
    body = _body()
    name, title = _name(body), body.get("title", "")
    if not isinstance(title, str):
        raise InputError("“title” must be text.")
    people = body.get("people")
    seed = OrganizationSeed(name, title)
    if people is not None:
        seed = OrganizationSeed(name, title, _people(people))
    if not seed_organization(store(), seed):
        raise InputError(f"There is already an organization called “{name[:40]}”.")
    with store().read() as connection:
        organization = load_organization(connection, name)
    return _counts(organization)


def _people(value: object) -> dict[str, int]:
    allowed = {*ROLE_NAMES.values(), BOT}
    if not isinstance(value, dict) or not set(value) <= allowed:
        raise InputError(f"“people” must hold numbers by role: {', '.join(sorted(allowed))}.")
    return {
        role: clean_number(number, label=f"“people.{role}”", least=0, most=MOST_PEOPLE)
        for role, number in value.items()
    }


@control.post("/organization-state")
def organization_state() -> ResponseReturnValue:
    """Deactivate or reactivate an organization: {organization, active: true|false}."""
    body = _body()
    active = body.get("active")
    if not isinstance(active, bool):
        raise InputError("“active” must be true or false.")
    with store().write() as connection:
        set_organization_active(connection, _name(body), active=active)
        organization = load_organization(connection, _name(body))
    return _counts(organization)


@control.post("/upload")
def upload() -> ResponseReturnValue:
    """Upload now; the portal's refusal is in the report (HTTP 200, "ok": false)."""
    return jsonify(upload_now(store(), trigger=CONTROL).as_dict())


@control.post("/tick")
def tick() -> ResponseReturnValue:
    """Make the hourly upload if the clock's hour has not had one yet."""
    report = upload_if_due(store())
    return jsonify(uploaded=report is not None, report=report.as_dict() if report else None)


@control.get("/state")
def state() -> ResponseReturnValue:
    """Return what there is: organizations with counts, rows, the last upload, the settings."""
    settings = store().settings()
    with store().read() as connection:
        organizations = [
            {
                "id": o.id,
                "name": o.name,
                "title": o.title,
                "uuid": o.uuid,
                "host": o.host(settings.port),
                "url": o.url(settings.port),
                "billing_url": o.billing_url(settings.port),
                "deactivated": o.deactivated,
                **_count_fields(count_roles(connection, o)),
            }
            for o in list_organizations(connection)
        ]
        rows = {}
        for table in ("audit_rows", "realm_counts", "installation_counts"):
            number, last = connection.execute(f"SELECT count(*), max(id) FROM {table}").fetchone()
            rows[table] = {"number": number, "last_id": last or 0}
        reports = last_uploads(connection, limit=1)
    return jsonify(
        server_uuid=settings.server_uuid,
        portal=settings.portal,
        port=settings.port,
        registered=settings.registered,
        hostname=own_hostname(settings),
        https_port=settings.https_port or None,
        submit_usage_statistics=settings.submit_usage_statistics,
        upload_format=settings.upload_format,
        organizations=organizations,
        rows=rows,
        last_upload=reports[0].as_dict() if reports else None,
    )
