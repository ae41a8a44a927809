"""Paying an open invoice of a plan with the card on file, because its person asks for it.

A failed renewal, licenses added, an invoice that was sent to be paid by transfer: whatever is open
of a plan can be paid at once. Rules: docs/rules/payments.md.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import InvoiceStatus
from app.gateways.payments import (
    AuthenticationRequired,
    PaymentDeclined,
    PaymentsError,
    ProviderUnavailable,
)
from app.models.invoices import Invoice
from app.services.apply_invoice_state import apply_invoice_state
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, get_customer
from app.services.deliver_invoices import LEASE, record_refusal
from app.services.leases import end_lease, take_leases
from app.services.push_invoice import pay_remote_invoice
from app.services.unit_of_work import unit_of_work

PAYABLE = (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)


class PayOutcome(StrEnum):
    """What became of the charge. Unknown: the provider did not answer, so it is found out later.
    No card: there is none on file, so nothing was tried."""

    PAID = "paid"
    NO_CARD = "no_card"
    ALREADY_PAID = "already_paid"
    DECLINED = "declined"
    AUTHENTICATE = "authenticate"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PayResult:
    """The answer to the person; `total` in cents of `currency`. `hosted_url` is where the bank asks
    for the person, `message` the card issuer's sentence after a decline."""

    outcome: PayOutcome
    total: int
    currency: str
    hosted_url: str | None = None
    message: str | None = None


def pay_open_invoice(ctx: Context, payer: Payer, invoice_id: int, *, actor: Actor) -> PayResult:
    """Charge the card on file of `payer` for one of its open invoices.

    Raises NotFoundError when it is not theirs, and BillingError: `invoice_void`,
    `invoice_not_final`, `invoice_of_purchase` (it is paid where the purchase waits),
    `invoice_being_paid` while somebody else is at it, and `payments_refused`.
    """
    known = _take(ctx, payer, invoice_id, actor=actor)
    if known is not None:
        return _finish(ctx, invoice_id, known)
    try:
        remote = pay_remote_invoice(ctx, invoice_id)
        apply_invoice_state(ctx, invoice_id, remote, is_delivered=True)
    except (PaymentDeclined, AuthenticationRequired) as error:
        record_refusal(ctx, invoice_id, error)
        asks = isinstance(error, AuthenticationRequired)
        outcome = PayOutcome.AUTHENTICATE if asks else PayOutcome.DECLINED
        return _finish(ctx, invoice_id, outcome, message=error.message)
    except ProviderUnavailable:
        # It may have happened: the delivery job asks again with the same key.
        return _finish(ctx, invoice_id, PayOutcome.UNKNOWN, to_deliver=True)
    except PaymentsError as error:
        _finish(ctx, invoice_id, PayOutcome.UNKNOWN)
        raise BillingError("payments_refused", reason=error.code) from None
    return _finish(ctx, invoice_id, PayOutcome.PAID)


def _take(ctx: Context, payer: Payer, invoice_id: int, *, actor: Actor) -> PayOutcome | None:
    """Take the invoice by lease; what there is to say when nothing is to be tried."""
    with unit_of_work(ctx) as work:
        customer = get_customer(work.session, payer)
        invoice = work.session.get(Invoice, invoice_id)
        if customer is None or invoice is None or invoice.customer_id != customer.id:
            raise NotFoundError("invoice")
        work.claim_customer(customer.id)
        work.session.refresh(invoice)
        if invoice.status is InvoiceStatus.PAID:
            return PayOutcome.ALREADY_PAID
        _check(invoice)
        if customer.card_payment_method is None:
            return PayOutcome.NO_CARD
        due = [Invoice.id == invoice_id, Invoice.status.in_(PAYABLE)]
        if not take_leases(work, Invoice, due=due, limit=1, lasting=LEASE):
            raise BillingError("invoice_being_paid")
        record_audit(
            work,
            "invoice.payment_asked_for",
            actor=actor,
            customer_id=customer.id,
            after={"invoice": invoice_id},
        )
        work.commit()
    return None


def _check(invoice: Invoice) -> None:
    """Raises BillingError for an invoice that cannot be paid here."""
    if invoice.status is InvoiceStatus.VOID:
        raise BillingError("invoice_void")
    if invoice.plan_id is None:
        raise BillingError("invoice_of_purchase")
    if invoice.status is InvoiceStatus.DRAFT:
        raise BillingError("invoice_not_final")


def _finish(
    ctx: Context,
    invoice_id: int,
    outcome: PayOutcome,
    *,
    message: str | None = None,
    to_deliver: bool = False,
) -> PayResult:
    """Give the invoice back and say what became of it: what is stored by now has the last word."""
    with unit_of_work(ctx) as work:
        invoice = work.session.get_one(Invoice, invoice_id)
        work.claim_customer(invoice.customer_id)
        work.session.refresh(invoice)
        status = invoice.status
        if to_deliver and status in PAYABLE:
            invoice.to_deliver, invoice.next_delivery_at = True, None
        found = PayResult(
            outcome=outcome,
            total=invoice.total,
            currency=invoice.currency,
            hosted_url=invoice.hosted_url,
            message=message or None,
        )
        work.flush()
        end_lease(work, Invoice, invoice_id)
        work.commit()
    if status is InvoiceStatus.VOID:
        raise BillingError("invoice_void")
    if status is InvoiceStatus.PAID and outcome is not PayOutcome.ALREADY_PAID:
        # Whoever was quicker, the person sees that it is paid.
        return replace(found, outcome=PayOutcome.PAID)
    return found
