"""Sponsorships on the command line: `flask billing sponsorship ...`."""

from datetime import datetime

import click
from flask.cli import with_appcontext

from app.cli_common import (
    Instant,
    dry_run_option,
    find_payer,
    refusals_as_messages,
    show_change,
    staff_context,
    why,
)
from app.cli_preview import act_or_preview
from app.services.context import CLI
from app.services.decide_sponsorship import (
    approve_sponsorship,
    list_waiting_requests,
    mark_sponsorship_pending,
    reject_sponsorship,
)
from app.services.unit_of_work import unit_of_work
from app.web.wording import format_date


@click.group("sponsorship")
def sponsorship_group() -> None:
    """Customers who ask to have everything for nothing."""


def add_sponsorship_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    group.add_command(sponsorship_group)


@sponsorship_group.command("list")
@with_appcontext
def list_command() -> None:
    """Show the requests that wait for a decision, the oldest first."""
    with unit_of_work(staff_context()) as work:
        waiting = list_waiting_requests(work.session)
    for request in waiting:
        click.echo(
            f"{request.uuid}  {format_date(request.since)}  {request.customer}  "
            f"{request.organization_type}  {request.website or '-'}  "
            f"people: {request.expected_users or '-'}  wishes: {request.plan_wished}"
        )
    click.echo(f"waiting={len(waiting)}")


@sponsorship_group.command("approve")
@click.argument("uuid")
@click.option(
    "--until",
    type=Instant(),
    help="When it ends; a date means 00:00 UTC at its start. Default: in a year.",
)
@why
@dry_run_option
@with_appcontext
def approve_command(uuid: str, until: datetime | None, reason: str, dry_run: bool) -> None:
    """Sponsor an organization or server, whether it asked here or not. A legacy plan ends."""
    context = staff_context()
    change = act_or_preview(
        context,
        uuid,
        lambda ctx, payer: approve_sponsorship(
            ctx, payer, until=until, reason=reason, actor=CLI, dry_run=dry_run
        ),
        dry_run=dry_run,
    )
    show_change(change.before, change.after, dry_run=dry_run)


@sponsorship_group.command("reject")
@click.argument("uuid")
@click.option("--reason", required=True, help="Why; the customer's people read it in a mail.")
@dry_run_option
@with_appcontext
def reject_command(uuid: str, reason: str, dry_run: bool) -> None:
    """Say no to a request, with the reason."""
    context = staff_context()
    with refusals_as_messages():
        change = reject_sponsorship(
            context, find_payer(context, uuid), reason=reason, actor=CLI, dry_run=dry_run
        )
    show_change(change.before, change.after, dry_run=dry_run)


@sponsorship_group.command("mark")
@click.argument("uuid")
@why
@dry_run_option
@with_appcontext
def mark_command(uuid: str, reason: str, dry_run: bool) -> None:
    """Note a request that came otherwise, by mail for instance: it waits in the list."""
    context = staff_context()
    with refusals_as_messages():
        change = mark_sponsorship_pending(
            context, find_payer(context, uuid), reason=reason, actor=CLI, dry_run=dry_run
        )
    show_change(change.before, change.after, dry_run=dry_run)
