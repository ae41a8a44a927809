"""The commands of the sample server: register, upload, seed, export, import, serve.

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

from .cli_registration import (
    add_register_options,
    port_of,
    run_register,
    say_refused,
    upload_and_say,
)
from .inputs import clean_number
from .moving import export_organization, import_organization
from .portal_client import PortalProblem
from .records import InputError
from .registration import configure
from .seed import DEFAULT_SEED, OrganizationSeed, parse_seed, seed_organization
from .server import apply_environment, serve
from .store import FORMATS, Store

DEFAULT_STORE = "instance/sample-server.sqlite3"
PORTAL_VARIABLE = "TALLYPORT_BASE_URL"
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
        return say_refused(problem)
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
    add_register_options(command)
    command.add_argument("--format", choices=FORMATS, help="which upload format to speak")

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

    command = _command(
        commands, "export-organization", _export, "write an organization into a new file"
    )
    command.add_argument("name", metavar="NAME")
    command.add_argument("file", metavar="FILE")

    command = _command(
        commands, "import-organization", _import, "create the organization of an exported file"
    )
    command.add_argument("file", metavar="FILE")
    command.add_argument("--name", help="another name for it on this server")

    command = _command(commands, "serve", _serve, "serve the product's pages")
    _portal_option(command)
    command.add_argument("--port", help="port on loopback, 0 for a free one (default: the last)")
    command.add_argument("--port-file", help="file to write the port to")
    command.add_argument("--format", choices=FORMATS, help="which upload format to speak")
    command.add_argument("--hourly", action="store_true", help="upload once an hour of the clock")
    command.add_argument(
        "--certificate", help="PEM file with certificate and key: answer transfers by https"
    )
    command.add_argument("--https-port", default="0", help="port of https (default: a free one)")
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


def _register(store: Store, options: argparse.Namespace) -> int:
    _set_portal(store, options)
    return run_register(store, options)


def _upload(store: Store, options: argparse.Namespace) -> int:
    _set_portal(store, options)
    return upload_and_say(store)


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


def _export(store: Store, options: argparse.Namespace) -> int:
    organization, people = export_organization(store, options.name, Path(options.file))
    print(f"{organization.title}, {people} people and bots: written to {options.file}")
    print("The file holds the organization's secret: whoever has it can prove to be its owner.")
    return 0


def _import(store: Store, options: argparse.Namespace) -> int:
    organization = import_organization(store, Path(options.file), name=options.name)
    address = organization.url(store.settings().port)
    print(f"{organization.title} was imported: {address}/")
    return 0


def _serve(store: Store, options: argparse.Namespace) -> int:
    _set_portal(store, options)
    port = port_of(options, least=0)
    # Whoever stops the demo sends this signal; it ends the server as ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    port_file = Path(options.port_file) if options.port_file else None
    chosen = port if port is not None else store.settings().port
    https_port = clean_number(options.https_port, label="The port", least=0, most=65535)
    certificate = Path(options.certificate) if options.certificate else None
    try:
        serve(
            store,
            port=chosen,
            hourly=options.hourly,
            port_file=port_file,
            https_port=https_port,
            certificate=certificate,
        )
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
