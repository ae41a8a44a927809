"""Whether the database can serve this code: it answers, and its migrations are those we know."""

from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session


@cache
def _expected_revisions(folder: str) -> frozenset[str]:
    return frozenset(ScriptDirectory(folder).get_heads())


def get_problem(session: Session, *, migrations: str) -> str | None:
    """A word for what is wrong ("database", "migrations"), or None when all is well.

    `migrations` is the folder of the migrations.
    """
    try:
        rows = session.execute(text("SELECT version_num FROM alembic_version"))
        applied = frozenset(str(row[0]) for row in rows)
    except SQLAlchemyError:
        # Either the database is away or its tables were never made; both need a person.
        return "database"
    return None if applied == _expected_revisions(migrations) else "migrations"
