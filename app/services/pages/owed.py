"""What a customer owes by now, for the pages that are about something else. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.kinds import Collection, CustomerKind, InvoiceStatus
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.services.customers import Payer


@dataclass(frozen=True, slots=True)
class Owed:
    """So many invoices that were refused or are overdue; `total` in cents of `currency`."""

    count: int
    total: int
    currency: str


def load_owed(session: Session, payer: Payer, *, now: datetime) -> Owed | None:
    """What should have been paid by `now`; None when nothing. Invoices of one currency are told,
    the ones that are most."""
    is_organization = payer.kind is CustomerKind.ORGANIZATION
    mine = (
        Customer.organization_id == payer.organization_id
        if is_organization
        else Customer.server_id == payer.server_id
    )
    by_card = Invoice.collection == Collection.CHARGE_AUTOMATICALLY
    # One that is being charged right now has neither failed nor been tried again.
    refused = and_(by_card, or_(Invoice.next_retry_at.is_not(None), Invoice.retries > 0))
    # That of a purchase, or of a trial, is given up by itself.
    overdue = and_(Invoice.due_at < now, Invoice.group_key.not_like("%|purchase:%"))
    statement = (
        select(
            func.count(),
            func.sum(Invoice.total - Invoice.balance_applied),
            Invoice.currency,
        )
        .join(Customer, Customer.id == Invoice.customer_id)
        .where(mine, Invoice.status == InvoiceStatus.OPEN, or_(refused, overdue))
        .group_by(Invoice.currency)
        .order_by(func.count().desc())
        .limit(1)
    )
    row = session.execute(statement).first()
    return None if row is None else Owed(row[0], int(row[1]), row[2])
