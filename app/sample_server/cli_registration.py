"""The command `register` in its four kinds, and what commands say about the portal's answers."""

from __future__ import annotations

import argparse
import sys

from .inputs import clean_number
from .organizations import list_organizations
from .portal_client import NOT_REGISTERED, PortalProblem
from .problems import ROWS_BEHIND, ProblemPage, explain
from .records import InputError
from .registration import configure, deactivate, own_hostname, register, rotate_key
from .store import Store
from .transfer import transfer_registration
from .uploads import COMMAND, problem_of, upload_now

DEFAULT_EMAIL = "admin@parlor.test"


def add_register_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `register` that no other command has."""
    command.add_argument("--hostname", help="host or host:port to register (default: its own)")
    command.add_argument("--email", help=f"contact address (default: {DEFAULT_EMAIL})")
    command.add_argument("--port", help="where `serve` will run, for the addresses sent")
    acts = command.add_mutually_exclusive_group()
    acts.add_argument("--rotate-key", action="store_true", help="replace the server's key")
    acts.add_argument(
        "--registration-transfer",
        action="store_true",
        help="take over the registration of this hostname, when the server's key was lost",
    )
    acts.add_argument("--deactivate", action="store_true", help="end the server's registration")
    command.add_argument("--yes", action="store_true", help="deactivate without asking")


def run_register(store: Store, options: argparse.Namespace) -> int:
    """Register, rotate the key, transfer or deactivate; returns the exit code.

    Raises InputError for options that cannot be used and PortalProblem for the portal's refusal.
    """
    if options.deactivate:
        return _deactivate(store, sure=options.yes)
    configure(
        store,
        contact_email=options.email or store.settings().contact_email or DEFAULT_EMAIL,
        port=port_of(options, least=1),
    )
    if options.registration_transfer:
        return _transfer(store, hostname=options.hostname)
    configure(store, hostname=options.hostname)
    return _register(store, rotates=options.rotate_key)


def port_of(options: argparse.Namespace, *, least: int) -> int | None:
    """Return the port of the options, None when none is given; raises InputError."""
    if options.port is None:
        return None
    return clean_number(options.port, label="The port", least=least, most=65535)


def _register(store: Store, *, rotates: bool) -> int:
    try:
        if not rotates or not store.settings().registered:
            created = register(store)
            print(f"The server {'is registered now' if created else 'was registered already'}.")
        if rotates:
            rotate_key(store)
            print("The server's key was replaced.")
        code = upload_and_say(store)
    except PortalProblem as problem:
        code = say_refused(problem)
        if not store.settings().registered:
            return code
    _print_addresses(store)
    return code


def _transfer(store: Store, *, hostname: str | None) -> int:
    has_other_id = transfer_registration(store, hostname=hostname)
    print("The registration was transferred to this server. Its key is a new one.")
    if has_other_id:
        print("The server's id is now that of the registration.")
    code = upload_and_say(store)
    _print_addresses(store)
    return code


def _deactivate(store: Store, *, sure: bool) -> int:
    settings = store.settings()
    if not settings.registered:
        raise PortalProblem(NOT_REGISTERED)
    if not sure:
        print(f"End the registration of {own_hostname(settings)} at {settings.portal}?")
        print("Billing ends for all of this server's organizations. Type yes to go on:", flush=True)
        if sys.stdin.readline().strip().lower() != "yes":
            raise InputError("Nothing was changed.")
    deactivate(store)
    print("The registration of this server was deactivated.")
    return 0


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


def upload_and_say(store: Store) -> int:
    """Upload, say what came of it and return the exit code."""
    report = upload_now(store, trigger=COMMAND)
    if report.code is not None:
        return say_refused(problem_of(report))
    print(
        f"Uploaded {report.audit_rows} audit rows and"
        f" {report.realm_counts + report.installation_counts} counts"
        f" in {report.calls} call{'' if report.calls == 1 else 's'}."
    )
    if store.settings().rows_behind:
        print(f"{ROWS_BEHIND.title}. {ROWS_BEHIND.what} {ROWS_BEHIND.todo}", file=sys.stderr)
    return 0


def say_refused(problem: PortalProblem) -> int:
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
