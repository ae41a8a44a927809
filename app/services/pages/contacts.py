"""Whom we and the payment provider write to about a customer's billing."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.kinds import CustomerKind
from app.models.people import BillingUser
from app.services.billing_people import people_of
from app.services.pages.head import Head

# People who are named; the page about people has all of them.
MOST_NAMED = 3
# Removed people come first as often as not, so more are read than named.
_MOST_READ = 50


@dataclass(frozen=True, slots=True)
class Contacts:
    """`receipts_to` is the address that the provider was given at the first purchase, None before
    it; `people` are addresses of those who manage the billing, `more` whether there are others."""

    receipts_to: str | None
    people: tuple[str, ...]
    more: bool


def load_contacts(session: Session, head: Head) -> Contacts:
    """The contacts of the payer of `head`, in one query."""
    statement = (
        select(BillingUser.email, BillingUser.deactivated_at)
        .where(people_of(head.payer))
        .order_by(BillingUser.id)
        .limit(_MOST_READ)
    )
    rows = session.execute(statement).all()
    active = [row.email for row in rows if row.deactivated_at is None]
    receipts_to = None
    if head.customer is not None and head.customer.stripe_customer_id is not None:
        # As app/services/provider_customer.py tells the provider.
        if head.payer.kind is CustomerKind.SERVER:
            receipts_to = head.server.contact_email
        elif rows:
            receipts_to = rows[0].email
    return Contacts(
        receipts_to=receipts_to,
        people=tuple(active[:MOST_NAMED]),
        more=len(active) > MOST_NAMED,
    )
