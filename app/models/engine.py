"""How each database is opened: what SQLite needs to behave like a database of record."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, event


def prepare_engine(engine: Engine) -> Engine:
    """Give `engine` our connection rules; returns the engine for writing units of work.

    SQLite: write-ahead log, foreign keys on, and explicit BEGIN instead of the driver's guesses;
    the returned engine begins IMMEDIATE, so that a writer waits at its first statement and never
    finds "database is locked" after it has read. PostgreSQL needs none of it.
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    return engine.execution_options(tallyport_writes=True)


def _on_sqlite_connect(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("tallyport_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
