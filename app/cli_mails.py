"""Mails to customers on the command line: `flask billing notify` and `flask billing announce`."""

import sys
import time
from datetime import datetime
from typing import TextIO

import click
from email_validator import EmailNotValidError, validate_email
from flask.cli import with_appcontext

from app.cli_common import (
    Instant,
    dry_run_option,
    refusals_as_messages,
    show_summary,
    staff_context,
    terminal_progress,
)
from app.domain.kinds import CustomerKind, Schedule
from app.jobs.notify import notify
from app.services.announce import (
    MAX_BODY,
    Chosen,
    Listed,
    begin_announcement,
    check_text,
    count_left,
    list_announcement,
    render_sample,
    send_announcement,
    send_test,
)
from app.services.context import CLI, Context
from app.services.staff_change import checked_reason

# So many customers of a list are named.
MOST_NAMED = 20


def add_mail_commands(group: click.Group) -> None:
    """Add the commands of this module to `flask billing`."""
    for command in (notify_command, announce_command):
        group.add_command(command)


@click.command("notify")
@with_appcontext
def notify_command() -> None:
    """Tell customers what is ahead of their plans. `invoice-plans` does it, too."""
    started = time.monotonic()
    with terminal_progress() as progress:
        counts = notify(staff_context(), progress=progress)
    show_summary(started, processed=counts.processed, mails=counts.mails, failed=counts.failed)
    if counts.failed:
        sys.exit(1)


@click.command("announce")
@click.option("--subject", help="The subject; also the first line.")
@click.option(
    "--body-file",
    type=click.File(encoding="utf-8"),
    help="The text; an empty line sets paragraphs apart.",
)
@click.option("--tier", "tiers", multiple=True, help="Customers on that tier; may be repeated.")
@click.option("--schedule", type=click.Choice([choice.value for choice in Schedule]))
@click.option("--kind", type=click.Choice([choice.value for choice in CustomerKind]))
@click.option("--country", help="Whose address is there: a code of two letters, like DE.")
@click.option(
    "--legacy-ending-before", type=Instant(), help="Legacy plans that end before that time."
)
@click.option("--reason", help="Why; kept with the announcement. No names of people.")
@click.option("--test-to", help="Send it to this address only, to see how it looks.")
@click.option("--resume", type=int, help="Go on with the announcement of that number.")
@dry_run_option
@with_appcontext
def announce_command(
    subject: str | None,
    body_file: TextIO | None,
    tiers: tuple[str, ...],
    schedule: str | None,
    kind: str | None,
    country: str | None,
    legacy_ending_before: datetime | None,
    reason: str | None,
    test_to: str | None,
    resume: int | None,
    dry_run: bool,
) -> None:
    """Mail something to a list of customers, once to each of their people who wants it.

    Look with --dry-run and --test-to first. Killed on the way, it goes on with --resume.
    """
    context = staff_context()
    with refusals_as_messages():
        if resume is not None:
            _send(context, resume)
            return
        if not subject or body_file is None:
            raise click.UsageError("--subject and --body-file are needed, or --resume")
        body = _read(body_file)
        check_text(subject, body)
        chosen = Chosen(
            tiers=tiers,
            schedule=Schedule(schedule) if schedule else None,
            kind=CustomerKind(kind) if kind else None,
            legacy_ending_before=legacy_ending_before,
            country=country.upper() if country else None,
        )
        if test_to is not None:
            address = _checked_address(test_to)
            send_test(context, subject=subject, body=body, chosen=chosen, address=address)
            click.echo(f"sent to {address} only")
            return
        if not reason:
            raise click.UsageError("--reason is needed")
        listed = list_announcement(context, chosen)
        _show(listed)
        if dry_run:
            rendered = render_sample(context, subject=subject, body=body, chosen=chosen)
            click.echo(f"\nSubject: {rendered.subject}\n\n{rendered.text}")
            click.echo("dry run: nothing was sent")
            return
        announcement_id = begin_announcement(
            context,
            subject=subject,
            body=body,
            chosen=chosen,
            reason=checked_reason(reason),
            actor=CLI,
        )
        _send(context, announcement_id)


def _send(context: Context, announcement_id: int) -> None:
    started = time.monotonic()
    click.echo(f"announcement {announcement_id}: {count_left(context, announcement_id)} to reach")
    with terminal_progress() as progress:
        progress.start("customers", count_left(context, announcement_id))
        sent = send_announcement(context, announcement_id, progress=progress.advance)
    show_summary(started, customers=sent.customers, mails=sent.mails)


def _read(file: TextIO) -> str:
    try:
        # One more than is allowed, so that it is known to be too much.
        return file.read(MAX_BODY + 1)
    except UnicodeDecodeError:
        raise click.ClickException("The text is not written in UTF-8.") from None


def _checked_address(address: str) -> str:
    try:
        return validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise click.ClickException(f"--test-to: {error}") from None


def _show(listed: list[Listed]) -> None:
    people = sum(customer.people for customer in listed)
    click.echo(f"{len(listed)} customers, {people} people")
    for customer in listed[:MOST_NAMED]:
        click.echo(f"    {customer.name}: {customer.people}")
    if len(listed) > MOST_NAMED:
        click.echo(f"    and {len(listed) - MOST_NAMED} more")
