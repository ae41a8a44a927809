"""Reading a TOML file with a complaint for every mistake: its file, line and key path."""

import re
from collections.abc import Mapping
from typing import Any


class CatalogError(Exception):
    """The catalog cannot be used; the text is "<file>, line <n>: <key path>: <what>"."""


_HEADER = re.compile(r"^\s*(\[+)\s*([^\]]+?)\s*\]+")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\-\"' ]+?)\s*=")


def _line_numbers(text: str) -> dict[str, int]:
    """Where each key path stands, counted from 1."""
    lines: dict[str, int] = {}
    table = ""
    entries: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = header.group(2).replace(" ", "").replace('"', "")
            if header.group(1) == "[[":
                # The tables of a list are named by their place in it, counted from 1.
                lines.setdefault(table, number)
                entries[table] = entries.get(table, 0) + 1
                table = f"{table}.{entries[table]}"
            # A table that is only named as part of another one stands where it is named first.
            parts = table.split(".")
            for depth in range(1, len(parts) + 1):
                lines.setdefault(".".join(parts[:depth]), number)
        elif key := _KEY.match(line):
            name = key.group(1).replace(" ", "").replace('"', "")
            lines.setdefault(f"{table}.{name}" if table else name, number)
    return lines


class Reader:
    """Walks the parsed file, remembering the path for complaints."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.lines = _line_numbers(text)

    def fail(self, path: str, what: str) -> CatalogError:
        known = path
        while known and known not in self.lines:
            known = known.rpartition(".")[0]
        return CatalogError(f"{self.source}, line {self.lines.get(known, 1)}: {path}: {what}")

    def table(self, parent: Mapping[str, Any], path: str, keys: set[str]) -> Mapping[str, Any]:
        name = path.rpartition(".")[2]
        value = parent.get(name)
        if value is None:
            raise self.fail(path, "this table is missing")
        if not isinstance(value, dict):
            raise self.fail(path, "must be a table")
        self.only(value, path, keys)
        return value

    def only(self, table: Mapping[str, Any], path: str, keys: set[str]) -> None:
        for key in table:
            if key not in keys:
                where = f"{path}.{key}" if path else key
                raise self.fail(where, f"unknown key; known are {', '.join(sorted(keys))}")

    def text(self, table: Mapping[str, Any], path: str, default: str | None = None) -> str:
        value = table.get(path.rpartition(".")[2], default)
        if value is None:
            raise self.fail(path, "is missing")
        if not isinstance(value, str) or not value.strip():
            raise self.fail(path, "must be a text that is not empty")
        return value

    def number(
        self,
        table: Mapping[str, Any],
        path: str,
        *,
        default: int | None = None,
        least: int = 0,
        most: int = 10_000_000,
    ) -> int:
        value = table.get(path.rpartition(".")[2], default)
        if value is None:
            raise self.fail(path, "is missing")
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fail(path, f"must be a whole number, not {value!r}")
        if not least <= value <= most:
            raise self.fail(path, f"must be between {least} and {most}, not {value}")
        return value

    def flag(self, table: Mapping[str, Any], path: str, *, default: bool) -> bool:
        value = table.get(path.rpartition(".")[2], default)
        if not isinstance(value, bool):
            raise self.fail(path, "must be true or false")
        return value

    def texts(self, table: Mapping[str, Any], path: str) -> tuple[str, ...]:
        value = table.get(path.rpartition(".")[2], [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(path, "must be a list of texts")
        return tuple(value)
