"""What staff agreed with a customer: discount, rules, coupons, offers, sponsorships, legacy plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import OfferStatus, PlanStatus, SponsorshipStatus, TierKind
from app.models.charges import LateFall
from app.models.customers import Customer
from app.models.deals import Coupon, CouponUse, Offer, SponsorshipRequest
from app.models.plans import Plan
from app.services.pages.parts import tier_title
from app.services.pages.staff_customer_actors import ActorView, load_actors
from app.services.pages.staff_customer_frame import CustomerFrame
from app.services.plan_rules import begins_at

Row = TypeVar("Row", Offer, SponsorshipRequest, LateFall)
# Of each kind of deal, newest first.
MOST = 25


@dataclass(frozen=True, slots=True)
class AgreedView:
    """What holds now: a percentage in hundredths of a percent, or prices in cents."""

    required_tier: str | None
    percent: int | None
    monthly_price: int | None
    annual_price: int | None
    ends_at: datetime | None
    reason: str | None
    owner: str | None
    minimum_licenses: int | None
    is_exempt: bool
    months_left: int | None

    @property
    def has_discount(self) -> bool:
        """Whether staff took something off."""
        return not (self.percent is self.monthly_price is self.annual_price is None)


@dataclass(frozen=True, slots=True)
class OfferView:
    """An offer of a fixed price for a year, in cents."""

    tier_title: str
    yearly_price: int
    currency: str
    status: OfferStatus
    is_follow_up: bool
    created_at: datetime
    expires_at: datetime | None
    reason: str
    owner: str | None
    actor: ActorView


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request for a sponsorship."""

    organization_type: str
    website: str
    description: str
    expected_users: str
    paid_staff: str
    status: SponsorshipStatus
    requested_at: datetime
    decided_at: datetime | None
    decided_by: ActorView | None
    reason: str | None
    approved_until: datetime | None


@dataclass(frozen=True, slots=True)
class CouponView:
    """A coupon that was used: hundredths of a percent, or cents a month, for so many months."""

    code: str
    percent: int | None
    amount: int | None
    months: int
    used_at: datetime


@dataclass(frozen=True, slots=True)
class GivenPlanView:
    """A plan that costs nothing: legacy or sponsored."""

    tier_title: str
    status: PlanStatus
    begins_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class LateFallView:
    """A report that came late says that fewer people were there than were billed."""

    cycle_start: datetime
    cycle_end: datetime
    billed_licenses: int
    licenses: int
    found_at: datetime
    resolved_at: datetime | None
    resolution: str | None


@dataclass(frozen=True, slots=True)
class DealsPage:
    """Everything that was agreed, newest first. `agreed` is None without a customer row."""

    frame: CustomerFrame
    agreed: AgreedView | None
    currency: str
    offers: tuple[OfferView, ...]
    requests: tuple[RequestView, ...]
    coupons: tuple[CouponView, ...]
    given: tuple[GivenPlanView, ...]
    late_falls: tuple[LateFallView, ...]


def load_deals_page(session: Session, frame: CustomerFrame, *, catalog: Catalog) -> DealsPage:
    """The deals of a customer, one query for each kind of them."""
    key = frame.customer_id or 0
    customer = session.get(Customer, key) if frame.customer_id is not None else None
    offers = _newest(session, Offer, key)
    requests = _newest(session, SponsorshipRequest, key)
    names = [*(offer.actor for offer in offers), *(one.decided_by for one in requests)]
    actors = load_actors(session, names)
    coupons = session.execute(
        select(Coupon, CouponUse.used_at)
        .join(CouponUse, CouponUse.coupon_id == Coupon.id)
        .where(CouponUse.customer_id == key)
        .order_by(CouponUse.id.desc())
        .limit(MOST)
    )
    return DealsPage(
        frame=frame,
        agreed=_agreed(customer, catalog) if customer is not None else None,
        currency=catalog.currency,
        offers=tuple(
            OfferView(
                tier_title=tier_title(catalog, offer.tier),
                yearly_price=offer.yearly_price,
                currency=offer.currency,
                status=offer.status,
                is_follow_up=offer.is_follow_up,
                created_at=offer.created_at,
                expires_at=offer.expires_at,
                reason=offer.reason,
                owner=offer.owner,
                actor=actors[offer.actor],
            )
            for offer in offers
        ),
        requests=tuple(
            RequestView(
                organization_type=one.organization_type,
                website=one.website,
                description=one.description,
                expected_users=one.expected_users,
                paid_staff=one.paid_staff,
                status=one.status,
                requested_at=one.requested_at,
                decided_at=one.decided_at,
                decided_by=actors.get(one.decided_by or ""),
                reason=one.reason,
                approved_until=one.approved_until,
            )
            for one in requests
        ),
        coupons=tuple(
            CouponView(coupon.code, coupon.percent, coupon.amount, coupon.months, used_at)
            for coupon, used_at in coupons
        ),
        given=_load_given(session, key, catalog),
        late_falls=tuple(
            LateFallView(
                cycle_start=one.cycle_start,
                cycle_end=one.cycle_end,
                billed_licenses=one.billed_licenses,
                licenses=one.licenses,
                found_at=one.found_at,
                resolved_at=one.resolved_at,
                resolution=one.resolution,
            )
            for one in _newest(session, LateFall, key)
        ),
    )


def _newest(session: Session, kind: type[Row], customer_id: int) -> Sequence[Row]:
    mine = select(kind).where(kind.customer_id == customer_id)
    return session.scalars(mine.order_by(kind.id.desc()).limit(MOST)).all()


def _load_given(session: Session, customer_id: int, catalog: Catalog) -> tuple[GivenPlanView, ...]:
    kinds = {TierKind.LEGACY, TierKind.SPONSORED}
    tiers = [key for key, tier in catalog.tiers.items() if tier.kind in kinds]
    found = session.scalars(
        select(Plan)
        .where(Plan.customer_id == customer_id, Plan.tier.in_(tiers))
        .order_by(Plan.id.desc())
        .limit(MOST)
    )
    return tuple(
        GivenPlanView(
            tier_title=tier_title(catalog, plan.tier),
            status=plan.status,
            begins_at=begins_at(plan),
            ends_at=plan.ended_at or plan.end_date,
        )
        for plan in found
    )


def _agreed(customer: Customer, catalog: Catalog) -> AgreedView:
    tier = customer.required_plan_tier
    return AgreedView(
        required_tier=tier_title(catalog, tier) if tier is not None else None,
        percent=customer.discount_percent,
        monthly_price=customer.discount_monthly_price,
        annual_price=customer.discount_annual_price,
        ends_at=customer.discount_ends_at,
        reason=customer.discount_reason,
        owner=customer.discount_owner,
        minimum_licenses=customer.minimum_licenses,
        is_exempt=customer.exempt_from_license_number_check,
        months_left=customer.new_customer_months_left,
    )
