"""Every action that the code can write into the audit log, read out of the code."""

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from app.domain.kinds import InvoiceStatus, PurchaseStatus
from tests.house.guards.source import Module, dotted, modules

ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
# Whoever writes into the log; the second hands what it is given to the first.
RECORDERS = {"record_audit", "audit_change"}
# Actions that end with a state of their noun, whatever it is.
STATES: dict[str, type[StrEnum]] = {"invoice.": InvoiceStatus, "purchase.": PurchaseStatus}


def recorded_actions(root: Path) -> tuple[set[str], list[str]]:
    """The actions, and the calls of `record_audit` whose action this reader cannot tell."""
    found: set[str] = set()
    unknown: list[str] = []
    for module in modules(root):
        for function, call in _calls(module):
            actions = set(_actions_of(_argument(call), module, function))
            if not actions:
                unknown.append(module.at(call, "which action?"))
            found |= actions
    return found, unknown


def _calls(module: Module) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
    """Calls that record an action, each with the function around it."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef) and node.name not in RECORDERS:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call) and dotted(inner.func) in RECORDERS:
                    yield node, inner


def _argument(call: ast.Call) -> ast.expr | None:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "action"]
    return named[0] if named else call.args[1] if len(call.args) > 1 else None


def _actions_of(
    node: ast.expr | None, module: Module, function: ast.FunctionDef | None
) -> Iterator[str]:
    if isinstance(node, ast.Constant) and ACTION.fullmatch(str(node.value)):
        yield str(node.value)
    elif isinstance(node, ast.IfExp):
        yield from _actions_of(node.body, module, function)
        yield from _actions_of(node.orelse, module, function)
    elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        prefix = str(node.values[0].value)
        yield from (f"{prefix}{state.value}" for state in STATES.get(prefix, ()))
    elif isinstance(node, ast.Name) and function is not None:
        yield from _handed_in(module, function.name)


def _handed_in(module: Module, name: str) -> Iterator[str]:
    """What the callers of a helper hand to it, and what they keep in variables before."""
    callers = [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef)
        and any(_is_call_of(inner, name) for inner in ast.walk(node))
    ]
    for caller in callers:
        for node in ast.walk(caller):
            if isinstance(node, ast.Constant) and ACTION.fullmatch(str(node.value)):
                yield str(node.value)


def _is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == name
