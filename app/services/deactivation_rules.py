"""What stands in the way of a server's deactivation (billing rules, "Deactivation")."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at
from app.domain.catalog import Catalog
from app.domain.kinds import LIVE_STATUSES, AtCycleEnd, PlanStatus, PurchaseStatus, TierKind
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.models.registrations import Organization


class ObstacleKind(StrEnum):
    """What has to be ended first."""

    PLAN = "plan"
    SCHEDULED_PLAN = "scheduled_plan"
    # A payment that was begun starts a plan as soon as it arrives, so it counts like one.
    OPEN_PURCHASE = "open_purchase"


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """A plan of the server or of one of its organizations; `until` is when it ends, or the end of
    the time that it is paid for (None when that is not known)."""

    holder: str
    is_own: bool
    tier_title: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that has to be ended first, and whose it is.

    `is_own` means the server's own; otherwise only the people of `holder` can end it.
    """

    kind: ObstacleKind
    held: HeldPlan
    purchase_id: int | None = None


@dataclass(frozen=True, slots=True)
class DeactivationCheck:
    """What stands in the way, and the plans that do not since they are set to end."""

    obstacles: tuple[Obstacle, ...]
    ending: tuple[HeldPlan, ...]


def customers_of_server(server_id: int) -> Select[int]:
    """The ids of the customers that the server and its organizations are."""
    return select(Customer.id).where(_belongs_to(server_id))


def check_deactivation(
    session: Session, server_id: int, *, catalog: Catalog, now: datetime
) -> DeactivationCheck:
    """What stands in the way of deactivating the server at `now`, oldest first.

    Paid, fixed and scheduled plans that are not set to end do, and payments that are under way. A
    bare legacy or community plan does not, nor does one that is set to end: a fixed price ends by
    itself, while a plan that only changes its schedule or tier goes on as another.
    """
    obstacles, ending = [], []
    for plan, holder, organization_id in session.execute(_plans_of(server_id)):
        if not _is_paid(catalog, plan.tier):
            continue
        held = _held(catalog, plan.tier, holder, organization_id, until=_until(plan, now))
        scheduled = plan.status is PlanStatus.NEVER_STARTED
        # A scheduled plan begins and is charged, also one that would end by itself afterwards.
        if plan.at_cycle_end is AtCycleEnd.END and not scheduled:
            ending.append(held)
        else:
            kind = ObstacleKind.SCHEDULED_PLAN if scheduled else ObstacleKind.PLAN
            obstacles.append(Obstacle(kind, held))
    for purchase_id, tier, holder, organization_id in session.execute(_purchases_of(server_id)):
        held = _held(catalog, tier, holder, organization_id, until=None)
        obstacles.append(Obstacle(ObstacleKind.OPEN_PURCHASE, held, purchase_id))
    return DeactivationCheck(obstacles=tuple(obstacles), ending=tuple(ending))


def _belongs_to(server_id: int) -> ColumnElement[bool]:
    of_server = select(Organization.id).where(Organization.server_id == server_id)
    return or_(Customer.server_id == server_id, Customer.organization_id.in_(of_server))


def _plans_of(server_id: int) -> Select[Plan, str, int | None]:
    return (
        select(Plan, Customer.display_name, Customer.organization_id)
        .join(Customer, Customer.id == Plan.customer_id)
        .where(
            _belongs_to(server_id),
            Plan.status.in_((*LIVE_STATUSES, PlanStatus.NEVER_STARTED)),
        )
        .order_by(Plan.id)
        .execution_options(populate_existing=True)
    )


def _purchases_of(server_id: int) -> Select[int, str, str, int | None]:
    return (
        select(Purchase.id, Purchase.tier, Customer.display_name, Customer.organization_id)
        .join(Customer, Customer.id == Purchase.customer_id)
        .where(_belongs_to(server_id), Purchase.status == PurchaseStatus.OPEN)
        .order_by(Purchase.id)
    )


def _held(
    catalog: Catalog, tier: str, holder: str, organization_id: int | None, *, until: datetime | None
) -> HeldPlan:
    known = catalog.tiers.get(tier)
    return HeldPlan(
        holder=holder,
        is_own=organization_id is None,
        tier_title=tier if known is None else known.title,
        until=until,
    )


def _is_paid(catalog: Catalog, tier: str) -> bool:
    # A plan outlives its tier in the catalog; what was sold once was paid for.
    known = catalog.tiers.get(tier)
    return known is None or known.kind in (TierKind.PAID, TierKind.FIXED)


def _until(plan: Plan, now: datetime) -> datetime | None:
    if plan.status is PlanStatus.NEVER_STARTED:
        return None
    if plan.end_date is not None:
        return plan.end_date
    return cycle_at(plan.billing_cycle_anchor, plan.schedule, now).end
