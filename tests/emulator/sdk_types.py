"""Does a value have a type of the SDK? What `conformance` is made of.

The generated classes quote the names of each other, write an enum as "these words, or any text",
and make every nullable field Optional; all that is dealt with here.
"""

import ast
import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import stripe
import typing_extensions
from stripe._request_options import RequestOptions
from stripe._stripe_object import StripeObject, UntypedStripeObject

Problems = list[str]

# --- Resolving annotations ------------------------------------------------------------------------


@cache
def names_for_typing(module_name: str) -> dict[str, Any]:
    """A module's names, with those that it imports only for type checkers.

    The generated modules import each other under TYPE_CHECKING and quote those names.
    """
    module = sys.modules[module_name]
    names: dict[str, Any] = dict(vars(module))
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("stripe"):
            source = importlib.import_module(node.module)
            for alias in node.names:
                names.setdefault(alias.asname or alias.name, getattr(source, alias.name))
    return names


@dataclass(frozen=True)
class Scope:
    """Where a quoted annotation is to be read: its module, and the class it stands in."""

    module: str
    owner: type | None = None

    def resolve(self, annotation: Any) -> Any:
        if isinstance(annotation, ForwardRef):
            annotation = annotation.__forward_arg__
        if not isinstance(annotation, str):
            return annotation
        local = dict(vars(self.owner)) if self.owner is not None else {}
        return eval(annotation, dict(names_for_typing(self.module)), local)  # noqa: S307  # The text is the SDK's own source, not input.


def annotations(cls: type) -> Iterator[tuple[str, Any, Scope]]:
    """Each field of a response class with its annotation and where to read it."""
    for base in reversed(cls.__mro__):
        if not (isinstance(base, type) and issubclass(base, StripeObject)):
            continue
        if base.__module__.startswith(("stripe._stripe_object", "stripe._api_resource")):
            continue
        for name, annotation in vars(base).get("__annotations__", {}).items():
            text = str(annotation)
            if name.startswith("_") or "ClassVar" in text:
                continue
            yield name, annotation, Scope(base.__module__, base)


# --- Does a value fit a type? ---------------------------------------------------------------------


def _is_optional(annotation: Any, scope: Scope) -> bool:
    resolved = scope.resolve(annotation)
    return get_origin(resolved) in (Union, types.UnionType) and type(None) in get_args(resolved)


def members_of(resolved: Any, scope: Scope) -> list[Any]:
    """The alternatives of a union, flattened and resolved.

    The SDK writes an enum as `Literal[…] | str`, so that unknown values of tomorrow type-check. Here
    the known values are the point: the bare `str` is dropped, unless the literal only stands for
    "empty to unset".
    """
    found: list[Any] = []
    for member in get_args(resolved):
        member = scope.resolve(member)
        if get_origin(member) in (Union, types.UnionType):
            found += members_of(member, scope)
        else:
            found.append(member)
    literals = {value for member in found for value in literal_values(member)}
    if str in found and literals - {""}:
        found.remove(str)
    return found


def literal_values(member: Any) -> tuple[Any, ...]:
    is_literal = get_origin(member) in (Literal, typing_extensions.Literal)
    return get_args(member) if is_literal else ()


def fits(value: Any, annotation: Any, scope: Scope, path: str, *, wire: bool) -> Problems:
    """What keeps a value from having a type. `wire` values come as text from a form."""
    resolved = scope.resolve(annotation)
    origin = get_origin(resolved)
    if resolved is Any:
        return []
    if origin in (typing.NotRequired, typing_extensions.NotRequired, typing_extensions.Required):
        return fits(value, get_args(resolved)[0], scope, path, wire=wire)
    if origin in (Union, types.UnionType):
        return _check_union(value, members_of(resolved, scope), scope, path, wire=wire)
    if resolved is type(None):
        return [] if value is None else [f"{path}: {value!r} is not null"]
    if origin in (Literal, typing_extensions.Literal):
        allowed = get_args(resolved)
        known = value in allowed and type(value) in {type(item) for item in allowed}
        return [] if known else [f"{path}: {value!r} is not one of {', '.join(map(repr, allowed))}"]
    if origin is list:
        return _check_list(value, get_args(resolved)[0], scope, path, wire=wire)
    if origin in (dict, UntypedStripeObject) or resolved is UntypedStripeObject:
        return _check_dict(value, get_args(resolved), scope, path, wire=wire)
    if typing_extensions.is_typeddict(resolved):
        return check_typed_dict(value, resolved, path)
    target = origin if isinstance(origin, type) else resolved
    if target is stripe.ListObject:
        return check_page(value, path, item=get_args(resolved)[0], scope=scope)
    if isinstance(target, type) and issubclass(target, StripeObject):
        return check_class(value, target, path)
    return _check_plain(value, resolved, path, wire=wire)


