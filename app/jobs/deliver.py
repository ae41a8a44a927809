"""Delivery: whatever waits to leave or to be settled with the outside.

Credits and invoices to the provider, purchases nobody finished, events the provider sent, mails of the
outbox. Each is taken by lease, so any number of these runs may go at once and any may die.
"""

import logging
from dataclasses import dataclass

from app.jobs.progress import Progress, Silent
from app.services.announce import send_unfinished
from app.services.billing_details import deliver_billing_details
from app.services.browser_sessions import purge_sessions
from app.services.context import Context
from app.services.deliver_invoices import count_deliverable, deliver_invoices
from app.services.deliver_mail import deliver_due_mails
from app.services.push_balance_credits import deliver_balance_credits
from app.services.retry_payments import retry_payments
from app.services.settle_purchase import resolve_open_purchases
from app.services.trial_invoices import settle_trial_invoices
from app.services.webhook_events import handle_due_events

log = logging.getLogger(__name__)


@dataclass(slots=True)
class DeliverCounts:
    """What the run did. `failed` are invoices whose payment was refused, `deferred` those that
    wait because the provider did not answer, `broken` parts of the run that could not go on."""

    invoices: int = 0
    failed: int = 0
    deferred: int = 0
    parked: int = 0
    purchases: int = 0
    events: int = 0
    mails: int = 0
    credits: int = 0
    broken: int = 0


def deliver(ctx: Context, *, progress: Progress | None = None) -> DeliverCounts:
    """Deliver everything that is due now."""
    progress = progress or Silent()
    counts = DeliverCounts()
    for part in (
        _events,
        _purchases,
        _credits,
        _details,
        _invoices,
        _retries,
        _announcements,
        _mails,
        _sessions,
    ):
        try:
            part(ctx, counts, progress)
        except Exception:
            # What one part stumbles over stays where it is; the other parts go on.
            log.exception("delivery: %s could not go on", part.__name__.strip("_"))
            counts.broken += 1
    return counts


def _events(ctx: Context, counts: DeliverCounts, progress: Progress) -> None:
    counts.events = handle_due_events(ctx).handled


def _purchases(ctx: Context, counts: DeliverCounts, progress: Progress) -> None:
    counts.purchases = resolve_open_purchases(ctx) + settle_trial_invoices(ctx)


def _credits(ctx: Context, counts: DeliverCounts, progress: Progress) -> None:
    counts.credits = deliver_balance_credits(ctx)


def _details(ctx: Context, counts: DeliverCounts, progress: Progress) -> None:
    """Who is billed and where, before the invoices that say so."""
    deliver_billing_details(ctx)


def _invoices(ctx: Context, counts: DeliverCounts, progress: Progress) -> None:
    progress.start("invoices", count_deliverable(ctx))
    result = deliver_invoices(ctx, progress=progress.advance)
    counts.invoices = result.delivered
    counts.failed, counts.deferred, counts.parked = result.failed, result.deferred, result.parked


def _retries(ctx: Context, counts: DeliverCounts, progress: Progress) -> None:
    """Payments that failed are tried again when their time has come."""
    result = retry_payments(ctx)
    counts.invoices += result.paid
    counts.failed += result.refused
    counts.deferred += result.deferred


def _announcements(ctx: Context, counts: DeliverCounts, progress: Progress) -> None:
    # Their mails leave at once, or with the others.
    send_unfinished(ctx)


def _mails(ctx: Context, counts: DeliverCounts, progress: Progress) -> None:
    counts.mails = deliver_due_mails(ctx).sent


def _sessions(ctx: Context, counts: DeliverCounts, progress: Progress) -> None:
    """Sessions that are good for nothing any more are forgotten."""
    purge_sessions(ctx)
