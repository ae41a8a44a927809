"""Delivering stored invoices: taken by lease one at a time, pushed, recorded, given back."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select

from app.domain.kinds import InvoiceStatus
from app.gateways.payments import (
    AuthenticationRequired,
    PaymentDeclined,
    PaymentsError,
    ProviderUnavailable,
)
from app.models.customers import Customer
from app.models.invoices import DeliveryAttempt, Invoice
from app.services.apply_invoice_state import apply_invoice_state
from app.services.audit import record_audit
from app.services.context import SYSTEM, Context
from app.services.dunning import end_unpaid_plan, note_refusal
from app.services.leases import end_lease, take_leases
from app.services.outbox import record_mail
from app.services.push_invoice import get_remote_invoice, push_invoice
from app.services.unit_of_work import UnitOfWork, unit_of_work

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
# After a failure of the provider the next try waits, twice as long each time.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


@dataclass(slots=True)
class DeliveryCounts:
    """What a run of delivery did, as counts of invoices."""

    delivered: int = 0
    failed: int = 0
    deferred: int = 0
    parked: int = 0


def deliver_invoices(ctx: Context, *, progress: Callable[[], None] | None = None) -> DeliveryCounts:
    """Deliver everything that waits and that nobody else is delivering."""
    counts = DeliveryCounts()
    seen: set[int] = set()
    while True:
        with unit_of_work(ctx) as work:
            due: list[ColumnElement[bool]] = [
                Invoice.to_deliver.is_(True),
                Invoice.id.not_in(seen),
                # What a guard has parked is looked at by a person before it is charged.
                Invoice.customer_id.not_in(_parked()),
                or_(Invoice.next_delivery_at.is_(None), Invoice.next_delivery_at <= work.now),
            ]
            taken = take_leases(work, Invoice, due=due, limit=1, lasting=LEASE)
            work.commit()
        if not taken:
            return counts
        seen.update(taken)
        _push(ctx, taken[0], counts)
        if progress is not None:
            progress()


def count_deliverable(ctx: Context) -> int:
    """How many invoices wait for delivery."""
    with unit_of_work(ctx) as work:
        waiting = select(func.count(Invoice.id)).where(
            Invoice.to_deliver, Invoice.customer_id.not_in(_parked())
        )
        return work.session.scalar(waiting) or 0


def _parked() -> Select[int]:
    return select(Customer.id).where(Customer.parked_at.is_not(None))


def deliver_invoice(ctx: Context, invoice_id: int) -> DeliveryCounts:
    """Deliver one invoice now, unless somebody else is at it."""
    counts = DeliveryCounts()
    with unit_of_work(ctx) as work:
        due: list[ColumnElement[bool]] = [Invoice.id == invoice_id, Invoice.to_deliver.is_(True)]
        taken = take_leases(work, Invoice, due=due, limit=1, lasting=LEASE)
        work.commit()
    if taken:
        _push(ctx, invoice_id, counts)
    return counts


def _push(ctx: Context, invoice_id: int, counts: DeliveryCounts) -> None:
    """Push one leased invoice and record what came of it."""
    try:
        remote = push_invoice(ctx, invoice_id)
        apply_invoice_state(ctx, invoice_id, remote, is_delivered=True)
        counts.delivered += 1
    except (PaymentDeclined, AuthenticationRequired) as error:
        # The invoice is final and open: the customer pays it on our page or on its hosted one.
        record_refusal(ctx, invoice_id, error)
        counts.failed += 1
    except ProviderUnavailable as error:
        log.warning("invoice %s: the provider did not answer: %s", invoice_id, error.code)
        _wait(ctx, invoice_id)
        counts.deferred += 1
    except PaymentsError as error:
        log.error("invoice %s: refused by the provider: %s", invoice_id, error.code)
        _park(ctx, invoice_id, reason=f"invoice {invoice_id}: {error.code}")
        counts.parked += 1
    finally:
        _release(ctx, invoice_id)


def record_refusal(
    ctx: Context, invoice_id: int, error: PaymentsError, *, is_retry: bool = False
) -> None:
    """Note that a card was refused for an open invoice, when it is tried again, and tell the
    customer's people, and staff the first time. After the last retry the plan ends. When it has
    been paid meanwhile, that is noted instead."""
    try:
        remote = get_remote_invoice(ctx, invoice_id)
    except ProviderUnavailable:
        _wait(ctx, invoice_id)
        return
    assert remote is not None  # a card was charged for it
    status = apply_invoice_state(ctx, invoice_id, remote)
    if status is not InvoiceStatus.OPEN:
        return
    with unit_of_work(ctx) as work:
        invoice, customer = _claim(work, invoice_id)
        invoice.failure_code = error.code[:64]
        invoice.failure_message = error.message[:500] or invoice.failure_message
        invoice.to_deliver = False
        note_refusal(work, invoice, is_retry=is_retry)
        record_audit(
            work,
            "invoice.payment_failed",
            actor=SYSTEM,
            customer_id=customer.id,
            after={"invoice": invoice.id, "code": error.code},
        )
        record_mail(
            work,
            template="staff_payment_failed",
            recipient=ctx.catalog.brand.support_email,
            params={
                "customer": customer.display_name,
                "number": invoice.number,
                "total": invoice.total,
                "currency": invoice.currency,
            },
            event_key=f"invoice.payment_failed:{invoice.id}",
            customer_id=customer.id,
            about_money=True,
        )
        work.commit()
    end_unpaid_plan(ctx, invoice_id)


def _wait(ctx: Context, invoice_id: int) -> None:
    """Put an invoice off after the provider failed us."""
    with unit_of_work(ctx) as work:
        invoice, _ = _claim(work, invoice_id)
        tries = len(
            work.session.scalars(
                select(DeliveryAttempt.id).where(DeliveryAttempt.invoice_id == invoice_id)
            ).all()
        )
        wait = min(FIRST_WAIT * 2 ** min(tries, 10), LONGEST_WAIT)
        invoice.next_delivery_at = work.now + wait
        work.commit()


def _park(ctx: Context, invoice_id: int, *, reason: str) -> None:
    """Something is wrong that waiting does not mend: the customer waits for a person."""
    with unit_of_work(ctx) as work:
        invoice, customer = _claim(work, invoice_id)
        customer.parked_at, customer.parked_reason = work.now, reason[:300]
        invoice.next_delivery_at = work.now + LONGEST_WAIT
        record_audit(
            work,
            "customer.parked",
            actor=SYSTEM,
            customer_id=customer.id,
            after={"reason": reason},
        )
        work.commit()


def _release(ctx: Context, invoice_id: int) -> None:
    with unit_of_work(ctx) as work:
        end_lease(work, Invoice, invoice_id)
        work.commit()


def _claim(work: UnitOfWork, invoice_id: int) -> tuple[Invoice, Customer]:
    invoice = work.session.get_one(Invoice, invoice_id)
    customer = work.claim_customer(invoice.customer_id)
    work.session.refresh(invoice)
    return invoice, customer
