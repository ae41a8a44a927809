"""Who of the vendor may log in, on the command line: `flask staff create | reset | disable`."""

import sys

import click
from email_validator import EmailNotValidError, validate_email
from flask.cli import AppGroup

from app.cli_common import refusals_as_messages, staff_context
from app.domain.kinds import StaffRole
from app.services.context import CLI
from app.services.staff_people import (
    CreateStaff,
    create_staff,
    disable_staff,
    find_staff,
    reset_staff,
)

LONGEST_NAME = 200
staff_group = AppGroup("staff", help="The people who may log in to the support console.")


class Email(click.ParamType):
    """An address that mail can be sent to."""

    name = "email"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Raises click's usage error for anything else."""
        try:
            found = validate_email(str(value).strip(), check_deliverability=False)
        except EmailNotValidError:
            self.fail(f"{value!r} is no address like name@example.org", param, ctx)
        return found.normalized.lower()


@staff_group.command("create")
@click.argument("email", type=Email())
@click.option(
    "--role", type=click.Choice([role.value for role in StaffRole]), required=True, help="What for."
)
@click.option("--name", default="", help="The person's name.")
@click.option("--password", is_flag=True, help="Read the password from standard input.")
def create_command(email: str, role: str, name: str, password: bool) -> None:
    """Add somebody, and print the link with which they choose a password within 24 hours."""
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise click.UsageError(f"--name: one line of at most {LONGEST_NAME} characters")
    given = sys.stdin.readline().rstrip("\r\n") if password else None
    command = CreateStaff(email, name.strip(), StaffRole(role), password=given)
    with refusals_as_messages():
        created = create_staff(staff_context(), command, actor=CLI)
    click.echo(created.url or "created")


@staff_group.command("reset")
@click.argument("email", type=Email())
def reset_command(email: str) -> None:
    """Take password, second factor and sessions away, and print a link for a new password."""
    context = staff_context()
    with refusals_as_messages():
        click.echo(reset_staff(context, find_staff(context, email), actor=CLI))


@staff_group.command("disable")
@click.argument("email", type=Email())
def disable_command(email: str) -> None:
    """Let somebody in no more, and end their sessions now."""
    context = staff_context()
    with refusals_as_messages():
        disable_staff(context, find_staff(context, email), actor=CLI)
    click.echo("disabled")
