"""What is sent: the form fields of an upload and of a billing call, as the protocol writes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from .clock import MICROSECONDS
from .organizations import list_organizations
from .portal_client import LastIds
from .records import Organization, Person
from .store import TWO_TABLE, load_settings

# The protocol's limit of one call, and what stock servers send.
BATCH_ROWS = 10_000
VERSION = "8.0"
API_FEATURE_LEVEL = 237


@dataclass(frozen=True)
class Batch:
    """One call of an upload: its form fields, its row counts, and where the next one begins."""

    fields: dict[str, str]
    realm_counts: int
    installation_counts: int
    audit_rows: int
    sent: LastIds
    is_full: bool


def organization_record(organization: Organization, *, port: int) -> dict[str, object]:
    """Return an organization as `realms` and `server/billing` carry it."""
    return {
        "id": organization.id,
        "uuid": organization.uuid,
        "uuid_owner_secret": organization.uuid_owner_secret,
        "host": organization.host(port),
        "url": organization.url(port),
        "name": organization.title,
        "org_type": organization.org_type,
        "date_created": float(organization.created),
        "deactivated": organization.deactivated,
        "is_system_bot_realm": False,
        "authentication_methods": {"Email": True},
    }


def billing_fields(
    organization: Organization, person: Person, *, port: int, next_page: str | None
) -> dict[str, str]:
    """Return the form fields of `server/billing`; without a next page the field is absent."""
    fields = {
        "user": json.dumps(
            {"uuid": person.uuid, "email": person.email, "full_name": person.full_name}
        ),
        "realm": json.dumps(organization_record(organization, port=port)),
        "uri_scheme": "http://",
    }
    if next_page:
        fields["next_page"] = next_page
    return fields


def build_batch(connection: sqlite3.Connection, *, after: LastIds) -> Batch:
    """Return the next rows after the ids given, at most BATCH_ROWS a table.

    The two-table format has no audit rows and no organizations.  Without usage statistics both
    count tables are sent empty, since the protocol asks for the fields; audit rows are sent still.
    """
    settings = load_settings(connection)
    realm_counts: list[dict[str, object]] = []
    installation_counts: list[dict[str, object]] = []
    audit_rows: list[dict[str, object]] = []
    if settings.submit_usage_statistics:
        realm_counts = _count_rows(connection, "realm_counts", after.realm_counts)
        installation_counts = _count_rows(
            connection, "installation_counts", after.installation_counts
        )
    fields = {
        "realm_counts": json.dumps(realm_counts),
        "installation_counts": json.dumps(installation_counts),
    }
    if settings.upload_format != TWO_TABLE:
        audit_rows = _audit_rows(connection, after.audit_rows)
        organizations = list_organizations(connection)
        fields["realmauditlog_rows"] = json.dumps(audit_rows)
        fields["realms"] = json.dumps(
            [organization_record(o, port=settings.port) for o in organizations]
        )
        fields["version"] = json.dumps(VERSION)
        fields["api_feature_level"] = json.dumps(API_FEATURE_LEVEL)
    tables = (realm_counts, installation_counts, audit_rows)
    return Batch(
        fields=fields,
        realm_counts=len(realm_counts),
        installation_counts=len(installation_counts),
        audit_rows=len(audit_rows),
        sent=LastIds(
            realm_counts=_last_id(realm_counts, after.realm_counts),
            installation_counts=_last_id(installation_counts, after.installation_counts),
            audit_rows=_last_id(audit_rows, after.audit_rows),
        ),
        is_full=any(len(rows) >= BATCH_ROWS for rows in tables),
    )


def _last_id(rows: Sequence[dict[str, object]], before: int) -> int:
    return int(str(rows[-1]["id"])) if rows else before


def _count_rows(connection: sqlite3.Connection, table: str, after: int) -> list[dict[str, object]]:
    found = connection.execute(
        f"SELECT * FROM {table} WHERE id > ? ORDER BY id LIMIT ?", (after, BATCH_ROWS)
    )
    rows = []
    for row in found:
        record: dict[str, object] = {
            "id": row["id"],
            "property": row["property"],
            "subgroup": row["subgroup"],
            "end_time": float(row["end_time"]),
            "value": row["value"],
        }
        if table == "realm_counts":
            record["realm"] = row["organization_id"]
        rows.append(record)
    return rows


def _audit_rows(connection: sqlite3.Connection, after: int) -> list[dict[str, object]]:
    found = connection.execute(
        "SELECT * FROM audit_rows WHERE id > ? ORDER BY id LIMIT ?", (after, BATCH_ROWS)
    )
    return [
        {
            "id": row["id"],
            "realm": row["organization_id"],
            # The protocol's times are floating seconds; at these sizes a double is exact to the
            # microsecond.
            "event_time": row["event_microseconds"] / MICROSECONDS,
            "backfilled": False,
            "extra_data": json.loads(row["extra_data"]),
            "event_type": row["event_type"],
        }
        for row in found
    ]
