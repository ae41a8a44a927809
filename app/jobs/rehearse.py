"""A rehearsal of a whole run: every invoice it would make, their sums, and what stands out.

It is the run's own code in transactions that are never kept, so what it shows is what comes, as
long as nobody uploads or changes anything before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.domain.standouts import RunTotals, Standout, find_standout
from app.jobs.invoice_plans import RunCounts, preview_plans
from app.jobs.progress import Progress
from app.services.context import Context
from app.services.past_runs import PastRun, get_last_run
from app.services.preview_invoices import PreviewedInvoice
from app.services.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a run by `as_of` would do. `before` is the last day on which invoices were made."""

    as_of: datetime
    counts: RunCounts
    totals: tuple[RunTotals, ...]
    standouts: tuple[tuple[Standout, PreviewedInvoice], ...]
    before: tuple[PastRun, ...]


def rehearse(ctx: Context, *, as_of: datetime, progress: Progress | None = None) -> Rehearsal:
    """Try the run out as it would be at `as_of`; keeps nothing. Customers whose run would fail are
    counted as parked."""
    counts = preview_plans(ctx, as_of=as_of, progress=progress)
    with unit_of_work(ctx) as work:
        before = get_last_run(work.session, before=work.now)
    standouts = [
        (why, invoice)
        for invoice in counts.invoices
        if (why := find_standout(invoice.total, invoice.previous_total)) is not None
    ]
    return Rehearsal(as_of, counts, tuple(sum_up(counts.invoices)), tuple(standouts), before)


def sum_up(invoices: Iterable[PreviewedInvoice]) -> list[RunTotals]:
    """The sums by currency."""
    by_currency: dict[str, list[PreviewedInvoice]] = {}
    for invoice in invoices:
        by_currency.setdefault(invoice.currency, []).append(invoice)
    return [
        RunTotals(
            currency,
            len(group),
            sum(invoice.total for invoice in group),
            sum(invoice.previous_total or 0 for invoice in group),
        )
        for currency, group in sorted(by_currency.items())
    ]
