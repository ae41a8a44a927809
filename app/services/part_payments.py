"""Money that came for a part of a purchase's invoice. Rules: docs/rules/purchases.md."""

from sqlalchemy import select

from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.mails import Mail
from app.models.purchases import Purchase
from app.services.audit import record_audit
from app.services.context import SYSTEM
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork


def record_part_payment(
    work: UnitOfWork, purchase: Purchase, invoice_id: int, *, paid: int
) -> None:
    """Tell staff, once for each invoice, that `paid` cents of it have come. Its plan starts with
    the rest; until then nobody but staff can say what becomes of the part."""
    event_key = f"purchase.paid_in_part:{invoice_id}"
    # The purchase's customer is claimed, so nobody else can record it meanwhile.
    known = select(Mail.id).where(Mail.event_key == event_key)
    if work.session.scalars(known).first() is not None:
        return
    invoice = work.session.get_one(Invoice, invoice_id)
    customer = work.session.get_one(Customer, purchase.customer_id)
    record_audit(
        work,
        "purchase.paid_in_part",
        actor=SYSTEM,
        customer_id=customer.id,
        after={
            "purchase": purchase.id,
            "invoice": invoice.id,
            "paid": paid,
            "total": invoice.total,
        },
    )
    record_mail(
        work,
        template="staff_paid_in_part",
        recipient=work.ctx.catalog.brand.support_email,
        params={
            "customer": customer.display_name,
            "number": invoice.number,
            "paid": paid,
            "total": invoice.total,
            "currency": invoice.currency,
        },
        event_key=event_key,
        customer_id=customer.id,
        about_money=True,
    )
