"""The audit rows: one for every change of who counts, as the wire protocol describes them."""

from __future__ import annotations

import json
import sqlite3

from .clock import MICROSECONDS
from .records import ACTIVE, Organization, RoleCounts


def count_roles(connection: sqlite3.Connection, organization: Organization) -> RoleCounts:
    """Return how many active people of each role, and bots, an organization has."""
    rows = connection.execute(
        "SELECT role, is_bot, count(*) AS number FROM people"
        " WHERE organization_id = ? AND state = ? GROUP BY role, is_bot",
        (organization.id, ACTIVE),
    ).fetchall()
    people = {row["role"]: row["number"] for row in rows if not row["is_bot"]}
    return RoleCounts(people, sum(row["number"] for row in rows if row["is_bot"]))


def next_event_microseconds(connection: sqlite3.Connection, *, at: int) -> int:
    """Return the first free microsecond of the second `at` (POSIX seconds).

    The portal tells rows apart by their time and content.  A clock of whole seconds, frozen ones
    above all, would give equal times to unlike events (add, deactivate, add again), so each event
    gets the next microsecond, as a busy server's events have.
    """
    start = at * MICROSECONDS
    (last,) = connection.execute(
        "SELECT max(event_microseconds) FROM audit_rows"
        " WHERE event_microseconds >= ? AND event_microseconds < ?",
        (start, start + MICROSECONDS),
    ).fetchone()
    return start if last is None else int(last) + 1


def record_event(
    connection: sqlite3.Connection,
    organization: Organization,
    *,
    event_type: int,
    at: int,
    counts: RoleCounts | None = None,
) -> None:
    """Append the audit row of a change that has just been made in the same transaction.

    `at` is in POSIX seconds.  `counts` saves the counting for callers that make many changes.
    """
    counts = counts if counts is not None else count_roles(connection, organization)
    connection.execute(
        "INSERT INTO audit_rows (organization_id, event_type, event_microseconds, extra_data)"
        " VALUES (?, ?, ?, ?)",
        (
            organization.id,
            event_type,
            next_event_microseconds(connection, at=at),
            json.dumps(counts.extra_data()),
        ),
    )
