"""The commands of the sample server: register, upload, seed, serve.

Exit codes: 0 done; 1 the input cannot be used; 2 the command was not understood; from 3 on the
portal's refusal, one number for each code (`problems.py`).
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from .inputs import clean_number
from .organizations import list_organizations
from .portal_client import PortalProblem
from .problems import ProblemPage, explain
from .records import InputError
from .registration import configure, register, rotate_key
from .seed import DEFAULT_SEED, OrganizationSeed, parse_seed, seed_organization
from .server import apply_environment, serve
from .store import FORMATS, Store
from .uploads import COMMAND, upload_now

DEFAULT_STORE = "instance/sample-server.sqlite3"
PORTAL_VARIABLE = "TALLYPORT_BASE_URL"
DEFAULT_EMAIL = "admin@parlor.test"
BAD_INPUT = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        store = Store(Path(options.store))
        apply_environment(store)
        code = options.run(store, options)
        assert isinstance(code, int)  # Every command returns its exit code.
        return code
    except PortalProblem as problem:
        return _refused(problem)
    except (InputError, OSError, sqlite3.Error) as error:
        print(f"Error: {error}", file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.sample_server",
        description="A sample self-hosted server for trying out the billing portal.",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    command = _command(commands, "register", _register, "register (or update) this server")
    _portal_option(command)
    command.add_argument("--hostname", help="host or host:port to register (default: its own)")
    command.add_argument("--email", help=f"contact address (default: {DEFAULT_EMAIL})")
    command.add_argument("--port", help="where `serve` will run, for the addresses sent")
    command.add_argument("--format", choices=FORMATS, help="which upload format to speak")
    command.add_argument("--rotate-key", action="store_true", help="replace the server's key")

    command = _command(commands, "upload", _upload, "upload what is new")
    _portal_option(command)
    command.add_argument("--format", choices=FORMATS, help="which upload format to speak")

    command = _command(commands, "seed", _seed, "create sample organizations with people")
    command.add_argument(
        "--organization",
        action="append",
        metavar="NAME[:ROLE=N,…]",
        help="e.g. globex:owner=1,member=5,bot=1 (default: acme with 18 people and 2 bots)",
    )
    command.add_argument("--title", action="append", metavar="NAME=TITLE", default=[])

    command = _command(commands, "serve", _serve, "serve the product's pages")
    _portal_option(command)
    command.add_argument("--port", help="port on loopback, 0 for a free one (default: the last)")
    command.add_argument("--port-file", help="file to write the port to")
    command.add_argument("--format", choices=FORMATS, help="which upload format to speak")
    command.add_argument("--hourly", action="store_true", help="upload once an hour of the clock")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[Store, argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text)
    command.add_argument("--store", default=DEFAULT_STORE, help=f"default: {DEFAULT_STORE}")
    command.set_defaults(run=run)
    return command


def _portal_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--portal", help=f"the portal's address (default: ${PORTAL_VARIABLE})")


def _set_portal(store: Store, options: argparse.Namespace) -> None:
    """Keep the options about the portal; once given, they need not be given again."""
    settings = store.settings()
    portal = options.portal or settings.portal or os.environ.get(PORTAL_VARIABLE)
    if not portal:
        raise InputError("Which portal? Give its address with --portal.")
    configure(store, portal=portal)
    if options.format:
        store.save(upload_format=options.format)


def _port(options: argparse.Namespace, *, least: int) -> int | None:
    if options.port is None:
        return None
    return clean_number(options.port, label="The port", least=least, most=65535)


def _register(store: Store, options: argparse.Namespace) -> int:
    _set_portal(store, options)
    email = options.email or store.settings().contact_email or DEFAULT_EMAIL
    settings = configure(
        store, hostname=options.hostname, contact_email=email, port=_port(options, least=1)
    )
    try:
        if options.rotate_key and settings.registered:
            rotate_key(store)
            print("The server's key was replaced.")
        else:
            created = register(store)
            print(f"The server {'is registered now' if created else 'was registered already'}.")
            if options.rotate_key:
                rotate_key(store)
                print("The server's key was replaced.")
        code = _upload_and_say(store)
    except PortalProblem as problem:
        code = _refused(problem)
        if not store.settings().registered:
            return code
    _print_addresses(store)
    return code


def _print_addresses(store: Store) -> None:
    settings = store.settings()
    print(f"Server id: {settings.server_uuid}")
    with store.read() as connection:
        organizations = [o for o in list_organizations(connection) if not o.deactivated]
    if not organizations:
        print("There is no organization yet: see the `seed` command.")
        return
    print("An owner or admin reaches billing at:")
    for organization in organizations:
        print(f"  {organization.title}: {organization.billing_url(settings.port)}")


def _upload(store: Store, options: argparse.Namespace) -> int:
    _set_portal(store, options)
    return _upload_and_say(store)


def _upload_and_say(store: Store) -> int:
    report = upload_now(store, trigger=COMMAND)
    if report.code is not None:
        problem = PortalProblem(report.code, report.message, retry_after=report.retry_after)
        return _refused(problem)
    print(
        f"Uploaded {report.audit_rows} audit rows and"
        f" {report.realm_counts + report.installation_counts} counts"
        f" in {report.calls} call{'' if report.calls == 1 else 's'}."
    )
    return 0


def _seed(store: Store, options: argparse.Namespace) -> int:
    titles = dict(text.partition("=")[::2] for text in options.title)
    seeds: tuple[OrganizationSeed, ...] = DEFAULT_SEED
    if options.organization:
        names = [text.partition(":")[0] for text in options.organization]
        seeds = tuple(
            parse_seed(text, title=titles.get(name, ""))
            for text, name in zip(options.organization, names, strict=True)
        )
    for seed in seeds:
        created = seed_organization(store, seed)
        print(f"{seed.name}: {'created' if created else 'is there already'}")
    return 0


def _serve(store: Store, options: argparse.Namespace) -> int:
    _set_portal(store, options)
    port = _port(options, least=0)
    # Whoever stops the demo sends this signal; it ends the server as ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    port_file = Path(options.port_file) if options.port_file else None
    chosen = port if port is not None else store.settings().port
    try:
        serve(store, port=chosen, hourly=options.hourly, port_file=port_file)
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _refused(problem: PortalProblem) -> int:
    """Say on the error output what happened and what to do; return the exit code."""
    page: ProblemPage = explain(problem)
    lines = [f"Error {page.code}: {page.explanation.title}.", page.explanation.what]
    if page.answer:
        lines.append(f"Answer: {page.answer}")
    lines.append(page.explanation.todo)
    if page.wait:
        lines.append(f"Wait {page.wait}.")
    if page.support:
        lines.append(f"Support: {page.support}")
    print("\n".join(lines), file=sys.stderr)
    return page.explanation.exit_code
