"""What became of a purchase: asked of the provider, never guessed.

Used by the page right after a confirmation, by its "check now", by webhooks and by the delivery
job for purchases whose process died or that wait for their payment. Rules: docs/rules/purchases.md.
"""

import logging
from datetime import timedelta

from sqlalchemy import select

from app.domain.kinds import Collection, InvoiceStatus, PurchaseStatus
from app.gateways.payments import (
    AuthenticationRequired,
    PaymentDeclined,
    PaymentsError,
    ProviderUnavailable,
    RemoteInvoice,
)
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.purchases import Purchase
from app.services.apply_invoice_state import apply_invoice_state, close_purchase
from app.services.context import Context
from app.services.deliver_invoices import deliver_invoice
from app.services.leases import end_lease, take_leases
from app.services.ledger import get_server_id
from app.services.part_payments import record_part_payment
from app.services.pay_invoice import PAYABLE
from app.services.purchase_state import (
    AUTHENTICATION_AGE,
    GRACE,
    UNSETTLED,
    Outcome,
    PurchaseResult,
    last_day,
    load_result,
)
from app.services.push_invoice import get_remote_invoice, push_invoice, void_remote_invoice
from app.services.start_plan import WITHOUT_PLAN
from app.services.unit_of_work import UnitOfWork, unit_of_work

log = logging.getLogger(__name__)

# An invoice that waits for a transfer is asked about so often; its webhook usually comes first.
ASKED_EVERY = timedelta(hours=1)
# Longer than a page's whole talk with the provider can last.
LEASE = timedelta(minutes=5)


def push_purchase(ctx: Context, purchase_id: int) -> PurchaseResult:
    """Make the purchase's invoice at the provider and charge the card or send it; record what came
    of that. Safe to repeat for an invoice that is sent; a card is charged once, by whoever
    confirmed."""
    invoice_id = get_invoice_id(ctx, purchase_id)
    try:
        remote = push_invoice(ctx, invoice_id)
    except PaymentDeclined as error:
        note_failure(ctx, purchase_id, code=error.code, message=error.message)
        return void_purchase(ctx, purchase_id)
    except (AuthenticationRequired, ProviderUnavailable):
        # The bank asks for the person, or nobody answered: the provider's state tells which.
        if _is_by_invoice(ctx, purchase_id):
            _release(ctx, purchase_id)
            return load_result(ctx, purchase_id)
        return resolve_purchase(ctx, purchase_id)
    except PaymentsError as error:
        note_failure(ctx, purchase_id, code=error.code, message="")
        return void_purchase(ctx, purchase_id)
    if remote.status in PAYABLE:
        return _wait(ctx, purchase_id, invoice_id, remote)
    return settle(ctx, purchase_id, invoice_id, remote)


def settle(
    ctx: Context, purchase_id: int, invoice_id: int, remote: RemoteInvoice
) -> PurchaseResult:
    """Record the provider's state of a purchase's invoice, and deliver what grew meanwhile."""
    apply_invoice_state(ctx, invoice_id, remote)
    _deliver_growth(ctx, purchase_id)
    result = load_result(ctx, purchase_id)
    if result.outcome in UNSETTLED | {Outcome.REFUNDED}:
        _release(ctx, purchase_id)
    return result


def resolve_purchase(ctx: Context, purchase_id: int) -> PurchaseResult:
    """Find out what became of an open purchase and act on it.

    Paid: its plan starts. Waiting for the bank's authentication, or for the payment of a sent
    invoice: stays open until that is too late. Not sent yet: sent. A card never charged: void.
    When the provider does not answer, nothing changes.
    """
    invoice_id = get_invoice_id(ctx, purchase_id)
    try:
        remote = get_remote_invoice(ctx, invoice_id)
    except PaymentsError as error:
        # Also a definite no: it says nothing of the money, and other purchases have to go on.
        log.warning("purchase %s: could not be looked up: %s", purchase_id, error.code)
        _release(ctx, purchase_id)
        return load_result(ctx, purchase_id)
    if remote is not None and remote.status is InvoiceStatus.PAID:
        return settle(ctx, purchase_id, invoice_id, remote)
    if not _may_still_be_paid(ctx, purchase_id):
        return void_purchase(ctx, purchase_id)
    if _is_by_invoice(ctx, purchase_id):
        return push_purchase(ctx, purchase_id)
    if remote is not None and remote.status is InvoiceStatus.OPEN:
        return _wait(ctx, purchase_id, invoice_id, remote)
    return void_purchase(ctx, purchase_id)


def void_purchase(ctx: Context, purchase_id: int) -> PurchaseResult:
    """Void the invoice of an open purchase and close the purchase: as declined when a failure was
    noted, as voided otherwise.

    If it has been paid meanwhile, its plan starts instead. If the provider does not answer, the
    purchase stays open and the delivery job comes back to it.
    """
    invoice_id = get_invoice_id(ctx, purchase_id)
    try:
        remote = void_remote_invoice(ctx, invoice_id)
    except PaymentsError:
        _release(ctx, purchase_id)
        return load_result(ctx, purchase_id)
    if remote is not None and remote.status in {InvoiceStatus.PAID, InvoiceStatus.VOID}:
        return settle(ctx, purchase_id, invoice_id, remote)
    if remote is not None:
        # It is paid in part, or the provider refused: the delivery job looks at it again.
        return _wait(ctx, purchase_id, invoice_id, remote)
    with unit_of_work(ctx) as work:
        purchase = work.session.get_one(Purchase, purchase_id)
        customer = work.session.get_one(Customer, purchase.customer_id)
        work.claim_server(get_server_id(customer))
        work.claim_customer(purchase.customer_id)
        work.session.refresh(purchase)
        close_purchase(work, purchase)
        # It never reached the provider; ours is void by itself.
        invoice = work.session.get_one(Invoice, invoice_id)
        invoice.status, invoice.voided_at = InvoiceStatus.VOID, work.now
        work.commit()
    return load_result(ctx, purchase_id)


