"""`flask demo ...`: start, seed, move and freeze the time, the own server's commands, reset."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NoReturn, cast

import click
import requests
from flask import current_app
from flask.cli import AppGroup
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.clock import DemoClock
from app.demo import large, start
from app.demo.advance import Move, MoveInProgress, advance
from app.demo.browser import PageError
from app.demo.folder import DemoFolder, folder_of, get_demo_folder
from app.demo.moves import MoveError, parse_instant, parse_move
from app.demo.owners import SeedError
from app.demo.processes import DemoError
from app.demo.recorded.seed import Wish, seed_recorded
from app.demo.seed import CUSTOMERS, seed
from app.demo.servers import tell_hostname
from app.demo.settle import Happened, settle
from app.demo.staff_logins import ensure_demo_staff
from app.jobs.close_months import close_months_that_are_over, work_out_running_month
from app.sample_server.cli import main as run_sample_server
from app.sample_server.portal_client import PortalProblem
from app.services.context import Context
from app.web.wording import format_count, format_instant

demo_group = AppGroup("demo", help="The demo: portal, Stripe emulator and sample servers.")
Port = click.IntRange(1, 65000)
Many = click.IntRange(1, 10_000_000)
fill_up = click.option(
    "--fill-up",
    type=click.IntRange(0, 10_000),
    default=CUSTOMERS,
    show_default=True,
    help="Customers in all: recorded ones join those who live through their months.",
)


@demo_group.command("start", with_appcontext=False)
@click.option("--port", type=Port, default=5000, show_default=True, help="The portal's.")
@click.option("--emulator-port", type=Port, default=5001, show_default=True)
@click.option("--sample-port", type=Port, default=5002, show_default=True)
@click.option("--customers/--no-customers", default=True, help="Whether to make sample customers.")
@fill_up
def start_command(
    port: int, emulator_port: int, sample_port: int, customers: bool, fill_up: int
) -> None:
    """Start everything on this machine and stay until ctrl-C."""
    wishes = start.Wishes(port, emulator_port, sample_port, customers, fill_up)
    try:
        start.run_demo(get_demo_folder(), wishes, say=_say)
    except DemoError as error:
        raise click.ClickException(str(error)) from None


@demo_group.command("reset", with_appcontext=False)
def reset_command() -> None:
    """Forget everything: the next start begins with a fresh demo."""
    folder = get_demo_folder()
    try:
        with start.stopped_demo(folder):
            start.reset(folder)
    except DemoError as error:
        raise click.ClickException(f"{error} Stop it first.") from None
    click.echo("The demo is empty.")


@demo_group.command("seed")
@fill_up
def seed_command(fill_up: int) -> None:
    """Make the sample customers, unless they are there, and do what is due by now."""
    ctx, _clock, folder = _demo()
    try:
        with _bar("Living through the last months") as bar:
            made = seed(ctx, folder, customers=fill_up, progress=bar)
        if not made:
            tell_hostname(folder)
            settle(ctx, folder, Happened(), own_server=False)
    except MoveInProgress:
        raise click.ClickException("The time is being moved right now. Try again then.") from None
    except requests.RequestException as error:
        _unreachable(error)
    except (SeedError, PageError, PortalProblem) as error:
        raise click.ClickException(f"The sample customers could not be made: {error}") from None
    click.echo("The sample customers are there." if made else "Everything is there already.")


@demo_group.command("advance", context_settings={"ignore_unknown_options": True})
@click.argument("move", nargs=-1, required=True)
def advance_command(move: tuple[str, ...]) -> None:
    """Move time: 2hours, 3days, 1week, 1month, or "to 2027-03-02T10:00:00"."""
    ctx, clock, folder = _demo()
    try:
        target = parse_move(" ".join(move), now=clock.now())
        with _bar("Moving time, in days") as bar:
            done = advance(ctx, target, folder=folder, progress=lambda m: bar(m.step, m.steps))
    except MoveError as error:
        raise click.ClickException(str(error)) from None
    except MoveInProgress:
        raise click.ClickException("The time is being moved already.") from None
    except requests.RequestException as error:
        _unreachable(error)
    click.echo(_closing_line(done))
    if done.happened.troubles:
        sys.exit(1)


@demo_group.command("start-large", with_appcontext=False)
@click.option("--customers", type=Many, default=large.DEFAULT_CUSTOMERS, show_default=True)
@click.option("--port", type=Port, default=5000, show_default=True, help="The portal's.")
@click.option("--emulator-port", type=Port, default=5001, show_default=True)
def start_large_command(customers: int, port: int, emulator_port: int) -> None:
    """Start a portal with very many recorded customers on PostgreSQL and stay until ctrl-C.

    TALLYPORT_DATABASE_URL may name a database; without it a PostgreSQL of our own is started.
    """
    wishes = start.Wishes(port, emulator_port, 5002, with_customers=False)
    try:
        large.run_large_demo(large.large_folder(), wishes, customers=customers, say=_say)
    except DemoError as error:
        raise click.ClickException(str(error)) from None


@demo_group.command("seed-large")
@click.option("--customers", type=Many, default=large.DEFAULT_CUSTOMERS, show_default=True)
def seed_large_command(customers: int) -> None:
    """Write so many recorded customers into the database of this portal."""
    ctx = cast(Context, current_app.extensions["tallyport"])
    with _bar("Writing customers down") as bar:
        made = seed_recorded(ctx, Wish(customers), progress=bar)
    click.echo("Working out the months of the overview …")
    close_months_that_are_over(ctx)
    work_out_running_month(ctx)
    ensure_demo_staff(ctx)
    click.echo(f"{format_count(made)} customers were added.")


@demo_group.command(
    "server",
    context_settings={"ignore_unknown_options": True},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def server_command(arguments: tuple[str, ...]) -> None:
    """A command of your own sample server: register, upload, export-organization and others."""
    _, _, folder = _demo()
    if arguments[:1] not in ((), ("--help",)):
        # Right after the command, so that a --store of another server, typed later, wins.
        arguments = (arguments[0], f"--store={folder.sample_store}", *arguments[1:])
    sys.exit(run_sample_server([*arguments]))


@demo_group.command("freeze")
@click.argument("instant")
def freeze_command(instant: str) -> None:
    """Let time stand still at an instant, whichever; nothing else happens."""
    _, clock, _ = _demo()
    try:
        clock.freeze(parse_instant(instant))
    except MoveError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Time stands still: {format_instant(clock.now())}")


@demo_group.command("unfreeze")
def unfreeze_command() -> None:
    """Let time run on from where it stands."""
    _, clock, _ = _demo()
    clock.unfreeze()
    click.echo(f"Time runs: {format_instant(clock.now())}")


def _demo() -> tuple[Context, DemoClock, DemoFolder]:
    """The demo that this application belongs to; its gateway repeats what the network dropped."""
    ctx = cast(Context, current_app.extensions["tallyport"])
    clock, clock_file = ctx.clock, ctx.settings.clock_file
    if not isinstance(clock, DemoClock) or clock_file is None:
        raise click.ClickException("No demo runs here. Start one with: make demo")
    # A refused payment is part of the story; the closing line counts it.
    for name in ("app", "tallyport"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return replace(ctx, payments=ctx.payments.for_jobs()), clock, folder_of(clock_file)


class _Bar:
    """Told of the steps done and of all steps."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None)

    def __call__(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)


@contextmanager
def _bar(title: str) -> Iterator[_Bar]:
    """A bar on a terminal, and nothing where there is none."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as progress:
        yield _Bar(progress, title)


def _closing_line(move: Move) -> str:
    happened = move.happened
    counts = (
        (happened.uploads, "upload", "uploads"),
        (happened.invoices, "invoice made", "invoices made"),
        (happened.paid, "paid", "paid"),
        (happened.refused, "payment refused", "payments refused"),
        (happened.deferred, "customer waits for an upload", "customers wait for an upload"),
        (happened.mails, "mail", "mails"),
        (happened.troubles, "trouble (see the logs)", "troubles (see the logs)"),
    )
    told = ", ".join(
        f"{format_count(count)} {one if count == 1 else many}"
        for count, one, many in counts
        if count
    )
    return f"It is {format_instant(move.target)} now. {told or 'Nothing happened'}."


def _unreachable(error: requests.RequestException) -> NoReturn:
    address = error.request.url if error.request is not None else "a part of the demo"
    raise click.ClickException(f"{address} does not answer. Does the demo run?") from None


def _say(text: str) -> None:
    # Written at once, also into a pipe: whoever waits for the addresses sees them.
    click.echo(text)
    sys.stdout.flush()
