"""A plan that costs nothing, as the billing page tells it: until when, and what follows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.invoicing import renewal_estimate, total_of
from app.domain.kinds import Schedule, TierKind
from app.services.complimentary import is_of_kind
from app.services.context import Context
from app.services.pages.head import Head
from app.services.pages.parts import PageLine, page_lines, tier_title
from app.services.pages.plan_now import PlanNow
from app.services.pages.schedule import can_schedule
from app.services.plan_ledger import get_next_plan
from app.services.plan_rules import is_complimentary, plan_terms


@dataclass(frozen=True, slots=True)
class NextPlanView:
    """The plan that is scheduled. `total` is its first bill in cents of `currency` if nobody comes
    or goes; None, as `licenses`, when nobody can tell."""

    tier_title: str
    schedule: Schedule
    starts_at: datetime
    currency: str
    licenses: int | None
    total: int | None
    lines: tuple[PageLine, ...]


@dataclass(frozen=True, slots=True)
class ComplimentaryView:
    """Until when it costs nothing, and the plan that begins then, if one was scheduled."""

    tier_title: str
    until: datetime
    is_over: bool
    is_sponsored: bool
    can_schedule: bool
    next_plan: NextPlanView | None


def get_complimentary_view(
    ctx: Context, session: Session, head: Head, now: PlanNow | None
) -> ComplimentaryView | None:
    """The plan of `now` if it runs and costs nothing."""
    if now is None or head.live_plan is None or not is_complimentary(now.plan):
        return None
    plan = now.plan
    assert plan.end_date is not None, "what costs nothing has an agreed end"
    following = get_next_plan(session, plan) if plan.next_plan_id is not None else None
    view = None
    if following is not None:
        licenses = None if head.is_stale else now.licenses_at_renewal
        title = tier_title(ctx.catalog, following.tier)
        lines = (
            renewal_estimate(plan_terms(following), licenses=licenses, cycle_index=0)
            if licenses is not None
            else []
        )
        view = NextPlanView(
            tier_title=title,
            schedule=following.schedule,
            starts_at=following.billing_cycle_anchor,
            currency=following.currency,
            licenses=licenses,
            total=total_of(lines) if licenses is not None else None,
            lines=page_lines(ctx, lines, title=title),
        )
    return ComplimentaryView(
        tier_title=tier_title(ctx.catalog, plan.tier),
        until=plan.end_date,
        is_over=plan.end_date <= head.now,
        is_sponsored=is_of_kind(ctx.catalog, plan, TierKind.SPONSORED),
        can_schedule=can_schedule(ctx, head),
        next_plan=view,
    )


def get_scheduled_title(ctx: Context, session: Session, head: Head) -> str | None:
    """The title of the plan that is scheduled for the end of one that costs nothing."""
    plan = head.live_plan
    if plan is None or plan.next_plan_id is None or not is_complimentary(plan):
        return None
    following = get_next_plan(session, plan)
    return None if following is None else tier_title(ctx.catalog, following.tier)
