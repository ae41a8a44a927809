"""Whether the vendor's paid feature is on for one organization (wire protocol, "Entitlement")."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.calendar import cycle_at
from app.domain.kinds import Schedule

# Longer than this without the data that an invoice waits for is no longer an outage: silence must
# not be free service.
LONGEST_DEFERRAL = timedelta(days=14)


class EntitlementReason(StrEnum):
    """Why the paid feature is on or off, as a code for programs."""

    SPONSORED = "sponsored"
    PLAN = "plan"
    PLAN_ENDING = "plan_ending"
    FREE = "free"
    OVER_FREE_LIMIT = "over_free_limit"
    STALE = "stale"
    NEVER_UPLOADED = "never_uploaded"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True)
class Cover:
    """The one live plan that covers an organization.

    `ends_at` is when it ends, None while it is going to renew; `deferred_since` is since when its
    invoice waits for uploads.
    """

    is_per_license: bool = True
    ends_at: datetime | None = None
    deferred_since: datetime | None = None

    def holds(self, *, at: datetime) -> bool:
        """Whether the plan still covers at `at`: from its end on it does not, even when the daily
        run has not come to it yet."""
        return self.ends_at is None or at < self.ends_at


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The answer. `expected_end` is an instant at which it is going to change, if one is known."""

    is_allowed: bool
    reason: EntitlementReason
    expected_end: datetime | None = None


def decide_plan_end(
    *,
    billing_cycle_anchor: datetime,
    schedule: Schedule,
    next_invoice_date: datetime | None,
    end_date: datetime | None,
) -> datetime | None:
    """When a plan that is set to end does so: its end date, or else the end of its cycle.

    The cycle is the one that the next invoice closes or falls into, not the one of today: a daily
    run that is late must not give another cycle away. None when nothing is left to invoice.
    """
    if end_date is not None:
        return end_date
    if next_invoice_date is None:
        return None
    cycle = cycle_at(billing_cycle_anchor, schedule, next_invoice_date)
    return next_invoice_date if cycle.start == next_invoice_date else cycle.end


def decide_entitlement(
    *,
    now: datetime,
    is_deactivated: bool,
    is_sponsored: bool,
    cover: Cover | None,
    people: int,
    free_seats: int,
    last_audit_log_update: datetime | None,
    is_stale: bool,
) -> Entitlement:
    """Whether the feature is on, in the order of the wire protocol.

    `is_deactivated` speaks of the server's registration, `is_sponsored` of the organization or its
    server, `people` of this organization alone.
    """
    if is_deactivated:
        return Entitlement(False, EntitlementReason.DEACTIVATED)
    if is_sponsored:
        return Entitlement(True, EntitlementReason.SPONSORED)
    if cover is not None and cover.holds(at=now):
        return _decide_covered(cover, now=now, is_stale=is_stale, needs_plan=people > free_seats)
    if last_audit_log_update is None:
        return Entitlement(False, EntitlementReason.NEVER_UPLOADED)
    if is_stale:
        return Entitlement(False, EntitlementReason.STALE)
    if people > free_seats:
        return Entitlement(False, EntitlementReason.OVER_FREE_LIMIT)
    return Entitlement(True, EntitlementReason.FREE)


def _decide_covered(
    cover: Cover, *, now: datetime, is_stale: bool, needs_plan: bool
) -> Entitlement:
    # Once the data is here the invoice no longer waits for it, but for the next daily run: the
    # customer need not.
    deferred_since = cover.deferred_since if cover.is_per_license and is_stale else None
    if deferred_since is not None and now - deferred_since > LONGEST_DEFERRAL:
        return Entitlement(False, EntitlementReason.STALE)
    if cover.ends_at is None:
        return Entitlement(True, EntitlementReason.PLAN)
    return Entitlement(
        True,
        EntitlementReason.PLAN_ENDING,
        expected_end=cover.ends_at if needs_plan or is_stale else None,
    )
