"""The page on which a person comes back from the provider's card page."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.services.identity import CustomerRef
from app.services.pages.parts import CardView, card_of

# Visits of one customer that are looked through for the one that is asked for.
MOST_VISITS = 100


@dataclass(frozen=True, slots=True)
class CardReturn:
    """Whether a card of this visit, or of a later one, has been stored, and the card on file."""

    is_stored: bool
    card: CardView | None


def load_card_return(session: Session, ref: CustomerRef, *, session_id: str) -> CardReturn:
    """What we know of a visit to the card page. Raises NotFoundError for one that is not this
    customer's: its beginning is in the audit log."""
    if ref.customer_id is None:
        raise NotFoundError("card_setup")
    statement = (
        select(AuditEntry.action, AuditEntry.after)
        .where(
            AuditEntry.customer_id == ref.customer_id,
            AuditEntry.action.in_(("card_setup.started", "card.changed")),
        )
        .order_by(AuditEntry.id.desc())
        .limit(MOST_VISITS)
    )
    is_stored = False
    for action, after in session.execute(statement):
        if action == "card.changed":
            is_stored = True
        elif (after or {}).get("session_id") == session_id:
            customer = session.get_one(Customer, ref.customer_id)
            return CardReturn(is_stored=is_stored, card=card_of(customer))
    raise NotFoundError("card_setup")
