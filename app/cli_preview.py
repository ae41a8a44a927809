"""What a command would do to somebody's invoices, shown instead of done; and what may happen at all."""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import click
from flask.cli import with_appcontext

from app.cli_common import Instant, find_payer, refusals_as_messages, staff_context
from app.domain.standouts import Standout
from app.domain.transitions import TRANSITIONS
from app.jobs.rehearse import rehearse
from app.services.context import Context
from app.services.customers import Payer, get_customer
from app.services.preview_change import (
    ChangePreview,
    make_change,
    preview_change,
    preview_service,
)
from app.services.preview_invoices import PreviewedInvoice
from app.services.unit_of_work import UnitOfWork, unit_of_work
from app.web.wording import format_date, format_instant, format_money

T = TypeVar("T")


def add_preview_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    group.add_command(transitions_command)
    group.add_command(rehearse_command)


def do_or_preview(
    context: Context, customer_id: int, change: Callable[[UnitOfWork], T], *, dry_run: bool
) -> T:
    """Make a change, or with `dry_run` show what it would do to the next invoices and keep nothing.

    A refusal ends the command with its words.
    """
    with refusals_as_messages():
        if not dry_run:
            return make_change(context, change)
        preview = preview_change(context, customer_id, change)
    show_preview(preview)
    click.echo("dry run: nothing was changed")
    return preview.result


def act_or_preview(
    context: Context, uuid: str, act: Callable[[Context, Payer], T], *, dry_run: bool
) -> T:
    """The same for a service that opens units of work of its own, about the payer of that UUID:
    `act` calls it, with `dry_run` as it is given here. Whoever is no customer yet has no invoices
    to show.
    """
    with refusals_as_messages():
        payer = find_payer(context, uuid)
        customer_id = _get_customer_id(context, payer) if dry_run else None
        if customer_id is None:
            return act(context, payer)
        preview = preview_service(context, customer_id, lambda ctx: act(ctx, payer))
    show_preview(preview)
    return preview.result


def _get_customer_id(context: Context, payer: Payer) -> int | None:
    with unit_of_work(context) as work:
        customer = get_customer(work.session, payer)
        return None if customer is None else customer.id


def show_preview(preview: ChangePreview[T]) -> None:
    """The invoices up to the next renewal, without the change and with it."""
    for title, invoices in (("without the change", preview.before), ("with it", preview.after)):
        click.echo(f"{title}, up to {format_date(preview.until)}:")
        for invoice in invoices:
            show_invoice(invoice, indent="  ")
        if not invoices:
            click.echo("  no invoice")


def show_invoice(invoice: PreviewedInvoice, *, indent: str = "") -> None:
    """One invoice with its lines, as text."""
    total = format_money(invoice.total, invoice.currency)
    click.echo(f"{indent}{invoice.customer_name}  {format_date(invoice.boundary)}  {total}")
    for line in invoice.lines:
        unit = format_money(line.unit_amount, invoice.currency)
        amount = format_money(line.amount, invoice.currency)
        click.echo(f"{indent}    {line.description}: {line.quantity} x {unit} = {amount}")
    if invoice.previous_total is not None:
        difference = format_money(invoice.total - invoice.previous_total, invoice.currency)
        click.echo(f"{indent}    difference to the invoice before: {difference}")


@click.command("rehearse")
@click.option("--as-of", type=Instant(), help="The instant of the run (default: in a day).")
@with_appcontext
def rehearse_command(as_of: datetime | None) -> None:
    """Try the next run out: its invoices, sums, and which of them stand out. Keeps nothing."""
    context = staff_context()
    when = as_of or context.now() + timedelta(days=1)
    if when < context.now():
        raise click.UsageError("--as-of must not lie in the past")
    found = rehearse(context, as_of=when)
    for invoice in found.counts.invoices:
        show_invoice(invoice)
    click.echo(f"a run at {format_instant(when)} would make:")
    for sums in found.totals:
        total, before = (
            format_money(cents, sums.currency) for cents in (sums.total, sums.previous_total)
        )
        difference = format_money(sums.difference, sums.currency)
        click.echo(
            f"  {sums.invoices} invoices, {total}; these customers' invoices before: {before}"
            f" (difference {difference})"
        )
    if not found.totals:
        click.echo("  no invoice")
    for run in found.before:
        total = format_money(run.total, run.currency)
        click.echo(f"the run before, {run.day.isoformat()}: {run.invoices} invoices, {total}")
    for why, invoice in found.standouts:
        click.echo(f"stands out: {describe_standout(why, invoice)}")
    counts = found.counts
    click.echo(
        f"processed={counts.processed} invoiced={counts.invoiced} deferred={counts.deferred}"
        f" parked={counts.parked}"
    )
    if counts.parked:
        sys.exit(1)


def describe_standout(why: Standout, invoice: PreviewedInvoice) -> str:
    """One line: who, how much, and against what."""
    total = format_money(invoice.total, invoice.currency)
    if invoice.previous_total is None:
        return f"{invoice.customer_name}: {total}, the first invoice"
    previous = format_money(invoice.previous_total, invoice.currency)
    return f"{invoice.customer_name}: {total}, {why.value} than {previous} the last time"


@click.command("transitions")
def transitions_command() -> None:
    """Print what may happen to a plan: its state, the change, the state afterwards."""
    for (status, at_cycle_end, change), after in sorted(TRANSITIONS.items()):
        click.echo(f"{status} {at_cycle_end}  {change}  {after[0]} {after[1]}")
