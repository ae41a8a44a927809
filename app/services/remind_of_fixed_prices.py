"""Staff are reminded of a fixed price that ends, while there is time to agree on the next one."""

from datetime import datetime, timedelta

from sqlalchemy import select

from app.domain.kinds import LIVE_STATUSES, OfferStatus
from app.models.customers import Customer
from app.models.deals import Offer
from app.models.plans import Plan
from app.services.context import Context
from app.services.offers import close_if_expired
from app.services.outbox import record_mail
from app.services.unit_of_work import unit_of_work

BEFORE_THE_END = timedelta(days=62)


def remind_of_fixed_prices(ctx: Context, *, as_of: datetime) -> int:
    """Record one mail for each plan of a fixed price that ends within 62 days from `as_of` and that
    nothing follows; returns how many such plans there are. Safe to repeat: each has one mail."""
    with unit_of_work(ctx) as work:
        ending = (
            select(Plan, Customer.display_name, Offer.owner)
            .join(Customer, Customer.id == Plan.customer_id)
            .join(Offer, Offer.id == Plan.offer_id, isouter=True)
            .where(
                Plan.fixed_price.is_not(None),
                Plan.status.in_(LIVE_STATUSES),
                Plan.next_plan_id.is_(None),
                Plan.end_date > as_of,
                Plan.end_date <= as_of + BEFORE_THE_END,
            )
            .order_by(Plan.id)
        )
        found = work.session.execute(ending).all()
        for plan, name, owner in found:
            tier = ctx.catalog.tiers.get(plan.tier)
            record_mail(
                work,
                template="staff_fixed_price_ends",
                recipient=ctx.catalog.brand.support_email,
                params={
                    "customer": name,
                    "tier": plan.tier if tier is None else tier.title,
                    "ends_at": plan.end_date,
                    "price": plan.fixed_price,
                    "currency": plan.currency,
                    "owner": owner,
                },
                event_key=f"plan.fixed_price_ends:{plan.id}",
                customer_id=plan.customer_id,
            )
        work.commit()
    return len(found)


def close_expired_offers(ctx: Context, *, as_of: datetime) -> int:
    """Write down which offers can no longer be accepted; returns how many that are now."""
    late = select(Offer.id, Offer.customer_id).where(
        Offer.status == OfferStatus.OPEN, Offer.expires_at <= as_of
    )
    closed = 0
    with unit_of_work(ctx) as work:
        found = work.session.execute(late.order_by(Offer.id)).all()
    for offer_id, customer_id in found:
        with unit_of_work(ctx) as work:
            work.claim_customer(customer_id)
            closed += close_if_expired(work, work.session.get_one(Offer, offer_id))
            work.commit()
    return closed
