"""What staff charge beside plans, and what late rows left for them:
`flask billing one-off | late-falls`."""

from datetime import datetime

import click
from flask.cli import with_appcontext

from app.cli_common import (
    Money,
    dry_run_option,
    find_payer,
    refusals_as_messages,
    staff_context,
    why,
)
from app.cli_preview import act_or_preview
from app.domain.kinds import Collection, InvoiceStatus
from app.models.invoices import Invoice
from app.services.context import CLI, Context
from app.services.late_falls import LateFallLine, list_late_falls, resolve_late_fall
from app.services.one_offs import (
    AddOneOff,
    OneOffAdded,
    add_one_off,
    cancel_one_off,
    load_coming_one_offs,
)
from app.services.unit_of_work import unit_of_work
from app.web.wording import format_date, format_money

NOTHING_CHANGED = "dry run: nothing was changed"


class _AddByDefault(click.Group):
    """`one-off UUID …` is `one-off add UUID …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the missing word in."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args.insert(0, "add")
        return super().parse_args(ctx, args)


@click.group("one-off", cls=_AddByDefault)
def one_off_group() -> None:
    """Single charges: `one-off UUID --amount …`, `one-off list UUID`, `one-off cancel ID`."""


@click.group("late-falls")
def late_falls_group() -> None:
    """Late rows that say that fewer people were there than were billed."""


def add_charge_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    group.add_command(one_off_group)
    group.add_command(late_falls_group)


@one_off_group.command("add")
@click.argument("uuid")
@click.option("--amount", type=Money(), required=True, help="As 250.00, in the plan's currency.")
@click.option("--description", required=True, help="What the customer reads on the invoice.")
@click.option("--at-once", is_flag=True, help="Charge it now, not with the next invoice.")
@click.option("--send", is_flag=True, help="With --at-once: send an invoice, charge no card.")
@why
@dry_run_option
@with_appcontext
def one_off_command(
    uuid: str,
    amount: int,
    description: str,
    at_once: bool,
    send: bool,
    reason: str,
    dry_run: bool,
) -> None:
    """Charge a customer once: with the next invoice, or at once."""
    if send and not at_once:
        raise click.UsageError("--send goes with --at-once")
    context = staff_context()
    command = AddOneOff(amount, description, reason, at_once=at_once, is_sent=send)
    with refusals_as_messages():
        name = find_payer(context, uuid).display_name
    added = act_or_preview(
        context,
        uuid,
        lambda ctx, payer: add_one_off(ctx, payer, command, actor=CLI, dry_run=dry_run),
        dry_run=dry_run,
    )
    total = format_money(added.amount, added.currency)
    if added.invoice_id is None:
        click.echo(f"{total} for {name}: on the next invoice")
    else:
        by_card = added.collection is Collection.CHARGE_AUTOMATICALLY
        how = "charged to the card" if by_card else "sent as an invoice"
        click.echo(f"{total} for {name}: {how} at once")
    if dry_run:
        click.echo(NOTHING_CHANGED)
        return
    click.echo(f"one-off {added.id}")
    if added.invoice_id is not None:
        _show_outcome(context, added)


def _show_outcome(context: Context, added: OneOffAdded) -> None:
    """What became of an invoice at once; ends the command with an error when nobody paid it."""
    with unit_of_work(context) as work:
        invoice = work.session.get_one(Invoice, added.invoice_id)
        status, number, refusal = invoice.status, invoice.number, invoice.failure_message
        waits = invoice.to_deliver
    click.echo(f"invoice {number or 'without a number yet'}: {status.value}")
    if waits:
        click.echo("The payment provider did not answer; it is delivered with the next run.")
    elif status is InvoiceStatus.OPEN and added.collection is Collection.CHARGE_AUTOMATICALLY:
        raise click.ClickException(f"The card was refused; the invoice stays open. {refusal or ''}")


@one_off_group.command("list")
@click.argument("uuid")
@with_appcontext
def list_one_offs_command(uuid: str) -> None:
    """Show what waits for the customer's next invoice."""
    context = staff_context()
    with refusals_as_messages():
        payer = find_payer(context, uuid)
    with unit_of_work(context) as work:
        waiting = load_coming_one_offs(work.session, payer)
    for one_off_id, amount, currency, description in waiting:
        click.echo(f"{one_off_id}  {format_money(amount, currency)}  {description}")
    if not waiting:
        click.echo("nothing waits")


@one_off_group.command("cancel")
@click.argument("one_off_id", type=click.IntRange(min=1))
@why
@dry_run_option
@with_appcontext
def cancel_one_off_command(one_off_id: int, reason: str, dry_run: bool) -> None:
    """Take back a charge that is on no invoice yet."""
    with refusals_as_messages():
        gone = cancel_one_off(
            staff_context(), one_off_id, reason=reason, actor=CLI, dry_run=dry_run
        )
    click.echo(f"one-off {gone.id} of {format_money(gone.amount, gone.currency)} canceled")
    if dry_run:
        click.echo(NOTHING_CHANGED)


@late_falls_group.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what has been resolved.")
@with_appcontext
def list_late_falls_command(everything: bool) -> None:
    """Show the queue, oldest first."""
    with unit_of_work(staff_context()) as work:
        lines = list_late_falls(work.session, everything=everything)
    for line in lines:
        click.echo(_fall_words(line))
    if not lines:
        click.echo("the queue is empty")


def _fall_words(line: LateFallLine) -> str:
    cycle = f"{format_date(line.cycle_start)} to {format_date(line.cycle_end)}"
    told = "" if line.row_id is None else f", told by row {line.row_id}{_at(line.row_at)}"
    done = "" if line.resolved_at is None else f"; resolved: {line.resolution}"
    return (
        f"{line.id}  {line.customer_name}  {line.customer_uuid}  {line.tier}, {cycle}: "
        f"{line.billed} billed, {line.needed} needed{told}{done}"
    )


def _at(moment: datetime | None) -> str:
    return "" if moment is None else f" of {format_date(moment)}"


@late_falls_group.command("resolve")
@click.argument("fall_id", type=click.IntRange(min=1))
@why
@dry_run_option
@with_appcontext
def resolve_late_fall_command(fall_id: int, reason: str, dry_run: bool) -> None:
    """Say what was done about a case; it leaves the queue."""
    with refusals_as_messages():
        resolve_late_fall(staff_context(), fall_id, reason=reason, actor=CLI, dry_run=dry_run)
    click.echo(NOTHING_CHANGED if dry_run else "resolved")
