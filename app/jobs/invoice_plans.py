"""The daily run: every due plan is invoiced, one customer and one boundary at a time."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.errors import BillingError
from app.jobs.progress import Progress, Silent
from app.services.context import Context
from app.services.invoice_plan import (
    Step,
    StepOutcome,
    get_due_customers,
    invoice_next_boundary,
    park_customer,
)
from app.services.preview_invoices import PreviewedInvoice, preview_due_invoices
from app.services.remind_of_fixed_prices import close_expired_offers, remind_of_fixed_prices
from app.services.remind_sponsored import remind_sponsored_customers
from app.services.unit_of_work import unit_of_work

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RunCounts:
    """What the run did: customers looked at, invoices made, customers deferred or parked."""

    processed: int = 0
    invoiced: int = 0
    deferred: int = 0
    parked: int = 0
    invoices: list[PreviewedInvoice] = field(default_factory=list)


def invoice_plans(
    ctx: Context, *, as_of: datetime | None = None, progress: Progress | None = None
) -> RunCounts:
    """Invoice everything that is due by `as_of` (default: now). Run twice, or by several at once,
    it adds nothing."""
    progress = progress or Silent()
    counts = RunCounts()
    customers = _due(ctx, as_of=as_of)
    progress.start("customers", len(customers))
    for customer_id in customers:
        counts.processed += 1
        _run_customer(ctx, customer_id, counts, as_of)
        progress.advance()
    _remind(ctx)
    return counts


def _remind(ctx: Context) -> None:
    try:
        remind_sponsored_customers(ctx)
    except Exception:
        # A mail that cannot be written is no reason to call the invoices failed.
        log.exception("sponsored customers could not be reminded")
    try:
        close_expired_offers(ctx, as_of=ctx.now())
        remind_of_fixed_prices(ctx, as_of=ctx.now())
    except Exception:
        log.exception("staff could not be reminded of fixed prices")


def preview_plans(
    ctx: Context, *, as_of: datetime | None, progress: Progress | None = None
) -> RunCounts:
    """What `invoice_plans` would make by `as_of` (default: now), from the same code; keeps
    nothing."""
    progress = progress or Silent()
    counts = RunCounts()
    customers = _due(ctx, as_of=as_of)
    progress.start("customers", len(customers))
    for customer_id in customers:
        counts.processed += 1
        try:
            preview = preview_due_invoices(ctx, customer_id, as_of=as_of)
        except Exception:
            # The real run would park this customer and go on.
            log.exception("customer %s: the dry run failed", customer_id)
            counts.parked += 1
            progress.advance()
            continue
        most = ctx.settings.invoice_run_max_per_customer
        counts.invoices += preview.invoices[:most]
        counts.invoiced += len(preview.invoices[:most])
        if len(preview.invoices) > most:
            counts.parked += 1
        else:
            counts.deferred += preview.deferred
        progress.advance()
    return counts


def _due(ctx: Context, *, as_of: datetime | None = None) -> list[int]:
    with unit_of_work(ctx) as work:
        return get_due_customers(work.session, as_of=as_of or work.now)


def _run_customer(
    ctx: Context, customer_id: int, counts: RunCounts, as_of: datetime | None
) -> None:
    try:
        for step in _steps(ctx, customer_id, as_of):
            counts.deferred += step.outcome is StepOutcome.DEFERRED
            counts.invoiced += step.outcome is StepOutcome.INVOICED
    except Exception as error:
        # A customer whose invoice cannot be computed must not stop the others.
        log.exception("customer %s: parked", customer_id)
        reason = error.code if isinstance(error, BillingError) else type(error).__name__
        park_customer(ctx, customer_id, reason=f"invoice-plans: {reason}")
        counts.parked += 1


def _steps(ctx: Context, customer_id: int, as_of: datetime | None) -> Iterator[Step]:
    made = 0
    while True:
        step = invoice_next_boundary(ctx, customer_id, made=made, as_of=as_of)
        made += step.outcome is StepOutcome.INVOICED
        yield step
        if step.outcome in {StepOutcome.NOTHING_DUE, StepOutcome.DEFERRED}:
            return
