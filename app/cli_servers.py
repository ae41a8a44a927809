"""What staff do to registrations on the command line: `flask billing ...-server`, `rewind-ids`."""

import click
from flask.cli import with_appcontext

from app.cli_common import refusals_as_messages, staff_context, why
from app.services.context import CLI, Context
from app.services.deactivate_server import deactivate_server
from app.services.link_on_behalf import create_link_on_behalf
from app.services.login_links import NEXT_PAGES
from app.services.reactivate_server import reactivate_server
from app.services.rewind_ids import RewindIds, rewind_ids
from app.services.servers import load_server_id
from app.services.unit_of_work import unit_of_work


def add_server_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    for command in (
        deactivate_server_command,
        reactivate_server_command,
        rewind_ids_command,
        login_link_command,
    ):
        group.add_command(command)


def find_server(context: Context, uuid: str) -> int:
    """Our id of the server with that UUID. Raises BillingError `not_found`."""
    with unit_of_work(context) as work:
        return load_server_id(work.session, uuid=uuid.strip().lower())


@click.command("deactivate-server")
@click.argument("uuid")
@why
@with_appcontext
def deactivate_server_command(uuid: str, reason: str) -> None:
    """End the registration of a server. Refused while a paid plan is not set to end."""
    context = staff_context()
    with refusals_as_messages():
        deactivate_server(context, find_server(context, uuid), actor=CLI, reason=reason)
    click.echo("deactivated")


@click.command("reactivate-server")
@click.argument("uuid")
@why
@with_appcontext
def reactivate_server_command(uuid: str, reason: str) -> None:
    """Take the deactivation of a server back. Its key and its hostname are what they were."""
    context = staff_context()
    with refusals_as_messages():
        reactivate_server(context, find_server(context, uuid), actor=CLI, reason=reason)
    click.echo("reactivated")


@click.command("rewind-ids")
@click.argument("uuid")
@click.option("--realm-counts", type=int, help="The last row id of that table that counts.")
@click.option("--installation-counts", type=int, help="The same for the server's own counts.")
@click.option("--audit-log", type=int, help="The same for the audit log.")
@why
@with_appcontext
def rewind_ids_command(
    uuid: str,
    realm_counts: int | None,
    installation_counts: int | None,
    audit_log: int | None,
    reason: str,
) -> None:
    """Let a server that lost its database send rows again, under ids that it used before.

    Give the highest row ids of the database that was restored (0 when it is new). Rows that are
    known already are recognized by what they say and dropped.
    """
    context = staff_context()
    with refusals_as_messages():
        command = RewindIds(
            server_id=find_server(context, uuid),
            organization_counts=realm_counts,
            server_counts=installation_counts,
            audit_rows=audit_log,
            reason=reason,
        )
        accepted = rewind_ids(context, command, actor=CLI)
    click.echo(
        f"realm_counts={accepted.organization_counts} "
        f"installation_counts={accepted.server_counts} audit_log={accepted.audit_rows}"
    )


@click.command("login-link")
@click.argument("uuid")
@click.option("--next-page", type=click.Choice(NEXT_PAGES), help="Where the login leads.")
@click.option(
    "--reason",
    default="",
    help="Why; kept in the audit log. No names of people.",
    show_default=False,
)
@with_appcontext
def login_link_command(uuid: str, next_page: str | None, reason: str) -> None:
    """Print a login link for the contact of a server: 24 hours, one login.

    Send it to the contact address of the server only; that address is told when it is used.
    """
    with refusals_as_messages():
        url = create_link_on_behalf(
            staff_context(),
            uuid.strip().lower(),
            next_page=next_page,
            actor=CLI,
            reason=reason,
        )
    click.echo(url)
