"""Legacy plans on the command line: `flask billing legacy ...`, one customer or a file of them."""

import csv
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

import click
from flask.cli import with_appcontext

from app.cli_common import (
    Instant,
    dry_run_option,
    find_payer,
    show_change,
    show_summary,
    staff_context,
    terminal_progress,
    why,
)
from app.cli_preview import act_or_preview
from app.domain.errors import BillingError
from app.domain.kinds import Collection, LicenseManagement, Schedule
from app.services.context import CLI, Context
from app.services.customers import Payer
from app.services.legacy import create_legacy_plan, end_legacy_plan, move_legacy_end
from app.services.quote import PurchaseChoice
from app.services.schedule_upgrade import cancel_scheduled_upgrade, schedule_upgrade
from app.services.staff_change import StaffChange, checked_reason
from app.web.wording import format_date, format_money, message_for

COLUMNS = ("uuid", "until")
until_option = click.option(
    "--until",
    type=Instant(),
    required=True,
    help="When it ends; a date means 00:00 UTC at its start.",
)


@click.group("legacy")
def legacy_group() -> None:
    """Customers of the old terms: free until a date, and what follows then."""


def add_legacy_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    group.add_command(legacy_group)


def _show(change: StaffChange, *, dry_run: bool) -> None:
    show_change(change.before, change.after, dry_run=dry_run)


@legacy_group.command("create")
@click.argument("uuid")
@until_option
@why
@dry_run_option
@with_appcontext
def create_command(uuid: str, until: datetime, reason: str, dry_run: bool) -> None:
    """Put an organization or server on a legacy plan until a date."""
    context = staff_context()
    change = act_or_preview(
        context,
        uuid,
        lambda ctx, payer: create_legacy_plan(
            ctx, payer, until=until, reason=reason, actor=CLI, dry_run=dry_run
        ),
        dry_run=dry_run,
    )
    _show(change, dry_run=dry_run)


@legacy_group.command("extend")
@click.argument("uuid")
@until_option
@why
@dry_run_option
@with_appcontext
def extend_command(uuid: str, until: datetime, reason: str, dry_run: bool) -> None:
    """Move the end of a legacy plan; a plan that is scheduled for it begins then."""
    context = staff_context()
    change = act_or_preview(
        context,
        uuid,
        lambda ctx, payer: move_legacy_end(
            ctx, payer, until=until, reason=reason, actor=CLI, dry_run=dry_run
        ),
        dry_run=dry_run,
    )
    _show(change, dry_run=dry_run)


@legacy_group.command("end")
@click.argument("uuid")
@why
@dry_run_option
@with_appcontext
def end_command(uuid: str, reason: str, dry_run: bool) -> None:
    """End a legacy plan now. A plan that is scheduled for its end is given up, too."""
    context = staff_context()
    change = act_or_preview(
        context,
        uuid,
        lambda ctx, payer: end_legacy_plan(ctx, payer, reason=reason, actor=CLI, dry_run=dry_run),
        dry_run=dry_run,
    )
    _show(change, dry_run=dry_run)


@legacy_group.command("schedule")
@click.argument("uuid")
@click.argument("tier")
@click.option(
    "--schedule",
    type=click.Choice([schedule.value for schedule in Schedule]),
    default=Schedule.MONTHLY.value,
    show_default=True,
    help="How often it is billed.",
)
@click.option(
    "--licenses", type=click.IntRange(min=1), help="A number by hand instead of all people."
)
@click.option("--by-invoice", is_flag=True, help="Invoices are sent instead of charging the card.")
@why
@dry_run_option
@with_appcontext
def schedule_command(
    uuid: str,
    tier: str,
    schedule: str,
    licenses: int | None,
    by_invoice: bool,
    reason: str,
    dry_run: bool,
) -> None:
    """Schedule a paid tier for the end of a legacy plan, for a customer who asked for it."""
    context = staff_context()
    is_chosen = licenses is not None
    choice = PurchaseChoice(
        tier=tier,
        schedule=Schedule(schedule),
        license_management=(LicenseManagement.MANUAL if is_chosen else LicenseManagement.AUTOMATIC),
        licenses=licenses,
        collection=Collection.SEND_INVOICE if by_invoice else Collection.CHARGE_AUTOMATICALLY,
    )
    quote = act_or_preview(
        context,
        uuid,
        lambda ctx, payer: schedule_upgrade(
            ctx, payer, choice, actor=CLI, reason=reason, dry_run=dry_run
        ),
        dry_run=dry_run,
    )
    click.echo(
        f"{quote.tier.title} from {format_date(quote.starts_at)}: {quote.licenses} licenses, "
        f"first bill {format_money(quote.total, quote.currency)}, "
        f"then {format_money(quote.renewal_total, quote.currency)}"
    )
    show_change({}, {"scheduled": quote.tier.key}, dry_run=dry_run)


