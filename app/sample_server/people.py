"""The people of an organization: add, invite, activate, deactivate, reactivate, change role."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence

from . import clock
from .audit import count_roles, record_event
from .names import bot_name, person_name
from .records import (
    ACTIVE,
    DEACTIVATED,
    INVITED,
    OWNER,
    ROLE_NAMES,
    USER_ACTIVATED,
    USER_CREATED,
    USER_DEACTIVATED,
    USER_REACTIVATED,
    USER_ROLE_CHANGED,
    InputError,
    Organization,
    Person,
)


def _person(row: sqlite3.Row) -> Person:
    return Person(**{**dict(row), "is_bot": bool(row["is_bot"])})


def get_person(
    connection: sqlite3.Connection, organization: Organization, person_id: int
) -> Person | None:
    """Return a person of this organization, or None: other organizations' people are unknown."""
    row = connection.execute(
        "SELECT * FROM people WHERE id = ? AND organization_id = ?", (person_id, organization.id)
    ).fetchone()
    return _person(row) if row else None


def list_people(
    connection: sqlite3.Connection,
    organization: Organization,
    *,
    search: str = "",
    active_only: bool = False,
    limit: int = 100,
    offset: int = 0,
) -> tuple[tuple[Person, ...], int]:
    """Return (one page of people, how many there are), leaders first, then by arrival."""
    where = "organization_id = ? AND (? = '' OR instr(lower(full_name || ' ' || email), ?) > 0)"
    values: list[object] = [organization.id, search, search.lower()]
    if active_only:
        where += " AND state = 'active' AND is_bot = 0"
    rows = connection.execute(
        f"SELECT * FROM people WHERE {where} ORDER BY is_bot, role, id LIMIT ? OFFSET ?",
        (*values, limit, offset),
    ).fetchall()
    (total,) = connection.execute(
        f"SELECT count(*) FROM people WHERE {where}",
        values,
    ).fetchone()
    return tuple(_person(row) for row in rows), total


def add_person(
    connection: sqlite3.Connection,
    organization: Organization,
    *,
    full_name: str,
    email: str,
    role: int,
    is_bot: bool = False,
    invited: bool = False,
) -> None:
    """Add one person; an invited one counts, and has an audit row, only from the activation on.

    Raises InputError when the organization already has the address.
    """
    at = clock.now_seconds()
    try:
        connection.execute(
            "INSERT INTO people"
            " (organization_id, uuid, email, full_name, role, is_bot, state, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                organization.id,
                str(uuid.uuid4()),
                email,
                full_name,
                role,
                is_bot,
                INVITED if invited else ACTIVE,
                at,
            ),
        )
    except sqlite3.IntegrityError as error:
        raise InputError(f"{email} is already in this organization.") from error
    if not invited:
        record_event(connection, organization, event_type=USER_CREATED, at=at)


def add_sample_people(
    connection: sqlite3.Connection,
    organization: Organization,
    *,
    number: int,
    role: int,
    is_bot: bool = False,
) -> None:
    """Add `number` people with made-up names, one audit row each."""
    at = clock.now_seconds()
    taken = {
        row["email"]
        for row in connection.execute(
            "SELECT email FROM people WHERE organization_id = ?", (organization.id,)
        )
    }
    counts = count_roles(connection, organization)
    index = 0
    for _ in range(number):
        while True:
            full_name, local_part = bot_name(index) if is_bot else person_name(index)
            email = f"{local_part}@{organization.name}.test"
            index += 1
            if email not in taken:
                break
        connection.execute(
            "INSERT INTO people"
            " (organization_id, uuid, email, full_name, role, is_bot, state, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (organization.id, str(uuid.uuid4()), email, full_name, role, is_bot, ACTIVE, at),
        )
        counts = counts.changed(role=role, is_bot=is_bot, by=1)
        record_event(connection, organization, event_type=USER_CREATED, at=at, counts=counts)


def _chosen(
    connection: sqlite3.Connection, organization: Organization, person_ids: Sequence[int]
) -> list[Person]:
    people = []
    for person_id in dict.fromkeys(person_ids):
        person = get_person(connection, organization, person_id)
        if person is None:
            raise InputError("One of the chosen people is not in this organization.")
        people.append(person)
    return people


def _check_may_change(person: Person, *, actor: Person | None) -> None:
    if actor is not None and person.role == OWNER and not person.is_bot and actor.role != OWNER:
        raise InputError(f"Only an owner may change an owner ({person.full_name}).")


def _check_owner_left(connection: sqlite3.Connection, organization: Organization) -> None:
    if not count_roles(connection, organization).by_role.get(OWNER):
        raise InputError("An organization needs at least one active owner.")


def set_people_active(
    connection: sqlite3.Connection,
    organization: Organization,
    person_ids: Sequence[int],
    *,
    active: bool,
    actor: Person | None = None,
) -> int:
    """Deactivate people, or reactivate and activate them; returns how many changed.

    Raises InputError, and the caller's transaction changes nothing, when one is unknown, is an
    owner that the actor may not change, or is the last owner.  `actor` None is the control API.
    """
    changed = 0
    at = clock.now_seconds()
    for person in _chosen(connection, organization, person_ids):
        if person.is_active is active or (person.state == INVITED and not active):
            continue
        _check_may_change(person, actor=actor)
        connection.execute(
            "UPDATE people SET state = ? WHERE id = ?",
            (ACTIVE if active else DEACTIVATED, person.id),
        )
        if not active:
            event_type = USER_DEACTIVATED
        else:
            event_type = USER_ACTIVATED if person.state == INVITED else USER_REACTIVATED
        record_event(connection, organization, event_type=event_type, at=at)
        changed += 1
    if changed and not active:
        _check_owner_left(connection, organization)
    return changed


def change_roles(
    connection: sqlite3.Connection,
    organization: Organization,
    person_ids: Sequence[int],
    *,
    role: int,
    actor: Person | None = None,
) -> int:
    """Give people another role; returns how many changed.  Raises InputError as above."""
    changed = 0
    at = clock.now_seconds()
    for person in _chosen(connection, organization, person_ids):
        if person.is_bot:
            raise InputError(f"{person.full_name} is a bot, and bots have no role.")
        if person.role == role:
            continue
        _check_may_change(person, actor=actor)
        if role == OWNER and actor is not None and actor.role != OWNER:
            raise InputError(f"Only an owner may make somebody {ROLE_NAMES[OWNER]}.")
        connection.execute("UPDATE people SET role = ? WHERE id = ?", (role, person.id))
        # Somebody invited or deactivated does not count, but the change is still an event.
        record_event(connection, organization, event_type=USER_ROLE_CHANGED, at=at)
        changed += 1
    if changed:
        _check_owner_left(connection, organization)
    return changed


def newest_people(
    connection: sqlite3.Connection, organization: Organization, *, number: int, active: bool
) -> list[int]:
    """Return the ids of the newest `number` people that are (or are not) active, owners left out.

    Raises InputError when there are fewer, so that a caller never does half of what was asked.
    """
    rows = connection.execute(
        "SELECT id FROM people WHERE organization_id = ? AND is_bot = 0 AND role <> ?"
        " AND state = ? ORDER BY id DESC LIMIT ?",
        (organization.id, OWNER, ACTIVE if active else DEACTIVATED, number),
    ).fetchall()
    if len(rows) < number:
        state = "active" if active else "deactivated"
        raise InputError(
            f"{organization.name} has only {len(rows)} {state} people besides its owners."
        )
    return [row["id"] for row in rows]
