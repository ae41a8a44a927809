"""Where the emulator keeps things: one SQLite file (or memory), one writer at a time.

Every request is one transaction that holds both what changed and the answer stored for its
idempotency key. A process killed at any instant has therefore done all of a request or none of it.
"""

import json
import secrets
import sqlite3
import string
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Doc = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    object TEXT NOT NULL,
    customer TEXT,
    parent TEXT,
    status TEXT,
    created INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (object, customer, seq);
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (object, parent, seq);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    request_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    held INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    last_status INTEGER,
    last_error TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_by_state ON deliveries (state, position);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event, id);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    route TEXT NOT NULL,
    kind TEXT NOT NULL,
    times INTEGER NOT NULL,
    seconds INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

TABLES = ("objects", "idempotency", "deliveries", "requests", "faults", "settings")

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, *, length: int = 24) -> str:
    """A fresh identifier such as `cus_…`; random, so that nobody learns to guess the next one."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True)
class Filters:
    """Which objects a list is about; None means no condition. Ranges are in whole seconds."""

    customer: str | None = None
    # One parent, or any of several.
    parent: str | Sequence[str] | None = None
    status: str | None = None
    created: Mapping[str, int] | None = None
    # Top-level fields of the object and what they must equal; the names come from our own code.
    equal: Mapping[str, Any] = field(default_factory=dict)


_RANGE_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Tx:
    """What a request may do with the store, inside its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.db = connection

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote when it raises; the surrounding transaction goes on."""
        self.db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO part")
            raise
        finally:
            self.db.execute("RELEASE part")

    def save(self, doc: Doc, *, parent: str | None = None) -> Doc:
        """Insert or replace the object with this id; `parent` is kept when it is not given."""
        self.db.execute(
            "INSERT INTO objects (id, object, customer, parent, status, created, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " customer = excluded.customer, parent = coalesce(excluded.parent, parent),"
            " status = excluded.status, body = excluded.body",
            (
                doc["id"],
                doc["object"],
                doc.get("customer"),
                parent,
                doc.get("status"),
                doc.get("created", 0),
                json.dumps(doc),
            ),
        )
        return doc

    def find(self, kind: str, id: str) -> Doc | None:
        """The object of this kind with this id, or None."""
        row = self.db.execute(
            "SELECT body FROM objects WHERE id = ? AND object = ?", (id, kind)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def delete(self, id: str) -> None:
        """Remove an object for good (a deleted draft and its items)."""
        self.db.execute("DELETE FROM objects WHERE id = ?", (id,))

    def seq(self, kind: str, id: str) -> int | None:
        """Where an object stands in the order of creation, for the cursors of lists."""
        row = self.db.execute(
            "SELECT seq FROM objects WHERE id = ? AND object = ?", (id, kind)
        ).fetchone()
        return row[0] if row else None

    def select(
        self,
        kind: str,
        filters: Filters,
        *,
        oldest_first: bool = False,
        before: int | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> list[Doc]:
        """Objects in the order of creation; `before` and `after` are exclusive positions."""
        where = ["object = ?"]
        values: list[Any] = [kind]
        for column in ("customer", "parent", "status"):
            value = getattr(filters, column)
            if value is not None:
                wanted = [value] if isinstance(value, str) else list(value)
                where.append(f"{column} IN ({', '.join('?' * len(wanted))})")
                values += wanted
        for name, value in filters.equal.items():
            if value is not None:
                where.append("json_extract(body, ?) = ?")
                values += [f"$.{name}", value]
        for name, bound in (filters.created or {}).items():
            where.append(f"created {_RANGE_OPERATORS[name]} ?")
            values.append(bound)
        for operator, position in (("<", before), (">", after)):
            if position is not None:
                where.append(f"seq {operator} ?")
                values.append(position)
        sql = f"SELECT body FROM objects WHERE {' AND '.join(where)} ORDER BY seq"
        sql += " ASC" if oldest_first else " DESC"
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        return [json.loads(row[0]) for row in self.db.execute(sql, values)]

    def setting(self, name: str, default: str | None = None) -> str | None:
        """A value of the control API (the webhook's address and secret, whether it is held)."""
        row = self.db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return row[0] if row else default

    def set(self, name: str, value: str | None) -> None:
        """Store a setting; None removes it."""
        self.db.execute("DELETE FROM settings WHERE name = ?", (name,))
        if value is not None:
            self.db.execute("INSERT INTO settings (name, value) VALUES (?, ?)", (name, value))


class Store:
    """One connection behind one lock: requests queue up here, which is what makes them atomic."""

    def __init__(self, path: str = ":memory:") -> None:
        self.path = path
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA busy_timeout = 5000")
        if path != ":memory:":
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """All of it or none of it. Never nest: the lock is re-entrant, SQLite is not."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield Tx(self._db)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def clear(self) -> None:
        """Forget everything, for tests; settings such as the webhook's address go too."""
        with self.transaction() as tx:
            for table in TABLES:
                tx.db.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        """Close the file; a later use is an error."""
        with self._lock:
            self._db.close()
