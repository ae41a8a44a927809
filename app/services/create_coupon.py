"""Staff make a coupon, or withdraw one; what was begun with it stays as it is."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import TierKind
from app.models.deals import Coupon
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.coupons import clean_code
from app.services.staff_change import StaffChange, checked_reason
from app.services.staff_terms import percent_text
from app.services.unit_of_work import unit_of_work

ALL = 10_000
MOST_MONTHS = 120
MOST_USES = 1_000_000_000
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{2,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCoupon:
    """What is taken off the first `months` months of a plan: hundredths of a percent of its
    licenses (`percent`), or cents a month (`amount`); exactly one of them. `tier` None: any."""

    code: str
    months: int
    percent: int | None = None
    amount: int | None = None
    tier: str | None = None
    max_uses: int | None = None
    expires_at: datetime | None = None
    reason: str


def create_coupon(
    ctx: Context, command: CreateCoupon, *, actor: Actor, dry_run: bool = False
) -> StaffChange:
    """Make a coupon; whoever has the code can use it once.

    Raises BillingError `coupon_code_not_possible`, `coupon_exists`, `coupon_months_not_possible`,
    `discount_percent_not_possible`, `coupon_amount_not_positive`, `coupon_amount_too_large`,
    `coupon_uses_not_possible`, `date_not_ahead`, `tier_not_known`, and those of `checked_reason`.
    """
    said = checked_reason(command.reason)
    code = clean_code(command.code)
    with unit_of_work(ctx) as work:
        _check(ctx, command, code, now=work.now)
        if get_coupon(work.session, code) is not None:
            raise BillingError("coupon_exists", coupon=code)
        coupon = Coupon(
            code=code,
            tier=command.tier,
            percent=command.percent,
            amount=command.amount,
            months=command.months,
            max_uses=command.max_uses,
            uses=0,
            expires_at=command.expires_at,
            reason=said,
            actor=actor.name,
            created_at=work.now,
        )
        work.session.add(coupon)
        work.flush()
        after = described_coupon(coupon)
        record_audit(work, "coupon.created", actor=actor, after=after | {"reason": said})
        if not dry_run:
            work.commit()
    return StaffChange({}, after)


def withdraw_coupon(
    ctx: Context, code: str, *, reason: str, actor: Actor, dry_run: bool = False
) -> StaffChange:
    """Let nobody use a coupon any more. Plans and purchases that have it keep it.

    Raises BillingError `coupon_not_found`, `coupon_withdrawn`, and those of `checked_reason`.
    """
    said = checked_reason(reason)
    with unit_of_work(ctx) as work:
        coupon = get_coupon(work.session, clean_code(code))
        if coupon is None:
            raise BillingError("coupon_not_found", coupon=clean_code(code))
        if coupon.withdrawn_at is not None:
            raise BillingError("coupon_withdrawn", coupon=coupon.code)
        before = described_coupon(coupon)
        coupon.withdrawn_at = work.now
        work.flush()
        after = described_coupon(coupon)
        record_audit(
            work, "coupon.withdrawn", actor=actor, before=before, after=after | {"reason": said}
        )
        if not dry_run:
            work.commit()
    return StaffChange(before, after)


def get_coupon(session: Session, code: str) -> Coupon | None:
    """The coupon of that code, withdrawn or not."""
    return session.scalars(select(Coupon).where(Coupon.code == code)).one_or_none()


def load_coupons(session: Session) -> list[dict[str, Any]]:
    """Every coupon as it is told, oldest first."""
    return [
        described_coupon(coupon) for coupon in session.scalars(select(Coupon).order_by(Coupon.id))
    ]


def described_coupon(coupon: Coupon) -> dict[str, Any]:
    """A coupon's terms and how often it was used, by name."""
    expires, withdrawn = coupon.expires_at, coupon.withdrawn_at
    return {
        "code": coupon.code,
        "percent": percent_text(coupon.percent),
        "amount": coupon.amount,
        "months": coupon.months,
        "tier": coupon.tier,
        "uses": coupon.uses,
        "max_uses": coupon.max_uses,
        "expires_at": None if expires is None else expires.isoformat(),
        "withdrawn_at": None if withdrawn is None else withdrawn.isoformat(),
    }


def _check(ctx: Context, command: CreateCoupon, code: str, *, now: datetime) -> None:
    if not _CODE.fullmatch(code):
        raise BillingError("coupon_code_not_possible")
    if not 1 <= command.months <= MOST_MONTHS:
        raise BillingError("coupon_months_not_possible", maximum=MOST_MONTHS)
    if command.percent is not None and not 0 < command.percent < ALL:
        raise BillingError("discount_percent_not_possible")
    if command.amount is not None and command.amount <= 0:
        raise BillingError("coupon_amount_not_positive")
    most = ctx.settings.max_invoice_amount
    if command.amount is not None and command.amount > most:
        raise BillingError("coupon_amount_too_large", total=most, currency=ctx.catalog.currency)
    if command.max_uses is not None and not 1 <= command.max_uses <= MOST_USES:
        raise BillingError("coupon_uses_not_possible")
    if command.expires_at is not None and command.expires_at <= now:
        raise BillingError("date_not_ahead", day=command.expires_at)
    if command.tier is not None:
        tier = ctx.catalog.tiers.get(command.tier)
        if tier is None or tier.kind is not TierKind.PAID:
            sold = [one.key for one in ctx.catalog.tiers.values() if one.kind is TierKind.PAID]
            raise BillingError("tier_not_known", known=", ".join(sold))
