"""The page of a payment that is neither done nor failed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.domain.kinds import PurchaseStatus
from app.models.customers import Customer
from app.models.purchases import Purchase
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.parts import tier_title
from app.services.quote import PurchaseChoice
from app.services.purchase_state import AUTHENTICATION_AGE


@dataclass(frozen=True, slots=True)
class PurchasePage:
    """What became of a confirmed purchase; the total is in cents of `currency`.

    `hosted_url` is where the bank asks for the person, until `expires_at`.
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
    failure_message: str | None


def load_purchase_page(
    ctx: Context, session: Session, payer: Payer, purchase_id: int
) -> PurchasePage:
    """A purchase of `payer`. Raises NotFoundError when there is none, or it is somebody else's."""
    purchase = session.scalars(
        select(Purchase)
        .join(Customer, Customer.id == Purchase.customer_id)
        .where(Purchase.id == purchase_id, Customer.uuid == payer.uuid)
    ).one_or_none()
    if purchase is None:
        raise NotFoundError("purchase")
    return PurchasePage(
        id=purchase.id,
        status=purchase.status,
        tier_title=tier_title(ctx.catalog, purchase.tier),
        choice=PurchaseChoice(
            purchase.tier, purchase.schedule, purchase.license_management, purchase.licenses
        ),
        total=int(purchase.quote["total"]),
        currency=purchase.currency,
        created_at=purchase.created_at,
        expires_at=purchase.created_at + AUTHENTICATION_AGE,
        hosted_url=purchase.hosted_url,
        failure_message=purchase.failure_message,
    )
