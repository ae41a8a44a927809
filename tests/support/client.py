"""A test client that looks at everything it fetches.

Every HTML page has to be right (`tests/support/pages.py`), showing a page may not write, apart from
the bookkeeping of sessions and of the audit log, and templates get values, never rows of tables. A
test that fetches a page for which this does not hold fails.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from typing import Any

import html5lib
from flask import Flask, template_rendered
from flask.testing import FlaskClient
from jinja2 import Template
from sqlalchemy import Engine, event
from sqlalchemy.orm import DeclarativeBase
from werkzeug.test import TestResponse

from tests.support.pages import page_problems

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Session bookkeeping, and what was looked at by whom (with the erasable names that it points to).
BOOKKEEPING = frozenset({"browser_sessions", "audit_entries", "personal_details"})
# Claiming a customer only counts its version up, but it takes a lock and so is a write too.
_WRITE = re.compile(
    r"\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE(?:\s+TABLE)?"
    r"|COPY)\s+\"?(\w+)",
    re.IGNORECASE,
)
# What is not a write although it has the word: row locks, and the text of literals.
_NOT_A_WRITE = re.compile(
    r"\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b|\bDO\s+UPDATE\b|\bON\s+UPDATE\b|'(?:[^']|'')*'",
    re.IGNORECASE,
)


class PageError(AssertionError):
    """A page that a test fetched is not as every page has to be."""


class RowInTemplateError(AssertionError):
    """A template was given a row of a table instead of a frozen page object."""


class WriteInReadError(AssertionError):
    """Showing a page wrote to the database."""


def written_tables(statement: str) -> set[str]:
    """The tables that a SQL statement writes to."""
    return {name.lower() for name in _WRITE.findall(_NOT_A_WRITE.sub(" ", statement))}


# What the recordings that are going on have found, innermost last. Each thread has its own.
_recordings: ContextVar[tuple[list[str], ...]] = ContextVar("recordings", default=())


# Listening once and for all: other threads may be using an engine when a recording begins.
@event.listens_for(Engine, "before_cursor_execute")
def _note_write(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    recordings = _recordings.get()
    if recordings and written_tables(statement) - BOOKKEEPING:
        for writes in recordings:
            writes.append(statement)


@contextmanager
def recorded_writes() -> Iterator[list[str]]:
    """The statements of this thread, of any engine, that write to more than bookkeeping."""
    writes: list[str] = []
    token = _recordings.set((*_recordings.get(), writes))
    try:
        yield writes
    finally:
        _recordings.reset(token)


# What Flask and its extensions put into every template; the person who is logged in is among it.
GIVEN_BY_FLASK = frozenset({"g", "request", "session", "config", "current_user"})


def rows_in(value: object, where: str) -> Iterator[str]:
    """The rows of tables in what a template was given, inside page objects and lists too."""
    if isinstance(value, DeclarativeBase):
        yield f"{where} is a {type(value).__name__}"
    elif isinstance(value, Mapping):
        for name, held in value.items():
            yield from rows_in(held, f"{where}[{name!r}]")
    elif isinstance(value, list | tuple | set | frozenset):
        for number, held in enumerate(value):
            yield from rows_in(held, f"{where}[{number}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield from rows_in(getattr(value, part.name), f"{where}.{part.name}")


_recorded_rows: ContextVar[list[str] | None] = ContextVar("recorded rows", default=None)


@template_rendered.connect
def _note_rows(_app: Flask, *, template: Template, context: dict[str, Any], **_rest: Any) -> None:
    found = _recorded_rows.get()
    if found is not None:
        for name in context.keys() - GIVEN_BY_FLASK:
            found.extend(rows_in(context[name], f"{template.name}: {name}"))


@contextmanager
def recorded_rows() -> Iterator[list[str]]:
    """Where templates that this thread renders are given rows of tables."""
    found: list[str] = []
    token = _recorded_rows.set(found)
    try:
        yield found
    finally:
        _recorded_rows.reset(token)


def check_page(response: TestResponse) -> None:
    """Fail when `response` is an HTML page that is not as every page has to be."""
    if response.mimetype != "text/html" or response.status_code in range(300, 400):
        return
    if response.request.method == "HEAD":
        return
    problems = page_problems(response.get_data(as_text=True))
    if problems:
        where = f"{response.request.method} {response.request.path} ({response.status})"
        raise PageError("\n  ".join([f"the page of {where}:", *problems]))


class CheckedClient(FlaskClient):
    """What `app.test_client()` makes in tests. `client.get(...)` and the others check the page."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send the request.

        Raises PageError, WriteInReadError or RowInTemplateError when the answer is not right.
        """
        with recorded_writes() as writes, recorded_rows() as rows:
            response = super().open(*args, **kwargs)
        if rows:
            raise RowInTemplateError("\n  ".join(["templates were given rows:", *rows]))
        # After redirects were followed, the request that was asked for stands first in history;
        # a POST among them may have written.
        asked = [earlier.request.method for earlier in response.history] + [response.request.method]
        if writes and set(asked) <= READING_METHODS:
            what = "\n  ".join(writes)
            raise WriteInReadError(f"GET {response.request.path} wrote:\n  {what}")
        check_page(response)
        return response

    def submit(
        self,
        page: TestResponse,
        values: Mapping[str, str | list[str]] | None = None,
        *,
        action: str | None = None,
        **options: Any,
    ) -> TestResponse:
        """Send a form of `page` as a browser would: with what stands in it, and `values` on top.

        `action` chooses among several forms by the end of their address. `options` go to `open`.
        Raises LookupError when there is no such form, or no such field in it.
        """
        form = _find_form(page, action)
        fields = _fields(form)
        for name, value in (values or {}).items():
            if name not in fields:
                raise LookupError(f"the form has no field {name!r}, only {sorted(fields)}")
            fields[name] = value if isinstance(value, list) else [value]
        method = form.get("method", "get").upper()
        sent = {"data" if method == "POST" else "query_string": fields}
        address = form.get("action") or page.request.full_path
        return self.open(address, method=method, **(sent | options))


def _find_form(page: TestResponse, action: str | None) -> Any:
    root = html5lib.parse(page.get_data(as_text=True), namespaceHTMLElements=False)
    # The bar at the top has forms of its own on every page; they are meant only when named.
    main = root.find(".//main")
    forms = list((root if action is not None or main is None else main).iter("form"))
    found = [form for form in forms if action is None or form.get("action", "").endswith(action)]
    if len(found) != 1:
        known = [form.get("action") for form in forms]
        raise LookupError(f"{len(found)} forms match {action!r} among {known}")
    return found[0]


def _fields(form: Any) -> dict[str, list[str]]:
    """The fields of a form with what they hold now; an unticked box is there and holds nothing."""
    fields: dict[str, list[str]] = {}
    for element in form.iter():
        name = element.get("name")
        if name is None:
            continue
        held = fields.setdefault(name, [])
        if element.tag == "textarea":
            held.append("".join(element.itertext()))
        elif element.tag == "select":
            options = list(element.iter("option"))
            chosen = [option for option in options if option.get("selected") is not None]
            for option in chosen or options[:1]:
                held.append(option.get("value", "".join(option.itertext())))
        elif element.tag == "input":
            kind = element.get("type", "text")
            ticked = kind not in {"checkbox", "radio"} or element.get("checked") is not None
            if ticked and kind not in {"submit", "button", "reset", "image", "file"}:
                held.append(element.get("value", "on" if kind in {"checkbox", "radio"} else ""))
    return fields
