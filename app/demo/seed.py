"""The sample customers are made by living through their last months, in their order.

The clock is set back, everything of the cast happens at its time through the real doors, the jobs
run in between, and at the end the clock stands where it stood.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.clock import DemoClock
from app.demo.advance import moving_alone, write_whole
from app.demo.folder import DemoFolder
from app.demo.happenings import Buy, BuyByInvoice, Happening
from app.demo.owners import Owner
from app.demo.recorded.bank import introduce_to_bank
from app.demo.recorded.seed import Wish, seed_recorded
from app.demo.servers import SampleServer, open_servers
from app.demo.settle import Happened, settle
from app.demo.staff_logins import ensure_demo_staff
from app.domain.calendar import month_boundary
from app.models.customers import Customer
from app.sample_server.registration import register
from app.sample_server.seed import DEFAULT_SEED, seed_organization
from app.sample_server.store import Store
from app.sample_server.uploads import CONTROL, upload_now
from app.services.context import Context
from app.services.unit_of_work import unit_of_work

# The jobs run this often in the past; in between nothing is due.
JOBS_EVERY = timedelta(days=7)
# What falls into this time is seen to by one run.
ONE_RUN = timedelta(hours=12)
BEGUN, DONE = "begun", "done"
# Those who live through their months, and the crowd of recorded ones (app/demo/recorded/).
CUSTOMERS = 300


@dataclass(frozen=True, slots=True)
class Scene:
    """Something of the cast at its time. Without a happening, the founding or only the jobs."""

    at: datetime
    server: SampleServer | None = None
    happening: Happening | None = None


def read_seed_state(folder: DemoFolder) -> str | None:
    """BEGUN, DONE, or None when nothing was seeded yet."""
    try:
        state = json.loads(folder.seed_file.read_text()).get("state")
    except (OSError, ValueError, AttributeError):
        return None
    return state if state in {BEGUN, DONE} else None


def seed(
    ctx: Context,
    folder: DemoFolder,
    *,
    customers: int = CUSTOMERS,
    progress: Callable[[int, int], None] | None = None,
) -> bool:
    """Make the sample customers and the visitor's own server; False when they are there already.
    Recorded customers join them, until there are `customers` in all.

    Needs the running portal and emulator. A seed that was interrupted cannot be finished, since
    time has passed in it: `flask demo start` begins such a demo anew.
    """
    ensure_demo_staff(ctx)
    if read_seed_state(folder) == DONE:
        return False
    clock = ctx.clock
    assert isinstance(clock, DemoClock), "a demo has a clock that can be moved"
    with moving_alone(folder):
        write_whole(folder.seed_file, json.dumps({"state": BEGUN}))
        present, began = clock.now(), clock.real_now()
        try:
            live_until(ctx, folder, present, progress)
        finally:
            passed = timedelta() if clock.is_frozen() else clock.real_now() - began
            clock.move_to(present + passed)
        if open_servers(folder):
            seed_recorded(ctx, Wish(customers - _count_customers(ctx), deliver=True))
            introduce_to_bank(ctx)
        settle(ctx, folder, Happened(), own_server=False)
        _begin_own_server(folder)
        write_whole(folder.seed_file, json.dumps({"state": DONE}))
    return True


def live_until(
    ctx: Context,
    folder: DemoFolder,
    present: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Everything that happens to the customers of `folder` before `present`, from the first of it
    on; the clock is left at the last."""
    clock = ctx.clock
    assert isinstance(clock, DemoClock), "asked by the caller"
    scenes = _scenes(open_servers(folder), present)
    for number, scene in enumerate(scenes):
        if progress is not None:
            progress(number, len(scenes))
        # A scene takes a second or two; time never goes back for the next one.
        clock.move_to(scene.at if number == 0 else max(scene.at, clock.now()))
        if scene.server is None:
            _upload_of_the_silent(folder, scene.at, present)
            # Those whose past is only written down come later.
            settle(ctx, folder, Happened(), own_server=False, closes_months=False)
            continue
        owner = Owner(ctx, scene.server)
        if scene.happening is None:
            owner.found()
            owner.log_in()
        else:
            owner.upload()
            owner.do(scene.happening)


def _scenes(servers: tuple[SampleServer, ...], present: datetime) -> list[Scene]:
    """Everything that happens, in its order; never in the last hours, which belong to the visitor.

    The jobs run within a day after every monthly boundary of a plan, as a daily run would, and at
    least each week.
    """
    found: list[Scene] = []
    boundaries: list[datetime] = []
    for number, server in enumerate(servers):
        # Nobody does everything at the same time of day.
        offset = timedelta(hours=number % 5, minutes=13 * number)
        founded = present - timedelta(days=server.customer.founded) - offset
        found.append(Scene(founded, server))
        for happening in server.customer.happenings:
            at = present - timedelta(days=happening.days_ago) - offset
            # A card first: the purchase of the same day comes an hour later.
            at += timedelta(hours=1) if isinstance(happening, Buy) else timedelta()
            found.append(Scene(at, server, happening))
            if isinstance(happening, Buy | BuyByInvoice):
                boundaries += _boundaries_of(at, present)
    first = min((scene.at for scene in found), default=present)
    found += [Scene(at) for at in _runs(boundaries, first=first, present=present)]
    return sorted(found, key=lambda scene: scene.at)


def _boundaries_of(bought: datetime, present: datetime) -> Iterator[datetime]:
    month = 1
    while (at := month_boundary(bought, month)) < present:
        yield at
        month += 1


def _runs(boundaries: list[datetime], *, first: datetime, present: datetime) -> Iterator[datetime]:
    """When the jobs run: once for all boundaries within half a day, and each week without any."""
    at = first
    for boundary in [*sorted(boundaries), present]:
        while at + JOBS_EVERY < boundary:
            at += JOBS_EVERY
            yield at
        if at < boundary < present:
            at = min(boundary + ONE_RUN, present)
            yield at


def _upload_of_the_silent(folder: DemoFolder, at: datetime, present: datetime) -> None:
    """Servers that are silent now uploaded until they fell silent."""
    for server in open_servers(folder):
        silent_for = server.customer.silent_for
        if silent_for is not None and at <= present - timedelta(days=silent_for):
            server.upload(even_if_silent=True)


def _count_customers(ctx: Context) -> int:
    with unit_of_work(ctx) as work:
        return work.session.scalar(select(func.count()).select_from(Customer)) or 0


def _begin_own_server(folder: DemoFolder) -> None:
    """The visitor's server: people, registered and uploaded, and no customer yet."""
    store = Store(folder.sample_store)
    for organization in DEFAULT_SEED:
        seed_organization(store, organization)
    register(store)
    upload_now(store, trigger=CONTROL)
