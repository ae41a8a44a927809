"""What the pages under /demo/ ask of the demo: its customers, and the moving of its time.

The one module of this room that the web may import.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock, DemoClock
from app.demo.advance import Move, is_moving, read_move
from app.demo.folder import ROOT, DemoFolder, folder_of
from app.demo.moves import UNITS, MoveError, parse_move
from app.demo.servers import open_servers
from app.sample_server.organizations import list_organizations
from app.sample_server.portal_client import PortalProblem
from app.sample_server.store import Store
from app.services.context import CLI, Context
from app.services.link_on_behalf import create_link_on_behalf
from app.settings import Settings

# Longer than a process of ours takes to start, on a busy machine too.
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """One sample customer. `name` is its host's first label, `address` where its server is."""

    name: str
    title: str
    owner: str
    address: str


@dataclass(frozen=True, slots=True)
class DemoTime:
    """The demo's present. `moves` says whether it can be moved, `is_frozen` whether it stands
    still; `move` is the last move, or the one under way."""

    now: datetime
    real_now: datetime
    moves: bool
    is_frozen: bool
    move: Move | None


class CannotMove(Exception):
    """The time was not moved: it is being moved already, or it could not be begun."""


def load_customers(settings: Settings) -> tuple[SampleEntry, ...]:
    """The sample customers that were made."""
    folder = _folder(settings)
    if folder is None:
        return ()
    return tuple(
        SampleEntry(
            name=server.customer.name,
            title=server.customer.title,
            owner=server.owner.full_name,
            address=server.address,
        )
        for server in open_servers(folder)
        if server.store.settings().registered
    )


def own_server_address(settings: Settings) -> str | None:
    """Where a browser reaches the visitor's own organization, or its server before there is one."""
    folder = _folder(settings)
    if folder is None or not folder.sample_store.exists():
        return settings.sample_server_url
    store = Store(folder.sample_store)
    with store.read() as connection:
        organizations = [o for o in list_organizations(connection) if not o.deactivated]
    if not organizations:
        return settings.sample_server_url
    return organizations[0].url(store.settings().port)


def ask_for_billing(ctx: Context, name: str) -> str:
    """The link that a customer's server gets when its owner clicks Billing; for one that pays
    itself, the link that support makes for its contact, since its own door takes a key and a mail.

    Raises LookupError for an unknown name, PortalProblem or BillingError when the portal refuses.
    """
    folder = _folder(ctx.settings)
    for server in open_servers(folder) if folder is not None else ():
        store = server.store.settings()
        if server.customer.name != name or not store.registered:
            continue
        if not server.customer.pays_as_server:
            return server.ask_for_billing(server.owner)
        reason = "Somebody pressed the button of the demo's page."
        return create_link_on_behalf(
            ctx, store.server_uuid, next_page=None, actor=CLI, reason=reason
        )
    raise LookupError(name)


def load_time(settings: Settings, clock: Clock) -> DemoTime:
    """What time it is here, and how far the last move came."""
    folder = _folder(settings)
    moves = isinstance(clock, DemoClock) and folder is not None
    return DemoTime(
        now=clock.now(),
        real_now=clock.real_now(),
        moves=moves,
        is_frozen=isinstance(clock, DemoClock) and clock.is_frozen(),
        move=read_move(folder) if folder is not None and moves else None,
    )


def is_too_far(amount: int, unit: str, *, now: datetime) -> bool:
    """Whether that is farther than time moves at once."""
    try:
        parse_move(f"{amount}{unit}", now=now)
    except MoveError:
        return True
    return False


def start_move(settings: Settings, clock: Clock, *, amount: int, unit: str) -> None:
    """Begin to move time by `amount` hours, days, weeks, months or years, in a process of its own;
    returns when it has begun. Raises CannotMove.
    """
    folder = _folder(settings)
    if folder is None or not isinstance(clock, DemoClock) or is_moving(folder):
        raise CannotMove
    assert unit in UNITS, "the form offers no other unit"
    folder.move_file.unlink(missing_ok=True)
    folder.logs.mkdir(exist_ok=True)
    with (folder.logs / "move.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "demo", "advance", f"{amount}{unit}"],
            cwd=ROOT,
            env=os.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + START_SECONDS
    while not folder.move_file.exists():
        if process.poll() not in (None, 0) or time.monotonic() > deadline:
            raise CannotMove
        time.sleep(0.05)


def _folder(settings: Settings) -> DemoFolder | None:
    return folder_of(settings.clock_file) if settings.clock_file is not None else None


__all__ = [
    "UNITS",
    "CannotMove",
    "DemoTime",
    "PortalProblem",
    "SampleEntry",
    "ask_for_billing",
    "is_too_far",
    "load_customers",
    "load_time",
    "own_server_address",
    "start_move",
]
