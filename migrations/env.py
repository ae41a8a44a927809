"""Alembic's environment: our models' metadata, batch mode for SQLite, plain types in files."""

from alembic import context
from flask import current_app
from sqlalchemy import BigInteger, DateTime, String
from sqlalchemy.engine import Connection

from app.extensions import db
from app.models.base import Base, Choice, UtcDateTime

config = context.config


def render_item(kind, item, _autogen_context):
    """Write our column types as plain ones, so that a migration never changes with the code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return repr(DateTime(timezone=True)).replace("DateTime", "sa.DateTime")
    if kind == "type" and isinstance(item, Choice):
        return repr(String(32)).replace("String", "sa.String")
    if kind == "type" and isinstance(item, BigInteger) and item._variant_mapping:
        return "sa.BigInteger().with_variant(sa.Integer(), 'sqlite')"
    return False


def run(connection: Connection) -> None:
    """Run the migrations inside one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def check_references(connection: Connection) -> None:
    """Refuse to keep a migration that left a row without the row it points to."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise RuntimeError(f"a migration broke the reference of {broken}")


with current_app.app_context(), db.engine.connect() as active:
    is_sqlite = active.dialect.name == "sqlite"
    if is_sqlite:
        # Changing a table of SQLite makes it anew: rows that point to it must bear its absence.
        # The switch works outside of transactions only.
        active.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")
    run(active)
    if is_sqlite:
        check_references(active)
    active.commit()
    if is_sqlite:
        active.connection.driver_connection.execute("PRAGMA foreign_keys = ON")
