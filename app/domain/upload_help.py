"""How a server is made to report now: the catalog's commands for each range of its versions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.catalog_reader import Reader

Version = tuple[int, ...]
MOST_COMMANDS = 10
_VERSION = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,3}")


@dataclass(frozen=True, slots=True)
class UploadHelp:
    """The commands for servers from `min_version` up to the next entry's; `note` is a sentence for
    whoever runs them, or nothing."""

    min_version: str
    commands: tuple[str, ...]
    note: str


def parse_version(text: str | None) -> Version | None:
    """The numbers that a version begins with, without zeros at their end ("9.0-dev" is (9,)).

    None when it does not begin with one: servers send what they like.
    """
    found = _VERSION.match(text.strip()) if text else None
    if found is None:
        return None
    numbers = [int(part) for part in found.group().split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def choose_upload_help(
    entries: Sequence[UploadHelp], *, version: str | None
) -> tuple[UploadHelp, ...]:
    """The one entry for a server of that version; all of them when it is unknown or older than
    each, since then a person has to choose."""
    known = parse_version(version)
    if known is not None:
        for entry in entries:
            least = parse_version(entry.min_version)
            if least is not None and least <= known:
                return (entry,)
    return tuple(entries)


def read_upload_help(reader: Reader, data: Mapping[str, Any]) -> tuple[UploadHelp, ...]:
    """The tables `[[upload_help]]`, newest versions first. Raises CatalogError."""
    tables = data.get("upload_help", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise reader.fail("upload_help", "must be tables, each beginning with [[upload_help]]")
    found: dict[Version, UploadHelp] = {}
    for number, table in enumerate(tables, start=1):
        path = f"upload_help.{number}"
        reader.only(table, path, {"min_version", "commands", "note"})
        least = reader.text(table, f"{path}.min_version")
        version = parse_version(least) if _VERSION.fullmatch(least) else None
        if version is None:
            raise reader.fail(f"{path}.min_version", "must be a version like 9.0")
        if version in found:
            raise reader.fail(f"{path}.min_version", f"{least} has commands already")
        commands = reader.texts(table, f"{path}.commands")
        if not 1 <= len(commands) <= MOST_COMMANDS or not all(map(_is_line, commands)):
            what = f"must be 1 to {MOST_COMMANDS} commands of one line each"
            raise reader.fail(f"{path}.commands", what)
        note = reader.text(table, f"{path}.note") if "note" in table else ""
        found[version] = UploadHelp(least, commands, note)
    return tuple(found[version] for version in sorted(found, reverse=True))


def _is_line(command: str) -> bool:
    return bool(command.strip()) and command.isprintable()
