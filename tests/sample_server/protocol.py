"""What the documented protocol allows in a request: written from its text, shared with nothing."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from typing import Any

HOSTNAME = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")
ACCESS_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PROPERTY = re.compile(r"[a-z_]+:[a-z_]*:(hour|day)")
EVENT_TYPES = {101, 102, 103, 104, 105, 201, 202, 229}
ROLES = {"100", "200", "300", "400", "600"}
NEXT_PAGES = {"billing", "upgrade", "plans", "sponsorship", "deactivate", "invoices", "usage"}
REALM_KEYS = {
    "id",
    "uuid",
    "uuid_owner_secret",
    "host",
    "url",
    "name",
    "org_type",
    "date_created",
    "deactivated",
    "is_system_bot_realm",
    "authentication_methods",
}
UPLOAD_FIELDS = {
    "realm_counts",
    "installation_counts",
    "realmauditlog_rows",
    "realms",
    "version",
    "api_feature_level",
}
COUNT_KEYS = {"property", "id", "end_time", "subgroup", "value"}
AUDIT_KEYS = {"id", "realm", "event_time", "backfilled", "extra_data", "event_type"}


class Violation(Exception):
    """A request that the protocol does not allow; the text names the field."""


def _need(condition: bool, text: str) -> None:
    if not condition:
        raise Violation(text)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _time(value: object, name: str) -> None:
    _need(isinstance(value, float) and math.isfinite(value) and value >= 0, f"{name}: no time")


def _json(fields: Mapping[str, str], name: str) -> Any:
    try:
        return json.loads(fields[name])
    except (KeyError, ValueError) as error:
        raise Violation(f"{name}: missing or not JSON") from error


def check_register(fields: Mapping[str, str]) -> None:
    """Raise Violation unless the fields of server/register are as documented."""
    allowed = {"zulip_org_id", "zulip_org_key", "hostname", "contact_email", "new_org_key"}
    _need(set(fields) <= allowed, f"unknown fields {set(fields) - allowed}")
    server_id = fields.get("zulip_org_id", "")
    try:
        canonical = str(uuid.UUID(server_id)) == server_id and uuid.UUID(server_id).version == 4
    except ValueError:
        canonical = False
    _need(canonical, "zulip_org_id: no canonical UUIDv4")
    for name in ("zulip_org_key", "new_org_key"):
        if name in fields or name == "zulip_org_key":
            _need(len(fields.get(name, "")) == 64, f"{name}: not 64 characters")
    hostname = fields.get("hostname", "")
    _need(len(hostname) <= 128 and bool(HOSTNAME.fullmatch(hostname)), "hostname: no bare host")
    email = fields.get("contact_email", "")
    _need(bool(EMAIL.fullmatch(email)) and "example.com" not in email, "contact_email: invalid")


def check_transfer(fields: Mapping[str, str]) -> str:
    """Return the hostname of server/register/transfer, or raise Violation."""
    _need(set(fields) == {"hostname"}, "transfer: other fields")
    _need(bool(HOSTNAME.fullmatch(fields["hostname"])), "hostname: no bare host")
    return fields["hostname"]


def check_verification(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return (hostname, access token) of server/register/verify_challenge, or raise Violation."""
    _need(set(fields) == {"hostname", "access_token"}, "verify_challenge: other fields")
    _need(bool(ACCESS_TOKEN.fullmatch(fields["access_token"])), "access_token: not as agreed")
    return check_transfer({"hostname": fields["hostname"]}), fields["access_token"]


def check_realm(realm: object) -> None:
    """Raise Violation unless an organization is as documented."""
    _need(isinstance(realm, dict) and set(realm) == REALM_KEYS, "realm: other keys")
    assert isinstance(realm, dict)
    _need(_whole(realm["id"]) and _whole(realm["org_type"]), "realm: id, org_type")
    _need(str(uuid.UUID(realm["uuid"])) == realm["uuid"], "realm: uuid")
    _time(realm["date_created"], "date_created")
    for name in ("deactivated", "is_system_bot_realm"):
        _need(isinstance(realm[name], bool), f"realm: {name}")
    for name in ("uuid_owner_secret", "host", "url", "name"):
        _need(isinstance(realm[name], str), f"realm: {name}")
    _need(realm["url"] in (f"http://{realm['host']}", f"https://{realm['host']}"), "realm: url")
    _need(isinstance(realm["authentication_methods"], dict), "realm: authentication_methods")


def _check_count(row: object, *, realm: bool) -> None:
    keys = COUNT_KEYS | ({"realm"} if realm else set())
    _need(isinstance(row, dict) and set(row) == keys, "count row: other keys")
    assert isinstance(row, dict)
    _need(_whole(row["id"]) and _whole(row["value"]), "count row: id, value")
    _need(bool(PROPERTY.fullmatch(str(row["property"]))), f"Invalid property {row['property']}")
    _need(row["subgroup"] is None or isinstance(row["subgroup"], str), "count row: subgroup")
    _time(row["end_time"], "end_time")
    _need(not realm or _whole(row["realm"]), "count row: realm")


def _check_audit(row: object) -> None:
    _need(isinstance(row, dict) and set(row) == AUDIT_KEYS, "audit row: other keys")
    assert isinstance(row, dict)
    _need(_whole(row["id"]) and _whole(row["realm"]), "audit row: id, realm")
    _need(row["event_type"] in EVENT_TYPES, "Invalid event type.")
    _need(isinstance(row["backfilled"], bool), "audit row: backfilled")
    _time(row["event_time"], "event_time")
    counts = row["extra_data"]["10"]
    _need(set(row["extra_data"]) == {"10"} and set(counts) == {"11", "12"}, "extra_data: keys")
    _need(set(counts["11"]) == ROLES and all(map(_whole, counts["11"].values())), "extra_data: 11")
    _need(_whole(counts["12"]), "extra_data: 12")


def read_upload(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the tables of an upload, or raise Violation."""
    _need(set(fields) <= UPLOAD_FIELDS, f"unknown fields {set(fields) - UPLOAD_FIELDS}")
    tables: dict[str, Any] = {
        "realm_counts": _json(fields, "realm_counts"),
        "installation_counts": _json(fields, "installation_counts"),
    }
    for row in tables["realm_counts"]:
        _check_count(row, realm=True)
    for row in tables["installation_counts"]:
        _check_count(row, realm=False)
    if "realmauditlog_rows" in fields:
        tables["realmauditlog_rows"] = _json(fields, "realmauditlog_rows")
        for row in tables["realmauditlog_rows"]:
            _check_audit(row)
    if "realms" in fields:
        tables["realms"] = _json(fields, "realms")
        for realm in tables["realms"]:
            check_realm(realm)
    if "version" in fields:
        _need(isinstance(_json(fields, "version"), str), "version: no string")
        _need(_whole(_json(fields, "api_feature_level")), "api_feature_level: no integer")
    for rows in tables.values():
        _need(len(rows) <= 10_000, "more than 10,000 rows")
    return tables


def read_billing(fields: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (user, realm) of a billing call, or raise Violation."""
    _need(set(fields) <= {"user", "realm", "uri_scheme", "next_page"}, "unknown fields")
    user, realm = _json(fields, "user"), _json(fields, "realm")
    _need(isinstance(user, dict) and set(user) == {"uuid", "email", "full_name"}, "user: keys")
    check_realm(realm)
    _need(fields.get("uri_scheme", "https://") in ("http://", "https://"), "uri_scheme")
    _need(fields.get("next_page", "billing") in NEXT_PAGES, "next_page: not a page's name")
    return user, realm
