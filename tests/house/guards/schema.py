"""What a database consists of, by name and definition, so that two can be compared.

Everything is read from the database's own catalog: columns, named constraints, indexes with their
conditions, triggers and the functions they call. Alembic's comparison leaves most of it out.
"""

from sqlalchemy import Connection, Engine, inspect, text

BOOKKEEPING_TABLE = "alembic_version"

POSTGRESQL = {
    "column": """
        SELECT c.relname || '.' || a.attname,
            concat_ws(' ', format_type(a.atttypid, a.atttypmod),
                CASE WHEN a.attnotnull THEN 'not null' END, a.attidentity,
                'default ' || pg_get_expr(d.adbin, d.adrelid))
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraint": """
        SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0""",
    "index": """
        SELECT tablename || '.' || indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public'""",
    "trigger": """
        SELECT tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
        FROM pg_trigger WHERE NOT tgisinternal""",
    "function": """
        SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace""",
}
SQLITE = {
    "index": "SELECT tbl_name || '.' || name, sql FROM sqlite_master WHERE type = 'index'",
    "trigger": "SELECT tbl_name || '.' || name, sql FROM sqlite_master WHERE type = 'trigger'",
    # How the table was declared beyond its columns.
    "table": """
        SELECT name, wr || strict FROM pragma_table_list
        WHERE type = 'table' AND schema = 'main'""",
}


def describe(engine: Engine) -> dict[str, str]:
    """Everything a database consists of: "index plans.ix_one_live_plan" -> its definition."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            parts = _read(connection, SQLITE) | _sqlite_tables(connection)
        else:
            parts = _read(connection, POSTGRESQL)
    about_us = f" {BOOKKEEPING_TABLE}"
    return {
        name: definition
        for name, definition in parts.items()
        if not name.endswith(about_us) and f"{about_us}." not in name
    }


def _read(connection: Connection, queries: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, query in queries.items():
        for name, definition in connection.execute(text(query)):
            found[f"{kind} {name}"] = _plain(definition)
    return found


def _plain(definition: object) -> str:
    """Without quotes and line breaks: both ways of making a table have their own."""
    words = str(definition).replace('"', "").replace("IF NOT EXISTS ", "")
    return " ".join(words.replace("( ", "(").replace(" )", ")").split())


def _sqlite_tables(connection: Connection) -> dict[str, str]:
    """SQLite keeps constraints in the text of the table only; SQLAlchemy reads them there."""
    found: dict[str, str] = {}
    inspector = inspect(connection)
    for table in inspector.get_table_names():
        for column in inspector.get_columns(table):
            facts = [str(column["type"]), "null" if column["nullable"] else "not null"]
            facts.append(str(column["default"]))
            found[f"column {table}.{column['name']}"] = _plain(" ".join(facts))
        key = inspector.get_pk_constraint(table)
        found[f"constraint {table}.{key['name']}"] = f"primary key {key['constrained_columns']}"
        for unique in inspector.get_unique_constraints(table):
            found[f"constraint {table}.{unique['name']}"] = f"unique {unique['column_names']}"
        for check in inspector.get_check_constraints(table):
            found[f"constraint {table}.{check['name']}"] = _plain(f"check {check['sqltext']}")
        for foreign in inspector.get_foreign_keys(table):
            target = f"{foreign['referred_table']} {foreign['referred_columns']}"
            points = f"{foreign['constrained_columns']} to {target} {foreign.get('options', {})}"
            found[f"constraint {table}.{foreign['name']}"] = f"foreign key {points}"
    return found


def differences(models: dict[str, str], migrations: dict[str, str]) -> list[str]:
    """What the migrations make otherwise than the models say."""
    found = []
    for name in sorted(models.keys() | migrations.keys()):
        ours, theirs = models.get(name), migrations.get(name)
        if ours is None:
            found.append(f"{name}: only in the migrations: {theirs}")
        elif theirs is None:
            found.append(f"{name}: missing in the migrations: {ours}")
        elif ours != theirs:
            found.append(f"{name}: {ours!r} in the models, {theirs!r} in the migrations")
    return found


def unnamed_constraints(parts: dict[str, str]) -> list[str]:
    """Constraints without a name: a later migration could not speak of them."""
    return [name for name in parts if name.startswith("constraint ") and name.endswith(".None")]
