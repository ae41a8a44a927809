"""A migrated database for every test: copied from a template that is made once in a run.

Services open sessions of their own and really commit, so a transaction around the test cannot
undo them. Copying is as quick as emptying and also restores sequences and triggers.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.support.servers import Run

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ("sqlite", "postgresql")


class MigrationError(Exception):
    """`flask db ...` failed; the text is what it said."""


def clean_environment() -> dict[str, str]:
    """The environment without settings of the portal that a developer may have exported."""
    ours = ("TALLYPORT_", "STRIPE_")
    return {name: text for name, text in os.environ.items() if not name.startswith(ours)}


def migrate(database_url: str, *arguments: str) -> None:
    """Bring the database to the newest schema with the command that operators use; `arguments`
    ask for something else (`"downgrade", "0001"`)."""
    settings = {"TALLYPORT_ENV": "testing", "TALLYPORT_DATABASE_URL": database_url}
    result = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "db", *(arguments or ("upgrade",))],
        cwd=ROOT,
        env=clean_environment() | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode != 0:
        raise MigrationError(result.stdout)


@dataclass(slots=True)
class Databases:
    """Makes and removes the databases of one process of a run."""

    run: Run
    worker: str
    _names: Iterator[int] = field(default_factory=count)
    _admin: psycopg.Connection | None = None

    def create(self, backend: str, *, migrated: bool = True) -> str:
        """The URL of a new database of `backend` (see BACKENDS), migrated or empty."""
        name = f"{self._prefix()}_{self.worker}_{next(self._names)}"
        if backend == "sqlite":
            path = self.run.scratch / f"{name}.sqlite3"
            if migrated:
                shutil.copyfile(self.run.once("sqlite-template", self._make_sqlite), path)
            return f"sqlite:///{path}"
        template = "template0"
        if migrated:
            template = self.run.once("postgresql-template", self._make_postgresql)
        self._create_postgresql(name, template)
        return self._postgresql_url(name)

    def copy(self, url: str, *, name: str) -> str:
        """The URL of a new database with everything that is in the one at `url`.

        Nobody may be connected to that one. The same `name` gives the same URL again, once the
        database has been dropped.
        """
        parsed = make_url(url)
        assert parsed.database is not None
        name = f"{self._prefix()}_{self.worker}_{name}"
        if parsed.get_backend_name() == "sqlite":
            path = self.run.scratch / f"{name}.sqlite3"
            shutil.copyfile(parsed.database, path)
            return f"sqlite:///{path}"
        self._create_postgresql(name, parsed.database)
        return self._postgresql_url(name)

    def drop(self, url: str) -> None:
        """Remove the database, throwing out whoever is still connected."""
        parsed = make_url(url)
        assert parsed.database is not None
        if parsed.get_backend_name() == "sqlite":
            for path in Path(parsed.database).parent.glob(f"{Path(parsed.database).name}*"):
                path.unlink()
            return
        name = sql.Identifier(parsed.database)
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def drop_all(self) -> None:
        """Remove what this run left on a PostgreSQL that is not ours to stop."""
        if not os.environ.get("TEST_POSTGRES_URL"):
            return
        found = self._connection().execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [self._prefix()]
        )
        for (name,) in found.fetchall():
            self.drop(self._postgresql_url(name))

    def close(self) -> None:
        """Let go of the connection that creates and drops databases."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _prefix(self) -> str:
        return self.run.folder.name.lower().replace("-", "_")

    def _make_sqlite(self) -> str:
        path = self.run.folder / "template.sqlite3"
        migrate(f"sqlite:///{path}")
        # Whatever is still in the write-ahead log has to be in the one file that is copied.
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return str(path)

    def _make_postgresql(self) -> str:
        name = f"{self._prefix()}_template"
        self._create_postgresql(name, "template0")
        migrate(self._postgresql_url(name))
        return name

    def _create_postgresql(self, name: str, template: str) -> None:
        # Copying files takes 15 ms (in memory), the default (through the write-ahead log) 30 ms.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def _postgresql_url(self, name: str) -> str:
        url = make_url(self.run.postgres()).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    def _execute(self, statement: sql.Composed) -> None:
        self._connection().execute(statement)

    def _connection(self) -> psycopg.Connection:
        if self._admin is None:
            url = make_url(self.run.postgres()).set(drivername="postgresql")
            address = url.render_as_string(hide_password=False)
            self._admin = psycopg.connect(address, autocommit=True)
        return self._admin