def resolve_open_purchases(ctx: Context) -> int:
    """Resolve every open purchase that nobody works on; returns how many there were.

    One that waits to be paid is looked at too: its webhook may have been lost.
    """
    done: set[int] = set()
    was_just_asked = select(Invoice.id).where(
        Invoice.purchase_id == Purchase.id, Invoice.next_delivery_at > ctx.now()
    )
    while True:
        with unit_of_work(ctx) as work:
            due = [
                Purchase.status == PurchaseStatus.OPEN,
                Purchase.id.not_in(done),
                ~was_just_asked.exists(),
            ]
            taken = take_leases(work, Purchase, due=due, limit=1, lasting=LEASE)
            work.commit()
        if not taken:
            return len(done)
        done.update(taken)
        resolve_purchase(ctx, taken[0])


def check_purchase(ctx: Context, purchase_id: int) -> PurchaseResult:
    """The "check now" of the page: resolve it unless somebody else is at it."""
    with unit_of_work(ctx) as work:
        due = [Purchase.id == purchase_id, Purchase.status == PurchaseStatus.OPEN]
        taken = take_leases(work, Purchase, due=due, limit=1, lasting=LEASE)
        work.commit()
    if taken:
        return resolve_purchase(ctx, purchase_id)
    return load_result(ctx, purchase_id)


def note_failure(ctx: Context, purchase_id: int, *, code: str, message: str) -> None:
    """Remember why the card was refused, for the person and for staff. That a purchase was paid in
    vain is never forgotten over it: its money is on its way back."""
    with unit_of_work(ctx) as work:
        purchase = _claim(work, purchase_id)
        if purchase.status is not PurchaseStatus.OPEN or purchase.failure_code in WITHOUT_PLAN:
            return
        purchase.failure_code, purchase.failure_message = code[:64], message[:500] or None
        work.commit()


def get_invoice_id(ctx: Context, purchase_id: int) -> int:
    """The invoice that pays for a purchase."""
    with unit_of_work(ctx) as work:
        return work.session.scalars(
            select(Invoice.id).where(
                Invoice.purchase_id == purchase_id,
                Invoice.group_key.endswith(f"|purchase:{purchase_id}"),
            )
        ).one()


def _may_still_be_paid(ctx: Context, purchase_id: int) -> bool:
    """Not when it was refused, and not when its time is over."""
    with unit_of_work(ctx) as work:
        purchase = work.session.get_one(Purchase, purchase_id)
        ends = last_day(purchase, days_until_due=ctx.catalog.days_until_due)
        return work.now < ends and purchase.failure_code is None


def _is_by_invoice(ctx: Context, purchase_id: int) -> bool:
    with unit_of_work(ctx) as work:
        purchase = work.session.get_one(Purchase, purchase_id)
        return purchase.collection is Collection.SEND_INVOICE


def _wait(ctx: Context, purchase_id: int, invoice_id: int, remote: RemoteInvoice) -> PurchaseResult:
    """The invoice can be paid: remember where and until when, and let others look at it. Money
    that came for a part of it is for staff to see to."""
    apply_invoice_state(ctx, invoice_id, remote)
    with unit_of_work(ctx) as work:
        purchase = _claim(work, purchase_id)
        if purchase.status is PurchaseStatus.OPEN:
            if remote.amount_paid > 0:
                record_part_payment(work, purchase, invoice_id, paid=remote.amount_paid)
            purchase.hosted_url = remote.hosted_url or purchase.hosted_url
            purchase.expires_at = purchase.created_at + AUTHENTICATION_AGE
            if purchase.collection is Collection.SEND_INVOICE:
                invoice = work.session.get_one(Invoice, invoice_id)
                due_at = invoice.due_at or purchase.created_at
                purchase.expires_at = due_at + GRACE
                invoice.next_delivery_at = work.now + ASKED_EVERY
        end_lease(work, Purchase, purchase_id)
        work.commit()
    return load_result(ctx, purchase_id)


def _release(ctx: Context, purchase_id: int) -> None:
    with unit_of_work(ctx) as work:
        _claim(work, purchase_id)
        end_lease(work, Purchase, purchase_id)
        work.commit()


def _claim(work: UnitOfWork, purchase_id: int) -> Purchase:
    purchase = work.session.get_one(Purchase, purchase_id)
    work.claim_customer(purchase.customer_id)
    work.session.refresh(purchase)
    return purchase


def _deliver_growth(ctx: Context, purchase_id: int) -> None:
    """Charge the second invoice for people who came in between; if that fails now, the delivery
    job does it."""
    with unit_of_work(ctx) as work:
        growth = work.session.scalars(
            select(Invoice.id).where(
                Invoice.purchase_id == purchase_id,
                Invoice.to_deliver,
                Invoice.group_key.contains("|growth:"),
            )
        ).one_or_none()
    if growth is not None:
        deliver_invoice(ctx, growth)
