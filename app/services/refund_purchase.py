"""Giving money back that was paid when no plan could start any more.

Two people may buy at once, the server may buy for its organization while that one's invoice is
still on its way to be paid, or the server leaves. Rules: docs/rules/purchases.md.
"""

import logging
from datetime import timedelta

from sqlalchemy import select

from app.domain.kinds import InvoiceStatus, PurchaseStatus
from app.gateways.payments import PaymentsError, ProviderUnavailable
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.purchases import Purchase
from app.services.audit import record_audit
from app.services.context import SYSTEM, Context
from app.services.coupons import release_coupon
from app.services.leases import end_lease, take_leases
from app.services.offers import close_tied_offer
from app.services.outbox import record_mail
from app.services.push_invoice import refund_remote_invoice
from app.services.start_plan import WITHOUT_PLAN
from app.services.unit_of_work import UnitOfWork, unit_of_work

log = logging.getLogger(__name__)

# Longer than a page's whole talk with the provider can last.
LEASE = timedelta(minutes=5)
# Refusals of the key and not of the refund: the next attempt has a key of its own.
_OF_THE_KEY = frozenset({"stored_failure", "idempotency_conflict"})


def refund_purchase(ctx: Context, purchase_id: int) -> None:
    """Give the money of a purchase back that was paid in vain, and close it.

    Safe to repeat and to call from several places at once. While the provider does not answer the
    purchase stays open, and the delivery job comes back to it. What the provider cannot give back
    (it was paid another way) is left to staff, who get a mail.
    """
    invoice_id = _take(ctx, purchase_id)
    if invoice_id is None:
        return
    try:
        if _has_cost(ctx, invoice_id):
            refund_remote_invoice(ctx, invoice_id)
    except PaymentsError as error:
        if isinstance(error, ProviderUnavailable) or error.code in _OF_THE_KEY:
            log.warning("invoice %s: no answer to its refund: %s", invoice_id, error.code)
            _release(ctx, invoice_id)
            return
        log.error("invoice %s: the refund was refused: %s", invoice_id, error.code)
        _close(ctx, purchase_id, invoice_id, refusal=error.code or type(error).__name__)
    else:
        _close(ctx, purchase_id, invoice_id, refusal=None)


def _take(ctx: Context, purchase_id: int) -> int | None:
    """Take the invoice by lease; None when there is nothing to give back, or somebody is at it."""
    with unit_of_work(ctx) as work:
        purchase = work.session.get_one(Purchase, purchase_id)
        is_due = purchase.failure_code in WITHOUT_PLAN and purchase.status is PurchaseStatus.OPEN
        due = [
            Invoice.purchase_id == purchase_id,
            Invoice.group_key.endswith(f"|purchase:{purchase_id}"),
            Invoice.status == InvoiceStatus.PAID,
            Invoice.refunded_at.is_(None),
        ]
        taken = take_leases(work, Invoice, due=due, limit=1, lasting=LEASE) if is_due else []
        work.commit()
        return taken[0] if taken else None


def _has_cost(ctx: Context, invoice_id: int) -> bool:
    with unit_of_work(ctx) as work:
        return work.session.get_one(Invoice, invoice_id).total > 0


def _release(ctx: Context, invoice_id: int) -> None:
    """Leave it to the next run of the delivery job."""
    with unit_of_work(ctx) as work:
        invoice = work.session.get_one(Invoice, invoice_id)
        work.claim_customer(invoice.customer_id)
        work.session.refresh(invoice)
        invoice.next_delivery_at = None
        work.flush()
        end_lease(work, Invoice, invoice_id)
        work.commit()


def _close(ctx: Context, purchase_id: int, invoice_id: int, *, refusal: str | None) -> None:
    """Write down that the money went back, or why staff have to see to it."""
    with unit_of_work(ctx) as work:
        purchase = work.session.get_one(Purchase, purchase_id)
        customer = work.claim_customer(purchase.customer_id)
        work.session.refresh(purchase)
        if purchase.status is not PurchaseStatus.OPEN:
            # Somebody was quicker and has told it already.
            return
        invoice = work.session.scalars(
            select(Invoice)
            .where(Invoice.id == invoice_id)
            .execution_options(populate_existing=True)
        ).one()
        purchase.status, purchase.closed_at = PurchaseStatus.VOIDED, work.now
        purchase.claimed_by = purchase.claimed_until = None
        invoice.claimed_by = invoice.claimed_until = None
        release_coupon(work, purchase)
        close_tied_offer(work, purchase)
        told = {
            "purchase": purchase.id,
            "invoice": invoice.id,
            "total": invoice.total,
            "reason": purchase.failure_code,
        }
        if refusal is None and invoice.total > 0:
            invoice.refunded_at = work.now
            record_audit(
                work, "invoice.refunded", actor=SYSTEM, customer_id=customer.id, after=told
            )
        elif refusal is not None:
            told["refusal"] = refusal
            record_audit(
                work, "invoice.refund_failed", actor=SYSTEM, customer_id=customer.id, after=told
            )
            _tell_staff(work, customer, invoice)
        work.commit()


def _tell_staff(work: UnitOfWork, customer: Customer, invoice: Invoice) -> None:
    record_mail(
        work,
        template="staff_refund_failed",
        recipient=work.ctx.catalog.brand.support_email,
        params={
            "customer": customer.display_name,
            "number": invoice.number,
            "total": invoice.total,
            "currency": invoice.currency,
        },
        event_key=f"invoice.refund_failed:{invoice.id}",
        customer_id=customer.id,
        about_money=True,
    )
