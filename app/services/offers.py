"""An offer of a fixed price: whether it can be accepted, and what becomes of it with its purchase.

Staff make it for a year of the required tier. The customer accepts it by an ordinary purchase; one
that is tied to an invoice of the provider is accepted by paying that. Rules: docs/rules/offers.md.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import OfferStatus
from app.models.customers import Customer
from app.models.deals import Offer
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.services.audit import record_audit
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork

MONTHS = 12


def is_expired(offer: Offer, *, now: datetime) -> bool:
    """Whether the time for accepting an offer is over."""
    return offer.expires_at is not None and offer.expires_at <= now


def get_offer(session: Session, customer: Customer | None, *, now: datetime) -> Offer | None:
    """The offer that this customer has now, tied or not; None without one, or when it has expired."""
    if customer is None:
        return None
    found = select(Offer).where(Offer.customer_id == customer.id, Offer.status == OfferStatus.OPEN)
    offer = session.scalars(found).one_or_none()
    return None if offer is None or is_expired(offer, now=now) else offer


def load_offer(
    session: Session, customer: Customer | None, *, offer_id: int, now: datetime
) -> Offer:
    """The offer of that id, to be accepted now.

    Raises BillingError `offer_gone` when it was withdrawn, has expired, or is another one by now,
    and `offer_has_invoice` when it is accepted by paying its own invoice.
    """
    offer = get_offer(session, customer, now=now)
    if offer is None or offer.id != offer_id:
        raise BillingError("offer_gone")
    if offer.stripe_invoice_id is not None:
        raise BillingError("offer_has_invoice")
    return offer


def accept_offer(work: UnitOfWork, plan: Plan) -> None:
    """A plan began by its offer."""
    if plan.offer_id is None:
        return
    offer = work.session.get_one(Offer, plan.offer_id)
    offer.status, offer.closed_at = OfferStatus.ACCEPTED, work.now
    work.flush()


def close_tied_offer(work: UnitOfWork, purchase: Purchase) -> None:
    """The invoice that an offer was tied to cannot be paid any more, so neither can it be accepted.
    Another offer stays open: it can be accepted by another purchase."""
    if purchase.offer_id is None:
        return
    offer = work.session.get_one(Offer, purchase.offer_id)
    if offer.status is not OfferStatus.OPEN or offer.stripe_invoice_id is None:
        return
    is_late = purchase.expires_at is not None and purchase.expires_at <= work.now
    offer.status = OfferStatus.EXPIRED if is_late else OfferStatus.WITHDRAWN
    offer.closed_at = work.now
    work.flush()
    record_audit(
        work,
        "offer.closed",
        actor=SYSTEM,
        customer_id=offer.customer_id,
        before={"status": OfferStatus.OPEN.value},
        after={"offer": offer.id, "status": offer.status.value},
    )


def close_if_expired(work: UnitOfWork, offer: Offer) -> bool:
    """Write down that an offer's time is over, if it is; tells whether."""
    if offer.status is not OfferStatus.OPEN or not is_expired(offer, now=work.now):
        return False
    offer.status, offer.closed_at = OfferStatus.EXPIRED, work.now
    work.flush()
    record_audit(
        work,
        "offer.closed",
        actor=SYSTEM,
        customer_id=offer.customer_id,
        before={"status": OfferStatus.OPEN.value},
        after={"offer": offer.id, "status": offer.status.value},
    )
    return True
