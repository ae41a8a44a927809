"""What the upgrade page shows of an offer of a fixed price: its own terms, and how to accept it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import month_boundary
from app.domain.kinds import Collection, LicenseManagement, OfferStatus, Schedule
from app.domain.money import monthly_part
from app.models.customers import Customer
from app.models.deals import Offer
from app.services.context import Context
from app.services.customers import Payer
from app.services.may_buy import check_may_buy
from app.services.offer_quote import make_offer_quote
from app.services.offers import MONTHS, get_offer, is_expired
from app.services.pages.head import load_head
from app.services.pages.parts import (
    CardView,
    OpenPurchase,
    PageLine,
    card_of,
    open_purchase_of,
    page_lines,
    tier_title,
)
from app.services.purchases import sign_quote
from app.services.quote import PurchaseChoice


@dataclass(frozen=True, slots=True)
class OfferPage:
    """An offer as it can be accepted now. Cents of `currency`: `yearly_price`, what a month costs
    and what the twelfth does, and `total` today. `is_tied` says that it is accepted by paying its
    own invoice: then there is nothing to choose, and no `token`.
    """

    tier_title: str
    yearly_price: int
    monthly_price: int
    last_price: int
    currency: str
    schedule: Schedule
    is_by_invoice: bool
    is_tied: bool
    expires_at: datetime | None
    ends_at: datetime
    lines: tuple[PageLine, ...]
    total: int
    token: str | None
    card: CardView | None
    open_purchase: OpenPurchase | None
    days_until_due: int

    @property
    def is_monthly(self) -> bool:
        """Whether it is paid by the month."""
        return self.schedule is Schedule.MONTHLY


def load_offer_choice(
    session: Session,
    payer: Payer,
    *,
    schedule: Schedule,
    collection: Collection,
    now: datetime,
) -> PurchaseChoice | None:
    """The choice of accepting the open offer of `payer`; None when there is none."""
    # One look for everybody who opens the page; hardly anybody has an offer.
    offer = session.scalars(
        select(Offer)
        .join(Customer, Customer.id == Offer.customer_id)
        .where(Customer.uuid == payer.uuid, Offer.status == OfferStatus.OPEN)
    ).one_or_none()
    if offer is None or is_expired(offer, now=now):
        return None
    return PurchaseChoice(
        offer.tier,
        schedule,
        LicenseManagement.AUTOMATIC,
        collection=collection,
        offer_id=offer.id,
    )


def load_offer_page(
    ctx: Context, session: Session, payer: Payer, choice: PurchaseChoice, *, now: datetime
) -> OfferPage:
    """The open offer of `payer`, accepted as `choice` says.

    Raises BillingError as `check_may_buy` and `make_offer_quote` do.
    """
    head = load_head(session, payer, now=now)
    check_may_buy(session, payer, head.customer, now=now)
    offer = get_offer(session, head.customer, now=now)
    assert offer is not None, "the choice was made of it"
    is_tied = offer.stripe_invoice_id is not None
    title = tier_title(ctx.catalog, offer.tier)
    is_by_invoice = choice.is_by_invoice
    quote = None
    if not is_tied:
        quote = make_offer_quote(session, ctx.catalog, payer, choice, now=now)
    months = choice.schedule.months if is_by_invoice else None
    lines = () if quote is None else quote.lines
    return OfferPage(
        tier_title=title,
        yearly_price=offer.yearly_price,
        monthly_price=monthly_part(offer.yearly_price, 0),
        last_price=monthly_part(offer.yearly_price, MONTHS - 1),
        currency=offer.currency,
        schedule=choice.schedule,
        is_by_invoice=is_by_invoice,
        is_tied=is_tied,
        expires_at=offer.expires_at,
        ends_at=month_boundary(now, MONTHS),
        lines=page_lines(ctx, lines, title=title, months_from_payment=months),
        total=offer.yearly_price if quote is None else quote.total,
        token=None if quote is None else sign_quote(ctx, payer, quote),
        card=card_of(head.customer),
        open_purchase=open_purchase_of(ctx.catalog, head.purchase),
        days_until_due=ctx.catalog.days_until_due,
    )
