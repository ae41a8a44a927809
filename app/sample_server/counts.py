"""Usage statistics: believable hourly and daily counts, filled in up to the clock's last hour.

The figures are made up from the number of people and a checksum, so that the same server at the
same time always has the same ones.  A count of zero has no row, as on stock servers.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterator

from .audit import count_roles
from .clock import HOUR_SECONDS, from_seconds
from .organizations import list_organizations
from .records import Organization, RoleCounts
from .store import load_settings, save_settings

MESSAGES = "messages_sent:is_bot:hour"
ACTIVE_USERS = "active_users_audit:is_bot:day"
INVITES = "invites_sent::day"

DAY_SECONDS = 24 * HOUR_SECONDS
# A server that slept for years need not invent them: five weeks cover every demo step.
LONGEST_GAP_SECONDS = 35 * DAY_SECONDS
FIRST_WORKING_HOUR, LAST_WORKING_HOUR = 8, 18
SATURDAY = 5

Count = tuple[str, str | None, int]


def _pick(organization: Organization, name: str, end_time: int, *, most: int) -> int:
    """Return a number from 0 to `most` that depends on nothing but its arguments."""
    text = f"{organization.uuid}/{name}/{end_time}"
    return zlib.crc32(text.encode()) % (most + 1)


def _hour(organization: Organization, counts: RoleCounts, end_time: int) -> Iterator[Count]:
    moment = from_seconds(end_time)
    if moment.weekday() >= SATURDAY:
        return
    if FIRST_WORKING_HOUR < moment.hour <= LAST_WORKING_HOUR:
        yield MESSAGES, "false", _pick(organization, MESSAGES, end_time, most=3 * counts.people)
    if moment.hour % 6 == 0:
        yield MESSAGES, "true", 2 * counts.bots


def _day(
    connection: sqlite3.Connection, organization: Organization, counts: RoleCounts, end_time: int
) -> Iterator[Count]:
    yield ACTIVE_USERS, "false", counts.people
    yield ACTIVE_USERS, "true", counts.bots
    (joined,) = connection.execute(
        "SELECT count(*) FROM people"
        " WHERE organization_id = ? AND is_bot = 0 AND created > ? AND created <= ?",
        (organization.id, end_time - DAY_SECONDS, end_time),
    ).fetchone()
    yield INVITES, None, joined


def collect_counts(connection: sqlite3.Connection, *, at: int) -> None:
    """Append the rows of every full hour and day since the last call, up to `at` (POSIX seconds).

    A clock that was set back adds nothing until it has passed the last hour counted.
    """
    counted_until = load_settings(connection).counted_until
    last_hour = at - at % HOUR_SECONDS
    organizations = [o for o in list_organizations(connection) if not o.deactivated]
    if not organizations or last_hour <= counted_until:
        return
    roles = {o.id: count_roles(connection, o) for o in organizations}
    start = max(counted_until, last_hour - LONGEST_GAP_SECONDS)
    for end_time in range(start - start % HOUR_SECONDS + HOUR_SECONDS, last_hour + 1, HOUR_SECONDS):
        totals: dict[tuple[str, str | None], int] = defaultdict(int)
        for organization in organizations:
            if organization.created >= end_time:
                continue
            counts = roles[organization.id]
            found = list(_hour(organization, counts, end_time))
            if end_time % DAY_SECONDS == 0:
                found += _day(connection, organization, counts, end_time)
            for name, subgroup, value in found:
                if value:
                    totals[name, subgroup] += value
                    _append_realm_count(connection, organization, name, subgroup, end_time, value)
        for (name, subgroup), value in totals.items():
            connection.execute(
                "INSERT INTO installation_counts (property, subgroup, end_time, value)"
                " VALUES (?, ?, ?, ?)",
                (name, subgroup, end_time, value),
            )
    save_settings(connection, counted_until=last_hour)


def _append_realm_count(
    connection: sqlite3.Connection,
    organization: Organization,
    name: str,
    subgroup: str | None,
    end_time: int,
    value: int,
) -> None:
    connection.execute(
        "INSERT INTO realm_counts (organization_id, property, subgroup, end_time, value)"
        " VALUES (?, ?, ?, ?, ?)",
        (organization.id, name, subgroup, end_time, value),
    )
