"""`flask billing offer create | withdraw | follow-up`."""

from datetime import datetime

import click
from flask.cli import AppGroup

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
from app.domain.kinds import Schedule
from app.services.context import CLI
from app.services.make_offer import MakeOffer, make_offer
from app.services.schedule_follow_up import ScheduleFollowUp, schedule_follow_up
from app.services.withdraw_offer import withdraw_offer

offer = AppGroup("offer", help="A fixed price for a year of the required tier.")

price_option = click.option(
    "--price", type=int, required=True, help="For a year, in whole units of the currency: 1200."
)
owner_option = click.option(
    "--owner", help="Who promised it; kept with the offer, not in the audit log."
)


def add_offer_commands(group: click.Group) -> None:
    """Add this group to `flask billing`."""
    group.add_command(offer)


@offer.command("create")
@click.argument("uuid")
@price_option
@click.option(
    "--stripe-invoice",
    help="An open invoice that was made at Stripe for it (in_…): its payment starts the plan.",
)
@click.option(
    "--expires",
    type=Instant(),
    help="From this day on it cannot be accepted: 2027-03-01 means its start, 00:00 UTC.",
)
@owner_option
@why
@dry_run_option
def create_command(
    uuid: str,
    price: int,
    stripe_invoice: str | None,
    expires: datetime | None,
    owner: str | None,
    reason: str,
    dry_run: bool,
) -> None:
    """Offer a customer a fixed price for a year, monthly or annual as he likes.

    It is accepted on the upgrade page, or by paying the invoice that it is tied to.
    """
    context = staff_context()
    with refusals_as_messages():
        command = MakeOffer(
            yearly_price=price * 100,
            stripe_invoice_id=stripe_invoice,
            expires_at=expires,
            owner=owner,
            reason=reason,
        )
        change = make_offer(context, find_payer(context, uuid), command, actor=CLI, dry_run=dry_run)
    show_change(change.before, change.after, dry_run=dry_run)


@offer.command("withdraw")
@click.argument("uuid")
@why
@dry_run_option
def withdraw_command(uuid: str, reason: str, dry_run: bool) -> None:
    """Take an open offer back, with its open invoice, or the follow-up that is scheduled."""
    context = staff_context()
    with refusals_as_messages():
        change = withdraw_offer(
            context, find_payer(context, uuid), reason=reason, actor=CLI, dry_run=dry_run
        )
    show_change(change.before, change.after, dry_run=dry_run)


@offer.command("follow-up")
@click.argument("uuid")
@price_option
@click.option(
    "--schedule",
    type=click.Choice([schedule.value for schedule in Schedule]),
    help="How it is billed (default: as the plan that runs).",
)
@owner_option
@why
@dry_run_option
def follow_up_command(
    uuid: str, price: int, schedule: str | None, owner: str | None, reason: str, dry_run: bool
) -> None:
    """Let another year at a fixed price follow the plan that runs, at its end date.

    A monthly plan must have had its last invoice.
    """
    context = staff_context()
    command = ScheduleFollowUp(
        yearly_price=price * 100,
        schedule=None if schedule is None else Schedule(schedule),
        owner=owner,
        reason=reason,
    )
    change = act_or_preview(
        context,
        uuid,
        lambda ctx, payer: schedule_follow_up(ctx, payer, command, actor=CLI, dry_run=dry_run),
        dry_run=dry_run,
    )
    show_change(change.before, change.after, dry_run=dry_run)
