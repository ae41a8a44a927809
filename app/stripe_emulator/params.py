"""Form decoding and the grammar of parameters.

A route describes its parameters with the small types below. What does not fit is refused with the
error the API gives for it, and what the emulator does not know is refused too: a parameter that is
quietly ignored would let the portal believe in something that never happens.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.stripe_emulator.errors import InvalidParameters

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)", re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,12}")
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
_MAX_DEPTH = 8
_MAX_ITEMS = 500


def decode_form(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Turn `a[b][0][c]=x` into nested dictionaries and lists.

    Raises InvalidParameters for keys that do not nest sensibly, never a bare exception: the key
    comes from outside.
    """
    root: dict[str, Any] = {}
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if match is None:
            raise InvalidParameters(400, f"Invalid parameter name: {key!r}", param=key)
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(path) > _MAX_DEPTH:
            raise InvalidParameters(400, f"Parameter nested too deeply: {key}", param=key)
        here = root
        for part, following in itertools.pairwise(path):
            name = part or str(len(here))
            here = here.setdefault(name, {})
            if not isinstance(here, dict):
                raise InvalidParameters(400, f"Invalid object at {key} near {following}", param=key)
        last = path[-1] or str(len(here))
        if isinstance(here.get(last), dict):
            raise InvalidParameters(400, f"Invalid value for {key}: it is an object", param=key)
        here[last] = value
    return {name: _lists(value) for name, value in root.items()}


def _lists(value: Any) -> Any:
    """A dictionary whose keys are all numbers is a list, in the order of the numbers."""
    if not isinstance(value, dict):
        return value
    if value and all(name.isascii() and name.isdigit() for name in value):
        return [_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _lists(inner) for name, inner in value.items()}


def _refuse(message: str, path: str, *, code: str | None = None) -> InvalidParameters:
    return InvalidParameters(400, message, param=path, code=code)


def _scalar(raw: Any, path: str, what: str) -> str:
    if not isinstance(raw, str):
        raise _refuse(f"Invalid {what}: {path} must be a single value", path)
    return raw


class Spec:
    """One parameter's type. `clearable` ones accept an empty value, which means None."""

    clearable: bool = False

    def parse(self, raw: Any, path: str) -> Any:
        if raw == "":
            if self.clearable:
                return None
            raise _refuse(
                f"You passed an empty string for '{path}'. We assume empty values are an attempt "
                f"to unset a parameter; however '{path}' cannot be unset.",
                path,
                code="parameter_invalid_empty",
            )
        return self.read(raw, path)

    def read(self, raw: Any, path: str) -> Any:
        raise TypeError(f"{type(self).__name__} cannot read a value")


@dataclass(frozen=True)
class Text(Spec):
    clearable: bool = False
    max_length: int = 5000

    def read(self, raw: Any, path: str) -> str:
        value = _scalar(raw, path, "string")
        if len(value) > self.max_length:
            raise _refuse(
                f"Invalid string: {path} must be at most {self.max_length} characters", path
            )
        return value


@dataclass(frozen=True)
class Integer(Spec):
    """A whole number: cents, a count, or a time in seconds since 1970."""

    clearable: bool = False
    minimum: int | None = None
    maximum: int | None = None

    def read(self, raw: Any, path: str) -> int:
        value = _scalar(raw, path, "integer")
        if not _INTEGER.fullmatch(value):
            raise _refuse(f"Invalid integer: {value[:80]}", path, code="parameter_invalid_integer")
        number = int(value)
        if self.minimum is not None and number < self.minimum:
            raise _refuse(f"This value must be greater than or equal to {self.minimum}.", path)
        if self.maximum is not None and number > self.maximum:
            raise _refuse(f"This value must be less than or equal to {self.maximum}.", path)
        return number


@dataclass(frozen=True)
class DecimalText(Spec):
    """A decimal with at most 12 places, kept exact."""

    def read(self, raw: Any, path: str) -> Decimal:
        value = _scalar(raw, path, "decimal")
        if not _DECIMAL.fullmatch(value):
            raise _refuse(f"Invalid decimal: {value[:80]}", path)
        return Decimal(value)


@dataclass(frozen=True)
class Boolean(Spec):
    def read(self, raw: Any, path: str) -> bool:
        value = _scalar(raw, path, "boolean")
        if value not in ("true", "false"):
            raise _refuse(f"Invalid boolean: {value[:80]}", path)
        return value == "true"


