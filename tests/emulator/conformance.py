"""Does a request, or an object, fit the types of the installed Stripe SDK?

The SDK's generated classes are the only description of Stripe's API that comes with the project, so
they judge both sides: what the portal sends and what the emulator answers. Nothing here knows the
emulator. Every check returns the list of what does not fit; an empty list means that all fits.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import stripe
from stripe._object_classes import OBJECT_CLASSES

from tests.emulator.sdk_types import (
    Problems,
    Scope,
    annotations,
    check_class,
    check_page,
    check_typed_dict,
    literal_values,
    members_of,
    names_for_typing,
)

# --- Responses ------------------------------------------------------------------------------------


def object_class(kind: str) -> type | None:
    """The SDK's class for an `object` name, e.g. "invoice"."""
    if kind not in OBJECT_CLASSES:
        return None
    module, name = OBJECT_CLASSES[kind]
    found: type = getattr(importlib.import_module(module), name)
    return found


def check_object(value: Mapping[str, Any], *, path: str = "") -> Problems:
    """A response body or an event's object against the class that its `object` names."""
    kind = str(value.get("object"))
    where = path or kind
    if kind == "list":
        problems = check_page(value, where, item=Any, scope=Scope(__name__))
        entries = value["data"] if not problems else []
        for index, entry in enumerate(entries):
            problems += check_object(entry, path=f"{where}.data[{index}]")
        return problems
    cls = object_class(kind)
    if cls is None:
        return [f"{where}: the SDK has no class for object {kind!r}"]
    problems = check_class(value, cls, where)
    if kind == "event" and isinstance(value.get("data"), Mapping):
        problems += check_object(value["data"]["object"], path=f"{where}.data.object")
    return problems


@cache
def error_codes() -> frozenset[str]:
    """Every error code that the SDK lists for a failed payment, which are all of the API's codes."""
    cls = stripe.PaymentIntent.LastPaymentError
    for name, annotation, scope in annotations(cls):
        if name == "code":
            members = members_of(scope.resolve(annotation), scope)
            return frozenset(value for member in members for value in literal_values(member))
    raise LookupError("LastPaymentError.code is gone from the SDK")


def check_error(body: Mapping[str, Any]) -> Problems:
    """An error's body: the fields of ErrorObject, a known type, a known code."""
    error = body.get("error")
    if not isinstance(error, Mapping):
        return ["error: missing"]
    cls = importlib.import_module("stripe._error_object").ErrorObject
    problems = check_class(error, cls, "error")
    known = ("api_error", "card_error", "idempotency_error", "invalid_request_error")
    if error.get("type") not in known:
        problems.append(f"error.type: {error.get('type')!r} is not one of {known}")
    if error.get("code") is not None and error["code"] not in error_codes():
        problems.append(f"error.code: {error['code']!r} is no code of the SDK")
    return problems


# --- Requests -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """A route of the SDK and the class of its parameters."""

    method: str
    template: str
    params: type

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{\w+\}", "[^/]+", self.template))


@cache
def operations() -> tuple[Operation, ...]:
    """Every v1 route of the SDK's services, fixed paths before those with a name in them."""
    found: dict[tuple[str, str], Operation] = {}
    for module_info in pkgutil.walk_packages(stripe.__path__, "stripe."):
        if not module_info.name.endswith("_service") or ".v2" in module_info.name:
            continue
        module = importlib.import_module(module_info.name)
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                for operation in _operations_of(node, module.__name__):
                    found.setdefault((operation.method, operation.template), operation)
    return tuple(sorted(found.values(), key=lambda operation: operation.template.count("{")))


def _operations_of(service: ast.ClassDef, module: str) -> Iterator[Operation]:
    for method in service.body:
        if not isinstance(method, ast.FunctionDef):
            continue
        params = next((arg for arg in method.args.args if arg.arg == "params"), None)
        request = next(
            (
                node
                for node in ast.walk(method)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "_request"
            ),
            None,
        )
        if params is None or params.annotation is None or request is None:
            continue
        http_method = ast.literal_eval(request.args[0]).upper()
        address = request.args[1]
        if isinstance(address, ast.Call) and isinstance(address.func, ast.Attribute):
            address = address.func.value
        names = re.findall(r"\w+Params\b", ast.unparse(params.annotation))
        if names and isinstance(address, ast.Constant) and isinstance(address.value, str):
            cls = names_for_typing(module)[names[0]]
            yield Operation(http_method, address.value, cls)


def find_operation(method: str, path: str) -> Operation | None:
    """The SDK's route for a request, or None."""
    return next(
        (
            operation
            for operation in operations()
            if operation.method == method.upper() and operation.pattern.fullmatch(path)
        ),
        None,
    )


def check_request(method: str, path: str, params: Mapping[str, Any]) -> Problems:
    """A request's parameters against the TypedDict of its route: names, types, enum values.

    `params` are either Python values as given to the SDK or text as it came over the wire (the
    `params` of an entry of `/_control/requests`).
    """
    operation = find_operation(method, path)
    if operation is None:
        return [f"{method} {path}: the SDK has no such route"]
    return [
        f"{method.upper()} {path}: {problem}"
        for problem in check_typed_dict(params, operation.params, "")
    ]
