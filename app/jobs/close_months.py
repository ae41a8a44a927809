"""What the runs do for the overview of staff: the daily one writes down the months that are over, the
hourly one works out the month that runs where it is too much for a page."""

import logging

from app.services.close_months import close_months, refresh_running_month
from app.services.context import Context

log = logging.getLogger(__name__)


def close_months_that_are_over(ctx: Context) -> bool:
    """Write them down; False when that failed, which is tried again with the next run and is no
    reason to call the invoices failed."""
    try:
        closed = close_months(ctx)
    except Exception:
        log.exception("the months that are over could not be closed")
        return False
    for one in closed:
        log.info("month closed: %s %s", one.month, one.currency)
    return True


def work_out_running_month(ctx: Context) -> bool:
    """Work out the month that runs, if there are very many plans; False when that failed."""
    try:
        refresh_running_month(ctx)
    except Exception:
        log.exception("the month that runs could not be worked out")
        return False
    return True
