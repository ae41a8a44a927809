"""The daily mails to customers: what is ahead of their plans, one customer at a time."""

import logging
from dataclasses import dataclass

from app.jobs.progress import Progress, Silent
from app.services.context import Context
from app.services.notice_facts import get_customers_to_notify
from app.services.notify_customers import notify_customer
from app.services.unit_of_work import unit_of_work

log = logging.getLogger(__name__)


@dataclass(slots=True)
class NotifyCounts:
    """What the run did: customers looked at, mails recorded, customers that failed."""

    processed: int = 0
    mails: int = 0
    failed: int = 0


def notify(ctx: Context, *, progress: Progress | None = None) -> NotifyCounts:
    """Tell everybody what is due to be told. Run twice, or by several at once, it adds nothing; a
    run that was missed is made up for as long as what it says is true."""
    progress = progress or Silent()
    counts = NotifyCounts()
    with unit_of_work(ctx) as work:
        customers = get_customers_to_notify(work.session, now=work.now)
    progress.start("customers to tell", len(customers))
    for customer_id in customers:
        counts.processed += 1
        try:
            counts.mails += notify_customer(ctx, customer_id)
        except Exception:
            # One customer's trouble must not keep the others from hearing.
            log.exception("customer %s: could not be told", customer_id)
            counts.failed += 1
        progress.advance()
    return counts
