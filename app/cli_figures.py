"""The figures of the staff's overview on the command line: `flask billing close-months`."""

import sys
import time

import click
from flask.cli import with_appcontext

from app.cli_common import show_summary, staff_context
from app.jobs.close_months import close_months_that_are_over, work_out_running_month


def add_figure_commands(group: click.Group) -> None:
    """Add the command of this module to `flask billing`."""
    group.add_command(close_months_command)


@click.command("close-months")
@with_appcontext
def close_months_command() -> None:
    """Write down the figures of months that are over. `invoice-plans` does it, too."""
    started = time.monotonic()
    context = staff_context()
    closed = close_months_that_are_over(context)
    is_current = work_out_running_month(context)
    show_summary(started, closed=closed or 0)
    if closed is None or not is_current:
        sys.exit(1)
