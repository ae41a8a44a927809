"""The fields of a request, wherever they stand: form, JSON or, where allowed, the query string.

A nested value is a JSON text inside a form field, and real JSON inside a JSON body. Whatever is
wrong raises a BillingError that names the field.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from app.domain.errors import BillingError

T = TypeVar("T")

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MOST_FIELDS = 100
LONGEST_NAME = 100

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MISSING_KEY = re.compile(r"Object missing required field `([^`]*)`")
_UNKNOWN_KEY = re.compile(r"Object contains unknown field `([^`]*)`")
# The escapes that JSON in a form is full of. None of them is a hexadecimal digit or a percent
# sign, so replacing them first, which is ten times as fast, cannot make another escape.
_COMMON_ESCAPES = tuple(
    (f"%{ord(character):02X}".encode(), character.encode()) for character in '"{}[],:/@-_. '
)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one request. `is_json` tells whether nested values are values already."""

    values: dict[str, Any]
    is_json: bool

    def text(self, name: str, *aliases: str) -> str:
        """A text that must be there, under its name or one of its aliases, without control
        characters and halves of surrogate pairs (no database stores those)."""
        found = self.optional_text(name, *aliases)
        if found is None:
            raise BillingError("field_missing", field=name)
        return found

    def optional_text(self, name: str, *aliases: str) -> str | None:
        """The same, or None when it is absent (or null, in a JSON body)."""
        given = [key for key in (name, *aliases) if self.values.get(key) is not None]
        if len(given) > 1:
            raise BillingError("field_twice", field=given[1])
        if not given:
            return None
        value = self.values[given[0]]
        if not isinstance(value, str):
            raise BillingError("field_not_text", field=given[0])
        return check_text(value, given[0])

    def nested(self, name: str, kind: type[T]) -> T:
        """A nested value of that shape, which must be there."""
        found = self.optional_nested(name, kind)
        if found is None:
            raise BillingError("field_missing", field=name)
        return found

    def optional_nested(self, name: str, kind: type[T]) -> T | None:
        """The same, or None when it is absent or null."""
        value = self.values.get(name)
        if value is None:
            return None
        try:
            if self.is_json:
                return msgspec.convert(value, kind, strict=True)
            return None if value == "null" else msgspec.json.decode(value, type=kind, strict=True)
        except msgspec.ValidationError as error:
            _complain(name, str(error))
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise BillingError("field_not_json", field=name) from None


def read_fields(request: Request, *, with_query: bool = False) -> Fields:
    """The fields of the body, and of the query string when it is allowed to hold some.

    Raises BillingError for a body that cannot be read, `payload_too_large` for one over the limit,
    and for a field given twice.
    """
    if request.content_encoding:
        raise BillingError("field_wrong", field="Content-Encoding", problem="is not supported")
    body = _read_body(request)
    if body and request.mimetype == JSON:
        fields = Fields(_read_json(body), is_json=True)
    elif not body or request.mimetype in (FORM, ""):
        fields = Fields(_read_pairs(body), is_json=False)
    else:
        raise BillingError("field_wrong", field="Content-Type", problem=f"must be {FORM} or {JSON}")
    query = _read_pairs(request.query_string) if with_query else {}
    for name in query:
        if name in fields.values:
            raise BillingError("field_twice", field=name)
    return Fields(fields.values | query, is_json=fields.is_json)


def _read_body(request: Request) -> bytes:
    """The whole body. A body that tells a length over the limit is not read at all. One sent in
    chunks does not tell its length before: it is cut at the limit, and half of one must not pass
    for all of it.

    A refusal of ours, not of HTTP, so that an upload's is noted as any other.
    """
    most = request.max_content_length
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise BillingError("payload_too_large", most=most) from None
    if request.content_length is None and most is not None and len(body) >= most:
        raise BillingError("payload_too_large", most=most)
    return body


def read_query(request: Request) -> Fields:
    """The fields of the query string alone."""
    return Fields(_read_pairs(request.query_string), is_json=False)


def check_text(value: str, field: str, *, most: int | None = None) -> str:
    """`value`, which any database can store. BillingError for control characters and lone
    surrogates, or when it has more than `most` characters."""
    if most is not None and len(value) > most:
        raise BillingError("field_too_long", field=field, most=most)
    if _CONTROL.search(value):
        raise BillingError("field_characters", field=field)
    return value


def _read_pairs(body: bytes) -> dict[str, Any]:
    pairs = [part.partition(b"=") for part in body.split(b"&") if part]
    _check_number(pairs)
    values: dict[str, Any] = {}
    for raw_name, _, raw_value in pairs:
        name = _decode(raw_name, "body")
        shown = name[:LONGEST_NAME]
        if name in values:
            raise BillingError("field_twice", field=shown)
        values[name] = _decode(raw_value, shown)
        if "\0" in name or "\0" in values[name]:
            raise BillingError("field_characters", field=shown.replace("\0", ""))
    return values


def _decode(raw: bytes, field: str) -> str:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        for escape, character in _COMMON_ESCAPES:
            raw = raw.replace(escape, character)
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BillingError("field_wrong", field=field, problem="is not UTF-8") from None


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise BillingError("field_not_json", field="body") from None
    if not isinstance(value, dict):
        raise BillingError("field_wrong", field="body", problem="must be a JSON object")
    _check_number(value)
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no key stands twice, since readers disagree which one counts."""
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        shown = _CONTROL.sub("", twice[:LONGEST_NAME])
        raise BillingError("field_twice", field=shown)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_number(fields: Iterable[Any]) -> None:
    if len(list(fields)) > MOST_FIELDS:
        raise BillingError("field_wrong", field="body", problem="has too many fields")


def _complain(name: str, problem: str) -> NoReturn:
    """Say where in a nested value msgspec found what, by the path that leads there."""
    what, _, path = problem.partition(" - at `$")
    where = name + path.rstrip("`")
    if key := _MISSING_KEY.match(what):
        raise BillingError("field_missing", field=f"{where}.{key.group(1)}")
    if key := _UNKNOWN_KEY.match(what):
        shown = _CONTROL.sub("", key.group(1)[:LONGEST_NAME])
        raise BillingError("field_unknown", field=f"{where}.{shown}")
    raise BillingError("field_wrong", field=where, problem=_CONTROL.sub("", what[:200]))
