"""`flask billing coupon create | withdraw | list`."""

from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup

from app.cli_common import (
    Instant,
    Money,
    Percent,
    dry_run_option,
    refusals_as_messages,
    show_change,
    staff_context,
    why,
)
from app.services.context import CLI
from app.services.create_coupon import (
    CreateCoupon,
    create_coupon,
    load_coupons,
    withdraw_coupon,
)
from app.services.unit_of_work import unit_of_work
from app.web.wording import format_money

coupon = AppGroup("coupon", help="Codes that take something off the first months of a plan.")


def add_coupon_commands(group: click.Group) -> None:
    """Add this group to `flask billing`."""
    group.add_command(coupon)


@coupon.command("create")
@click.argument("code")
@click.option("--percent", type=Percent(), help="So much off the licenses of a bill, as 25.")
@click.option("--amount", type=Money(), help="Instead: so much off each month, as 20.00.")
@click.option("--months", type=int, required=True, help="For how many months of the plan.")
@click.option("--tier", help="Only for this tier.")
@click.option("--max-uses", type=int, help="How many customers may use it.")
@click.option(
    "--expires",
    type=Instant(),
    help="From this day on it cannot be used: 2027-03-01 means its start, 00:00 UTC.",
)
@why
@dry_run_option
def create_command(
    code: str,
    percent: int | None,
    amount: int | None,
    months: int,
    tier: str | None,
    max_uses: int | None,
    expires: datetime | None,
    reason: str,
    dry_run: bool,
) -> None:
    """Make a code that people enter when they buy, each customer once."""
    if (percent is None) == (amount is None):
        raise click.UsageError("give --percent or --amount")
    command = CreateCoupon(
        code=code,
        percent=percent,
        amount=amount,
        months=months,
        tier=tier,
        max_uses=max_uses,
        expires_at=expires,
        reason=reason,
    )
    with refusals_as_messages():
        change = create_coupon(staff_context(), command, actor=CLI, dry_run=dry_run)
    show_change(change.before, change.after, dry_run=dry_run)


@coupon.command("withdraw")
@click.argument("code")
@why
@dry_run_option
def withdraw_command(code: str, reason: str, dry_run: bool) -> None:
    """Let nobody use a code any more. Plans that began with it keep it."""
    with refusals_as_messages():
        change = withdraw_coupon(staff_context(), code, reason=reason, actor=CLI, dry_run=dry_run)
    show_change(change.before, change.after, dry_run=dry_run)


@coupon.command("list")
def list_command() -> None:
    """Show every code, what it is good for, and how often it was used."""
    context = staff_context()
    with unit_of_work(context) as work:
        found = load_coupons(work.session)
    for one in found:
        click.echo(_line(one, currency=context.catalog.currency))
    click.echo(f"coupons={len(found)}")


def _line(one: dict[str, Any], *, currency: str) -> str:
    off = f"{one['percent']}%" if one["amount"] is None else format_money(one["amount"], currency)
    most = "any number" if one["max_uses"] is None else one["max_uses"]
    parts = [
        f"{one['code']}  {off} for {one['months']} months",
        f"tier {one['tier'] or 'any'}",
        f"used {one['uses']} of {most}",
    ]
    if one["expires_at"]:
        parts.append(f"expires {one['expires_at']}")
    if one["withdrawn_at"]:
        parts.append(f"withdrawn {one['withdrawn_at']}")
    return ", ".join(parts)
