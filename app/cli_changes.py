"""Changes of a running plan on the command line: `flask billing end | keep | tier | schedule |
management`."""

import click
from flask.cli import with_appcontext

from app.cli_common import (
    dry_run_option,
    find_customer,
    find_payer,
    refusals_as_messages,
    staff_context,
    why,
)
from app.cli_deals import change_required_tier
from app.cli_preview import do_or_preview
from app.domain.errors import BillingError
from app.domain.kinds import LicenseManagement, Schedule
from app.services.change_management import change_management
from app.services.change_plan import end_at_cycle_end, take_back
from app.services.context import CLI, Context
from app.services.customers import Payer, get_customer, get_live_plan
from app.services.end_plan_now import end_now, end_plan_now
from app.services.next_terms import PlanChoice, is_higher, load_tier
from app.services.staff_change import checked_reason
from app.services.switch_plan import switch_at_cycle_end
from app.services.unit_of_work import unit_of_work
from app.services.upgrade_tier import UpgradeOutcome, UpgradeResult, preview_upgrade, upgrade_tier
from app.web.wording import format_date, format_money

_OUTCOMES = {
    UpgradeOutcome.PAID: "paid",
    UpgradeOutcome.UNPAID: "not paid: the card was refused, and the invoice stays open",
    UpgradeOutcome.AUTHENTICATE: "not paid yet: the bank asks for the person",
    UpgradeOutcome.SENT: "sent, to be paid",
    UpgradeOutcome.UNKNOWN: "not charged yet: `deliver` does it",
}


def add_change_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    for command in (
        end_command,
        keep_command,
        tier_command,
        schedule_command,
        management_command,
    ):
        group.add_command(command)


@click.command("end")
@click.argument("uuid")
@click.option("--now", "at_once", is_flag=True, help="At once, not when the cycle ends.")
@click.option(
    "--void-open-invoices", is_flag=True, help="With --now: what is unpaid is not owed any more."
)
@why
@dry_run_option
@with_appcontext
def end_command(
    uuid: str, at_once: bool, void_open_invoices: bool, reason: str, dry_run: bool
) -> None:
    """End a plan when its cycle ends, or now; what was added is billed, nothing comes back."""
    if void_open_invoices and not at_once:
        raise click.UsageError("--void-open-invoices goes with --now")
    context, payer, reason = _begin(uuid, reason)
    if not at_once:
        ends = do_or_preview(
            context,
            find_customer(context, uuid),
            lambda work: end_at_cycle_end(work, payer, actor=CLI, reason=reason),
            dry_run=dry_run,
        )
        _say(f"it ends on {format_date(ends)}", dry_run=dry_run)
    elif dry_run:
        do_or_preview(
            context,
            find_customer(context, uuid),
            lambda work: end_now(work, payer, actor=CLI, reason=reason),
            dry_run=True,
        )
    else:
        with refusals_as_messages():
            end_plan_now(
                context, payer, actor=CLI, reason=reason, void_open_invoices=void_open_invoices
            )
        click.echo("ended")


@click.command("keep")
@click.argument("uuid")
@why
@dry_run_option
@with_appcontext
def keep_command(uuid: str, reason: str, dry_run: bool) -> None:
    """Take an end or a change back that has not come yet."""
    context, payer, reason = _begin(uuid, reason)
    was = do_or_preview(
        context,
        find_customer(context, uuid),
        lambda work: take_back(work, payer, actor=CLI, reason=reason),
        dry_run=dry_run,
    )
    _say(f"it renews; taken back: {was.value}", dry_run=dry_run)


