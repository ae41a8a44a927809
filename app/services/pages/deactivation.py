"""What somebody is told before a server is unregistered."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.kinds import InvoiceStatus, PurchaseStatus
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.purchases import Purchase
from app.models.registrations import Organization, Server
from app.services.context import Context
from app.services.customers import Payer
from app.services.deactivation_rules import (
    HeldPlan,
    Obstacle,
    check_deactivation,
    customers_of_server,
)

# More are counted, not listed.
MOST_LISTED = 25


@dataclass(frozen=True, slots=True)
class DeactivationPage:
    """What stands in the way, what ends unused, and what stays to be paid.

    `organizations` counts those on the server now. `own_open` are the server's own invoices that
    wait for payment and their sum in cents; `others_open` counts those of its organizations.
    `obstacle_count` counts all, `more_obstacles` and `more_ending` what is not listed.
    """

    hostname: str
    is_deactivated: bool
    organizations: int
    obstacles: tuple[Obstacle, ...]
    obstacle_count: int
    more_obstacles: int
    ending: tuple[HeldPlan, ...]
    more_ending: int
    own_open: int
    own_open_total: int
    own_open_currency: str | None
    others_open: int


def load_deactivation_page(
    ctx: Context, session: Session, payer: Payer, *, now: datetime
) -> DeactivationPage:
    """What the page about leaving says for the server `payer`."""
    server = session.get_one(Server, payer.server_id)
    organizations = session.scalar(
        select(func.count(Organization.id)).where(
            Organization.server_id == server.id, Organization.locally_deleted_at.is_(None)
        )
    )
    found = check_deactivation(session, server.id, catalog=ctx.catalog, now=now)
    is_own = Customer.server_id == server.id
    # An invoice of a purchase that is under way is part of what stands in the way.
    open_invoices = (
        select(
            func.count(Invoice.id).filter(is_own),
            func.coalesce(func.sum(Invoice.total).filter(is_own), 0),
            func.max(Invoice.currency).filter(is_own),
            func.count(Invoice.id).filter(~func.coalesce(is_own, False)),
        )
        .join(Customer, Customer.id == Invoice.customer_id)
        .outerjoin(
            Purchase,
            (Purchase.id == Invoice.purchase_id) & (Purchase.status == PurchaseStatus.OPEN),
        )
        .where(
            Customer.id.in_(customers_of_server(server.id)),
            Invoice.status == InvoiceStatus.OPEN,
            Purchase.id.is_(None),
        )
    )
    own_open, own_total, currency, others_open = session.execute(open_invoices).one()
    return DeactivationPage(
        hostname=server.hostname,
        is_deactivated=server.deactivated_at is not None,
        organizations=organizations or 0,
        obstacles=found.obstacles[:MOST_LISTED],
        obstacle_count=len(found.obstacles),
        more_obstacles=len(found.obstacles[MOST_LISTED:]),
        ending=found.ending[:MOST_LISTED],
        more_ending=len(found.ending[MOST_LISTED:]),
        own_open=own_open,
        own_open_total=int(own_total),
        own_open_currency=currency,
        others_open=others_open,
    )
