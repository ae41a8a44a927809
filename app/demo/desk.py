"""What the pages under /demo/ ask of the demo: its customers, what it sells, and the moving of its
time.

The one module of this room that the web may import.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.clock import Clock, DemoClock
from app.demo import trials
from app.demo.advance import Move, is_moving, read_move
from app.demo.cast_agreed import COUPON
from app.demo.folder import ROOT, DemoFolder, folder_of
from app.demo.moves import UNITS, MoveError, parse_move
from app.demo.servers import open_servers
from app.demo.staff_logins import DEMO_PASSWORD as DEMO_PASSWORD
from app.demo.staff_logins import DEMO_STAFF as DEMO_STAFF
from app.domain.catalog import Catalog
from app.sample_server.organizations import list_organizations
from app.sample_server.portal_client import PortalProblem
from app.sample_server.store import Store
from app.services.context import CLI, Context
from app.services.create_coupon import get_coupon
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


@dataclass(frozen=True, slots=True)
class TrialSwitch:
    """Whether a tier of that title is sold with a free trial of so many days."""

    is_on: bool
    tier: str
    days: int


@dataclass(frozen=True, slots=True)
class CouponEntry:
    """A code that takes `percent` hundredths of a percent off the first `months` months."""

    code: str
    percent: int
    months: int


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


def load_coupon(session: Session) -> CouponEntry | None:
    """The coupon that a visitor may try; None when there is none any more."""
    coupon = get_coupon(session, COUPON)
    if coupon is None or coupon.withdrawn_at is not None:
        return None
    return CouponEntry(coupon.code, coupon.percent or 0, coupon.months)


def sold_now(settings: Settings, shipped: Catalog) -> Catalog:
    """The catalog as the switch of the free trials makes it."""
    folder = _folder(settings)
    is_on = folder is not None and trials.are_trials_on(folder)
    return trials.with_trials(shipped) if is_on else shipped


def load_trial_switch(settings: Settings, catalog: Catalog) -> TrialSwitch | None:
    """How the switch stands; None where no demo runs."""
    folder = _folder(settings)
    if folder is None:
        return None
    tier = catalog.tier(trials.TRIAL_TIER)
    return TrialSwitch(trials.are_trials_on(folder), tier.title, trials.TRIAL_DAYS)


def switch_trials(settings: Settings, *, on: bool) -> None:
    """Turn the switch. LookupError where no demo runs."""
    folder = _folder(settings)
    if folder is None:
        raise LookupError("no demo runs here")
    trials.switch_trials(folder, on=on)


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
    "CouponEntry",
    "DemoTime",
    "PortalProblem",
    "SampleEntry",
    "TrialSwitch",
    "ask_for_billing",
    "is_too_far",
    "load_coupon",
    "load_customers",
    "load_time",
    "load_trial_switch",
    "own_server_address",
    "sold_now",
    "start_move",
    "switch_trials",
]