@click.command("tier")
@click.argument("uuid")
@click.argument("tier", required=False)
@click.option("--now", "when", flag_value="now", help="At once; for a higher tier only.")
@click.option("--at-cycle-end", "when", flag_value="later", help="When the cycle ends.")
@click.option(
    "--schedule",
    type=click.Choice([schedule.value for schedule in Schedule]),
    help="How often it renews then (default: as now).",
)
@click.option("--required", help="Instead: discounts and offers are for this tier.")
@click.option("--clear", is_flag=True, help="Instead: no tier is required any more.")
@why
@dry_run_option
@with_appcontext
def tier_command(
    uuid: str,
    tier: str | None,
    when: str | None,
    schedule: str | None,
    required: str | None,
    clear: bool,
    reason: str,
    dry_run: bool,
) -> None:
    """Move a customer to another tier: to a higher one at once, to a lower one at the cycle's end.

    With --required or --clear nothing moves: it says which tier the customer is to take.
    """
    if tier is None or required is not None or clear:
        if tier is not None or when is not None or schedule is not None:
            raise click.UsageError("a tier to move to does not go with --required or --clear")
        change_required_tier(uuid, required, clear=clear, reason=reason, dry_run=dry_run)
        return
    context, payer, reason = _begin(uuid, reason)
    with refusals_as_messages():
        is_at_once, choice = _read_choice(context, payer, tier, when, schedule)
    if not is_at_once:
        _schedule(context, payer, choice, reason=reason, dry_run=dry_run)
    elif dry_run:
        do_or_preview(
            context,
            find_customer(context, uuid),
            lambda work: preview_upgrade(work, payer, choice, actor=CLI, by_staff=True),
            dry_run=True,
        )
    else:
        with refusals_as_messages():
            result = upgrade_tier(context, payer, choice, actor=CLI, by_staff=True, reason=reason)
        _show_upgrade(result)


@click.command("schedule")
@click.argument("uuid")
@click.argument("schedule", type=click.Choice([schedule.value for schedule in Schedule]))
@why
@dry_run_option
@with_appcontext
def schedule_command(uuid: str, schedule: str, reason: str, dry_run: bool) -> None:
    """Let a plan renew monthly or annually from the end of its cycle on."""
    context, payer, reason = _begin(uuid, reason)
    with refusals_as_messages(), unit_of_work(context) as work:
        customer = get_customer(work.session, payer)
        plan = get_live_plan(work.session, customer.id) if customer is not None else None
        if plan is None:
            raise BillingError("no_plan")
        choice = PlanChoice(plan.tier, Schedule(schedule))
    _schedule(context, payer, choice, reason=reason, dry_run=dry_run)


@click.command("management")
@click.argument("uuid")
@click.argument("management", type=click.Choice([choice.value for choice in LicenseManagement]))
@why
@dry_run_option
@with_appcontext
def management_command(uuid: str, management: str, reason: str, dry_run: bool) -> None:
    """Let licenses follow the people (automatic), or stand as they are chosen (manual)."""
    context, payer, reason = _begin(uuid, reason)
    chosen = LicenseManagement(management)
    do_or_preview(
        context,
        find_customer(context, uuid),
        lambda work: change_management(work, payer, chosen, actor=CLI, reason=reason),
        dry_run=dry_run,
    )
    _say(f"licenses are managed: {management}", dry_run=dry_run)


def _begin(uuid: str, reason: str) -> tuple[Context, Payer, str]:
    context = staff_context()
    with refusals_as_messages():
        return context, find_payer(context, uuid), checked_reason(reason)


def _read_choice(
    context: Context, payer: Payer, tier: str, when: str | None, schedule: str | None
) -> tuple[bool, PlanChoice]:
    """Whether it is for now, and what is to be; by the catalog's order where nobody says when."""
    with unit_of_work(context) as work:
        customer = get_customer(work.session, payer)
        plan = get_live_plan(work.session, customer.id) if customer is not None else None
        if plan is None or customer is None:
            raise BillingError("no_plan")
        found = load_tier(work, customer, tier, by_staff=True)
        is_at_once = when == "now" or (when is None and is_higher(work, plan, found))
        return is_at_once, PlanChoice(tier, Schedule(schedule or plan.schedule.value))


def _schedule(
    context: Context, payer: Payer, choice: PlanChoice, *, reason: str, dry_run: bool
) -> None:
    found = do_or_preview(
        context,
        find_customer(context, payer.uuid),
        lambda work: switch_at_cycle_end(
            work, payer, choice, actor=CLI, by_staff=True, reason=reason
        ),
        dry_run=dry_run,
    )
    said = f"{found.tier} {found.schedule.value} from {format_date(found.at)}"
    _say(said, dry_run=dry_run)


def _show_upgrade(result: UpgradeResult) -> None:
    total = format_money(result.total, result.currency)
    applied = format_money(result.balance_applied, result.currency)
    click.echo(f"{result.tier} from now on: invoice of {total}, {applied} of it paid by credit")
    click.echo(_OUTCOMES[result.outcome])


def _say(text: str, *, dry_run: bool) -> None:
    """What was done; a dry run has said what it has to say."""
    if not dry_run:
        click.echo(text)
