"""What only one module may do: read the time, end a transaction, round, put into words."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.guards.rooms import room
from tests.house.guards.source import Module, dotted, imports, modules

# The stand-ins live outside the portal and have their own small clock, money and database.
STAND_INS = frozenset({"stripe_emulator", "sample_server"})
CLOCKS = frozenset({"app.clock", "app.stripe_emulator.clock", "app.sample_server.clock"})
# A stopwatch (time.monotonic, time.perf_counter) and time.sleep say nothing about the date.
TIME_FUNCTIONS = frozenset({"time", "time_ns", "localtime", "gmtime", "ctime", "asctime"})
NOW_ATTRIBUTES = frozenset(
    {"utcnow", "today", "current_timestamp", "current_date", "localtimestamp"}
)
NOW_IN_SQL = ("CURRENT_TIMESTAMP", "CURRENT_DATE", "CLOCK_TIMESTAMP(", "DATETIME('NOW", "NOW()")
# One module, or that module with its parts in a folder beside it.
WORDING = ("app.web.wording", "app.web.wordings")
# What begins transactions; other things may begin, too.
TRANSACTION_HOLDERS = frozenset({"session", "sessions", "engine", "connection", "bind"})
EXACT_ROOMS = frozenset({"domain", "models", "services"})


def _portal(root: Path) -> Iterator[Module]:
    return (module for module in modules(root) if room(module.name) not in STAND_INS)


def _docstrings(module: Module) -> set[int]:
    """The ids of the nodes that are docstrings, which may speak of anything."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, holders) and node.body and isinstance(node.body[0], ast.Expr):
            found.add(id(node.body[0].value))
    return found


def only_the_clock_reads_time(root: Path) -> list[str]:
    """Reads of the present outside the clocks, in Python or left to the database."""
    found = []
    for module in modules(root):
        if module.name in CLOCKS:
            continue
        found += [module.at(node, f"reads the time: {what}") for node, what in _time_reads(module)]
    return found


def _time_reads(module: Module) -> Iterator[tuple[ast.AST, str]]:
    docstrings = _docstrings(module)
    for item in imports(module):
        if item.target == "time" and item.name in TIME_FUNCTIONS:
            yield item.node, f"from time import {item.name}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute):
            holder = dotted(node.value).rpartition(".")[2]
            if (
                node.attr in NOW_ATTRIBUTES
                or (node.attr == "now" and holder in {"datetime", "func", "date"})
                or (holder == "time" and node.attr in TIME_FUNCTIONS)
            ):
                yield node, dotted(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            spoken = node.value.upper()
            if id(node) not in docstrings and any(word in spoken for word in NOW_IN_SQL):
                yield node, "in SQL"


def only_units_of_work_commit(root: Path) -> list[str]:
    """Ends of transactions elsewhere. `work.commit()` asks the unit of work, which is right."""
    found = []
    for module in _portal(root):
        if module.name == "app.services.unit_of_work":
            continue
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Attribute):
                continue
            holder = dotted(node.value).rpartition(".")[2]
            asks = node.attr == "commit" and holder == "work"
            begins = node.attr == "begin" and holder in TRANSACTION_HOLDERS
            ends = node.attr in {"commit", "rollback", "begin_nested"} and not asks
            if begins or ends:
                found.append(module.at(node, f"ends or begins a transaction: {dotted(node)}"))
    return found


def only_money_rounds(root: Path) -> list[str]:
    """Roundings outside domain/money.py, and floats where money or shares of time are counted."""
    found = []
    for module in _portal(root):
        for node in ast.walk(module.tree):
            if module.name != "app.domain.money" and _rounds(node):
                found.append(module.at(node, "rounds outside domain/money.py"))
            if room(module.name) in EXACT_ROOMS and _is_float(node):
                found.append(module.at(node, "a float where everything is exact"))
    return found


def _rounds(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom) and node.module == "math":
        return any(alias.name in {"floor", "ceil", "trunc"} for alias in node.names)
    if isinstance(node, ast.Name):
        return node.id == "round" or node.id.startswith("ROUND_")
    if isinstance(node, ast.Attribute):
        named = node.attr in {"quantize", "to_integral_value"} or node.attr.startswith("ROUND_")
        return named or dotted(node) in {"math.floor", "math.ceil", "math.trunc", "func.round"}
    return False


def _is_float(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    return isinstance(node, ast.Name) and node.id == "float"


def only_wording_formats(root: Path) -> list[str]:
    """Dates and numbers turned into words outside web/wording.py."""
    found = []
    for module in _portal(root):
        if module.name.startswith(WORDING):
            continue
        for item in imports(module):
            formats = item.top == "flask_babel" and (item.name or "").startswith("format_")
            if item.top == "babel" or formats:
                words = item.name or item.target
                found.append(module.at(item.node, f"imports {words} outside web/wording.py"))
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and node.attr == "strftime":
                found.append(module.at(node, "formats a date outside web/wording.py"))
    return found
