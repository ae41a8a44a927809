"""Invoicing one customer, one boundary at a time: compute, record and move on in one transaction.

An invoice, its lines and the advance of `invoiced_through`, `invoiced_until` and
`next_invoice_date` are kept together or not at all. Nothing here talks to the provider.
Rules: docs/rules/cycles.md and docs/rules/proration.md.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at, next_month_boundary
from app.domain.errors import BillingError
from app.domain.invoicing import LineDraft, boundary_lines, total_of
from app.domain.kinds import AtCycleEnd, LineSource, PlanStatus
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.services.audit import record_audit
from app.services.context import SYSTEM, Context
from app.services.invoices import InvoiceDraft, load_billed, record_invoice
from app.services.ledger import get_server_id, sync_server_ledgers
from app.services.plan_ledger import load_entries
from app.services.plan_rules import plan_terms, to_entries
from app.services.seats import is_stale
from app.services.unit_of_work import UnitOfWork, unit_of_work


class StepOutcome(StrEnum):
    """What one step of the run did for a customer."""

    INVOICED = "invoiced"
    NOTHING_TO_BILL = "nothing_to_bill"
    DEFERRED = "deferred"
    NOTHING_DUE = "nothing_due"


@dataclass(frozen=True, slots=True)
class Step:
    """One boundary of one plan. `invoice_id` and `total` only when an invoice was made."""

    outcome: StepOutcome
    plan_id: int | None = None
    boundary: datetime | None = None
    invoice_id: int | None = None
    total: int = 0


def get_due_customers(session: Session, *, as_of: datetime) -> list[int]:
    """The customers with a plan whose next invoice date has come, parked ones left out."""
    statement = (
        select(Plan.customer_id)
        .join(Customer, Customer.id == Plan.customer_id)
        .where(Plan.next_invoice_date <= as_of, Customer.parked_at.is_(None))
        .group_by(Plan.customer_id)
        .order_by(Plan.customer_id)
    )
    return list(session.scalars(statement))


def invoice_next_boundary(
    ctx: Context, customer_id: int, *, made: int = 0, as_of: datetime | None = None
) -> Step:
    """Do one boundary of a customer and keep it. `as_of` (default: now) must not be past.

    `made` is how many invoices this run made for the customer before. Raises BillingError
    `too_many_invoices`, and keeps nothing, when this one would be beyond the limit of a run.
    """
    with unit_of_work(ctx) as work:
        step = take_step(work, customer_id, as_of=as_of or work.now)
        most = ctx.settings.invoice_run_max_per_customer
        if step.outcome is StepOutcome.INVOICED and made >= most:
            raise BillingError("too_many_invoices", count=most)
        work.commit()
        return step


def take_step(work: UnitOfWork, customer_id: int, *, as_of: datetime) -> Step:
    """Do one boundary of a customer in this unit of work; the caller keeps it or rolls back.

    Deferred means that the uploads are stale: the date stays, and the same boundary comes again
    once they arrive. A plan that is set to end ends on time all the same.
    """
    server = work.claim_server(_get_server_id(work.session, customer_id))
    customer = work.claim_customer(customer_id)
    plan = _get_due_plan(work.session, customer_id, as_of=as_of)
    if plan is None or customer.parked_at is not None:
        return Step(StepOutcome.NOTHING_DUE)
    boundary = plan.next_invoice_date
    assert boundary is not None  # due plans have a date
    # Looking ahead assumes that the server goes on uploading as it does now.
    if is_stale(server, now=work.now) and not _ends_by(plan, boundary):
        return _defer(work, plan, boundary)
    sync_server_ledgers(work, server, as_of=as_of)
    # Before it is read again, since reading forgets what was not sent: that the plan has ended.
    work.flush()
    work.session.refresh(plan)
    return _invoice(work, customer, plan, boundary)


def _invoice(work: UnitOfWork, customer: Customer, plan: Plan, boundary: datetime) -> Step:
    lines = compute_lines(work.session, plan, boundary=boundary)
    if not any(line.amount for line in lines):
        # Licenses added seconds before the end cost nothing, and nothing makes no invoice.
        lines = []
    invoice_id = None
    total = total_of(lines)
    if total > work.ctx.settings.max_invoice_amount:
        raise BillingError("invoice_too_large", total=total, currency=plan.currency)
    if lines:
        draft = InvoiceDraft(
            boundary=boundary,
            occasion="cycle",
            currency=plan.currency,
            collection=plan.collection,
            tier=plan.tier,
            lines=lines,
            source_kind=LineSource.PLAN,
            source_id=plan.id,
            plan=plan,
        )
        invoice_id = record_invoice(work, customer, draft, to_deliver=True).id
    _advance(work, customer, plan, boundary)
    record_audit(
        work,
        "plan.invoiced" if lines else "plan.nothing_to_bill",
        actor=SYSTEM,
        customer_id=customer.id,
        after={
            "plan": plan.id,
            "boundary": boundary.isoformat(),
            "invoice": invoice_id,
            "total": total,
        },
    )
    outcome = StepOutcome.INVOICED if lines else StepOutcome.NOTHING_TO_BILL
    return Step(outcome, plan.id, boundary, invoice_id, total)


def compute_lines(session: Session, plan: Plan, *, boundary: datetime) -> list[LineDraft]:
    """The lines of the invoice of `boundary`, from what is stored. The ledger must have been
    brought up to it."""
    closing = cycle_at(plan.billing_cycle_anchor, plan.schedule, plan.invoiced_until)
    entries = to_entries(load_entries(session, plan_id=plan.id, since=closing.start))
    return boundary_lines(
        plan_terms(plan),
        entries=entries,
        billed=load_billed(session, plan),
        invoiced_until=plan.invoiced_until,
        boundary=boundary,
    )


def _advance(work: UnitOfWork, customer: Customer, plan: Plan, boundary: datetime) -> None:
    """Remember that everything up to `boundary` has been billed."""
    renewed = cycle_at(plan.billing_cycle_anchor, plan.schedule, boundary)
    if renewed.start == boundary and not _ends_by(plan, boundary):
        used = plan_terms(plan).new_customer.months_used_by(renewed.index, plan.schedule)
        if used and customer.new_customer_months_left is not None:
            customer.new_customer_months_left = max(0, customer.new_customer_months_left - used)
    closing = cycle_at(plan.billing_cycle_anchor, plan.schedule, plan.invoiced_until)
    entries = load_entries(work.session, plan_id=plan.id, since=closing.start)
    latest = [row.id for row in entries if row.event_time <= boundary]
    plan.invoiced_through = max(latest, default=plan.invoiced_through or 0)
    plan.invoiced_until = boundary
    plan.invoice_deferred_since = None
    following = next_month_boundary(plan.billing_cycle_anchor, boundary)
    if plan.status is PlanStatus.ENDED and plan.ended_at and boundary >= plan.ended_at:
        plan.next_invoice_date = None
    else:
        plan.next_invoice_date = following


def _defer(work: UnitOfWork, plan: Plan, boundary: datetime) -> Step:
    if plan.invoice_deferred_since is None:
        plan.invoice_deferred_since = boundary
        record_audit(
            work,
            "plan.invoice_deferred",
            actor=SYSTEM,
            customer_id=plan.customer_id,
            after={"plan": plan.id, "boundary": boundary.isoformat(), "reason": "stale"},
        )
    return Step(StepOutcome.DEFERRED, plan.id, boundary)


def _ends_by(plan: Plan, boundary: datetime) -> bool:
    if plan.status is PlanStatus.ENDED:
        return plan.ended_at is not None and plan.ended_at <= boundary
    ending = plan.at_cycle_end is AtCycleEnd.END and plan.end_date is not None
    return ending and plan.end_date is not None and plan.end_date <= boundary


def _get_due_plan(session: Session, customer_id: int, *, as_of: datetime) -> Plan | None:
    statement = (
        select(Plan)
        .where(Plan.customer_id == customer_id, Plan.next_invoice_date <= as_of)
        .order_by(Plan.next_invoice_date, Plan.id)
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return session.scalars(statement).unique().first()


def _get_server_id(session: Session, customer_id: int) -> int:
    return get_server_id(session.get_one(Customer, customer_id))


def park_customer(ctx: Context, customer_id: int, *, reason: str) -> None:
    """A customer whose run failed waits for a person and never stops the others."""
    with unit_of_work(ctx) as work:
        customer = work.claim_customer(customer_id)
        customer.parked_at, customer.parked_reason = work.now, reason[:300]
        record_audit(
            work,
            "customer.parked",
            actor=SYSTEM,
            customer_id=customer_id,
            after={"reason": reason[:300]},
        )
        work.commit()


def unpark_customer(ctx: Context, customer_id: int) -> None:
    """Let the next run try again."""
    with unit_of_work(ctx) as work:
        customer = work.claim_customer(customer_id)
        customer.parked_at = customer.parked_reason = None
        # What waited for the person is delivered with the next run.
        waiting = select(Invoice).where(Invoice.customer_id == customer_id, Invoice.to_deliver)
        for invoice in work.session.scalars(waiting):
            invoice.next_delivery_at = None
        record_audit(work, "customer.unparked", actor=SYSTEM, customer_id=customer_id)
        work.commit()
