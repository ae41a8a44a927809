"""The pages that change a running plan: ending it, and choosing the number of licenses."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.errors import BillingError, MissingDataError
from app.domain.kinds import AtCycleEnd, LicenseManagement, PlanStatus
from app.domain.money import prorate
from app.domain.transitions import Change, decide_transition
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.billing import ChargeView, charge_view
from app.services.pages.head import Head, load_head
from app.services.pages.parts import tier_title
from app.services.pages.plan_now import PlanNow, load_plan_now
from app.services.plan_life import end_if_set_now


@dataclass(frozen=True, slots=True)
class EndPage:
    """What happens when the plan is set to end: when, and what is still charged then (None:
    nothing). `is_trial`: it ends with its free trial. `people` is None when the uploads are stale."""

    tier_title: str
    ends_at: datetime
    is_trial: bool
    last_charge: ChargeView | None
    currency: str
    people: int | None
    free_seats: int


@dataclass(frozen=True, slots=True)
class LicensesPage:
    """The licenses of a manual plan. `price_now` is what one more costs until the cycle ends, in
    cents; `least` is the smallest number that may be chosen."""

    tier_title: str
    currency: str
    people: int
    licenses: int
    licenses_at_renewal: int
    least: int
    price: int
    price_now: int
    cycle_end: datetime
    next_invoice_date: datetime
    is_ending: bool
    over_by: int


def load_end_page(ctx: Context, session: Session, payer: Payer, *, now: datetime) -> EndPage:
    """What to say before the plan is set to end. Raises BillingError `no_plan` or
    `transition_refused`."""
    head, plan_now = _load(session, payer, now=now)
    plan = plan_now.plan
    decide_transition(plan.status, plan.at_cycle_end, Change.END_AT_CYCLE_END)
    ends_at = end_if_set_now(session, plan, now=now)
    title = tier_title(ctx.catalog, plan.tier)
    charge = None if head.is_stale else plan_now.charge(ends_at=ends_at)
    return EndPage(
        tier_title=title,
        ends_at=ends_at,
        is_trial=plan.status is PlanStatus.TRIAL and ends_at == plan.billing_cycle_anchor,
        last_charge=charge_view(ctx, plan_now, charge, title=title) if charge else None,
        currency=plan.currency,
        people=None if head.is_stale else plan_now.people,
        free_seats=ctx.catalog.free_seats,
    )


def load_licenses_page(
    ctx: Context, session: Session, payer: Payer, *, now: datetime
) -> LicensesPage:
    """What to say where the number of licenses is chosen. Raises BillingError `no_plan` or
    `not_manual`, and MissingDataError."""
    head, plan_now = _load(session, payer, now=now)
    plan, current, rules = plan_now.plan, plan_now.current, plan_now.rules
    if plan.license_management is not LicenseManagement.MANUAL:
        raise BillingError("not_manual")
    if head.is_stale:
        raise MissingDataError(last_heard=head.last_heard, server_id=head.server.id)
    cycle, people = plan_now.cycle, plan_now.people
    price = plan_now.terms.price_in(cycle)
    end = min(cycle.end, plan_now.terms.ends_at or cycle.end)
    return LicensesPage(
        tier_title=tier_title(ctx.catalog, plan.tier),
        currency=plan.currency,
        people=people,
        licenses=current.licenses,
        licenses_at_renewal=plan_now.licenses_at_renewal,
        least=1 if rules.exempt else max(people, rules.minimum_during(cycle)),
        price=price,
        price_now=(
            0 if cycle.index < 0 else prorate(price, remaining=end - now, length=cycle.length)
        ),
        cycle_end=cycle.end,
        next_invoice_date=plan.next_invoice_date or cycle.end,
        is_ending=plan.at_cycle_end is AtCycleEnd.END,
        over_by=max(0, people - current.licenses),
    )


def _load(session: Session, payer: Payer, *, now: datetime) -> tuple[Head, PlanNow]:
    head = load_head(session, payer, now=now)
    plan = head.live_plan
    if plan is None or head.customer is None or plan.price_per_license is None:
        raise BillingError("no_plan")
    if plan.end_date is not None and plan.end_date <= now:
        raise BillingError("plan_has_ended")
    return head, load_plan_now(session, head, plan, head.customer)
