"""Voiding what is unpaid of a plan, before the plan is changed or ended at once.

One that turns out to be paid stays paid, and counts as such. Safe to repeat.
"""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import InvoiceStatus
from app.gateways.payments import PaymentsError, RemoteInvoice
from app.models.invoices import Invoice, InvoiceLine
from app.services.apply_invoice_state import apply_invoice_state
from app.services.audit import record_audit
from app.services.context import SYSTEM, Context
from app.services.deliver_invoices import LEASE
from app.services.leases import end_lease, take_leases
from app.services.push_invoice import void_remote_invoice
from app.services.unit_of_work import unit_of_work

UNPAID = (InvoiceStatus.DRAFT, InvoiceStatus.OPEN)


def load_unpaid_invoices(session: Session, plan_id: int) -> list[Invoice]:
    """The invoices that charge for time of the plan and are neither paid nor given up."""
    of_plan = select(InvoiceLine.invoice_id).where(InvoiceLine.plan_id == plan_id)
    statement = select(Invoice).where(
        or_(Invoice.plan_id == plan_id, Invoice.id.in_(of_plan)), Invoice.status.in_(UNPAID)
    )
    return list(session.scalars(statement.order_by(Invoice.id)))


def void_unpaid_invoices(ctx: Context, plan_id: int) -> None:
    """Void them at the provider and here, one after the other.

    Raises BillingError: `invoice_being_paid` while somebody charges one, `invoice_part_paid` for
    one that somebody paid a part of, `change_unanswered` when the provider does not answer.
    """
    with unit_of_work(ctx) as work:
        ids = [invoice.id for invoice in load_unpaid_invoices(work.session, plan_id)]
    for invoice_id in ids:
        _void(ctx, invoice_id)


def _void(ctx: Context, invoice_id: int) -> None:
    with unit_of_work(ctx) as work:
        due = [Invoice.id == invoice_id, Invoice.status.in_(UNPAID)]
        taken = take_leases(work, Invoice, due=due, limit=1, lasting=LEASE)
        status = work.session.get_one(Invoice, invoice_id).status
        work.commit()
    if not taken:
        if status in UNPAID:
            raise BillingError("invoice_being_paid")
        return
    try:
        remote = void_remote_invoice(ctx, invoice_id)
        _record(ctx, invoice_id, remote)
    except PaymentsError:
        raise BillingError("change_unanswered") from None
    finally:
        with unit_of_work(ctx) as work:
            end_lease(work, Invoice, invoice_id)
            work.commit()


def _record(ctx: Context, invoice_id: int, remote: RemoteInvoice | None) -> None:
    if remote is None:
        _void_here(ctx, invoice_id)
        return
    if apply_invoice_state(ctx, invoice_id, remote) in UNPAID:
        raise BillingError("invoice_part_paid")


def _void_here(ctx: Context, invoice_id: int) -> None:
    """It never reached the provider, so it is void when we say so."""
    with unit_of_work(ctx) as work:
        invoice = work.session.get_one(Invoice, invoice_id)
        work.claim_customer(invoice.customer_id)
        work.session.refresh(invoice)
        invoice.status, invoice.voided_at = InvoiceStatus.VOID, work.now
        invoice.to_deliver = False
        record_audit(
            work,
            "invoice.void",
            actor=SYSTEM,
            customer_id=invoice.customer_id,
            after={"invoice": invoice.id, "status": "void", "total": invoice.total},
        )
        work.commit()
