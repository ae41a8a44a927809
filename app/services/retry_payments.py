"""Trying failed payments again: each unpaid invoice whose time has come, taken by lease.

The same invoice is charged each time, by the card on file then. Rules: docs/rules/unpaid.md.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, select

from app.domain.kinds import InvoiceStatus
from app.gateways.payments import (
    AuthenticationRequired,
    PaymentDeclined,
    PaymentsError,
    ProviderUnavailable,
)
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.services.apply_invoice_state import apply_invoice_state
from app.services.context import Context
from app.services.deliver_invoices import LEASE, record_refusal
from app.services.dunning import end_unpaid_plan, is_exhausted
from app.services.leases import end_lease, take_leases
from app.services.push_invoice import get_remote_invoice, pay_remote_invoice
from app.services.unit_of_work import unit_of_work

log = logging.getLogger(__name__)

# When the provider does not answer, the same is tried so much later.
WAIT = timedelta(hours=1)


@dataclass(slots=True)
class RetryCounts:
    """What the run did, in invoices: paid now, refused again, plans ended, put off."""

    paid: int = 0
    refused: int = 0
    ended: int = 0
    deferred: int = 0


def retry_payments(ctx: Context) -> RetryCounts:
    """Do what is due of every unpaid invoice that nobody else is at."""
    counts = RetryCounts()
    seen: set[int] = set()
    while (invoice_id := _take(ctx, seen)) is not None:
        seen.add(invoice_id)
        try:
            _retry(ctx, invoice_id, counts)
        finally:
            with unit_of_work(ctx) as work:
                end_lease(work, Invoice, invoice_id)
                work.commit()
    return counts


def _take(ctx: Context, seen: set[int]) -> int | None:
    with unit_of_work(ctx) as work:
        # Whoever waits for a person is not charged meanwhile.
        parked = select(Customer.id).where(Customer.parked_at.is_not(None))
        due: list[ColumnElement[bool]] = [
            Invoice.next_retry_at <= work.now,
            Invoice.status == InvoiceStatus.OPEN,
            # What is being delivered is charged by that.
            Invoice.to_deliver.is_(False),
            Invoice.id.not_in(seen),
            Invoice.customer_id.not_in(parked),
        ]
        taken = take_leases(work, Invoice, due=due, limit=1, lasting=LEASE)
        work.commit()
    return taken[0] if taken else None


def _retry(ctx: Context, invoice_id: int, counts: RetryCounts) -> None:
    with unit_of_work(ctx) as work:
        exhausted = is_exhausted(ctx, work.session.get_one(Invoice, invoice_id))
    try:
        # Nothing is ended that was paid without our hearing of it.
        remote = (
            get_remote_invoice(ctx, invoice_id)
            if exhausted
            else pay_remote_invoice(ctx, invoice_id)
        )
    except (PaymentDeclined, AuthenticationRequired) as error:
        record_refusal(ctx, invoice_id, error, is_retry=True)
        counts.refused += 1
        return
    except ProviderUnavailable as error:
        log.warning("invoice %s: the provider did not answer: %s", invoice_id, error.code)
        _wait(ctx, invoice_id)
        counts.deferred += 1
        return
    except PaymentsError as error:
        # No card is on file, for instance: it counts as a card that was refused.
        log.warning("invoice %s: not charged: %s", invoice_id, error.code)
        record_refusal(ctx, invoice_id, error, is_retry=True)
        counts.refused += 1
        return
    assert remote is not None  # it was open at the provider
    if apply_invoice_state(ctx, invoice_id, remote) is InvoiceStatus.PAID:
        counts.paid += 1
    elif exhausted:
        counts.ended += end_unpaid_plan(ctx, invoice_id)


def _wait(ctx: Context, invoice_id: int) -> None:
    with unit_of_work(ctx) as work:
        invoice = work.session.get_one(Invoice, invoice_id)
        work.claim_customer(invoice.customer_id)
        work.session.refresh(invoice)
        if invoice.next_retry_at is not None:
            invoice.next_retry_at = work.now + WAIT
        work.commit()
