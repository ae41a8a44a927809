"""What happens by itself at one instant of a demo: uploads, the jobs, and the provider's events.

In production servers upload by themselves and the jobs run by a timer; a demo whose time jumps has
to do for each stop on the way what would have happened meanwhile.
"""

from dataclasses import dataclass

import requests
from sqlalchemy import func, select

from app.demo.folder import DemoFolder
from app.demo.recorded.reports import hear_from_recorded
from app.demo.servers import upload_all
from app.domain.kinds import InvoiceStatus
from app.jobs.close_months import close_months_that_are_over
from app.jobs.deliver import deliver
from app.jobs.invoice_plans import invoice_plans
from app.jobs.notify import notify
from app.jobs.sync_ledgers import sync_ledgers
from app.models.invoices import Invoice
from app.models.mails import Mail
from app.services.context import Context
from app.services.unit_of_work import unit_of_work
from app.services.webhook_events import handle_due_events

# Seconds; the emulator waits for the portal to take every event.
DRAIN_TIMEOUT = 120
TICK_TIMEOUT = 60


@dataclass(slots=True)
class Happened:
    """What came of a move. `refused` are payments that the bank refused, `deferred` invoices that
    wait for a server's upload, `troubles` uploads and parts of jobs that failed."""

    uploads: int = 0
    invoices: int = 0
    paid: int = 0
    refused: int = 0
    deferred: int = 0
    mails: int = 0
    troubles: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many invoices and mails there are, to tell what a move added."""

    invoices: int
    paid: int
    mails: int


def take_tally(ctx: Context) -> Tally:
    """Count what there is now."""
    with unit_of_work(ctx) as work:
        is_paid = Invoice.status == InvoiceStatus.PAID
        counts = select(func.count(), func.count().filter(is_paid)).select_from(Invoice)
        invoices, paid = work.session.execute(counts).one()
        mails = work.session.scalar(select(func.count()).where(Mail.sent_at.is_not(None)))
    return Tally(invoices, paid, mails or 0)


def settle(
    ctx: Context,
    folder: DemoFolder,
    happened: Happened,
    *,
    own_server: bool = True,
    closes_months: bool = True,
) -> None:
    """Do everything that is due at the clock's present; adds to `happened`.

    `own_server` says whether the visitor's sample server runs already, `closes_months` whether
    months that are over are complete: what is closed does not change any more.
    """
    codes = [report.code for report in upload_all(folder)]
    hear_from_recorded(ctx)
    if own_server:
        codes += _tick(ctx)
    happened.uploads += len(codes)
    happened.troubles += sum(code is not None for code in codes)
    counts = sync_ledgers(ctx)
    run = invoice_plans(ctx)
    told = notify(ctx)
    if closes_months:
        close_months_that_are_over(ctx)
    delivered = deliver(ctx)
    _drain(ctx)
    handle_due_events(ctx)
    happened.refused += delivered.failed
    happened.deferred = run.deferred
    happened.troubles += (
        counts.failed + run.parked + told.failed + delivered.parked + delivered.broken
    )


def add_tally(happened: Happened, *, before: Tally, after: Tally) -> None:
    """Tell what there is more of."""
    happened.invoices = after.invoices - before.invoices
    happened.paid = after.paid - before.paid
    happened.mails = after.mails - before.mails


def _tick(ctx: Context) -> list[str | None]:
    """Have the visitor's server make its hourly upload: the code of a refusal, None for success,
    nothing when none was due."""
    address = ctx.settings.sample_server_url
    if address is None:
        return []
    report = _post(f"{address.rstrip('/')}/_control/tick", timeout=TICK_TIMEOUT).get("report")
    return [report.get("code")] if isinstance(report, dict) else []


def _drain(ctx: Context) -> None:
    """Have the emulator deliver its events now, and wait until the portal has taken them."""
    if ctx.settings.emulator_url is not None:
        _post(f"{ctx.settings.emulator_url.rstrip('/')}/_control/drain", timeout=DRAIN_TIMEOUT)


def _post(url: str, *, timeout: int) -> dict[str, object]:
    """Call a control API of the demo. Raises requests' errors: without it there is no demo."""
    with requests.Session() as session:
        session.trust_env = False
        response = session.post(url, timeout=timeout)
    response.raise_for_status()
    found: dict[str, object] = response.json()
    return found
