"""What it looks like when the database is away or too busy, for those who must know no tables."""

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

DATABASE_ERRORS = (OperationalError, PoolTimeoutError)


def describe_database_error(error: Exception) -> str:
    """The driver's own words. The statement and its values are left out: they hold names."""
    return str(getattr(error, "orig", None) or type(error).__name__)
