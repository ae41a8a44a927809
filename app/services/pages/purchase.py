"""The page of a payment that is neither done nor failed, and of what became of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, cast, literal, select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.domain.kinds import Collection, InvoiceStatus, PurchaseStatus
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.purchases import Purchase
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.contacts import get_receipts_address
from app.services.pages.parts import tier_title
from app.services.purchase_state import last_day
from app.services.quote import PurchaseChoice
from app.services.start_plan import WITHOUT_PLAN


@dataclass(frozen=True, slots=True)
class PurchasePage:
    """What became of a confirmed purchase; the total is in cents of `currency`.

    `hosted_url` is where the bank asks for the person, or where the invoice can be paid, until
    `expires_at`; an invoice was mailed to `receipts_to`, when that is known. `in_vain` is the code of why its payment could start no plan; the money is back
    since `refunded_at`, or on its way while the purchase is open.
    """

    id: int
    status: PurchaseStatus
    tier_title: str
    choice: PurchaseChoice
    total: int
    currency: str
    created_at: datetime
    expires_at: datetime
    hosted_url: str | None
    receipts_to: str | None
    failure_message: str | None
    is_by_invoice: bool
    is_expired: bool
    in_vain: str | None
    invoice_id: int
    invoice_number: str | None
    is_final: bool
    due_at: datetime | None
    pdf_url: str | None
    refunded_at: datetime | None
    now: datetime


def load_purchase_page(
    ctx: Context, session: Session, payer: Payer, purchase_id: int
) -> PurchasePage:
    """A purchase of `payer`. Raises NotFoundError when there is none, or it is somebody else's."""
    row = session.execute(
        select(Purchase, Invoice, Customer)
        .join(Customer, Customer.id == Purchase.customer_id)
        .join(Invoice, Invoice.purchase_id == Purchase.id)
        .where(
            Purchase.id == purchase_id,
            Customer.uuid == payer.uuid,
            Invoice.group_key.endswith(literal("|purchase:") + cast(Purchase.id, String)),
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError("purchase")
    purchase, invoice, customer = row
    ends = last_day(purchase, days_until_due=ctx.catalog.days_until_due)
    closed = purchase.closed_at
    return PurchasePage(
        id=purchase.id,
        status=purchase.status,
        tier_title=tier_title(ctx.catalog, purchase.tier),
        choice=PurchaseChoice(
            purchase.tier,
            purchase.schedule,
            purchase.license_management,
            purchase.licenses,
            purchase.collection,
            purchase.quote.get("coupon"),
        ),
        total=int(purchase.quote["total"]),
        currency=purchase.currency,
        created_at=purchase.created_at,
        expires_at=ends,
        hosted_url=purchase.hosted_url,
        receipts_to=get_receipts_address(session, customer),
        failure_message=purchase.failure_message,
        is_by_invoice=purchase.collection is Collection.SEND_INVOICE,
        is_expired=closed is not None and closed >= ends,
        in_vain=purchase.failure_code if purchase.failure_code in WITHOUT_PLAN else None,
        invoice_id=invoice.id,
        invoice_number=invoice.number,
        is_final=invoice.status is not InvoiceStatus.DRAFT,
        due_at=invoice.due_at,
        pdf_url=invoice.pdf_url,
        refunded_at=invoice.refunded_at,
        now=ctx.now(),
    )
