"""What a command would do to somebody's invoices, shown instead of done; and what may happen at all."""

from collections.abc import Callable
from typing import TypeVar

import click

from app.cli_common import refusals_as_messages
from app.domain.transitions import TRANSITIONS
from app.services.context import Context
from app.services.preview_change import ChangePreview, make_change, preview_change
from app.services.preview_invoices import PreviewedInvoice
from app.services.unit_of_work import UnitOfWork
from app.web.wording import format_date, format_money

T = TypeVar("T")


def add_preview_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    group.add_command(transitions_command)


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
    return preview.result


def show_preview(preview: ChangePreview[T]) -> None:
    """The invoices up to the next renewal, without the change and with it."""
    for title, invoices in (("without the change", preview.before), ("with it", preview.after)):
        click.echo(f"{title}, up to {format_date(preview.until)}:")
        for invoice in invoices:
            show_invoice(invoice, indent="  ")
        if not invoices:
            click.echo("  no invoice")
    click.echo("dry run: nothing was changed")


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


@click.command("transitions")
def transitions_command() -> None:
    """Print what may happen to a plan: its state, the change, the state afterwards."""
    for (status, at_cycle_end, change), after in sorted(TRANSITIONS.items()):
        click.echo(f"{status} {at_cycle_end}  {change}  {after[0]} {after[1]}")
