"""The SQLite store of the sample server: its tables, transactions and settings."""

from __future__ import annotations

import os
import secrets
import sqlite3
import string
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS organizations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    uuid TEXT NOT NULL UNIQUE,
    uuid_owner_secret TEXT NOT NULL,
    org_type INTEGER NOT NULL,
    created INTEGER NOT NULL,
    deactivated INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations(id),
    uuid TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    full_name TEXT NOT NULL,
    role INTEGER NOT NULL,
    is_bot INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'deactivated', 'invited')),
    created INTEGER NOT NULL,
    UNIQUE (organization_id, email)
);
CREATE TABLE IF NOT EXISTS audit_rows (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations(id),
    event_type INTEGER NOT NULL,
    event_microseconds INTEGER NOT NULL,
    extra_data TEXT NOT NULL,
    -- An imported organization brings its own history, whose instants others may have used.
    UNIQUE (organization_id, event_microseconds)
);
CREATE TABLE IF NOT EXISTS realm_counts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations(id),
    property TEXT NOT NULL,
    subgroup TEXT,
    end_time INTEGER NOT NULL,
    value INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS realm_counts_once
    ON realm_counts (organization_id, property, ifnull(subgroup, ''), end_time);
CREATE TABLE IF NOT EXISTS installation_counts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    property TEXT NOT NULL,
    subgroup TEXT,
    end_time INTEGER NOT NULL,
    value INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS installation_counts_once
    ON installation_counts (property, ifnull(subgroup, ''), end_time);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations(id),
    person_id INTEGER NOT NULL REFERENCES people(id),
    channel TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_channel ON messages (organization_id, channel, id);
CREATE TABLE IF NOT EXISTS uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    trigger TEXT NOT NULL,
    format TEXT NOT NULL,
    calls INTEGER NOT NULL,
    audit_rows INTEGER NOT NULL,
    realm_counts INTEGER NOT NULL,
    installation_counts INTEGER NOT NULL,
    http_status INTEGER,
    code TEXT,
    message TEXT NOT NULL,
    retry_after INTEGER,
    answer TEXT NOT NULL
);
"""

THREE_TABLE, TWO_TABLE = "three-table", "two-table"
FORMATS = (THREE_TABLE, TWO_TABLE)
KEY_LENGTH = 64
BUSY_SECONDS = 30


@dataclass(frozen=True)
class ServerSettings:
    """What the server knows about itself and its portal; every value is text in the store."""

    server_uuid: str = ""
    server_key: str = ""
    pending_key: str = ""
    cookie_secret: str = ""
    portal: str = ""
    portal_public: str = ""
    hostname: str = ""
    contact_email: str = ""
    port: int = 5002
    registered: bool = False
    submit_usage_statistics: bool = True
    upload_format: str = THREE_TABLE
    last_upload_hour: int = -1
    counted_until: int = -1
    # Where this server answers by https, 0 when it does not; see `transfer.py`.
    https_port: int = 0
    verify_token: str = ""
    verify_secret: str = ""
    # The portal's last answer that nothing but somebody's act will change; "" when there is none.
    refusal: str = ""
    # Whether the portal has rows of this server that the server itself has lost.
    rows_behind: bool = False


DEFAULTS = MappingProxyType({field.name: field.default for field in fields(ServerSettings)})


def new_key() -> str:
    """Return a fresh server key: 64 letters and digits from the system's random source."""
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(KEY_LENGTH))


def _widen_audit_rows(connection: sqlite3.Connection) -> None:
    """Set the audit rows of an older store aside, whose instants were unique among all
    organizations, and fill them into the table of today.  The numbers of the rows stay."""
    found = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_rows'").fetchone()
    if found is None or "event_microseconds INTEGER NOT NULL UNIQUE" not in found["sql"]:
        return
    start = SCHEMA.index("CREATE TABLE IF NOT EXISTS audit_rows")
    table = SCHEMA[start : SCHEMA.index(");\n", start) + 3]
    connection.executescript(
        "BEGIN IMMEDIATE; ALTER TABLE audit_rows RENAME TO older_audit_rows;"
        f"{table}"
        "INSERT INTO audit_rows SELECT * FROM older_audit_rows;"
        "DROP TABLE older_audit_rows; COMMIT;"
    )


class Store:
    """A SQLite file, opened anew for each transaction so that any thread or process may use it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the store, making the file, its tables and the server's identity when missing."""
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The file holds the server's key, so nobody else on the machine may read it.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            _widen_audit_rows(connection)
            connection.executescript(SCHEMA)
        self._create_identity()

    def _create_identity(self) -> None:
        with self.write() as connection:
            if not load_settings(connection).server_uuid:
                save_settings(
                    connection,
                    server_uuid=str(uuid.uuid4()),
                    server_key=new_key(),
                    cookie_secret=secrets.token_hex(32),
                )

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one unchanging state and writes nothing."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose changes are kept together, or not at all when it raises."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def settings(self) -> ServerSettings:
        """Return the settings as they are now."""
        with self.read() as connection:
            return load_settings(connection)

    def save(self, **changes: str | int | bool) -> None:
        """Change settings by name; an unknown name is an error of the program."""
        with self.write() as connection:
            save_settings(connection, **changes)


def load_settings(connection: sqlite3.Connection) -> ServerSettings:
    """Return the settings inside a transaction of the caller's."""
    stored = dict(connection.execute("SELECT name, value FROM settings").fetchall())
    values: dict[str, object] = {}
    for name, default in DEFAULTS.items():
        text = stored.get(name)
        if text is None:
            continue
        if isinstance(default, bool):
            values[name] = text == "true"
        elif isinstance(default, int):
            values[name] = int(text)
        else:
            values[name] = text
    return ServerSettings(**values)  # type: ignore[arg-type]  # Names and kinds come from the class.


def save_settings(connection: sqlite3.Connection, **changes: str | int | bool) -> None:
    """Write settings inside a transaction of the caller's."""
    for name, value in changes.items():
        if name not in DEFAULTS:
            raise KeyError(name)
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        connection.execute(
            "INSERT INTO settings (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, text),
        )
