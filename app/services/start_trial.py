"""A purchase with a free trial: its plan begins at once, and what it costs is charged at the end.

By card nothing is made out now: the run invoices the trial's end. By invoice the first cycle is
invoiced ahead and due at that instant. Rules: docs/rules/purchases.md.
"""

from collections.abc import Sequence

from sqlalchemy import select

from app.domain.invoicing import LineDraft
from app.domain.kinds import Collection, LineSource, PromoKind
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import SYSTEM, Context
from app.services.deliver_invoices import deliver_invoice
from app.services.invoices import InvoiceDraft, InvoicePart, record_invoice
from app.services.plan_ledger import PlanSync
from app.services.purchase_state import PurchaseResult, load_result
from app.services.start_plan import add_first_entry, add_plan, complete_purchase
from app.services.unit_of_work import UnitOfWork, unit_of_work


def start_trial(
    work: UnitOfWork,
    *,
    server: Server,
    customer: Customer,
    purchase: Purchase,
    lines: Sequence[LineDraft],
) -> Plan:
    """Start the plan of a purchase that was just confirmed, in its free trial.

    `lines` are those of the first cycle, which begins when the trial ends. Server and customer must
    be claimed.
    """
    assert purchase.trial_end is not None, "it begins with a free trial"
    plan = add_plan(work, customer, purchase)
    add_first_entry(work, server, customer, plan, purchase)
    complete_purchase(work, purchase, plan)
    if plan.promo_kind is PromoKind.NEW_CUSTOMER and customer.new_customer_months_left is None:
        # Promised from now on; the months are used up as they are billed.
        customer.new_customer_months_left = purchase.new_customer_months
    work.flush()
    PlanSync(work, plan, customer, server).begin(as_of=work.now)
    if purchase.collection is Collection.SEND_INVOICE:
        _invoice_ahead(work, customer, plan, purchase, lines)
    record_audit(
        work,
        "plan.trial_started",
        actor=SYSTEM,
        customer_id=customer.id,
        after={
            "plan": plan.id,
            "tier": plan.tier,
            "schedule": plan.schedule.value,
            "licenses": purchase.licenses,
            "end": purchase.trial_end.isoformat(),
        },
    )
    return plan


def _invoice_ahead(
    work: UnitOfWork,
    customer: Customer,
    plan: Plan,
    purchase: Purchase,
    lines: Sequence[LineDraft],
) -> None:
    draft = InvoiceDraft(
        boundary=work.now,
        occasion=f"trial:{purchase.id}",
        currency=plan.currency,
        collection=plan.collection,
        # Named after the purchase: the trial's end may bill licenses that were added meanwhile.
        parts=[InvoicePart(plan.tier, lines, LineSource.PURCHASE, purchase.id, plan=plan)],
        purchase=purchase,
        due_at=purchase.trial_end,
    )
    record_invoice(work, customer, draft, to_deliver=True)


def finish_trial_purchase(ctx: Context, purchase_id: int) -> PurchaseResult:
    """Send the invoice of a trial that is paid for so; if that fails now, the delivery job does
    it."""
    with unit_of_work(ctx) as work:
        waiting = select(Invoice.id).where(Invoice.purchase_id == purchase_id, Invoice.to_deliver)
        invoice_id = work.session.scalars(waiting).one_or_none()
    if invoice_id is not None:
        deliver_invoice(ctx, invoice_id)
    return load_result(ctx, purchase_id)