def _check_union(
    value: Any, members: list[Any], scope: Scope, path: str, *, wire: bool
) -> Problems:
    attempts = [fits(value, member, scope, path, wire=wire) for member in members]
    if any(not problems for problems in attempts):
        return []
    # The member that fits on the outside explains best: what is wrong lies deeper inside the value.
    inside = [
        problems
        for problems in attempts
        if all(problem.startswith((f"{path}.", f"{path}[")) for problem in problems)
    ]
    if inside:
        return min(inside, key=len)
    # That it is not null, or not the empty text that clears, says less than what it should be.
    told = [
        problem
        for problems in attempts
        for problem in problems
        if not problem.endswith(("is not null", "is not one of ''"))
    ]
    return told[:1] or attempts[0]


def _check_list(value: Any, item: Any, scope: Scope, path: str, *, wire: bool) -> Problems:
    if not isinstance(value, list):
        return [f"{path}: {value!r:.80} is not a list"]
    return [
        problem
        for index, entry in enumerate(value)
        for problem in fits(entry, item, scope, f"{path}[{index}]", wire=wire)
    ]


def _check_dict(
    value: Any, arguments: tuple[Any, ...], scope: Scope, path: str, *, wire: bool
) -> Problems:
    if not isinstance(value, Mapping):
        return [f"{path}: {value!r:.80} is not an object"]
    item = arguments[-1] if arguments else Any
    return [
        problem
        for name, entry in value.items()
        for problem in fits(entry, item, scope, f"{path}.{name}", wire=wire)
    ]


_PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    # JSON and forms carry decimals as text.
    Decimal: (str, Decimal),
}

_WIRE_TEXT = {
    str: r"(?s).*",
    int: r"-?\d+",
    float: r"-?\d+(\.\d+)?",
    bool: r"true|false",
    Decimal: r"-?\d+(\.\d+)?",
}


def _check_plain(value: Any, expected: Any, path: str, *, wire: bool) -> Problems:
    if expected not in _PLAIN:
        return [f"{path}: the checker does not know the type {expected!r}"]
    name = expected.__name__
    if wire and isinstance(value, str):
        fits = re.fullmatch(_WIRE_TEXT[expected], value) is not None
    else:
        fits = isinstance(value, _PLAIN[expected]) and (
            expected is bool or not isinstance(value, bool)
        )
        if fits and expected is Decimal and isinstance(value, str):
            fits = re.fullmatch(_WIRE_TEXT[Decimal], value) is not None
    return [] if fits else [f"{path}: {value!r:.80} is not {name}"]


# --- Classes of answers and of parameters ---------------------------------------------------------


def check_class(value: Any, cls: type, path: str) -> Problems:
    """An object against a response class: required fields, types, and no field it does not have."""
    if not isinstance(value, Mapping):
        return [f"{path}: {value!r:.80} is not an object"]
    fields = {name: (annotation, where) for name, annotation, where in annotations(cls)}
    problems = [
        f"{path}.{name}: unknown field of {cls.__name__}" for name in value if name not in fields
    ]
    is_deleted = value.get("deleted") is True
    for name, (annotation, where) in fields.items():
        if name in value:
            problems += fits(value[name], annotation, where, f"{path}.{name}", wire=False)
        elif not is_deleted and not _is_optional(annotation, where):
            problems.append(f"{path}.{name}: missing, {cls.__name__} requires it")
    return problems


def check_page(value: Any, where: str, *, item: Any, scope: Scope) -> Problems:
    """A page of a list whose entries have a given type."""
    if not isinstance(value, Mapping):
        return [f"{where}: {value!r:.80} is not an object"]
    expected: dict[str, Any] = {"object": str, "data": list, "has_more": bool, "url": str}
    problems = [
        f"{where}.{name}: unknown field of ListObject" for name in value if name not in expected
    ]
    for name, kind in expected.items():
        if not isinstance(value.get(name), kind):
            problems.append(f"{where}.{name}: missing, or not {kind.__name__}")
    if value.get("object") != "list":
        problems.append(f"{where}.object: {value.get('object')!r} is not 'list'")
    if problems:
        return problems
    return _check_list(value["data"], item, scope, f"{where}.data", wire=False)


_OPTIONS = frozenset(RequestOptions.__annotations__)


def check_typed_dict(value: Any, cls: Any, path: str) -> Problems:
    if not isinstance(value, Mapping):
        return [f"{path}: {value!r:.80} is not an object"]
    scope = Scope(cls.__module__)
    fields = {
        name: annotation for name, annotation in cls.__annotations__.items() if name not in _OPTIONS
    }

    def named(name: str) -> str:
        return f"{path}[{name}]" if path else name

    problems = [f"{named(name)}: unknown parameter" for name in value if name not in fields]
    required = cls.__required_keys__ - _OPTIONS
    problems += [f"{named(name)}: missing" for name in sorted(required) if name not in value]
    for name, entry in value.items():
        if name in fields:
            problems += fits(entry, fields[name], scope, named(name), wire=True)
    return problems
