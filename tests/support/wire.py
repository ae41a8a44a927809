"""A self-hosted server as tests play it: it registers, uploads and asks, over the wire API."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.models.registrations import Organization, Server
from app.services.context import Context

BASE = "/api/v1/remotes"
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "wire"
# 2012-01-02 03:04:05 UTC, where the tests' clock begins.
START = 1325473445.0
LITERAL_SERVER = "6cde5f7a-1f7e-4978-9716-49f69ebfc9fe"
LITERAL_ORGANIZATION = "e6f8b2c4-6d63-4c3c-9d4b-6f7b0a9a2f11"


def load_fixture(name: str) -> dict[str, str]:
    """The form fields of one of the protocol's literal requests."""
    fields: dict[str, str] = json.loads((FIXTURES / name).read_text())
    return fields


def realm(remote_id: int = 2, **changes: Any) -> dict[str, Any]:
    """An entry of `realms`; its UUID follows from the id unless one is given."""
    return {
        "id": remote_id,
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"realm-{remote_id}")),
        "uuid_owner_secret": f"zuliprealm_{remote_id}",
        "host": f"r{remote_id}.acme.test",
        "url": f"https://r{remote_id}.acme.test",
        "name": f"Organization {remote_id}",
        "org_type": 10,
        "date_created": 1325376000.0,
        "deactivated": False,
        "is_system_bot_realm": False,
        "authentication_methods": {"Email": True},
    } | changes


def role_counts(people: int, bots: int = 0) -> dict[str, Any]:
    """`extra_data` that counts so many people: one owner, the others members."""
    owners = min(people, 1)
    roles = {"100": owners, "200": 0, "300": 0, "400": people - owners, "600": 0}
    return {"10": {"11": roles, "12": bots}}


def audit_row(
    remote_id: int,
    people: int | None = None,
    *,
    organization: int = 2,
    at: float = START,
    event_type: int = 101,
    **changes: Any,
) -> dict[str, Any]:
    """A row of `realmauditlog_rows`; without `people` it has no role data."""
    return {
        "id": remote_id,
        "realm": organization,
        "event_time": at,
        "backfilled": False,
        "extra_data": {} if people is None else role_counts(people),
        "event_type": event_type,
    } | changes


def count_row(remote_id: int, *, organization: int | None = 2, **changes: Any) -> dict[str, Any]:
    """A row of `realm_counts`, or of `installation_counts` when `organization` is None."""
    row: dict[str, Any] = {
        "id": remote_id,
        "property": "invites_sent::day",
        "subgroup": None,
        "end_time": START + 3600 * remote_id,
        "value": 5,
    }
    if organization is not None:
        row["realm"] = organization
    return row | changes


@dataclass
class WireServer:
    """One server. Every call returns the portal's response; `as_json` sends JSON bodies."""

    client: FlaskClient
    uuid: str = LITERAL_SERVER
    key: str = "k" * 64
    hostname: str = "chat.acme.test"
    as_json: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def register(self, **changes: Any) -> TestResponse:
        """`server/register` as a form; `changes` replace fields, None leaves one out."""
        fields = {
            "zulip_org_id": self.uuid,
            "zulip_org_key": self.key,
            "hostname": self.hostname,
            "contact_email": "root@acme.test",
        } | changes
        data = {name: value for name, value in fields.items() if value is not None}
        return self.client.post(f"{BASE}/server/register", data=data, headers=self.headers)

    def post(self, path: str, fields: dict[str, Any]) -> TestResponse:
        """A call with fields as Python values, sent in the form this server speaks."""
        if self.as_json:
            return self.call("POST", path, json=fields)
        data = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in fields.items()
        }
        return self.call("POST", path, data=data)

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any call with this server's credentials."""
        options.setdefault("auth", (self.uuid, self.key))
        options.setdefault("headers", self.headers)
        return self.client.open(f"{BASE}/{path}", method=method, **options)

    def upload(
        self,
        rows: Sequence[dict[str, Any]] | None = (),
        realms: Sequence[dict[str, Any]] | None = None,
        *,
        realm_counts: Sequence[dict[str, Any]] = (),
        installation_counts: Sequence[dict[str, Any]] = (),
        **others: Any,
    ) -> TestResponse:
        """`server/analytics`; `rows` or `realms` of None leave that field out."""
        fields: dict[str, Any] = {
            "realm_counts": list(realm_counts),
            "installation_counts": list(installation_counts),
        }
        if rows is not None:
            fields["realmauditlog_rows"] = list(rows)
        if realms is not None:
            fields["realms"] = list(realms)
        return self.post("server/analytics", fields | others)

    def last_ids(self) -> tuple[int, int, int]:
        """`server/analytics/status`: realm counts, installation counts, audit rows."""
        answer = self.call("GET", "server/analytics/status").get_json()
        return (
            answer["last_realm_count_id"],
            answer["last_installation_count_id"],
            answer["last_realmauditlog_id"],
        )

    def billing(self, **changes: Any) -> TestResponse:
        """`server/billing` for organization 2."""
        fields: dict[str, Any] = {
            "user": {
                "uuid": "0b4c2d1e-5f3a-4b6c-8d7e-9a0b1c2d3e4f",
                "email": "iago@acme.test",
                "full_name": "Iago",
            },
            "realm": realm(),
        } | changes
        return self.post(
            "server/billing", {name: value for name, value in fields.items() if value is not None}
        )

    def entitlement(self, organization_uuid: str | None = None) -> TestResponse:
        """`server/entitlement` of an organization (default: number 2)."""
        query = {"realm_uuid": organization_uuid or realm()["uuid"]}
        return self.call("GET", "server/entitlement", query_string=query)


def load_server(ctx: Context, server_uuid: str = LITERAL_SERVER) -> Server:
    """The stored server."""
    with ctx.sessions() as session:
        return session.query(Server).filter_by(uuid=server_uuid).one()


def load_organization(ctx: Context, organization_uuid: str | None = None) -> Organization:
    """The stored organization (default: number 2 of `realm()`)."""
    with ctx.sessions() as session:
        wanted = organization_uuid or realm()["uuid"]
        return session.query(Organization).filter_by(uuid=wanted).one()


def refusal(response: TestResponse) -> tuple[int, str, str]:
    """Status, code and message of an error; checks that it has the form of the wire."""
    answer = response.get_json()
    assert response.mimetype == "application/json"
    assert answer["result"] == "error", answer
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, answer["code"], answer["msg"]
