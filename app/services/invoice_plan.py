"""Invoicing one customer, one boundary at a time: compute, record and move on in one transaction.

An invoice, its lines and the advance of `invoiced_through`, `invoiced_until` and
`next_invoice_date` are kept together or not at all. Nothing here talks to the provider.
Rules: docs/rules/cycles.md and docs/rules/proration.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at, next_month_boundary
from app.domain.errors import BillingError
from app.domain.invoicing import LineDraft, boundary_lines, total_of
from app.domain.kinds import AtCycleEnd, LineKind, LineSource, PlanStatus, PromoKind
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import SYSTEM, Actor, Context
from app.services.extra_charges import (
    keep_the_rest,
    load_open_charges,
    mark_charged,
    parts_of_charges,
)
from app.services.invoices import InvoiceDraft, InvoicePart, load_billed, record_invoice
from app.services.ledger import get_server_id, sync_server_ledgers
from app.services.plan_ledger import get_next_plan, load_entries
from app.services.plan_life import is_unpaid_trial
from app.services.plan_rules import is_complimentary, plan_terms, to_entries
from app.services.seats import is_stale
from app.services.silence_mails import tell_of_deferral, tell_of_fixed_price
from app.services.unit_of_work import UnitOfWork, unit_of_work

# Without an upload for so long, a renewal is estimated where the catalog says so.
SILENT_BEFORE_ESTIMATE = timedelta(days=3)


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

    All plans of the customer that are due at that boundary and are paid in one way are one invoice:
    the closing lines of a plan and the first ones of the plan that follows it.

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
    stale = is_stale(server, now=work.now)
    is_silent = stale and needs_data(work, plan, boundary)
    if is_silent and not may_estimate(work, plan, server, boundary):
        return _defer(work, customer, server, plan, boundary)
    if stale:
        tell_of_fixed_price(work, customer, server, plan)
    sync_server_ledgers(work, server, as_of=as_of)
    # Before they are read again, since reading forgets what was not sent: that a plan has ended.
    work.flush()
    plans = _load_plans_at(work.session, customer_id, boundary, like=plan)
    if not plans:
        # It ended quietly: there was nothing to close.
        return Step(StepOutcome.NOTHING_TO_BILL, plan.id, boundary)
    for one in plans:
        one.settled_through = server.ledger_cursor
    return _invoice(work, customer, plans, boundary, is_estimated=is_silent)


def needs_data(work: UnitOfWork, plan: Plan, boundary: datetime) -> bool:
    """Whether what is to be billed at `boundary` depends on counts that must not be stale.

    Not for a plan that ends there, for a fixed price, nor for a trial that was not paid for; but
    for the plan that follows one.
    """
    following = get_next_plan(work.session, plan)
    if following is not None and plan.end_date is not None and plan.end_date <= boundary:
        return following.fixed_price is None
    if plan.fixed_price is not None or is_complimentary(plan) or _ends_by(plan, boundary):
        return False
    return not (plan.status is PlanStatus.TRIAL and is_unpaid_trial(work, plan))


def may_estimate(work: UnitOfWork, plan: Plan, server: Server, boundary: datetime) -> bool:
    """Whether what is due is invoiced although nobody knows the count: the catalog says so, and the
    server has been silent for three days. Never what a plan begins with."""
    heard = server.last_audit_log_update
    if not work.ctx.catalog.estimate_when_stale or heard is None:
        return False
    if plan.status is not PlanStatus.ACTIVE or boundary <= plan.billing_cycle_anchor:
        return False
    if plan.end_date is not None and plan.end_date <= boundary:
        return False
    return work.now - heard >= SILENT_BEFORE_ESTIMATE


def _load_plans_at(
    session: Session, customer_id: int, boundary: datetime, *, like: Plan
) -> list[Plan]:
    """The plans that are due at `boundary`, of the currency and payment of `like`, oldest first."""
    session.refresh(like)
    statement = (
        select(Plan)
        .where(
            Plan.customer_id == customer_id,
            Plan.next_invoice_date == boundary,
            Plan.currency == like.currency,
            Plan.collection == like.collection,
        )
        .order_by(Plan.id)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(statement).unique())


def _invoice(
    work: UnitOfWork,
    customer: Customer,
    plans: Sequence[Plan],
    boundary: datetime,
    *,
    is_estimated: bool,
) -> Step:
    parts = compute_parts(work.session, plans, boundary=boundary, is_estimated=is_estimated)
    charges = load_open_charges(work.session, plans, now=work.now)
    parts += parts_of_charges(work.ctx, charges, plans)
    plan = plans[-1]
    parts += keep_the_rest(work, plan, parts, boundary=boundary)
    total = sum(total_of(part.lines) for part in parts)
    if total > work.ctx.settings.max_invoice_amount:
        raise BillingError("invoice_too_large", total=total, currency=plan.currency)
    invoice_id = None
    if parts:
        draft = InvoiceDraft(
            boundary=boundary,
            occasion="cycle",
            currency=plan.currency,
            collection=plan.collection,
            parts=parts,
        )
        invoice = record_invoice(work, customer, draft, to_deliver=True)
        mark_charged(charges, invoice)
        invoice_id = invoice.id
    for one in plans:
        _advance(work, customer, one, boundary)
        _note_estimate(one, parts, boundary, is_estimated=is_estimated)
    record_audit(
        work,
        "plan.invoiced" if parts else "plan.nothing_to_bill",
        actor=SYSTEM,
        customer_id=customer.id,
        after={
            "plan": plan.id,
            "boundary": boundary.isoformat(),
            "invoice": invoice_id,
            "total": total,
        },
    )
    outcome = StepOutcome.INVOICED if parts else StepOutcome.NOTHING_TO_BILL
    return Step(outcome, plan.id, boundary, invoice_id, total)


def compute_parts(
    session: Session, plans: Sequence[Plan], *, boundary: datetime, is_estimated: bool = False
) -> list[InvoicePart]:
    """What the invoice of `boundary` charges for each of these plans. The ledgers must have been
    brought up to it. Licenses added seconds before an end cost nothing, and nothing makes no lines.
    Of an estimate, what was added before is known for sure.
    """
    parts = []
    for plan in plans:
        lines = compute_lines(session, plan, boundary=boundary)
        if not any(line.amount for line in lines):
            continue
        guessed = [line for line in lines if is_estimated and line.kind is not LineKind.ADDED]
        known = [line for line in lines if line not in guessed]
        parts += [
            InvoicePart(plan.tier, some, LineSource.PLAN, plan.id, plan=plan, is_estimated=guess)
            for some, guess in ((known, False), (guessed, True))
            if some
        ]
    return parts


def _note_estimate(
    plan: Plan, parts: Sequence[InvoicePart], boundary: datetime, *, is_estimated: bool
) -> None:
    """Remember since when the plan is charged by estimates; an invoice made from what the uploads
    say puts them right for good."""
    if not is_estimated:
        plan.estimated_since = None
    elif plan.estimated_since is None and any(part.is_estimated for part in parts):
        plan.estimated_since = boundary


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
    promised = plan.promo_kind is PromoKind.NEW_CUSTOMER
    if promised and renewed.start == boundary and not _ends_by(plan, boundary):
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
    elif is_complimentary(plan):
        plan.next_invoice_date = plan.end_date
    elif plan.ended_at is not None:
        plan.next_invoice_date = min(following, plan.ended_at)
    else:
        plan.next_invoice_date = following


def _defer(
    work: UnitOfWork, customer: Customer, server: Server, plan: Plan, boundary: datetime
) -> Step:
    if plan.invoice_deferred_since is None:
        plan.invoice_deferred_since = boundary
        record_audit(
            work,
            "plan.invoice_deferred",
            actor=SYSTEM,
            customer_id=plan.customer_id,
            after={"plan": plan.id, "boundary": boundary.isoformat(), "reason": "stale"},
        )
        tell_of_deferral(work, customer, server, plan, boundary)
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


def park_customer(ctx: Context, customer_id: int, *, reason: str, actor: Actor = SYSTEM) -> None:
    """A customer whose run failed waits for a person and never stops the others. Staff may park one
    by hand."""
    with unit_of_work(ctx) as work:
        customer = work.claim_customer(customer_id)
        customer.parked_at, customer.parked_reason = work.now, reason[:300]
        record_audit(
            work,
            "customer.parked",
            actor=actor,
            customer_id=customer_id,
            after={"reason": reason[:300]},
        )
        work.commit()


def unpark_customer(
    ctx: Context, customer_id: int, *, actor: Actor = SYSTEM, reason: str | None = None
) -> None:
    """Let the next run try again."""
    with unit_of_work(ctx) as work:
        customer = work.claim_customer(customer_id)
        before = {"reason": customer.parked_reason}
        customer.parked_at = customer.parked_reason = None
        # What waited for the person is delivered with the next run.
        waiting = select(Invoice).where(Invoice.customer_id == customer_id, Invoice.to_deliver)
        for invoice in work.session.scalars(waiting):
            invoice.next_delivery_at = None
        record_audit(
            work,
            "customer.unparked",
            actor=actor,
            customer_id=customer_id,
            before=before,
            after={"reason": reason} if reason is not None else None,
        )
        work.commit()
