"""What a change would do to a customer's next invoices, by the same code, in a transaction that is
never kept.

Before and after are what the daily run would make up to the next renewal if nothing else happened.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import func, select

from app.domain.calendar import cycle_at
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.services.context import Context
from app.services.customers import get_live_plan
from app.services.invoice_plan import StepOutcome, take_step
from app.services.plan_ledger import get_next_plan
from app.services.preview_invoices import PreviewedInvoice, preview_of
from app.services.unit_of_work import UnitOfWork, joined, unit_of_work

T = TypeVar("T")
# A plan that renews after so many months is looked at no further.
LONGEST_LOOK = timedelta(days=400)
# More invoices than any customer gets between two renewals.
MOST_STEPS = 30


@dataclass(frozen=True, slots=True)
class ChangePreview(Generic[T]):
    """What the change answered, and the invoices up to `until` without it and with it; amounts in
    cents."""

    result: T
    until: datetime
    before: tuple[PreviewedInvoice, ...]
    after: tuple[PreviewedInvoice, ...]


def preview_change(
    ctx: Context, customer_id: int, change: Callable[[UnitOfWork], T]
) -> ChangePreview[T]:
    """Try `change` out. It is handed a unit of work that is rolled back, and must not commit it.

    Raises what the change raises, and what the daily run would.
    """
    with unit_of_work(ctx) as work:
        until = _horizon(work, customer_id)
        with work.aside():
            before = look_ahead(work, customer_id, until=until)
        known = work.session.scalar(select(func.max(Invoice.id))) or 0
        result = change(work)
        work.flush()
        until = max(until, _horizon(work, customer_id))
        after = look_ahead(work, customer_id, until=until, after_id=known)
        return ChangePreview(result, until, before, after)


def preview_service(
    ctx: Context, customer_id: int, act: Callable[[Context], T]
) -> ChangePreview[T]:
    """The same for a service that opens units of work of its own: `act` is handed the context to
    call it with, and calls it as a dry run.

    Raises what the service raises, and what the daily run would.
    """
    return preview_change(ctx, customer_id, lambda work: act(joined(work)))


def look_ahead(
    work: UnitOfWork, customer_id: int, *, until: datetime, after_id: int | None = None
) -> tuple[PreviewedInvoice, ...]:
    """Every invoice the daily run would make for a customer up to `until`, in this unit of work,
    and those that were made in it with an id above `after_id`."""
    if after_id is None:
        after_id = work.session.scalar(select(func.max(Invoice.id))) or 0
    for _ in range(MOST_STEPS):
        step = take_step(work, customer_id, as_of=max(until, work.now))
        if step.outcome in {StepOutcome.DEFERRED, StepOutcome.NOTHING_DUE}:
            break
    made = select(Invoice.id).where(Invoice.customer_id == customer_id, Invoice.id > after_id)
    return tuple(preview_of(work, key) for key in work.session.scalars(made.order_by(Invoice.id)))


def _horizon(work: UnitOfWork, customer_id: int) -> datetime:
    """The next renewal of the customer's plan, or of the plan that follows it; now without one."""
    plan = get_live_plan(work.session, customer_id)
    if plan is None:
        return work.now
    ends = [_renewal_of(plan, work.now)]
    following = get_next_plan(work.session, plan)
    if following is not None:
        ends.append(following.billing_cycle_anchor)
    if work.session.get_one(Customer, customer_id).parked_at is not None:
        return work.now
    return min(max(ends), work.now + LONGEST_LOOK)


def _renewal_of(plan: Plan, now: datetime) -> datetime:
    if plan.end_date is not None and plan.next_plan_id is None:
        return max(plan.end_date, now)
    return cycle_at(plan.billing_cycle_anchor, plan.schedule, now).end


def make_change(ctx: Context, change: Callable[[UnitOfWork], T]) -> T:
    """Make a change for good, in a unit of work of its own. Raises what the change raises."""
    with unit_of_work(ctx) as work:
        result = change(work)
        work.commit()
    return result
