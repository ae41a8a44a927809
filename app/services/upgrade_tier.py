"""A higher tier, now: unpaid invoices are voided, what was paid comes back as credit, the new plan
is invoiced and charged at once.

The change is one transaction between two talks with the provider. Killed before it, nothing has
changed; killed after it, the delivery job gives the credit and charges the invoice. Should the card
be refused, the new plan runs and its invoice stays open, as with a renewal: docs/decisions says
why. Rules: docs/rules/changes.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update

from app.domain.errors import BillingError
from app.domain.kinds import Collection, EndReason, InvoiceStatus, PlanStatus
from app.domain.transitions import Change, decide_transition
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.services.context import Actor, Context
from app.services.customers import Payer
from app.services.deliver_invoices import deliver_invoice
from app.services.invoice_plan import StepOutcome, invoice_next_boundary, take_step
from app.services.next_terms import PlanChoice, is_higher, load_tier
from app.services.replace_plan import Replacement, Running, replace_plan
from app.services.running_plan import claim_running_plan, refuse_agreed_plan
from app.services.unit_of_work import UnitOfWork, unit_of_work
from app.services.void_invoices import load_unpaid_invoices, void_unpaid_invoices

# Invoices that somebody makes between our looks are voided in another round, so many times.
ROUNDS = 3
# A plan that has waited for longer is looked at by the daily run first.
MOST_BOUNDARIES = 15


class UpgradeOutcome(StrEnum):
    """What became of the charge. Unpaid: the invoice stays open; sent: to be paid by transfer.
    Unknown: the provider did not answer, so it is found out later."""

    PAID = "paid"
    UNPAID = "unpaid"
    AUTHENTICATE = "authenticate"
    SENT = "sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """The answer to the person: the invoice of the change, cents of `currency`. `hosted_url` is
    where the bank asks for the person, `message` the card issuer's sentence after a refusal."""

    outcome: UpgradeOutcome
    invoice_id: int
    tier: str
    currency: str
    total: int
    balance_applied: int
    hosted_url: str | None = None
    message: str | None = None


class _Again(Exception):
    """Something of the plan became due or unpaid since we looked."""


def upgrade_tier(
    ctx: Context,
    payer: Payer,
    choice: PlanChoice,
    *,
    actor: Actor,
    confirmed: Mapping[str, Any] | None = None,
    by_staff: bool = False,
    reason: str = "",
) -> UpgradeResult:
    """Move the customer to a higher tier now. A form that is sent again changes nothing more.

    Raises BillingError: `no_plan`, `plan_is_agreed`, `unknown_tier`, `tier_required`,
    `change_is_none`, `lower_at_cycle_end`, `no_card`, `change_outdated`, `waits_for_staff`,
    `invoice_being_paid`, `invoice_part_paid`, `change_unanswered`, `contact_support_for_more`,
    `transition_refused`; MissingDataError.
    """

    def change(work: UnitOfWork) -> Replacement | int:
        return _change(
            work, payer, choice, actor=actor, confirmed=confirmed, by_staff=by_staff, reason=reason
        )

    for _ in range(ROUNDS):
        # What is refused is refused before anything is voided.
        with unit_of_work(ctx) as work:
            running, done = _claim(work, payer, choice, confirmed=confirmed, by_staff=by_staff)
            if done is None:
                preview_upgrade(
                    work,
                    payer,
                    choice,
                    actor=actor,
                    confirmed=confirmed,
                    by_staff=by_staff,
                )
            customer_id, plan_id = running.customer.id, running.plan.id
        if done is not None:
            return load_upgrade_result(ctx, done)
        _bring_up_to_date(ctx, customer_id, plan_id)
        void_unpaid_invoices(ctx, plan_id)
        try:
            with unit_of_work(ctx) as work:
                made = change(work)
                work.commit()
        except _Again:
            continue
        invoice_id = made if isinstance(made, int) else made.invoice_id
        deliver_invoice(ctx, invoice_id)
        return load_upgrade_result(ctx, invoice_id)
    raise BillingError("invoice_being_paid")


def preview_upgrade(
    work: UnitOfWork,
    payer: Payer,
    choice: PlanChoice,
    *,
    actor: Actor,
    confirmed: Mapping[str, Any] | None = None,
    by_staff: bool = False,
) -> Replacement:
    """What the upgrade would do, in a unit of work that must not be committed: an invoice that is
    due and not made yet counts as paid, one that is unpaid as void.

    Raises what `upgrade_tier` raises before it talks to the provider.
    """
    running, _ = _claim(work, payer, choice, confirmed=confirmed, by_staff=by_staff)
    for _ in range(MOST_BOUNDARIES):
        step = take_step(work, running.customer.id, as_of=work.now)
        if step.outcome in {StepOutcome.NOTHING_DUE, StepOutcome.DEFERRED}:
            break
        if step.invoice_id is not None:
            statement = update(Invoice).where(Invoice.id == step.invoice_id)
            work.session.execute(statement.values(status=InvoiceStatus.PAID))
    work.session.refresh(running.plan)
    _check_up_to_date(running.plan, work)
    return replace_plan(work, running, choice, actor=actor, confirmed=confirmed)