@dataclass(frozen=True)
class Choice(Spec):
    options: tuple[str, ...]
    clearable: bool = False

    def read(self, raw: Any, path: str) -> str:
        value = _scalar(raw, path, "value")
        if value not in self.options:
            raise _refuse(f"Invalid {path}: must be one of {', '.join(self.options)}", path)
        return value


@dataclass(frozen=True)
class ListOf(Spec):
    item: Spec
    clearable: bool = False
    max_items: int = _MAX_ITEMS

    def read(self, raw: Any, path: str) -> list[Any]:
        if not isinstance(raw, list):
            raise _refuse(f"Invalid array: {path}", path)
        if len(raw) > self.max_items:
            raise _refuse(f"Invalid array: {path} has more than {self.max_items} items", path)
        return [self.item.parse(value, f"{path}[{index}]") for index, value in enumerate(raw)]


@dataclass(frozen=True)
class Hash(Spec):
    """Named parameters. A name that is not listed is `parameter_unknown`."""

    fields: Mapping[str, Spec]
    required: tuple[str, ...] = ()
    clearable: bool = False

    def read(self, raw: Any, path: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise _refuse(f"Invalid object: {path}", path)
        return parse(self.fields, raw, required=self.required, prefix=path)


@dataclass(frozen=True)
class Metadata(Spec):
    """Up to 50 keys of 40 characters with values of 500; None clears a key, or all of them."""

    clearable: bool = True

    def read(self, raw: Any, path: str) -> dict[str, str | None]:
        # A metadata object whose keys are all digits looks like a list to the form decoder.
        if isinstance(raw, list):
            raise _refuse(f"Invalid object: {path} needs names that are not numbers", path)
        if not isinstance(raw, dict):
            raise _refuse(f"Invalid object: {path}", path)
        values: dict[str, str | None] = {}
        for name, value in raw.items():
            inner = f"{path}[{name}]"
            text = _scalar(value, inner, "string")
            if len(name) > 40:
                raise _refuse(f"Metadata keys can have up to 40 characters: {name[:60]}", inner)
            if len(text) > 500:
                raise _refuse(f"Metadata values can have up to 500 characters: {inner}", inner)
            values[name] = text or None
        return values


@dataclass(frozen=True)
class Range(Spec):
    """Either one time or bounds named gt, gte, lt, lte; read as bounds."""

    bound: Spec = field(default_factory=Integer)

    def read(self, raw: Any, path: str) -> dict[str, int]:
        if isinstance(raw, str):
            exact = self.bound.parse(raw, path)
            return {"gte": exact, "lte": exact}
        return Hash(dict.fromkeys(("gt", "gte", "lt", "lte"), self.bound)).read(raw, path)


# Languages that Checkout and the billing portal both speak. The emulator's pages are in English.
LOCALES = (
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr",
    "fr-CA", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt",
    "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
)  # fmt: skip
EXPAND = ListOf(Text(), max_items=20)
PAGING: dict[str, Spec] = {
    "limit": Integer(minimum=1, maximum=100),
    "starting_after": Text(),
    "ending_before": Text(),
}


def parse(
    fields: Mapping[str, Spec],
    raw: Mapping[str, Any],
    *,
    required: Iterable[str] = (),
    prefix: str = "",
) -> dict[str, Any]:
    """Read all parameters or raise InvalidParameters for the first that does not fit."""
    values: dict[str, Any] = {}
    for name, value in raw.items():
        path = f"{prefix}[{name}]" if prefix else name
        if name not in fields:
            raise _refuse(f"Received unknown parameter: {path}", path, code="parameter_unknown")
        values[name] = fields[name].parse(value, path)
    for name in required:
        if name not in values:
            path = f"{prefix}[{name}]" if prefix else name
            raise _refuse(f"Missing required param: {path}.", path, code="parameter_missing")
    return values


def merge_metadata(
    current: dict[str, str], changes: dict[str, str | None] | None
) -> dict[str, str]:
    """Metadata after an update: None as a whole clears it, None as a value removes the key."""
    if changes is None:
        return {}
    merged: dict[str, str | None] = {**current, **changes}
    kept = {name: value for name, value in merged.items() if value is not None}
    if len(kept) > 50:
        raise _refuse("You can have up to 50 metadata keys.", "metadata")
    return kept
