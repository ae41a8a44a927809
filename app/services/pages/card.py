"""The page on which a person comes back from the provider's card page."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.domain.kinds import InvoiceStatus
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.services.identity import CustomerRef
from app.services.pages.parts import CardView, card_of

# Visits of one customer that are looked through for the one that is asked for.
MOST_VISITS = 100


@dataclass(frozen=True, slots=True)
class ChargeView:
    """One invoice that a new card was charged for; cents of `currency`, and what the bank said."""

    total: int
    currency: str
    message: str | None


@dataclass(frozen=True, slots=True)
class CardReturn:
    """Whether a card of this visit, or of a later one, has been stored, and the card on file; and
    what it was charged for: open invoices of plans, by what became of them."""

    is_stored: bool
    card: CardView | None
    paid: tuple[ChargeView, ...] = ()
    refused: tuple[ChargeView, ...] = ()
    pending: tuple[ChargeView, ...] = ()


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
    charged: set[int] = set()
    for action, after in session.execute(statement):
        if action == "card.changed":
            is_stored = True
            charged.update((after or {}).get("invoices", ()))
        elif (after or {}).get("session_id") == session_id:
            customer = session.get_one(Customer, ref.customer_id)
            found = CardReturn(is_stored=is_stored, card=card_of(customer))
            return _with_charges(session, found, customer, charged) if charged else found
    raise NotFoundError("card_setup")


def _with_charges(
    session: Session, found: CardReturn, customer: Customer, charged: set[int]
) -> CardReturn:
    """With what has become of the invoices that the new card was to pay."""
    rows = session.scalars(
        select(Invoice)
        .where(Invoice.customer_id == customer.id, Invoice.id.in_(charged))
        .order_by(Invoice.id)
    ).all()

    def those(belongs: Callable[[Invoice], bool]) -> tuple[ChargeView, ...]:
        return tuple(
            ChargeView(row.total, row.currency, row.failure_message) for row in rows if belongs(row)
        )

    def is_open(row: Invoice) -> bool:
        return row.status is InvoiceStatus.OPEN

    return replace(
        found,
        paid=those(lambda row: row.status is InvoiceStatus.PAID),
        refused=those(lambda row: is_open(row) and not row.to_deliver),
        pending=those(lambda row: is_open(row) and row.to_deliver),
    )