def load_upgrade_result(ctx: Context, invoice_id: int) -> UpgradeResult:
    """What the invoice of an upgrade has come to, told from what is stored."""
    with unit_of_work(ctx) as work:
        invoice = work.session.get_one(Invoice, invoice_id)
        assert invoice.plan_id is not None, "it is of the plan that began"
        return UpgradeResult(
            outcome=_outcome(invoice),
            invoice_id=invoice.id,
            tier=work.session.get_one(Plan, invoice.plan_id).tier,
            currency=invoice.currency,
            total=invoice.total,
            balance_applied=invoice.balance_applied,
            hosted_url=invoice.hosted_url,
            message=invoice.failure_message,
        )


def _outcome(invoice: Invoice) -> UpgradeOutcome:
    if invoice.status is InvoiceStatus.PAID:
        return UpgradeOutcome.PAID
    if invoice.status is InvoiceStatus.DRAFT:
        return UpgradeOutcome.UNKNOWN
    if invoice.collection is Collection.SEND_INVOICE:
        return UpgradeOutcome.SENT
    if invoice.failure_code is None:
        return UpgradeOutcome.UNKNOWN
    is_asked = "authentication" in invoice.failure_code
    return UpgradeOutcome.AUTHENTICATE if is_asked else UpgradeOutcome.UNPAID


def _change(
    work: UnitOfWork,
    payer: Payer,
    choice: PlanChoice,
    *,
    actor: Actor,
    confirmed: Mapping[str, Any] | None,
    by_staff: bool,
    reason: str,
) -> Replacement | int:
    """The change itself; the invoice of the same form when it was quicker."""
    running, done = _claim(work, payer, choice, confirmed=confirmed, by_staff=by_staff)
    if done is not None:
        return done
    is_due = running.plan.next_invoice_date is None or running.plan.next_invoice_date <= work.now
    if is_due or load_unpaid_invoices(work.session, running.plan.id):
        raise _Again
    return replace_plan(work, running, choice, actor=actor, confirmed=confirmed, reason=reason)


def _claim(
    work: UnitOfWork,
    payer: Payer,
    choice: PlanChoice,
    *,
    confirmed: Mapping[str, Any] | None,
    by_staff: bool,
) -> tuple[Running, int | None]:
    """The plan that runs, if it can be replaced; or the invoice that this form has made before."""
    server, customer, plan = claim_running_plan(work, payer)
    running = Running(payer, server, customer, plan)
    done = _find_done(work, customer, plan, choice, confirmed)
    if done is not None:
        return running, done
    if confirmed is not None and confirmed.get("plan") != plan.id:
        raise BillingError("change_outdated", changes=("plan",))
    refuse_agreed_plan(plan)
    tier = load_tier(work, customer, choice.tier, by_staff=by_staff)
    if tier.key == plan.tier:
        raise BillingError("change_is_none", tier=tier.title)
    if not is_higher(work, plan, tier):
        raise BillingError("lower_at_cycle_end", tier=tier.title)
    if plan.status is PlanStatus.TRIAL:
        # The table would allow it; what it costs during a trial is decided where trials are.
        raise BillingError("trial_first", tier=tier.title)
    decide_transition(plan.status, plan.at_cycle_end, Change.REPLACE)
    if plan.collection is Collection.CHARGE_AUTOMATICALLY and not customer.card_payment_method:
        raise BillingError("no_card")
    return running, None


def _find_done(
    work: UnitOfWork,
    customer: Customer,
    plan: Plan,
    choice: PlanChoice,
    confirmed: Mapping[str, Any] | None,
) -> int | None:
    """The invoice of the plan that took the place of the one that was confirmed, by this form."""
    if confirmed is None or confirmed.get("plan") == plan.id:
        return None
    before = work.session.get(Plan, int(confirmed["plan"]))
    if before is None or before.customer_id != customer.id:
        return None
    is_next = before.ended_reason is EndReason.REPLACED and (
        before.ended_at == plan.billing_cycle_anchor
    )
    if not is_next or (plan.tier, plan.schedule) != (choice.tier, choice.schedule):
        return None
    return _get_invoice_id(work, plan)


def _get_invoice_id(work: UnitOfWork, plan: Plan) -> int | None:
    return work.session.scalars(
        select(Invoice.id).where(
            Invoice.plan_id == plan.id, Invoice.group_key.endswith(f"|switch:{plan.id}")
        )
    ).one_or_none()


def _check_up_to_date(plan: Plan, work: UnitOfWork) -> None:
    if plan.next_invoice_date is None or plan.next_invoice_date <= work.now:
        raise BillingError("waits_for_staff")


def _bring_up_to_date(ctx: Context, customer_id: int, plan_id: int) -> None:
    """Make the invoices of boundaries that have passed, and let what is not delivered yet be paid:
    only what is unpaid after that is voided."""
    for made in range(MOST_BOUNDARIES):
        step = invoice_next_boundary(ctx, customer_id, made=made)
        if step.outcome in {StepOutcome.NOTHING_DUE, StepOutcome.DEFERRED}:
            break
    with unit_of_work(ctx) as work:
        unpaid = load_unpaid_invoices(work.session, plan_id)
        waiting = [invoice.id for invoice in unpaid if invoice.status is InvoiceStatus.DRAFT]
    for invoice_id in waiting:
        deliver_invoice(ctx, invoice_id)
