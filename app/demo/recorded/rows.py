"""Rows in bulk: ids are given out beforehand, and a whole batch is stored at once.

COPY on PostgreSQL, many rows a statement on SQLite. Everything goes in one unit of work, so that
nobody can take the same ids meanwhile and a crowd is there as a whole or not at all.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Connection, Table, func, insert, select, text
from sqlalchemy.orm import Session

from app.models.base import Base

# In this order, since rows point to those of tables before theirs.
TABLES = (
    "servers",
    "organizations",
    "customers",
    "billing_users",
    "coupons",
    "offers",
    "plans",
    "plan_prices",
    "purchases",
    "audit_rows",
    "ledger_entries",
    "invoices",
    "invoice_lines",
    "invoice_line_entries",
    "late_falls",
    "one_offs",
    "sponsorship_requests",
    "coupon_uses",
    "staff_notes",
    "help_requests",
    "audit_entries",
)
Values = dict[str, Any]


class Batch:
    """Rows that are about to be stored, by table; ids continue where the tables end."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rows: dict[str, list[Values]] = {name: [] for name in TABLES}
        self._last: dict[str, int] = {}

    def next_id(self, table: str) -> int:
        """An id that no row of `table` has."""
        if table not in self._last:
            column = Base.metadata.tables[table].c.id
            self._last[table] = self.session.scalar(select(func.max(column))) or 0
        self._last[table] += 1
        return self._last[table]

    def add(self, table: str, **values: Any) -> int:
        """Add a row; returns its id."""
        values["id"] = self.next_id(table)
        self.rows[table].append(values)
        return int(values["id"])

    def tie(self, **values: Any) -> None:
        """Tie an invoice's line to a ledger entry: these rows have no id of their own."""
        self.rows["invoice_line_entries"].append(values)

    def store(self) -> None:
        """Store everything."""
        self.session.flush()
        connection = self.session.connection()
        for name in TABLES:
            rows, self.rows[name] = self.rows[name], []
            if not rows:
                continue
            table = Base.metadata.tables[name]
            if connection.dialect.name == "postgresql":
                _copy(connection, table, rows)
            else:
                connection.execute(insert(table), _completed(table, rows))


def _completed(table: Table, rows: list[Values]) -> list[Values]:
    """Every row with every column: what was not said is what the model says."""
    names = [column.name for column in table.columns]
    defaults = {column.name: _default(column) for column in table.columns}
    return [
        {name: row[name] if name in row else defaults[name]() for name in names} for row in rows
    ]


def _default(column: Column[Any]) -> Callable[[], Any]:
    default = column.default
    if default is None or not hasattr(default, "arg"):
        return lambda: None
    if default.is_callable:
        return dict
    return lambda: default.arg


def _copy(connection: Connection, table: Table, rows: list[Values]) -> None:
    columns = list(table.columns)
    defaults = {column.name: _default(column)() for column in columns}
    as_json = {column.name for column in columns if isinstance(column.type, JSON)}
    names = [column.name for column in columns]
    driver = connection.connection.driver_connection
    assert driver is not None, "a transaction has begun"
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([_plain(row.get(n, defaults[n]), n in as_json) for n in names])
    if "id" in names:
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'),"
                f" (SELECT max(id) FROM {table.name}))"
            )
        )


def _plain(value: Any, is_json: bool) -> Any:
    if is_json and value is not None:
        return json.dumps(value)
    return value.value if isinstance(value, StrEnum) else value


def values_of(row: Base) -> Values:
    """The columns that were set on a row that no session knows."""
    state: Mapping[str, Any] = vars(row)
    names = row.__table__.columns.keys()
    return {name: state[name] for name in names if name in state}


def microseconds(at: datetime) -> int:
    """An instant as the wire protocol's natural key keeps it."""
    return int(at.timestamp()) * 1_000_000
