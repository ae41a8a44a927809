"""An organization's way from one server to another: a JSON file out of one, into the other.

As in a real product the organization stays itself: its UUID, its owner secret, its people and its
audit history come along, and only the numbers of its rows are new.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import clock
from .audit import record_event
from .clock import MICROSECONDS
from .inputs import LARGEST_ID, clean_email, clean_number, clean_role, clean_text
from .messages import LONGEST_MESSAGE, check_channel
from .organizations import TITLE_LENGTH, clean_name, get_organization, load_organization
from .records import (
    ACTIVE,
    DEACTIVATED,
    EVENT_TYPES,
    INVITED,
    ORGANIZATION_IMPORTED,
    OWNER,
    ROLE_NAMES,
    InputError,
    Organization,
)
from .store import Store

FORMAT = "parlor-organization"
FORMAT_VERSION = 1
LARGEST_FILE = 256 * 1024 * 1024
# The last second of the year 9999, in POSIX seconds: no page could show a later one.
LATEST = 253_402_300_799
UUID_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Record = Mapping[str, Any]


def export_organization(store: Store, name: str, path: Path) -> tuple[Organization, int]:
    """Write an organization into a new file; returns it and how many people it has, bots included.

    The file holds the owner secret, so nobody else on the machine may read it.  Raises InputError
    for an unknown name and OSError for a file that exists or cannot be written.
    """
    with store.read() as connection:
        organization = load_organization(connection, name)
        content = _export(connection, organization)
    text = json.dumps(content, ensure_ascii=False, indent=1)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(f"{text}\n")
    return organization, len(content["people"])


def _export(connection: sqlite3.Connection, organization: Organization) -> dict[str, Any]:
    def rows(query: str) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(query, (organization.id,))]

    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "exported_at": clock.now_seconds(),
        "organization": {
            "name": organization.name,
            "title": organization.title,
            "uuid": organization.uuid,
            "uuid_owner_secret": organization.uuid_owner_secret,
            "org_type": organization.org_type,
            "created": organization.created,
        },
        "people": rows(
            "SELECT uuid, email, full_name, role, is_bot, state, created FROM people"
            " WHERE organization_id = ? ORDER BY id"
        ),
        "messages": rows(
            "SELECT people.uuid AS author, channel, text, at FROM messages"
            " JOIN people ON people.id = person_id WHERE messages.organization_id = ?"
            " ORDER BY messages.id"
        ),
        "audit_rows": rows(
            "SELECT event_type, event_microseconds, extra_data FROM audit_rows"
            " WHERE organization_id = ? ORDER BY id"
        ),
    }


def import_organization(store: Store, path: Path, *, name: str | None = None) -> Organization:
    """Create the organization of a file, under another `name` if one is given.

    The last row of its history says that it was imported, with who counts now.  Raises InputError,
    and nothing is stored, for a file that is no export, a taken name, or an organization that is
    here already; OSError for a file that cannot be read.
    """
    content = _read(path)
    described = _object(content, "organization")
    with store.write() as connection:
        organization = _create(connection, described, name=name)
        people = _import_people(connection, organization, content)
        _import_messages(connection, organization, content, people)
        _import_history(connection, organization, content)
        record_event(
            connection,
            organization,
            event_type=ORGANIZATION_IMPORTED,
            at=clock.now_seconds(),
        )
    return organization


def _read(path: Path) -> Record:
    if path.stat().st_size > LARGEST_FILE:
        raise InputError("The file is too large to be an export of an organization.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError("The file is not an export of an organization: no JSON.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError("The file is not an export of an organization.")
    if content.get("version") != FORMAT_VERSION:
        raise InputError("The file was exported by another version of this server.")
    return content


def _create(connection: sqlite3.Connection, described: Record, *, name: str | None) -> Organization:
    name = clean_name(name if name is not None else described.get("name"))
    uuid = _uuid(described, "uuid")
    if get_organization(connection, name) is not None:
        raise InputError(
            f"There is already an organization called “{name}”: import under another --name."
        )
    if connection.execute("SELECT 1 FROM organizations WHERE uuid = ?", (uuid,)).fetchone():
        raise InputError("This organization is on this server already.")
    secret = clean_text(described.get("uuid_owner_secret"), label="The owner secret", longest=200)
    connection.execute(
        "INSERT INTO organizations (name, title, uuid, uuid_owner_secret, org_type, created)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            name,
            clean_text(described.get("title"), label="The title", longest=TITLE_LENGTH),
            uuid,
            secret,
            _number(described, "org_type", most=10_000),
            _number(described, "created", most=LATEST),
        ),
    )
    return load_organization(connection, name)


def _import_people(
    connection: sqlite3.Connection, organization: Organization, content: Record
) -> dict[str, int]:
    """Create the people, and return their new numbers by their UUIDs, which stay as well."""
    numbers: dict[str, int] = {}
    has_owner = False
    for person in _list(content, "people"):
        uuid, role, is_bot = _uuid(person, "uuid"), _role(person), _flag(person, "is_bot")
        state = person.get("state")
        if state not in (ACTIVE, DEACTIVATED, INVITED):
            raise InputError("The export has a person in a state that does not exist.")
        has_owner = has_owner or (role == OWNER and not is_bot and state == ACTIVE)
        try:
            numbers[uuid] = _insert(
                connection,
                "INSERT INTO people"
                " (organization_id, uuid, email, full_name, role, is_bot, state, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                organization.id,
                uuid,
                clean_email(person.get("email")),
                clean_text(person.get("full_name"), label="A name", longest=100),
                role,
                is_bot,
                state,
                _number(person, "created", most=LATEST),
            )
        except sqlite3.IntegrityError as error:
            raise InputError(
                "The export has a person twice, or one who is here already."
            ) from error
    if not has_owner:
        raise InputError("The export has no active owner.")
    return numbers


def _import_messages(
    connection: sqlite3.Connection,
    organization: Organization,
    content: Record,
    people: Mapping[str, int],
) -> None:
    for message in _list(content, "messages"):
        author = people.get(_uuid(message, "author"))
        if author is None:
            raise InputError("The export has a message of nobody.")
        _insert(
            connection,
            "INSERT INTO messages (organization_id, person_id, channel, text, at)"
            " VALUES (?, ?, ?, ?, ?)",
            organization.id,
            author,
            check_channel(str(message.get("channel"))),
            clean_text(message.get("text"), label="A message", longest=LONGEST_MESSAGE, lines=True),
            _number(message, "at", most=LATEST),
        )


def _import_history(
    connection: sqlite3.Connection, organization: Organization, content: Record
) -> None:
    """Keep the history to the microsecond: the billing service knows a row again by its time."""
    for row in _list(content, "audit_rows"):
        event_type = _number(row, "event_type")
        if event_type not in EVENT_TYPES:
            raise InputError("The export has an event of an unknown type.")
        try:
            _insert(
                connection,
                "INSERT INTO audit_rows"
                " (organization_id, event_type, event_microseconds, extra_data)"
                " VALUES (?, ?, ?, ?)",
                organization.id,
                event_type,
                _number(row, "event_microseconds", most=LATEST * MICROSECONDS),
                _counts(row),
            )
        except sqlite3.IntegrityError as error:
            raise InputError("The export has an event twice.") from error


def _insert(connection: sqlite3.Connection, statement: str, *values: object) -> int:
    return int(connection.execute(statement, values).lastrowid or 0)


def _object(content: Record, key: str) -> Record:
    value = content.get(key)
    if not isinstance(value, dict):
        raise InputError(f"The export lacks “{key}”.")
    return value


def _list(content: Record, key: str) -> Iterator[Record]:
    value = content.get(key)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise InputError(f"The export lacks “{key}”.")
    return iter(value)


def _uuid(record: Record, key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not UUID_PATTERN.fullmatch(value):
        raise InputError(f"The export has a “{key}” that is no UUID.")
    return value


def _number(record: Record, key: str, *, most: int = LARGEST_ID) -> int:
    return clean_number(record.get(key), label=f"“{key}” of the export", least=0, most=most)


def _flag(record: Record, key: str) -> bool:
    return bool(_number(record, key, most=1))


def _role(person: Record) -> int:
    role, _ = clean_role(person.get("role"))
    return role


def _counts(row: Record) -> str:
    """Return the role counts of an audit row as they were written, if they are that."""
    text = row.get("extra_data")
    try:
        content = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        content = None
    people = content.get("10", {}) if isinstance(content, dict) else {}
    roles = people.get("11") if isinstance(people, dict) else None
    known = {str(role) for role in ROLE_NAMES}
    if not isinstance(roles, dict) or set(roles) != known or "12" not in people:
        raise InputError("The export has an event without its counts.")
    if not all(type(number) is int and number >= 0 for number in (*roles.values(), people["12"])):
        raise InputError("The export has an event without its counts.")
    assert isinstance(text, str)  # Nothing else was parsed.
    return text
