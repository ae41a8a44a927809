"""Who may import whom: the dependency rule of docs/architecture.md.

web, jobs, cli -> services -> models, the gateways' Protocols, clock -> domain. Nothing points back.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.house.guards.source import Import, Module, imports, modules

# What each room may import of ours, besides itself.
BELOW_SERVICES = frozenset({"models", "gateways", "clock", "settings", "domain"})
ABOVE_SERVICES = BELOW_SERVICES | {"services"}
ALLOWED: dict[str, frozenset[str]] = {
    "domain": frozenset(),
    "clock": frozenset(),
    "settings": frozenset({"domain"}),
    "extensions": frozenset({"models"}),
    "models": frozenset({"domain"}),
    "gateways": frozenset({"domain", "clock", "settings"}),
    "services": BELOW_SERVICES,
    "jobs": ABOVE_SERVICES,
    "web": ABOVE_SERVICES | {"extensions"},
    "cli": ABOVE_SERVICES | {"jobs", "extensions"},
    # The demo plays the visitor, the timer and the servers: it stands beside them all.
    "demo": ABOVE_SERVICES | {"jobs", "sample_server"},
    # Stand-ins for the world outside: they know our protocols, not our code.
    "stripe_emulator": frozenset(),
    "sample_server": frozenset(),
}
# The words of pages and mails are the words of the terminal, too; and each room that shows a part of
# the demo comes in by one door.
DOORS = {
    ("cli", "app.web.wording"),
    ("demo", "app.web.wording"),
    ("cli", "app.demo.commands"),
    ("web", "app.demo.desk"),
}
# They put the rooms together.
WIRING = frozenset({"app", "wiring"})
# What stands behind a Protocol is chosen by the wiring alone.
IMPLEMENTATIONS = frozenset(
    {"app.gateways.stripe_gateway", "app.gateways.fake_payments"}
    | {"app.gateways.outgoing.GuardedClient", "app.gateways.oidc.OpenIdProvider"}
)
# The words of each blueprint stand in a module of their own beside it, found by looking.
IMPORTS_ITS_PARTS = "app.web.wording"
# A library and the only modules that may use it.
ONLY_THERE: dict[str, tuple[str, ...]] = {
    "stripe": ("app.gateways.stripe_gateway", "app.stripe_emulator"),
    "itsdangerous": ("app.gateways.tokens", "app.web.sessions", "app.web.security"),
    "authlib": ("app.gateways.oidc",),
    "joserfc": ("app.gateways.oidc",),
    "flask_babel": ("app.web", "app.extensions", "app.wiring"),
}
# What opens connections to the world, and which modules may: an address that somebody typed is
# asked by the guarded client alone. Stripe's library and Flask-Mail do it inside of themselves.
GUARDED_CLIENT = "app.gateways.outgoing"
HTTP_LIBRARIES = ("requests", "httpx", "aiohttp", "urllib3", "urllib.request", "http.client")
OTHER_CLIENTS = ("pycurl", "asyncio", "ftplib", "xmlrpc", "websockets", "telnetlib", "imaplib")
CONNECTS: dict[str, tuple[str, ...]] = {
    # Its clients connect by libraries of their own.
    "authlib.integrations": (),
    **dict.fromkeys((*HTTP_LIBRARIES, *OTHER_CLIENTS), (GUARDED_CLIENT,)),
    "smtplib": (GUARDED_CLIENT, "app.gateways.mail"),
    "ssl": (GUARDED_CLIENT, "app.gateways.mail"),
    # It asks for the name of this machine.
    "socket": (GUARDED_CLIENT, "app.services.leases"),
}
# They stand for the world outside, or play it.
WORLD = frozenset({"stripe_emulator", "sample_server", "demo"})
# What is passed as an argument instead: the actor, `now`, the words.
NO_FLASK = frozenset({"domain", "models", "services", "gateways", "jobs"})
# Flask-Mail sends, and it wants to be told its application.
FLASK_IN_GATEWAYS = frozenset({"flask_mail", "flask.Flask"})
PURE_LIBRARIES = frozenset({"dateutil"})
# Parts of the standard library that read or change the world.
IMPURE = frozenset(
    {"os", "io", "pathlib", "socket", "subprocess", "urllib", "http", "sqlite3", "threading"}
    | {"asyncio", "random", "secrets", "logging", "time", "tempfile", "shutil", "glob"}
)


def room(name: str) -> str:
    """The room of a module: `app.web.login.views` is in `web`, `app` itself in `app`; the command
    line is one room in several modules, `cli` and `cli_...`."""
    parts = name.split(".")
    own = parts[1] if len(parts) > 1 else parts[0]
    return "cli" if own.startswith("cli_") else own


def rooms_import_inward(root: Path) -> list[str]:
    """Imports against the arrows, and modules in no room."""
    found = []
    for module in modules(root):
        own = room(module.name)
        if own in WIRING:
            continue
        if own not in ALLOWED:
            found.append(f"{module.path}: no room is called {own!r}")
            continue
        for item in imports(module):
            for target in _ours(item):
                other = room(target)
                allowed = other in ALLOWED[own] or (own, target) in DOORS
                if other != own and not allowed:
                    found.append(module.at(item.node, f"{own} imports {target}"))
    return found


def _ours(item: Import) -> Iterator[str]:
    if item.top != "app":
        return
    # `from app import models` names the room, `from app.models import Plan` a thing in it.
    yield f"app.{item.name}" if item.target == "app" and item.name else item.target


def domain_is_pure(root: Path) -> list[str]:
    """The domain imports the standard library and dateutil, and nothing of it that does I/O."""
    found = []
    for module in modules(root, "app/domain"):
        for item in imports(module):
            library = item.top != "app" and item.top not in sys.stdlib_module_names
            if (library and item.top not in PURE_LIBRARIES) or item.top in IMPURE:
                found.append(module.at(item.node, f"the domain imports {item.target}"))
        found += [
            module.at(node, f"the domain calls {node.id}")
            for node in _names(module)
            if node.id in {"open", "print", "input"}
        ]
    return found


def _names(module: Module) -> Iterator[ast.Name]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.Name))


def libraries_stay_in_their_place(root: Path) -> list[str]:
    """Some libraries are used by one module only, so that they can be exchanged there."""
    found = []
    for module in modules(root):
        for item in imports(module):
            places = ONLY_THERE.get(item.top)
            if places is not None and not _is_below(module.name, places):
                found.append(module.at(item.node, f"{item.top} is imported outside {places[0]}"))
    return found


def only_the_guarded_client_connects(root: Path) -> list[str]:
    """Whatever could ask a host imported elsewhere: there redirects, proxies and private addresses
    would be followed, and answers would have no end."""
    found = []
    for module in modules(root):
        if room(module.name) in WORLD:
            continue
        for item in imports(module):
            target = f"{item.target}.{item.name}" if item.name else item.target
            for library, places in CONNECTS.items():
                if _is_below(target, (library,)) and module.name not in places:
                    found.append(module.at(item.node, f"{library} outside {GUARDED_CLIENT}"))
    return found


def _is_below(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def services_know_no_request(root: Path) -> list[str]:
    """Below the web nothing knows Flask: the actor and `now` come in as arguments."""
    found = []
    for module in modules(root):
        if room(module.name) not in NO_FLASK:
            continue
        allowed = FLASK_IN_GATEWAYS if room(module.name) == "gateways" else frozenset()
        for item in imports(module):
            is_flask = item.top in {"flask", "werkzeug"} or item.top.startswith("flask_")
            if is_flask and not allowed & {item.target, f"{item.target}.{item.name}"}:
                found.append(module.at(item.node, f"{room(module.name)} imports {item.target}"))
    return found


def blueprint_of(name: str, blueprints: frozenset[str]) -> str | None:
    """The blueprint that a module belongs to, None for the shared modules of the web."""
    parts = name.split(".")
    if parts[:2] == ["app", "web"] and len(parts) > 2 and parts[2] in blueprints:
        return parts[2]
    return None


def blueprints_keep_apart(root: Path) -> list[str]:
    """A blueprint imports no other one, and no tables: it asks a service."""
    folder = root / "app" / "web"
    blueprints = frozenset(path.parent.name for path in folder.glob("*/views.py"))
    found = []
    for module in modules(root, "app/web"):
        own = blueprint_of(module.name, blueprints)
        for item in imports(module):
            target = f"{item.target}.{item.name}" if item.name else item.target
            other = blueprint_of(target, blueprints)
            if own is not None and other is not None and other != own:
                found.append(module.at(item.node, f"imports the blueprint {other}"))
            tables = item.top == "sqlalchemy" or _is_below(target, ("app.models",))
            if own is not None and tables:
                found.append(module.at(item.node, f"the blueprint {own} imports {item.target}"))
    return found


def implementations_are_wired(root: Path) -> list[str]:
    """Only the wiring chooses what stands behind a Protocol, and only it imports by text."""
    found = []
    for module in modules(root):
        if room(module.name) in WIRING or module.name in IMPLEMENTATIONS:
            continue
        for item in imports(module):
            target = f"{item.target}.{item.name}" if item.name else item.target
            if IMPLEMENTATIONS & {item.target, target}:
                found.append(module.at(item.node, f"imports {target} instead of its Protocol"))
            by_text = {item.target, target} & {"importlib.import_module"}
            if by_text and module.name != IMPORTS_ITS_PARTS:
                found.append(module.at(item.node, "imports by text, where no guard can look"))
    return found
