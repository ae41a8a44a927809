"""Who moved in a month, customer by customer: the file behind the movements of the overview."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from app.domain.metrics import Month, MovementKind, decide_movement
from app.domain.money import cents_of_twelfths
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.mrr import load_paid_before, load_rates


@dataclass(frozen=True, slots=True)
class CustomerMovement:
    """One customer's movement: cents a month at the opening, at the closing, and how that differs.

    Each is rounded by itself; the file says what each customer pays, not what adds up.
    """

    uuid: str
    name: str
    kind: MovementKind
    opening: int
    closing: int
    change: int


def load_movements(
    session: Session, month: Month, *, currency: str, now: datetime
) -> Iterator[CustomerMovement]:
    """Every customer that moved in `month`, in order of id. Four queries."""
    opening = load_rates(session, currency=currency, before=month.start).by_customer()
    closing = load_rates(session, currency=currency, before=month.closing(now)).by_customer()
    paid = load_paid_before(session, currency=currency, before=month.start)
    costs = or_(Plan.fixed_price.is_not(None), Plan.price_per_license > 0)
    pays = exists(select(Plan.id).where(Plan.customer_id == Customer.id, costs))
    named = select(Customer.id, Customer.uuid, Customer.display_name).where(pays)
    for customer, uuid, name in session.execute(named.order_by(Customer.id)):
        before, after = opening.get(customer, 0), closing.get(customer, 0)
        moved = decide_movement(before, after, has_paid_before=customer in paid)
        if moved is not None:
            first, last = cents_of_twelfths(before), cents_of_twelfths(after)
            yield CustomerMovement(uuid, name, moved.kind, first, last, last - first)