@legacy_group.command("cancel")
@click.argument("uuid")
@why
@dry_run_option
@with_appcontext
def cancel_command(uuid: str, reason: str, dry_run: bool) -> None:
    """Take the plan back that is scheduled for the end of a legacy plan."""
    context = staff_context()
    tier = act_or_preview(
        context,
        uuid,
        lambda ctx, payer: cancel_scheduled_upgrade(
            ctx, payer, actor=CLI, reason=reason, dry_run=dry_run
        ),
        dry_run=dry_run,
    )
    show_change({"scheduled": tier}, {"scheduled": None}, dry_run=dry_run)


# --- many at once ---


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file that can be understood."""

    line: int
    payer: Payer
    until: datetime
    reason: str


@legacy_group.command("bulk")
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@why
@dry_run_option
@with_appcontext
def bulk_command(file: TextIO, reason: str, dry_run: bool) -> None:
    """Put everyone of a CSV file on a legacy plan: columns uuid, until and, if you like, reason.

    Every line is checked before anything is changed. Lines that cannot be are named, and the rest
    is done; run it again with the lines mended, since what is there already is passed over.
    """
    started, context = time.monotonic(), staff_context()
    lines = _read(file)
    problems: dict[int, str] = {}
    with terminal_progress() as progress:
        progress.start("checking", len(lines))
        rows = []
        for row in _check(context, lines, reason, problems):
            progress.advance()
            if row is not None:
                rows.append(row)
        progress.start("creating", len(rows))
        created = unchanged = 0
        for row in rows:
            change = _create(context, row, problems, dry_run=dry_run)
            progress.advance()
            if change is not None:
                created += change.before != change.after
                unchanged += change.before == change.after
    for line in sorted(problems):
        click.echo(f"line {line}: {problems[line]}", err=True)
    if dry_run:
        click.echo("dry run: nothing was changed")
    show_summary(
        started, rows=len(lines), created=created, unchanged=unchanged, failed=len(problems)
    )
    if problems:
        sys.exit(1)


def _read(file: TextIO) -> list[tuple[int, dict[str, str]]]:
    """The lines of the file with their numbers. Ends the command when it is no such file."""
    try:
        reader = csv.DictReader(file, skipinitialspace=True, strict=True)
        names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise click.ClickException(
                f"The first line must name the columns uuid and until; missing: {', '.join(missing)}"
            )
        return [(reader.line_num, _cells(values)) for values in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise click.ClickException(f"This is no CSV file in UTF-8: {error}") from None


def _cells(values: dict[str, str | list[str] | None]) -> dict[str, str]:
    """The cells as texts; those beyond the named columns under the empty name."""
    found = {"": "more cells than columns"} if values.get(None) else {}  # type: ignore[call-overload]  # where csv keeps what is beyond
    for name, value in values.items():
        if name and isinstance(value, str):
            found[name] = value.strip()
    return found


def _check(
    context: Context,
    lines: list[tuple[int, dict[str, str]]],
    reason: str,
    problems: dict[int, str],
) -> Iterator[Row | None]:
    """Each line understood and tried without keeping anything; None where it has a problem."""
    seen: dict[str, int] = {}
    for line, cells in lines:
        try:
            row = _understand(context, line, cells, reason)
            if row.payer.uuid in seen:
                raise click.ClickException(f"the same UUID as in line {seen[row.payer.uuid]}")
            seen[row.payer.uuid] = line
        except (click.ClickException, BillingError) as error:
            problems[line] = _words(error)
            yield None
        else:
            yield row if _create(context, row, problems, dry_run=True) is not None else None


def _understand(context: Context, line: int, cells: dict[str, str], reason: str) -> Row:
    if "" in cells:
        raise click.ClickException(cells[""])
    uuid = cells.get("uuid", "")
    if not uuid:
        raise click.ClickException("the UUID is missing")
    if not cells.get("until"):
        raise click.ClickException("the date is missing")
    until = Instant().convert(cells["until"], None, None)
    said = checked_reason(cells.get("reason") or reason)
    return Row(line, find_payer(context, uuid), until, said)


def _create(
    context: Context, row: Row, problems: dict[int, str], *, dry_run: bool
) -> StaffChange | None:
    try:
        return create_legacy_plan(
            context,
            row.payer,
            until=row.until,
            reason=row.reason,
            actor=CLI,
            dry_run=dry_run,
            again=True,
        )
    except BillingError as error:
        problems[row.line] = _words(error)
        return None


def _words(error: click.ClickException | BillingError) -> str:
    if isinstance(error, BillingError):
        if error.code == "not_found":
            return "no organization or server has this UUID"
        return message_for(error)
    return error.format_message()
