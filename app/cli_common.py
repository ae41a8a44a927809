"""What the staff commands share: times, whom they are about, dry runs, and refusals in one line."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import click
from flask import current_app
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from app.domain.errors import BillingError
from app.services.context import Context
from app.services.customers import Payer, get_customer, load_payer
from app.services.unit_of_work import unit_of_work
from app.web.wording import message_for

why = click.option(
    "--reason", required=True, help="Why; kept with the act in the audit log. No names of people."
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Show what would change; change nothing."
)


class Instant(click.ParamType):
    """A date (its start, UTC) or an instant in ISO 8601."""

    name = "instant"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Raises click's usage error for anything else."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date like 2027-03-02 or 2027-03-02T10:00:00Z", param, ctx)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment.replace(microsecond=0)


class Percent(click.ParamType):
    """A percentage with at most two decimals, as hundredths of a percent: 87.25 is 8725."""

    name = "percent"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Raises click's usage error for anything else."""
        return _hundredths(self, value, param, ctx, like="87.25")


class Money(click.ParamType):
    """An amount with at most two decimals, as cents: 5.00 is 500."""

    name = "amount"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Raises click's usage error for anything else."""
        return _hundredths(self, value, param, ctx, like="5.00")


_HUNDREDTHS = re.compile(r"(-?)([0-9]{1,10})(?:\.([0-9]{1,2}))?")


def _hundredths(
    kind: click.ParamType,
    value: object,
    param: click.Parameter | None,
    ctx: click.Context | None,
    *,
    like: str,
) -> int:
    if isinstance(value, int):
        return value
    found = _HUNDREDTHS.fullmatch(str(value).strip())
    if found is None:
        kind.fail(f"{value!r} is no {kind.name} like {like}", param, ctx)
    number = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
    return -number if found[1] else number


@contextmanager
def refusals_as_messages() -> Iterator[None]:
    """A rule that refuses ends the command with its words instead of a trace."""
    try:
        yield
    except BillingError as error:
        raise click.ClickException(message_for(error)) from None


def staff_context() -> Context:
    """What the services of staff commands are handed."""
    return cast(Context, current_app.extensions["tallyport"])


def find_payer(context: Context, uuid: str) -> Payer:
    """The organization or server of that UUID, whether a customer yet or not. Raises NotFoundError."""
    with unit_of_work(context) as work:
        return load_payer(work.session, uuid=uuid.strip().lower())


def find_customer(context: Context, uuid: str) -> int:
    """Our id of the customer with that UUID. Ends the command when it never became one."""
    with unit_of_work(context) as work:
        payer = load_payer(work.session, uuid=uuid.strip().lower())
        customer = get_customer(work.session, payer)
        # Read here: outside, what was loaded is forgotten.
        customer_id = None if customer is None else customer.id
    if customer_id is None:
        raise click.ClickException("This organization or server is not a customer yet.")
    return customer_id


def show_change(before: Mapping[str, Any], after: Mapping[str, Any], *, dry_run: bool) -> None:
    """One line for each value that changes, and whether it was kept."""
    for name, value in after.items():
        if before.get(name) != value:
            click.echo(f"{name}: {_shown(before.get(name))} -> {_shown(value)}")
    click.echo("dry run: nothing was changed" if dry_run else "done")


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


class TerminalProgress:
    """Shows a bar on a terminal, and nothing where there is none."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=0, visible=False)

    def start(self, title: str, total: int) -> None:
        """Begin a bar of `total` pieces."""
        self._task = self._bar.add_task(title, total=total)

    def advance(self) -> None:
        """One piece is done."""
        self._bar.advance(self._task)


@contextmanager
def terminal_progress() -> Iterator[TerminalProgress]:
    """A bar on a terminal while the block runs; nothing in a pipe."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Bar(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        yield TerminalProgress(bar)


def show_summary(started: float, **counts: int) -> None:
    """The last line of a run: what it did, and for how long."""
    words = " ".join(f"{name}={count}" for name, count in counts.items())
    click.echo(f"{words} seconds={time.monotonic() - started:.1f}")
