"""A new card pays what is open of plans; never the invoice of a purchase that is not finished.

The invoices are marked for delivery in the transaction that stores the card, so that each is
charged once, whoever comes first: the page, the webhook or the delivery job.
"""

from datetime import timedelta

from sqlalchemy import select, update

from app.domain.kinds import Collection, InvoiceStatus
from app.models.customers import Customer
from app.models.invoices import DeliveryAttempt, Invoice
from app.services.context import Context
from app.services.deliver_invoices import deliver_invoice
from app.services.unit_of_work import UnitOfWork, unit_of_work

# Long enough for whoever stored the card to tell the provider of it: the delivery job may not
# charge the old one meanwhile.
HEAD_START = timedelta(minutes=5)


def mark_open_invoices(work: UnitOfWork, customer: Customer) -> list[int]:
    """Put what is open of the customer's plans, and is paid by card, up for delivery; returns the
    ids. The customer must be claimed."""
    waiting = select(Invoice).where(
        Invoice.customer_id == customer.id,
        Invoice.plan_id.is_not(None),
        Invoice.status == InvoiceStatus.OPEN,
        Invoice.collection == Collection.CHARGE_AUTOMATICALLY,
    )
    marked = []
    for invoice in work.session.scalars(waiting.order_by(Invoice.id)):
        invoice.to_deliver = True
        invoice.next_delivery_at = work.now + HEAD_START
        marked.append(invoice.id)
    _forget_unanswered_charges(work, customer)
    return marked


def _forget_unanswered_charges(work: UnitOfWork, customer: Customer) -> None:
    """Let the next charge of each invoice have a key of its own.

    Under the key of a charge that was not answered the provider would replay what the bank said to
    the old card. Nothing is charged twice: an invoice that was paid after all is found to be.
    """
    of_plans = select(Invoice.id).where(
        Invoice.customer_id == customer.id, Invoice.plan_id.is_not(None)
    )
    statement = (
        update(DeliveryAttempt)
        .where(
            DeliveryAttempt.invoice_id.in_(of_plans),
            DeliveryAttempt.step == "pay",
            DeliveryAttempt.outcome.is_(None),
        )
        .values(outcome="card_changed", finished_at=work.now)
        .execution_options(synchronize_session=False)
    )
    work.session.execute(statement)


def charge_marked_invoices(ctx: Context, stripe_customer_id: str) -> None:
    """Charge what was marked, with the card that the provider has by now. What is not answered, or
    belongs to a customer that waits for a person, is left to the delivery job."""
    with unit_of_work(ctx) as work:
        marked = work.session.scalars(
            select(Invoice.id)
            .join(Customer, Customer.id == Invoice.customer_id)
            .where(
                Customer.stripe_customer_id == stripe_customer_id,
                Customer.parked_at.is_(None),
                Invoice.to_deliver,
                Invoice.plan_id.is_not(None),
                Invoice.status == InvoiceStatus.OPEN,
                Invoice.collection == Collection.CHARGE_AUTOMATICALLY,
            )
            .order_by(Invoice.id)
        ).all()
    for invoice_id in marked:
        deliver_invoice(ctx, invoice_id)
