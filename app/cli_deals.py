"""What staff agree with a customer: `flask billing discount | licenses`, and `tier --required`."""

from datetime import datetime

import click
from flask.cli import with_appcontext

from app.cli_common import (
    Instant,
    Money,
    Percent,
    dry_run_option,
    find_payer,
    refusals_as_messages,
    show_change,
    staff_context,
    why,
)
from app.cli_preview import act_or_preview
from app.domain.discounts import StaffDiscount
from app.services.context import CLI, Context
from app.services.customers import Payer
from app.services.set_customer_discount import SetDiscount, set_customer_discount
from app.services.set_license_rules import set_exempt, set_minimum_licenses
from app.services.set_required_tier import set_required_tier
from app.services.staff_change import StaffChange


def add_deal_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    for command in (discount_command, licenses_command):
        group.add_command(command)


@click.command("discount")
@click.argument("uuid")
@click.option("--percent", type=Percent(), help="So much off each price, as 87.25.")
@click.option("--monthly-price", type=Money(), help="Instead: the price of a license and month.")
@click.option("--annual-price", type=Money(), help="Instead: the price of a license and year.")
@click.option("--remove", is_flag=True, help="Take the discount away.")
@click.option(
    "--ends",
    type=Instant(),
    help="Renewals from this day on are at the full price: 2027-03-01 means its start, 00:00 UTC.",
)
@click.option("--owner", help="Who promised it; kept with the customer, not in the audit log.")
@why
@dry_run_option
@with_appcontext
def discount_command(
    uuid: str,
    percent: int | None,
    monthly_price: int | None,
    annual_price: int | None,
    remove: bool,
    ends: datetime | None,
    owner: str | None,
    reason: str,
    dry_run: bool,
) -> None:
    """Take something off the price of the required tier, for this and every later plan of it.

    The next invoice has the new price. Prices that come out between two cents are rounded down.
    """
    is_priced = monthly_price is not None or annual_price is not None
    if (percent is not None) + is_priced + remove != 1:
        raise click.UsageError("give --percent, or prices, or --remove")
    if remove and ends is not None:
        raise click.UsageError("--ends does not go with --remove: it is taken away at once")
    discount = StaffDiscount(percent, monthly_price, annual_price, ends)
    context = staff_context()
    command = SetDiscount(discount=None if remove else discount, owner=owner, reason=reason)
    change = act_or_preview(
        context,
        uuid,
        lambda ctx, payer: set_customer_discount(ctx, payer, command, actor=CLI, dry_run=dry_run),
        dry_run=dry_run,
    )
    show_change(change.before, change.after, dry_run=dry_run)


def change_required_tier(
    uuid: str, required: str | None, *, clear: bool, reason: str, dry_run: bool
) -> None:
    """What `flask billing tier UUID --required TIER | --clear` does."""
    if (required is not None) + clear != 1:
        raise click.UsageError("give a tier to move to, or --required TIER, or --clear")
    context = staff_context()
    with refusals_as_messages():
        change = set_required_tier(
            context, find_payer(context, uuid), required, reason=reason, actor=CLI, dry_run=dry_run
        )
    show_change(change.before, change.after, dry_run=dry_run)


@click.command("licenses")
@click.argument("uuid")
@click.option("--minimum", type=int, help="The least number of licenses; needs a discount.")
@click.option("--no-minimum", is_flag=True, help="No least number of its own any more.")
@click.option(
    "--exempt/--not-exempt",
    default=None,
    help="Whether licenses stand as chosen, below people and minimum.",
)
@why
@dry_run_option
@with_appcontext
def licenses_command(
    uuid: str,
    minimum: int | None,
    no_minimum: bool,
    exempt: bool | None,
    reason: str,
    dry_run: bool,
) -> None:
    """Agree a minimum of licenses, or exempt a customer from the check of its licenses."""
    if (minimum is not None) + no_minimum + (exempt is not None) != 1:
        raise click.UsageError("give one of --minimum, --no-minimum, --exempt, --not-exempt")
    context = staff_context()

    def act(ctx: Context, payer: Payer) -> StaffChange:
        if exempt is not None:
            return set_exempt(ctx, payer, exempt, reason=reason, actor=CLI, dry_run=dry_run)
        return set_minimum_licenses(ctx, payer, minimum, reason=reason, actor=CLI, dry_run=dry_run)

    change = act_or_preview(context, uuid, act, dry_run=dry_run)
    show_change(change.before, change.after, dry_run=dry_run)
