"""Ending a plan inside its cycle: staff only. What was added is billed at once, nothing comes back.

Rules: docs/rules/changes.md.
"""

from datetime import datetime

from app.domain.kinds import EndReason
from app.domain.transitions import Change, decide_transition
from app.services.context import Actor, Context
from app.services.customers import Payer
from app.services.deliver_invoices import deliver_invoice
from app.services.invoice_plan import StepOutcome, invoice_next_boundary
from app.services.plan_life import end_plan
from app.services.running_plan import audit_change, claim_running_plan, give_up_next_plan
from app.services.unit_of_work import UnitOfWork, unit_of_work
from app.services.void_invoices import void_unpaid_invoices

# No plan has more boundaries to catch up with before a person should look.
MOST_BOUNDARIES = 30


def end_plan_now(
    ctx: Context, payer: Payer, *, actor: Actor, reason: str, void_open_invoices: bool = False
) -> datetime:
    """End the live plan at once, make its closing invoice and deliver it; returns the end.

    Raises BillingError `no_plan`, `transition_refused`, and with `void_open_invoices` those of
    `void_unpaid_invoices`: then nothing has ended yet, and the call can be repeated.
    """
    with unit_of_work(ctx) as work:
        _, customer, plan = claim_running_plan(work, payer)
        decide_transition(plan.status, plan.at_cycle_end, Change.END_NOW)
        customer_id, plan_id = customer.id, plan.id
    if void_open_invoices:
        # First, so that a call that was cut short can be repeated for the same plan.
        void_unpaid_invoices(ctx, plan_id)
    with unit_of_work(ctx) as work:
        ended_at = end_now(work, payer, actor=actor, reason=reason)
        work.commit()
    _invoice_the_rest(ctx, customer_id)
    return ended_at


def end_now(work: UnitOfWork, payer: Payer, *, actor: Actor, reason: str) -> datetime:
    """End the live plan now; its closing invoice is due from then on."""
    _, _, plan = claim_running_plan(work, payer)
    give_up_next_plan(work, plan, actor=actor)
    end_plan(work, plan, at=work.now, change=Change.END_NOW, reason=EndReason.STAFF, actor=actor)
    audit_change(work, "plan.ended_by_staff", plan, actor, reason=reason)
    return work.now


def _invoice_the_rest(ctx: Context, customer_id: int) -> None:
    """What the daily run would do next: boundaries that have passed, and the closing invoice."""
    for made in range(MOST_BOUNDARIES):
        step = invoice_next_boundary(ctx, customer_id, made=made)
        if step.invoice_id is not None:
            deliver_invoice(ctx, step.invoice_id)
        if step.outcome in {StepOutcome.NOTHING_DUE, StepOutcome.DEFERRED}:
            return
