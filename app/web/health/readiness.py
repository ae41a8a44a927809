"""What stands between this process and serving."""

from functools import cache

from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.web.context import get_read_session


@cache
def _expected_revisions(folder: str) -> frozenset[str]:
    return frozenset(ScriptDirectory(folder).get_heads())


def find_problem() -> str | None:
    """A word for what is wrong ("database", "migrations"), or None when all is well."""
    folder = str(current_app.extensions["migrate"].directory)
    try:
        rows = get_read_session().execute(text("SELECT version_num FROM alembic_version"))
        applied = frozenset(row[0] for row in rows)
    except SQLAlchemyError:
        # Either the database is away or its tables were never made; both need a person.
        return "database"
    return None if applied == _expected_revisions(folder) else "migrations"
