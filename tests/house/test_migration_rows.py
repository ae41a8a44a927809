"""A migration keeps what is stored: every row of an older database, and what points to what."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    DateTime,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError

from app.models.engine import prepare_engine
from tests.house.guards.schema import describe, differences
from tests.support.databases import migrate

AT = datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
# What a type alone does not tell.
CHOICES: dict[str, dict[str, Any]] = {
    "customers": {"kind": "organization", "organization_id": 1},
    "plans": {
        "status": "active",
        "at_cycle_end": "renew",
        "schedule": "monthly",
        "price_per_license": 350,
        "license_management": "automatic",
        "collection": "charge_automatically",
    },
    "purchases": {
        "status": "completed",
        "schedule": "monthly",
        "license_management": "automatic",
        "collection": "send_invoice",
        "plan_id": 1,
    },
    "invoices": {"status": "paid", "collection": "send_invoice", "plan_id": 1, "purchase_id": 1},
    "invoice_lines": {"source_kind": "plan", "kind": "first"},
    "ledger_entries": {"actor": "billing_user:1"},
    "audit_entries": {"personal_detail_id": 1},
}
# Two organizations on two servers, and the people of both and of the first server.
PEOPLE: list[dict[str, Any]] = [
    {"organization_id": 1, "deactivated_at": AT},
    {"organization_id": 1},
    {"organization_id": 1},
    {"organization_id": 2},
    {"server_id": 1},
    {"server_id": 1},
    {"organization_id": 2, "deactivated_at": AT},
]
OWNERS = {2, 4, 5}
ROWS: dict[str, list[dict[str, Any]]] = {
    "servers": [{}, {"deactivated_at": AT}],
    "organizations": [{"server_id": 1}, {"server_id": 2}],
    "billing_users": PEOPLE,
    "browser_sessions": [{"billing_user_id": 2}, {"billing_user_id": 5}, {}],
    "login_links": [
        {"server_id": 1, "organization_id": 1, "completed_at": AT},
        {"server_id": 2, "organization_id": 2},
    ],
    "email_confirmations": [{"login_link_id": 1, "used_at": AT}, {"login_link_id": 2}],
    "audit_rows": [{"server_id": 1}, {"server_id": 1}, {"server_id": 2}],
    "audit_entries": [{"personal_detail_id": 1}, {"server_id": 1}],
}
Stored = dict[str, list[dict[str, Any]]]


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    """A database as the first version of the tables left it, with rows in every table."""
    migrate(empty_database_url, "upgrade", "0001")
    made = create_engine(empty_database_url)
    with made.begin() as connection:
        fill(connection)
    yield made
    made.dispose()


def tables(connection: Connection) -> list[Table]:
    """All that there are now, those that others point to first."""
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def fill(connection: Connection) -> None:
    """At least one row into each table."""
    for table in tables(connection):
        for number, given in enumerate(ROWS.get(table.name, [{}]), start=1):
            chosen = CHOICES.get(table.name, {}) | given
            connection.execute(table.insert().values(row_of(table, number) | chosen))
        if connection.dialect.name == "postgresql" and "id" in table.c:
            # Ids that were given by hand have to be behind those that the database gives.
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "
                    f"(SELECT max(id) FROM {table.name}))"
                )
            )


def row_of(table: Table, number: int) -> dict[str, Any]:
    """The values that row `number` of a table cannot do without."""
    values: dict[str, Any] = {}
    for column in table.c:
        if column.foreign_keys:
            values |= {} if column.nullable else {column.name: 1}
        elif not column.nullable:
            values[column.name] = value_of(column.type, column.name, number)
    return values


def value_of(kind: Any, name: str, number: int) -> Any:
    """Some value of that type, another one for each row."""
    if isinstance(kind, String):
        return f"{number} {name}"[: kind.length]
    if isinstance(kind, DateTime):
        return AT
    if isinstance(kind, Boolean):
        return number % 2 == 0
    return {"number": number} if isinstance(kind, JSON) else number


def stored(engine: Engine) -> Stored:
    """Every row of every table."""
    with engine.connect() as connection:
        return {
            table.name: [
                dict(row)
                for row in connection.execute(
                    select(table).order_by(*table.primary_key.columns)
                ).mappings()
            ]
            for table in tables(connection)
        }


def without(columns: set[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in row if name not in columns} for row in rows]


def test_every_row_is_kept_there_and_back(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    before, schema = stored(engine), describe(engine)
    assert all(before.values()), "a table without rows proves nothing"
    migrate(url, "upgrade", "0002")
    check_rows(before, stored(engine))
    check_references(engine)
    migrate(url, "downgrade", "0001")
    assert stored(engine) == before
    assert differences(schema, describe(engine)) == []
    with engine.begin() as connection:
        # One lost reference, and the comparison sees it.
        connection.execute(text("UPDATE browser_sessions SET billing_user_id = NULL WHERE id = 1"))
    assert stored(engine) != before


def check_rows(before: Stored, after: Stored) -> None:
    """What was there is there, and what was added says what was true."""
    for name, rows in before.items():
        added = set(after[name][0]) - set(rows[0])
        assert without(added, after[name]) == rows, name
    assert after["transfer_challenges"] == []
    for person, row in zip(after["billing_users"], before["billing_users"], strict=True):
        assert person["role"] == ("owner" if person["id"] in OWNERS else "billing")
        # Whoever is there has confirmed an address when they came.
        assert person["email_confirmed_at"] == row["created_at"]
    assert {row["door"] for row in after["login_links"]} == {"product"}
    assert {row["revoked_at"] for row in after["login_links"]} == {None}
    for name in ("servers", "audit_rows", "organization_counts", "server_counts"):
        assert {row["id_epoch"] for row in after[name]} == {0}
    assert {row["refused_at"] for row in after["servers"]} == {None}


def check_references(engine: Engine) -> None:
    """The database refuses what it refused before, and what it refuses now."""
    engine.dispose()
    prepared = prepare_engine(engine)
    for statement in (
        "DELETE FROM servers WHERE id = 1",
        "DELETE FROM billing_users WHERE id = 2",
        "DELETE FROM login_links WHERE id = 1",
        "UPDATE audit_entries SET actor = 'somebody'",
        "DELETE FROM ledger_entries",
        "UPDATE billing_users SET role = 'king' WHERE id = 2",
        "UPDATE billing_users SET server_id = 1 WHERE id = 2",
        "UPDATE login_links SET organization_id = NULL WHERE id = 1",
    ):
        with pytest.raises(DatabaseError), prepared.begin() as connection:
            connection.execute(text(statement))
            raise AssertionError(f"was not refused: {statement}")
