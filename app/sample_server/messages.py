"""The chat of the sample product: a few channels with a few messages, and new ones typed by hand."""

from __future__ import annotations

import sqlite3

from . import clock
from .inputs import clean_text
from .people import get_person, list_people
from .records import InputError, Message, Organization, Person

CHANNELS = ("general", "launch", "kitchen", "support")
SHOWN_MESSAGES = 50
LONGEST_MESSAGE = 2000
OPENING_LINES = {
    "general": (
        "Good morning! The new office plan is on the wall by the stairs.",
        "Thanks. Who has the key to the small meeting room?",
        "It is back in the drawer. Lunch at half past twelve?",
        "Yes. I'll bring the photos from the fair.",
    ),
    "launch": (
        "Press text is final. Translations arrive tomorrow.",
        "Then we keep the date. I'll tell the printers.",
        "One open point: the pricing page still shows the old picture.",
    ),
    "kitchen": (
        "We are out of oat milk again.",
        "Ordered. There is soup in the freezer meanwhile.",
    ),
    "support": (
        "Two customers asked how to import their old messages.",
        "I wrote the answer down in the handbook, section 4.",
    ),
}


def check_channel(channel: str) -> str:
    """Return a channel's name; raises InputError when there is no such channel."""
    if channel not in CHANNELS:
        raise InputError("There is no such channel.")
    return channel


def post_message(
    connection: sqlite3.Connection,
    organization: Organization,
    author: Person,
    *,
    channel: str,
    text: object,
) -> None:
    """Write a message into a channel; raises InputError when it is empty or too long."""
    connection.execute(
        "INSERT INTO messages (organization_id, person_id, channel, text, at)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            organization.id,
            author.id,
            check_channel(channel),
            clean_text(text, label="The message", longest=LONGEST_MESSAGE, lines=True),
            clock.now_seconds(),
        ),
    )


def last_messages(
    connection: sqlite3.Connection, organization: Organization, *, channel: str
) -> tuple[Message, ...]:
    """Return the newest messages of a channel, oldest of them first."""
    rows = connection.execute(
        "SELECT person_id, text, at FROM messages WHERE organization_id = ? AND channel = ?"
        " ORDER BY id DESC LIMIT ?",
        (organization.id, check_channel(channel), SHOWN_MESSAGES),
    ).fetchall()
    found = []
    for row in reversed(rows):
        author = get_person(connection, organization, row["person_id"])
        assert author is not None  # A foreign key holds: nobody is ever deleted.
        found.append(Message(author=author, text=row["text"], at=row["at"]))
    return tuple(found)


def write_opening_lines(connection: sqlite3.Connection, organization: Organization) -> None:
    """Fill a new organization's channels, its people taking turns."""
    people, _ = list_people(connection, organization, active_only=True, limit=8)
    if not people:
        return
    turn = 0
    for channel, lines in OPENING_LINES.items():
        for line in lines:
            author = people[turn % len(people)]
            post_message(connection, organization, author, channel=channel, text=line)
            turn += 1
