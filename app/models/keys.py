"""A list of keys as a table inside a statement, handed over as one parameter.

Thousands of keys in an IN list are slow to compile and to plan, and SQLite takes only so many
parameters; joined as a table, each key is one step into an index.
"""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, String, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import Subquery

KeyType = type[BigInteger] | type[String]


def keys_table(
    session: Session, columns: Mapping[str, KeyType], rows: Sequence[Sequence[object]]
) -> Subquery:
    """A table with these columns that holds `rows`, to join with (read it by `.c.<name>`)."""
    if session.get_bind().dialect.name == "sqlite":
        # One text of JSON: [[1, 2], [3, 4]].
        given = func.json_each(bindparam(None, json.dumps([list(row) for row in rows]), String()))
        entry = given.table_valued("value", name="keys_given").c.value
        read = [
            func.json_extract(entry, f"$[{index}]", type_=kind()).label(name)
            for index, (name, kind) in enumerate(columns.items())
        ]
        return select(*read).subquery("wanted")
    # One array for each column, walked side by side.
    arrays = [
        bindparam(None, [row[index] for row in rows], ARRAY(kind()))
        for index, kind in enumerate(columns.values())
    ]
    return (
        func.unnest(*arrays)
        .table_valued(*(column(name, kind()) for name, kind in columns.items()), name="wanted")
        .render_derived()
        .select()
        .subquery("wanted_keys")
    )
