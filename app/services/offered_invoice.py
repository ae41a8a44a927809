"""The invoice that staff made at the provider for an offer: it is what they say it is."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import Collection, InvoiceStatus, OfferStatus
from app.gateways.payments import PaymentsError, ProviderRejected, RemoteInvoice
from app.models.deals import Offer
from app.models.invoices import Invoice
from app.services.context import Context
from app.services.customers import Payer, get_customer
from app.services.unit_of_work import unit_of_work


def load_offered_invoice(
    ctx: Context, payer: Payer, stripe_invoice_id: str, *, total: int
) -> RemoteInvoice:
    """The provider's invoice, which can be paid by this customer and is over `total` cents.

    Not to be called in a transaction. Raises BillingError `offer_invoice_missing`,
    `offer_invoice_of_other`, `offer_invoice_not_open`, `offer_invoice_not_sent`,
    `offer_invoice_amount` and `provider_unreachable`.
    """
    with unit_of_work(ctx) as work:
        customer = get_customer(work.session, payer)
        provider_customer = None if customer is None else customer.stripe_customer_id
    try:
        remote = ctx.payments.get_invoice(stripe_invoice_id)
    except ProviderRejected:
        raise BillingError("offer_invoice_missing", invoice=stripe_invoice_id) from None
    except PaymentsError:
        raise BillingError("offer_invoice_unanswered") from None
    if provider_customer is None or remote.customer_id != provider_customer:
        raise BillingError("offer_invoice_of_other", invoice=remote.id)
    if remote.status is not InvoiceStatus.OPEN or remote.amount_paid:
        raise BillingError("offer_invoice_not_open", invoice=remote.id)
    if remote.collection is not Collection.SEND_INVOICE:
        raise BillingError("offer_invoice_not_sent", invoice=remote.id)
    if remote.currency != ctx.catalog.currency or remote.total != total:
        raise BillingError(
            "offer_invoice_amount",
            invoice=remote.id,
            invoice_total=remote.total,
            total=total,
            currency=ctx.catalog.currency,
        )
    return remote


def check_unused(session: Session, remote: RemoteInvoice) -> None:
    """Raises BillingError `offer_invoice_in_use` for an invoice that we made, or that another offer
    is tied to."""
    ours = select(Invoice.id).where(Invoice.stripe_invoice_id == remote.id)
    offered = select(Offer.id).where(
        Offer.stripe_invoice_id == remote.id,
        Offer.status.in_((OfferStatus.OPEN, OfferStatus.ACCEPTED)),
    )
    is_used = session.scalars(ours.union(offered)).first() is not None
    if is_used or remote.reference is not None:
        raise BillingError("offer_invoice_in_use", invoice=remote.id)
