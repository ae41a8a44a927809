"""What a recorded customer bought, and what became of it."""

from dataclasses import dataclass

from app.domain.discounts import NewCustomerTerms, StaffDiscount
from app.domain.kinds import (
    CancellationReason,
    Collection,
    EndReason,
    LicenseManagement,
    Schedule,
)


@dataclass(frozen=True, slots=True)
class Deal:
    """What was bought, and when (days ago). `fixed_price` in cents a year; `extra` licenses beyond
    the people under manual management. trial_days: a free trial comes first."""

    bought: int
    tier: str
    schedule: Schedule = Schedule.MONTHLY
    management: LicenseManagement = LicenseManagement.AUTOMATIC
    collection: Collection = Collection.CHARGE_AUTOMATICALLY
    extra: int = 0
    fixed_price: int | None = None
    offer_id: int | None = None
    discount: StaffDiscount | None = None
    coupon_id: int | None = None
    coupon: NewCustomerTerms | None = None
    trial_days: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of it. ended: how it ended; set_to_end: it ends with its cycle. unpaid: the last
    invoice was not paid (yet). deliver: what is unpaid goes to the provider now."""

    ended: EndReason | None = None
    cancellation: CancellationReason | None = None
    set_to_end: bool = False
    unpaid: bool = False
    deliver: bool = False


STEADY = Fate()
