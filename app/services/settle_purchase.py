"""What became of a purchase: asked of the provider, never guessed.

Used by the page right after a confirmation, by its "check now", by webhooks and by the delivery
job for purchases whose process died. Rules: docs/rules/purchases.md.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.kinds import InvoiceStatus, PurchaseStatus
from app.gateways.payments import PaymentsError, ProviderUnavailable, RemoteInvoice
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.purchases import Purchase
from app.services.apply_invoice_state import apply_invoice_state, close_purchase
from app.services.context import Context
from app.services.deliver_invoices import deliver_invoice
from app.services.leases import end_lease, take_leases
from app.services.ledger import get_server_id
from app.services.push_invoice import get_remote_invoice, void_remote_invoice
from app.services.unit_of_work import unit_of_work

# How long an abandoned authentication may be finished.
AUTHENTICATION_AGE = timedelta(hours=24)
# Longer than a page's whole talk with the provider can last.
LEASE = timedelta(minutes=5)


class Outcome(StrEnum):
    """What became of a confirmation."""

    PAID = "paid"
    AUTHENTICATE = "authenticate"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class PurchaseResult:
    """The answer to the person. `hosted_url` is where to authenticate; `message` is the card
    issuer's sentence after a decline."""

    purchase_id: int
    outcome: Outcome
    hosted_url: str | None = None
    message: str | None = None


def settle(
    ctx: Context, purchase_id: int, invoice_id: int, remote: RemoteInvoice
) -> PurchaseResult:
    """Record the provider's state of a purchase's invoice, and deliver what grew meanwhile."""
    apply_invoice_state(ctx, invoice_id, remote)
    _deliver_growth(ctx, purchase_id)
    return load_result(ctx, purchase_id)


def resolve_purchase(ctx: Context, purchase_id: int) -> PurchaseResult:
    """Find out what became of an open purchase and act on it.

    Paid: its plan starts. Waiting for the bank's authentication: stays open for 24 hours. Never
    charged: void. When the provider does not answer, nothing changes and the outcome is unknown.
    """
    invoice_id = get_invoice_id(ctx, purchase_id)
    try:
        remote = get_remote_invoice(ctx, invoice_id)
    except ProviderUnavailable:
        _release(ctx, purchase_id)
        return load_result(ctx, purchase_id)
    if remote is not None and remote.status is InvoiceStatus.PAID:
        return settle(ctx, purchase_id, invoice_id, remote)
    waiting = remote is not None and remote.status is InvoiceStatus.OPEN
    if waiting and _may_still_be_paid(ctx, purchase_id):
        assert remote is not None  # it is open
        apply_invoice_state(ctx, invoice_id, remote)
        _release(ctx, purchase_id, hosted_url=remote.hosted_url)
        return load_result(ctx, purchase_id)
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
        # The provider refused and it can still be paid: the delivery job tries again.
        _release(ctx, purchase_id)
        return load_result(ctx, purchase_id)
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

    One that waits for authentication is looked at too: its webhook may have been lost.
    """
    done: set[int] = set()
    while True:
        with unit_of_work(ctx) as work:
            due = [Purchase.status == PurchaseStatus.OPEN, Purchase.id.not_in(done)]
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


def load_result(ctx: Context, purchase_id: int) -> PurchaseResult:
    """What the purchase has come to."""
    with unit_of_work(ctx) as work:
        return result_of(work.session, work.session.get_one(Purchase, purchase_id))


def result_of(session: Session, purchase: Purchase) -> PurchaseResult:
    """The same, of a loaded purchase."""
    outcomes = {
        PurchaseStatus.COMPLETED: Outcome.PAID,
        PurchaseStatus.DECLINED: Outcome.DECLINED,
        PurchaseStatus.VOIDED: Outcome.VOIDED,
        PurchaseStatus.OPEN: Outcome.AUTHENTICATE if purchase.hosted_url else Outcome.UNKNOWN,
    }
    return PurchaseResult(
        purchase_id=purchase.id,
        outcome=outcomes[purchase.status],
        hosted_url=purchase.hosted_url,
        message=purchase.failure_message,
    )


def note_failure(ctx: Context, purchase_id: int, *, code: str, message: str) -> None:
    """Remember why the card was refused, for the person and for staff."""
    with unit_of_work(ctx) as work:
        purchase = work.session.get_one(Purchase, purchase_id)
        work.claim_customer(purchase.customer_id)
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
    """Not when the card was declined, and not for longer than a day."""
    with unit_of_work(ctx) as work:
        purchase = work.session.get_one(Purchase, purchase_id)
        is_young = work.now - purchase.created_at < AUTHENTICATION_AGE
        return is_young and purchase.failure_code is None


def _release(ctx: Context, purchase_id: int, *, hosted_url: str | None = None) -> None:
    with unit_of_work(ctx) as work:
        purchase = work.session.get_one(Purchase, purchase_id)
        work.claim_customer(purchase.customer_id)
        work.session.refresh(purchase)
        if hosted_url and purchase.status is PurchaseStatus.OPEN:
            purchase.hosted_url = hosted_url
        end_lease(work, Purchase, purchase_id)
        work.commit()


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
