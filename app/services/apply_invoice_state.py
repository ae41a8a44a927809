"""Recording what an invoice has become at the provider. Any order and repetition ends the same.

Called after our own calls, for webhooks and for reconciliation: each brings the provider's
present state, never a step of its history.
"""

from sqlalchemy import or_, select

from app.domain.kinds import InvoiceStatus, PurchaseStatus
from app.gateways.payments import ProviderRejected, RemoteInvoice
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.purchases import Purchase
from app.services.audit import record_audit
from app.services.context import SYSTEM, Context
from app.services.coupons import release_coupon
from app.services.dunning import note_state
from app.services.invoices import pays_for_purchase
from app.services.ledger import get_server_id
from app.services.offers import close_tied_offer
from app.services.refund_purchase import refund_purchase
from app.services.revive_plan import revive_plan_if_paid
from app.services.start_plan import WITHOUT_PLAN, start_plan
from app.services.unit_of_work import UnitOfWork, unit_of_work

# Once there, an invoice stays: paid is paid, and what is void is never billed again. A written-off
# invoice may still be paid.
_FINAL = (InvoiceStatus.PAID, InvoiceStatus.VOID)


def refresh_invoice(ctx: Context, stripe_invoice_id: str) -> bool:
    """Fetch the present state of an invoice of the provider and record it.

    Returns False when it is not one of ours. Raises the errors of the payments gateway.
    """
    try:
        remote = ctx.payments.get_invoice(stripe_invoice_id)
    except ProviderRejected as error:
        if error.code != "resource_missing":
            raise
        return False
    with unit_of_work(ctx) as work:
        invoice_id = _find(work, remote)
    if invoice_id is None:
        return False
    apply_invoice_state(ctx, invoice_id, remote)
    return True


def apply_invoice_state(
    ctx: Context, invoice_id: int, remote: RemoteInvoice, *, is_delivered: bool = False
) -> InvoiceStatus:
    """Record `remote` as the state of our invoice; returns the status it has now.

    A purchase whose invoice is paid starts its plan here, and one whose invoice is void ends here,
    whoever learns of it first; money for which there is no plan is given back afterwards. A plan
    that ended over an invoice goes on once that is paid. `is_delivered` says that delivery need not
    come back to an invoice that is still open; only delivery itself knows, a webhook may come
    before it is done.
    """
    with unit_of_work(ctx) as work:
        invoice = work.session.get_one(Invoice, invoice_id)
        customer = work.session.get_one(Customer, invoice.customer_id)
        server = work.claim_server(get_server_id(customer))
        customer = work.claim_customer(invoice.customer_id)
        work.session.refresh(invoice)
        before = invoice.status
        if before not in _FINAL:
            _copy(invoice, remote, work)
            if is_delivered or invoice.status in _FINAL:
                invoice.to_deliver = False
        note_state(work, invoice)
        purchase = _get_purchase(work, invoice)
        if invoice.status is InvoiceStatus.PAID and purchase is not None:
            start_plan(work, server=server, customer=customer, purchase=purchase, invoice=invoice)
        elif invoice.status is InvoiceStatus.VOID and purchase is not None:
            close_purchase(work, purchase)
        elif invoice.status is InvoiceStatus.PAID and before is not InvoiceStatus.PAID:
            revive_plan_if_paid(work, server=server, customer=customer, invoice=invoice)
        if purchase is not None and purchase.failure_code in WITHOUT_PLAN:
            purchase_id = purchase.id
            work.after_commit(lambda: refund_purchase(ctx, purchase_id))
        if invoice.status is not before:
            record_audit(
                work,
                f"invoice.{invoice.status.value}",
                actor=SYSTEM,
                customer_id=customer.id,
                before={"status": before.value},
                after={
                    "invoice": invoice.id,
                    "status": invoice.status.value,
                    "number": invoice.number,
                    "total": invoice.total,
                },
            )
        work.commit()
        return invoice.status


def close_purchase(work: UnitOfWork, purchase: Purchase) -> None:
    """End an open purchase without a plan: as declined when its card was refused, as voided
    otherwise. Nothing happens to one that is closed."""
    if purchase.status is not PurchaseStatus.OPEN:
        return
    is_declined = purchase.failure_code is not None
    purchase.status = PurchaseStatus.DECLINED if is_declined else PurchaseStatus.VOIDED
    purchase.closed_at = work.now
    purchase.claimed_by = purchase.claimed_until = None
    release_coupon(work, purchase)
    close_tied_offer(work, purchase)
    record_audit(
        work,
        f"purchase.{purchase.status.value}",
        actor=SYSTEM,
        customer_id=purchase.customer_id,
        after={"purchase": purchase.id, "failure": purchase.failure_code},
    )


def _copy(invoice: Invoice, remote: RemoteInvoice, work: UnitOfWork) -> None:
    invoice.stripe_invoice_id = remote.id
    invoice.status = remote.status
    invoice.number = remote.number or invoice.number
    invoice.hosted_url = remote.hosted_url or invoice.hosted_url
    invoice.pdf_url = remote.pdf_url or invoice.pdf_url
    invoice.due_at = remote.due_at or invoice.due_at
    invoice.balance_applied = remote.balance_applied
    if remote.status is not InvoiceStatus.DRAFT and invoice.finalized_at is None:
        invoice.finalized_at = work.now
    if remote.failure_code is not None:
        # What we noted ourselves stays: the provider does not tell that a bank wants the person.
        invoice.failure_code = remote.failure_code
        invoice.failure_message = remote.failure_message
    if remote.status is InvoiceStatus.PAID:
        invoice.paid_at = remote.paid_at or work.now
        invoice.failure_code = invoice.failure_message = None
    if remote.status is InvoiceStatus.VOID:
        invoice.voided_at = work.now


def _get_purchase(work: UnitOfWork, invoice: Invoice) -> Purchase | None:
    """The purchase that this invoice pays for."""
    if invoice.purchase_id is None or not pays_for_purchase(invoice):
        return None
    return work.session.get_one(Purchase, invoice.purchase_id)


def _find(work: UnitOfWork, remote: RemoteInvoice) -> int | None:
    """Our invoice for the provider's: by its id, or by the reference it carries (a webhook may
    come before we have stored the id)."""
    conditions = [Invoice.stripe_invoice_id == remote.id]
    if remote.reference is not None and remote.reference.isascii() and remote.reference.isdigit():
        conditions.append(Invoice.id == int(remote.reference))
    statement = (
        select(Invoice.id)
        .join(Customer, Customer.id == Invoice.customer_id)
        .where(or_(*conditions), Customer.stripe_customer_id == remote.customer_id)
    )
    return work.session.scalars(statement).first()
