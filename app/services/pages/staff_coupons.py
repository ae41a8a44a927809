"""Every coupon, newest first, a page at a time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.models.deals import Coupon
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list


@dataclass(frozen=True, slots=True)
class CouponRow:
    """One coupon: what it takes off (hundredths of a percent, or cents a month), and its uses."""

    id: int
    code: str
    percent: int | None
    amount: int | None
    months: int
    tier: str | None
    uses: int
    max_uses: int | None
    expires_at: datetime | None
    withdrawn_at: datetime | None
    is_usable: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CouponsPage:
    """A page of the list, and how many of all coupons can be used."""

    rows: tuple[CouponRow, ...]
    usable: int
    part: ListPart


def load_coupons_page(session: Session, *, number: int, now: datetime) -> CouponsPage:
    """The list, in two queries."""
    is_usable = (
        Coupon.withdrawn_at.is_(None)
        & (Coupon.expires_at.is_(None) | (Coupon.expires_at > now))
        & (Coupon.max_uses.is_(None) | (Coupon.uses < Coupon.max_uses))
    )
    total, usable = session.execute(
        select(func.count(Coupon.id), func.count(Coupon.id).filter(is_usable))
    ).one()
    part = part_of_list(total, number=number)
    query = select(Coupon).order_by(Coupon.id.desc()).offset(part.offset).limit(PAGE_SIZE)
    return CouponsPage(tuple(_row(coupon, now) for coupon in session.scalars(query)), usable, part)


def load_coupon_row(session: Session, coupon_id: int, *, now: datetime) -> CouponRow:
    """One coupon. Raises NotFoundError."""
    coupon = session.get(Coupon, coupon_id)
    if coupon is None:
        raise NotFoundError("coupon")
    return _row(coupon, now)


def _row(coupon: Coupon, now: datetime) -> CouponRow:
    is_over = coupon.expires_at is not None and coupon.expires_at <= now
    is_used_up = coupon.max_uses is not None and coupon.uses >= coupon.max_uses
    return CouponRow(
        id=coupon.id,
        code=coupon.code,
        percent=coupon.percent,
        amount=coupon.amount,
        months=coupon.months,
        tier=coupon.tier,
        uses=coupon.uses,
        max_uses=coupon.max_uses,
        expires_at=coupon.expires_at,
        withdrawn_at=coupon.withdrawn_at,
        is_usable=coupon.withdrawn_at is None and not is_over and not is_used_up,
        reason=coupon.reason,
    )
