"""Migrations make what the models say, on both databases, and each way of missing it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, create_engine, text

import app.models.triggers
from app.models import Base
from tests.house.guards.schema import describe, differences, unnamed_constraints

# Importing the module hangs its triggers onto the tables.
APPEND_ONLY = app.models.triggers.APPEND_ONLY_TABLES


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    """An engine for the length of a `with`."""
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def models(empty_database_url: str) -> dict[str, str]:
    """What the models say."""
    with engine_of(empty_database_url) as engine:
        Base.metadata.create_all(engine)
        return describe(engine)


@pytest.fixture
def migrated(database_url: str) -> Iterator[Engine]:
    """What the migrations make."""
    with engine_of(database_url) as engine:
        yield engine


def test_migrations_equal_the_models(models: dict[str, str], migrated: Engine) -> None:
    assert differences(models, describe(migrated)) == []
    assert unnamed_constraints(models) == []


def test_the_comparison_sees_every_kind_of_part(models: dict[str, str]) -> None:
    kinds = {name.partition(" ")[0] for name in models}
    assert {"column", "constraint", "index", "trigger"} <= kinds
    definitions = [definition.upper() for definition in models.values()]
    assert any(" WHERE " in definition for definition in definitions), "no partial index is seen"
    for word in ("CHECK", "UNIQUE", "FOREIGN KEY", "PRIMARY KEY"):
        assert any(word in definition for definition in definitions), word
    for table in APPEND_ONLY:
        for verb in ("update", "delete"):
            assert f"trigger {table}.{table}_no_{verb}" in models


def test_nothing_is_seeded_by_migrations(migrated: Engine) -> None:
    with migrated.connect() as connection:
        for table in Base.metadata.sorted_tables:
            assert connection.execute(table.select()).first() is None, table.name


def _partial_index(models: dict[str, str]) -> str:
    named = (name for name, definition in models.items() if " WHERE " in definition.upper())
    return next(name.rpartition(".")[2] for name in named if name.startswith("index "))


@pytest.mark.parametrize(
    "damage", ["trigger", "other trigger", "index", "column", "full index", "table"]
)
def test_a_planted_difference_is_seen(
    damage: str, models: dict[str, str], migrated: Engine
) -> None:
    table = APPEND_ONLY[0]
    on_table = f" ON {table}" if migrated.dialect.name == "postgresql" else ""
    index = _partial_index(models)
    of_index = next(name for name in models if name.endswith(f".{index}"))
    drop_trigger = f"DROP TRIGGER {table}_no_update{on_table}"
    does = "FOR EACH ROW EXECUTE FUNCTION refuse_change()" if on_table else "BEGIN SELECT 1; END"
    statements = {
        "trigger": [drop_trigger],
        "other trigger": [
            drop_trigger,
            f"CREATE TRIGGER {table}_no_update AFTER UPDATE ON {table} {does}",
        ],
        "index": [f"DROP INDEX {index}"],
        "full index": [
            f"DROP INDEX {index}",
            models[of_index].rpartition(" WHERE ")[0],
        ],
        "column": [f"ALTER TABLE {table} ADD COLUMN note VARCHAR(10)"],
        "table": ["CREATE TABLE notes (id INTEGER PRIMARY KEY)"],
    }
    with migrated.begin() as connection:
        for statement in statements[damage]:
            connection.execute(text(statement))
    found = differences(models, describe(migrated))
    assert found, damage
    expected = {"trigger": f"trigger {table}.{table}_no_update", "column": f"column {table}.note"}
    expected |= {"other trigger": expected["trigger"], "index": of_index, "full index": of_index}
    assert any(line.startswith(expected.get(damage, "")) for line in found)


def test_a_constraint_without_a_name_is_seen(empty_database_url: str) -> None:
    with engine_of(empty_database_url) as engine:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE notes (id INTEGER, text TEXT UNIQUE)"))
        parts = describe(engine)
    # PostgreSQL makes up a name; on SQLite there is none, and there the rule has to hold.
    assert bool(unnamed_constraints(parts)) is (engine.dialect.name == "sqlite")
