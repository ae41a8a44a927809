"""What staff do when a plan or an organization belongs elsewhere: `flask billing move-...`."""

import click
from flask.cli import with_appcontext

from app.cli_common import (
    dry_run_option,
    find_payer,
    refusals_as_messages,
    show_change,
    staff_context,
    why,
)
from app.domain.kinds import CustomerKind
from app.services.context import CLI
from app.services.move_organization import load_organization_id, move_organization
from app.services.move_plan import move_plan
from app.services.servers import load_server_id
from app.services.unit_of_work import unit_of_work


def add_move_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    group.add_command(move_plan_command)
    group.add_command(move_organization_command)


@click.command("move-plan")
@click.argument("uuid")
@click.option(
    "--to",
    "target",
    required=True,
    nargs=2,
    type=(click.Choice([kind.value for kind in CustomerKind]), str),
    metavar="server|organization UUID",
    help="Who has it afterwards: an organization of the server, or the server itself.",
)
@why
@dry_run_option
@with_appcontext
def move_plan_command(uuid: str, target: tuple[str, str], reason: str, dry_run: bool) -> None:
    """Give what a server bought to one of its organizations, or take it back.

    UUID is that of whoever has the plan now. Plans, invoices, the card and credit go along.
    """
    context = staff_context()
    kind, target_uuid = target
    with refusals_as_messages():
        giver, taker = find_payer(context, uuid), find_payer(context, target_uuid)
        if taker.kind.value != kind:
            raise click.ClickException(f"{target_uuid} is not the UUID of a {kind}.")
        with unit_of_work(context) as work:
            moved = move_plan(work, giver, taker, actor=CLI, reason=reason)
            if not dry_run:
                work.commit()
    before = {"plan": f"{moved.tier} of {giver.display_name}"}
    after = {"plan": f"{moved.tier} of {taker.display_name}"}
    for name in ("licenses", "licenses_at_next_renewal"):
        before[name], after[name] = map(str, getattr(moved, name))
    show_change(before, after, dry_run=dry_run)


@click.command("move-organization")
@click.argument("uuid")
@click.option("--to", "server_uuid", required=True, metavar="UUID", help="The new server.")
@why
@dry_run_option
@with_appcontext
def move_organization_command(uuid: str, server_uuid: str, reason: str, dry_run: bool) -> None:
    """Re-home an organization on another server, or take that back.

    Its plan, ledger, users and invoices go along; past counts of the old server stay.
    """
    context = staff_context()
    with refusals_as_messages(), unit_of_work(context) as work:
        moved = move_organization(
            work,
            load_organization_id(work, uuid=uuid.strip().lower()),
            load_server_id(work.session, uuid=server_uuid.strip().lower()),
            actor=CLI,
            reason=reason,
        )
        if not dry_run:
            work.commit()
    click.echo(f"people who count there: {moved.people}")
    show_change({moved.host: moved.from_host}, {moved.host: moved.to_host}, dry_run=dry_run)
