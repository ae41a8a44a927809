"""The command line: `flask billing ...`, and `flask demo ...` where there are demos."""

import json
import sys
import time
from dataclasses import replace
from datetime import datetime
from typing import cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from app.cli_changes import add_change_commands
from app.cli_charges import add_charge_commands
from app.cli_common import (
    Instant,
    find_customer,
    refusals_as_messages,
    show_summary,
    terminal_progress,
)
from app.cli_coupons import add_coupon_commands
from app.cli_deals import add_deal_commands
from app.cli_legacy import add_legacy_commands
from app.cli_mails import add_mail_commands
from app.cli_moves import add_move_commands
from app.cli_offers import add_offer_commands
from app.cli_preview import add_preview_commands, show_invoice
from app.cli_servers import add_server_commands
from app.cli_sponsorship import add_sponsorship_commands
from app.cli_staff import staff_group
from app.jobs.close_months import close_months_that_are_over, work_out_running_month
from app.jobs.deliver import deliver
from app.jobs.invoice_plans import RunCounts, invoice_plans, preview_plans
from app.jobs.notify import notify
from app.jobs.rebuild_search import rebuild_search
from app.jobs.sync_ledgers import sync_ledgers
from app.services.context import Context
from app.services.export_customer import export_customer
from app.services.invoice_plan import unpark_customer
from app.services.preview_invoices import preview_due_invoices
from app.services.unit_of_work import unit_of_work
from app.settings import Environment

billing = AppGroup("billing", help="Ledgers, invoices and what waits to be delivered.")


def register_commands(app: Flask) -> None:
    """Add our groups to `flask`."""
    add_server_commands(billing)
    add_move_commands(billing)
    add_preview_commands(billing)
    add_deal_commands(billing)
    add_change_commands(billing)
    add_legacy_commands(billing)
    add_coupon_commands(billing)
    add_sponsorship_commands(billing)
    add_mail_commands(billing)
    add_offer_commands(billing)
    add_charge_commands(billing)
    app.cli.add_command(billing)
    app.cli.add_command(staff_group)
    context = cast(Context, app.extensions["tallyport"])
    if context.settings.is_demo_like:
        from app.demo.commands import demo_group

        app.cli.add_command(demo_group)


def _context() -> Context:
    """The context for jobs: its gateway repeats what the network dropped."""
    context = cast(Context, current_app.extensions["tallyport"])
    return replace(context, payments=context.payments.for_jobs())


@billing.command("sync-ledgers")
def sync_ledgers_command() -> None:
    """Bring every license ledger up to what the servers uploaded. Run it hourly."""
    started = time.monotonic()
    with terminal_progress() as progress:
        counts = sync_ledgers(_context(), progress=progress)
        # Whatever bypassed the application, as an import does, is found within the hour.
        rebuild_search(_context(), progress=progress)
    work_out_running_month(_context())
    show_summary(
        started,
        processed=counts.processed,
        rows=counts.rows,
        entries=counts.entries,
        failed=counts.failed,
    )
    if counts.failed:
        sys.exit(1)


@billing.command("rebuild-search")
def rebuild_search_command() -> None:
    """Compare what staff find customers by with the customers, and mend what differs."""
    started = time.monotonic()
    with terminal_progress() as progress:
        counts = rebuild_search(_context(), progress=progress)
    show_summary(started, looked_at=counts.looked_at, mended=counts.written)


@billing.command("invoice-plans")
@click.option("--dry-run", is_flag=True, help="Show every invoice that would be made; keep none.")
@click.option("--as-of", type=Instant(), help="As if it were this later time.")
def invoice_plans_command(dry_run: bool, as_of: datetime | None) -> None:
    """Make the invoices that are due and mail what is ahead. Run it daily; `deliver` sends them."""
    started = time.monotonic()
    context = _context()
    if as_of is not None:
        _check_as_of(context, as_of, dry_run=dry_run)
    with terminal_progress() as progress:
        if dry_run:
            counts = preview_plans(context, as_of=as_of, progress=progress)
        else:
            counts = invoice_plans(context, as_of=as_of, progress=progress)
        untold = 0
        if not dry_run and as_of is None:
            # The daily mails; what a later time would say is not true yet.
            untold = notify(context, progress=progress).failed
            close_months_that_are_over(context)
    for invoice in counts.invoices:
        show_invoice(invoice)
    _summary_of_run(started, counts)
    if counts.parked or untold:
        sys.exit(1)


def _summary_of_run(started: float, counts: RunCounts) -> None:
    show_summary(
        started,
        processed=counts.processed,
        invoiced=counts.invoiced,
        deferred=counts.deferred,
        parked=counts.parked,
    )


def _check_as_of(context: Context, as_of: datetime, *, dry_run: bool) -> None:
    if not dry_run and context.settings.env is Environment.PRODUCTION:
        raise click.UsageError("--as-of goes with --dry-run in production")
    if as_of < context.now():
        raise click.UsageError("--as-of must not lie in the past")


@billing.command("deliver")
def deliver_command() -> None:
    """Deliver invoices, settle purchases and events, send mails. Run it every few minutes."""
    started = time.monotonic()
    with terminal_progress() as progress:
        counts = deliver(_context(), progress=progress)
    show_summary(
        started,
        invoices=counts.invoices,
        failed=counts.failed,
        deferred=counts.deferred,
        parked=counts.parked,
        purchases=counts.purchases,
        events=counts.events,
        mails=counts.mails,
    )
    if counts.parked or counts.broken:
        sys.exit(1)


@billing.command("preview")
@click.argument("uuid")
@click.option("--until", type=Instant(), help="Up to this time (default: now).")
def preview_command(uuid: str, until: datetime | None) -> None:
    """Show the invoices one customer will get if nothing else changes."""
    started = time.monotonic()
    context = _context()
    if until is not None and until < context.now():
        raise click.UsageError("--until must not lie in the past")
    with refusals_as_messages():
        customer_id = find_customer(context, uuid)
        preview = preview_due_invoices(context, customer_id, as_of=until)
    for invoice in preview.invoices:
        show_invoice(invoice)
    show_summary(started, invoices=len(preview.invoices), deferred=preview.deferred)


@billing.command("export")
@click.argument("uuid")
def export_command(uuid: str) -> None:
    """Print everything about one organization or server as JSON."""
    with refusals_as_messages(), unit_of_work(_context()) as work:
        found = export_customer(work.session, uuid=uuid.lower(), now=work.now)
        click.echo(json.dumps(found, indent=2))


@billing.command("unpark")
@click.argument("uuid")
def unpark_command(uuid: str) -> None:
    """Let the next run try a parked customer again."""
    context = _context()
    with refusals_as_messages():
        unpark_customer(context, find_customer(context, uuid))
    click.echo("unparked")
