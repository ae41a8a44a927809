"""The organizations of one server: create, find, rename, deactivate, reactivate."""

from __future__ import annotations

import re
import secrets
import sqlite3
import uuid

from . import clock
from .audit import record_event
from .inputs import clean_text
from .records import (
    ORGANIZATION_DEACTIVATED,
    ORGANIZATION_REACTIVATED,
    InputError,
    Organization,
)

NAME_PATTERN = re.compile(r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?")
RESERVED_NAMES = frozenset({"www", "localhost", "static"})
# The wire protocol's literal request calls a business 10.
BUSINESS = 10
TITLE_LENGTH = 80


def _organization(row: sqlite3.Row) -> Organization:
    return Organization(**{**dict(row), "deactivated": bool(row["deactivated"])})


def list_organizations(connection: sqlite3.Connection) -> tuple[Organization, ...]:
    """Return every organization, deactivated ones too, oldest first."""
    rows = connection.execute("SELECT * FROM organizations ORDER BY id").fetchall()
    return tuple(_organization(row) for row in rows)


def get_organization(connection: sqlite3.Connection, name: str) -> Organization | None:
    """Return the organization of a name, or None; what cannot be a name is never looked up."""
    if not NAME_PATTERN.fullmatch(name):
        return None
    row = connection.execute("SELECT * FROM organizations WHERE name = ?", (name,)).fetchone()
    return _organization(row) if row else None


def load_organization(connection: sqlite3.Connection, name: str) -> Organization:
    """Return the organization of a name; raises InputError when there is none."""
    organization = get_organization(connection, name)
    if organization is None:
        raise InputError(f"There is no organization called “{name[:40]}” on this server.")
    return organization


def clean_name(value: object) -> str:
    """Return a name that an organization may have; raises InputError for any other."""
    name = value.strip().lower() if isinstance(value, str) else ""
    if not NAME_PATTERN.fullmatch(name) or name in RESERVED_NAMES:
        raise InputError(
            "The name of an organization is 1 to 30 lower-case letters, digits and hyphens, "
            "and begins with a letter."
        )
    return name


def create_organization(connection: sqlite3.Connection, *, name: str, title: str) -> Organization:
    """Create an organization without people; raises InputError for a bad or taken name."""
    name = clean_name(name)
    title = clean_text(title, label="The title", longest=TITLE_LENGTH) if title else name.title()
    if get_organization(connection, name) is not None:
        raise InputError(f"There is already an organization called “{name}”.")
    connection.execute(
        "INSERT INTO organizations (name, title, uuid, uuid_owner_secret, org_type, created)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            name,
            title,
            str(uuid.uuid4()),
            f"parlororg_{secrets.token_urlsafe(32)}",
            BUSINESS,
            clock.now_seconds(),
        ),
    )
    return load_organization(connection, name)


def rename_organization(connection: sqlite3.Connection, name: str, *, title: str) -> None:
    """Change the title of an organization; raises InputError when it cannot be one."""
    organization = load_organization(connection, name)
    connection.execute(
        "UPDATE organizations SET title = ? WHERE id = ?",
        (clean_text(title, label="The title", longest=TITLE_LENGTH), organization.id),
    )


def set_organization_active(connection: sqlite3.Connection, name: str, *, active: bool) -> bool:
    """Deactivate or reactivate an organization; returns whether anything changed.

    Repeating it changes nothing and appends no audit row.
    """
    organization = load_organization(connection, name)
    if organization.deactivated is not active:
        return False
    connection.execute(
        "UPDATE organizations SET deactivated = ? WHERE id = ?", (not active, organization.id)
    )
    event_type = ORGANIZATION_REACTIVATED if active else ORGANIZATION_DEACTIVATED
    record_event(connection, organization, event_type=event_type, at=clock.now_seconds())
    return True
