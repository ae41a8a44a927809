"""Append-only triggers and the index of trigrams, attached to the metadata so that `create_all` makes them too.

Migrations carry their own copy of this SQL; a house test compares both on both databases, because
Alembic's batch mode drops triggers silently.
"""

from sqlalchemy import DDL, event

from app.models.base import Base

APPEND_ONLY_TABLES = ("ledger_entries", "audit_entries", "plan_prices", "mrr_months")

SQLITE_TRIGGER = (
    "CREATE TRIGGER {table}_no_{verb} BEFORE {verb_upper} ON {table} "
    "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
POSTGRESQL_FUNCTION = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
)
POSTGRESQL_TRIGGER = (
    "CREATE TRIGGER {table}_no_{verb} BEFORE {verb_upper} ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
)


# Substrings of three characters and more, and texts with typing errors, are found by trigrams.
POSTGRESQL_TRIGRAMS = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
POSTGRESQL_SEARCH_INDEX = (
    "CREATE INDEX ix_search_entries_trigrams ON search_entries USING gin (content gin_trgm_ops)"
)


def _attach() -> None:
    searched = Base.metadata.tables["search_entries"]
    for statement in (POSTGRESQL_TRIGRAMS, POSTGRESQL_SEARCH_INDEX):
        event.listen(searched, "after_create", DDL(statement).execute_if(dialect="postgresql"))
    for table in APPEND_ONLY_TABLES:
        target = Base.metadata.tables[table]
        function = DDL(POSTGRESQL_FUNCTION.replace("%", "%%"))
        event.listen(target, "after_create", function.execute_if(dialect="postgresql"))
        for verb in ("update", "delete"):
            names = {"table": table, "verb": verb, "verb_upper": verb.upper()}
            sqlite = DDL(SQLITE_TRIGGER.format(**names))
            postgresql = DDL(POSTGRESQL_TRIGGER.format(**names))
            event.listen(target, "after_create", sqlite.execute_if(dialect="sqlite"))
            event.listen(target, "after_create", postgresql.execute_if(dialect="postgresql"))


_attach()
