"""The sent invoices of free trials: whether they have been paid, and when they are good for nothing.

The first cycle after a trial is invoiced ahead. Its payment is usually told by a webhook; here it is
asked for, so that a lost one costs an hour. Once its plan cannot go on any more, the invoice becomes
void: nothing was used, so nothing is owed. Rules: docs/rules/purchases.md.
"""

import logging
from datetime import timedelta

from sqlalchemy import ColumnElement, or_, select

from app.domain.kinds import LIVE_STATUSES, EndReason, InvoiceStatus
from app.gateways.payments import PaymentsError
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.services.apply_invoice_state import apply_invoice_state
from app.services.context import Context
from app.services.leases import end_lease, take_leases
from app.services.push_invoice import get_remote_invoice, void_remote_invoice
from app.services.revive_plan import REVIVED_WITHIN
from app.services.unit_of_work import UnitOfWork, unit_of_work

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
ASKED_EVERY = timedelta(hours=1)


def settle_trial_invoices(ctx: Context) -> int:
    """Ask about every open invoice of a trial that nobody has asked about for an hour, and void
    those whose plan cannot go on any more; returns how many there were."""
    seen: set[int] = set()
    while True:
        with unit_of_work(ctx) as work:
            due: list[ColumnElement[bool]] = [
                Invoice.status == InvoiceStatus.OPEN,
                Invoice.group_key.contains("|trial:"),
                Invoice.to_deliver.is_(False),
                Invoice.id.not_in(seen),
                or_(Invoice.next_delivery_at.is_(None), Invoice.next_delivery_at <= work.now),
            ]
            taken = take_leases(work, Invoice, due=due, limit=1, lasting=LEASE)
            work.commit()
        if not taken:
            return len(seen)
        seen.add(taken[0])
        try:
            _settle(ctx, taken[0])
        finally:
            _release(ctx, taken[0])


def _settle(ctx: Context, invoice_id: int) -> None:
    with unit_of_work(ctx) as work:
        is_void = _is_good_for_nothing(work, work.session.get_one(Invoice, invoice_id))
    try:
        remote = (
            void_remote_invoice(ctx, invoice_id) if is_void else get_remote_invoice(ctx, invoice_id)
        )
    except PaymentsError as error:
        log.warning("invoice %s: could not be looked up: %s", invoice_id, error.code)
        return
    if remote is not None:
        apply_invoice_state(ctx, invoice_id, remote)


def _is_good_for_nothing(work: UnitOfWork, invoice: Invoice) -> bool:
    """Whether its payment would bring no plan back: it was ended by somebody, too long ago, or
    another one runs."""
    plan = work.session.get_one(Plan, invoice.plan_id)
    if plan.status in LIVE_STATUSES or plan.ended_at is None:
        return False
    if plan.ended_reason is not EndReason.UNPAID or work.now - plan.ended_at > REVIVED_WITHIN:
        return True
    another = select(Plan.id).where(
        Plan.customer_id == plan.customer_id, Plan.status.in_(LIVE_STATUSES)
    )
    return work.session.scalars(another.limit(1)).first() is not None


def _release(ctx: Context, invoice_id: int) -> None:
    with unit_of_work(ctx) as work:
        invoice = work.session.get_one(Invoice, invoice_id)
        work.claim_customer(invoice.customer_id)
        work.session.refresh(invoice)
        invoice.next_delivery_at = work.now + ASKED_EVERY
        end_lease(work, Invoice, invoice_id)
        work.commit()
