"""The plans of a customer over time for staff: past, present and next, and what changed them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import CancellationReason, EndReason, PlanStatus, Schedule
from app.models.audit import AuditEntry
from app.models.plans import Plan
from app.services.pages.parts import tier_title
from app.services.pages.staff_customer_actors import ActorView, load_actors
from app.services.pages.staff_customer_frame import CustomerFrame
from app.services.plan_rules import begins_at

# The newest of each.
MOST_PLANS = 12
MOST_CHANGES = 25
# Acts that change what somebody has or pays; the runs' own work is not among them.
CHANGES = (
    "customer.discount_removed",
    "customer.discount_set",
    "customer.license_rules_set",
    "customer.required_tier_set",
    "offer.closed",
    "offer.follow_up_scheduled",
    "offer.made",
    "offer.withdrawn",
    "plan.end_moved",
    "plan.ended",
    "plan.ended_by_staff",
    "plan.given",
    "plan.kept",
    "plan.licenses_raised",
    "plan.management_changed",
    "plan.replaced",
    "plan.revived",
    "plan.schedule_canceled",
    "plan.set_to_end",
    "plan.started",
    "plan.switch_scheduled",
    "plan.transferred",
    "plan.trial_ended",
    "plan.trial_started",
    "sponsorship.approved",
    "sponsorship.marked",
    "sponsorship.rejected",
)


@dataclass(frozen=True, slots=True)
class PlanSpan:
    """One plan: from `begins_at` to `ends_at`, None while no end is set. `price` is cents for a
    license and a cycle with what staff took off; `has_ended` says that it is over for good, or was
    given up before it began (`was_given_up`)."""

    id: int
    tier_title: str
    status: PlanStatus
    schedule: Schedule
    begins_at: datetime
    ends_at: datetime | None
    price: int | None
    fixed_price: int | None
    currency: str
    ended_reason: EndReason | None
    cancellation: CancellationReason | None
    comment: str | None

    @property
    def was_given_up(self) -> bool:
        """Whether it was called off before it began."""
        return self.ended_reason is EndReason.CANCELED


@dataclass(frozen=True, slots=True)
class PlanChange:
    """An act that changed what the customer has or pays."""

    at: datetime
    action: str
    actor: ActorView


@dataclass(frozen=True, slots=True)
class PlansOverTime:
    """The plans, oldest first, and the changes, newest first."""

    spans: tuple[PlanSpan, ...]
    changes: tuple[PlanChange, ...]
    now: datetime


def load_plans_over_time(
    session: Session, frame: CustomerFrame, *, catalog: Catalog, now: datetime
) -> PlansOverTime | None:
    """The newest plans and changes; None for a customer that never had a plan."""
    if frame.customer_id is None:
        return None
    plans = session.scalars(
        select(Plan)
        .where(Plan.customer_id == frame.customer_id)
        .order_by(Plan.id.desc())
        .limit(MOST_PLANS)
    ).all()
    if not plans:
        return None
    entries = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.customer_id == frame.customer_id, AuditEntry.action.in_(CHANGES))
        .order_by(AuditEntry.id.desc())
        .limit(MOST_CHANGES)
    ).all()
    actors = load_actors(session, (entry.actor for entry in entries))
    spans = sorted((_span(plan, catalog) for plan in plans), key=lambda span: span.begins_at)
    return PlansOverTime(
        spans=tuple(spans),
        changes=tuple(PlanChange(entry.at, entry.action, actors[entry.actor]) for entry in entries),
        now=now,
    )


def _span(plan: Plan, catalog: Catalog) -> PlanSpan:
    price = plan.price_per_license if plan.discounted_price is None else plan.discounted_price
    return PlanSpan(
        id=plan.id,
        tier_title=tier_title(catalog, plan.tier),
        status=plan.status,
        schedule=plan.schedule,
        begins_at=begins_at(plan),
        ends_at=plan.ended_at or plan.end_date,
        price=price,
        fixed_price=plan.fixed_price,
        currency=plan.currency,
        ended_reason=plan.ended_reason,
        cancellation=plan.cancellation_reason,
        comment=plan.cancellation_comment,
    )
