"""A coupon at a purchase: whether it is good, its terms, and its count.

It is counted when the purchase is confirmed, under the coupon's own row, so that no more people use
it than may; and given back when that purchase comes to nothing. Rules: docs/rules/discounts.md.
"""

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.domain.catalog import Tier
from app.domain.discounts import NewCustomerTerms
from app.domain.errors import BillingError
from app.domain.kinds import PromoKind
from app.models.customers import Customer
from app.models.deals import Coupon, CouponUse
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.services.unit_of_work import UnitOfWork


def clean_code(code: str) -> str:
    """A code as it is kept, however it was typed."""
    return "".join(code.split()).upper()


def load_coupon(
    session: Session, code: str, *, customer: Customer | None, tier: Tier, now: datetime
) -> Coupon:
    """The coupon of that code, which this customer can use now for a plan of `tier`.

    Raises BillingError `coupon_unknown`, `coupon_expired`, `coupon_used_up`, `coupon_used_before`,
    `coupon_for_other_tier`.
    """
    coupon = session.scalars(select(Coupon).where(Coupon.code == clean_code(code))).one_or_none()
    if coupon is None or coupon.withdrawn_at is not None:
        raise BillingError("coupon_unknown")
    if coupon.expires_at is not None and coupon.expires_at <= now:
        raise BillingError("coupon_expired")
    use = None if customer is None else _get_use(session, coupon.id, customer.id)
    if use is not None and use.plan_id is not None:
        raise BillingError("coupon_used_before")
    # What an open purchase of his has taken is his: buying otherwise gives it back first.
    if use is None and coupon.max_uses is not None and coupon.uses >= coupon.max_uses:
        raise BillingError("coupon_used_up")
    if coupon.tier is not None and coupon.tier != tier.key:
        raise BillingError("coupon_for_other_tier", tier=tier.title)
    return coupon


def coupon_terms(coupon: Coupon) -> NewCustomerTerms:
    """What a plan that begins with this coupon is promised; it has no minimum of its own."""
    return NewCustomerTerms(
        amount=coupon.amount or 0,
        months_at_start=coupon.months,
        kind=PromoKind.COUPON,
        percent=coupon.percent or 0,
    )


def claim_coupon(work: UnitOfWork, customer: Customer, coupon_id: int) -> None:
    """Count a use of the coupon. The customer must be claimed; the coupon's row is locked from here
    on. Raises BillingError `coupon_used_up` when somebody else was quicker with the last one."""
    is_good = (
        Coupon.withdrawn_at.is_(None),
        or_(Coupon.expires_at.is_(None), Coupon.expires_at > work.now),
        or_(Coupon.max_uses.is_(None), Coupon.uses < Coupon.max_uses),
    )
    taken = work.session.execute(
        update(Coupon)
        .where(Coupon.id == coupon_id, *is_good)
        .values(uses=Coupon.uses + 1)
        .returning(Coupon.id)
        .execution_options(synchronize_session=False)
    )
    if taken.first() is None:
        raise BillingError("coupon_used_up")
    work.session.add(
        CouponUse(coupon_id=coupon_id, customer_id=customer.id, plan_id=None, used_at=work.now)
    )
    work.flush()


def keep_coupon(work: UnitOfWork, plan: Plan) -> None:
    """The purchase became this plan: its coupon is used for good."""
    if plan.coupon_id is None:
        return
    use = _get_use(work.session, plan.coupon_id, plan.customer_id)
    if use is not None:
        use.plan_id = plan.id
        work.flush()


def release_coupon(work: UnitOfWork, purchase: Purchase) -> None:
    """The purchase came to nothing: its coupon can be used again, by him or by others."""
    if purchase.coupon_id is None or purchase.plan_id is not None:
        return
    use = _get_use(work.session, purchase.coupon_id, purchase.customer_id)
    if use is None or use.plan_id is not None:
        return
    work.session.delete(use)
    work.session.execute(
        update(Coupon)
        .where(Coupon.id == purchase.coupon_id)
        .values(uses=Coupon.uses - 1)
        .execution_options(synchronize_session=False)
    )
    work.flush()


def _get_use(session: Session, coupon_id: int, customer_id: int) -> CouponUse | None:
    found = select(CouponUse).where(
        CouponUse.coupon_id == coupon_id, CouponUse.customer_id == customer_id
    )
    return session.scalars(found).one_or_none()
