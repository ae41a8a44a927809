"""What plans count for at an instant, from rows that only grow. Rules: docs/rules/metrics.md.

The pure rule is `domain.metrics.plan_rate`; here the database finds the three facts that it needs
of each plan (the renewal that began the running cycle, the licenses since, the price then), since a
plan's whole ledger is far too much to read for a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.kinds import Schedule
from app.domain.metrics import Month, MrrBridge, PlanRate, bridge, monthly_rate
from app.models.metrics import PlanEnd
from app.models.plans import LedgerEntry, Plan, PlanPrice


@dataclass(frozen=True, slots=True)
class CountedPlan:
    """A plan that counts at an instant."""

    plan_id: int
    customer_id: int
    tier: str
    schedule: Schedule
    is_fixed: bool
    rate: PlanRate
    # Cents for one license and cycle before staff took anything off; None for a fixed price.
    list_price: int | None
    # Counted when the last ledger entry with a count was written.
    people: int

    @property
    def staff_discount(self) -> int:
        """What staff took off a month of it, in twelfths of a cent."""
        if self.list_price is None:
            return 0
        full = monthly_rate(self.schedule, licenses=self.rate.licenses, price=self.list_price)
        return full - self.rate.rate


@dataclass(frozen=True, slots=True)
class Rates:
    """Everything that counts at one instant, in one currency."""

    plans: Sequence[CountedPlan]

    def by_customer(self) -> dict[int, int]:
        """Twelfths of a cent a month of each customer."""
        found: dict[int, int] = {}
        for plan in self.plans:
            found[plan.customer_id] = found.get(plan.customer_id, 0) + plan.rate.rate
        return found

    @property
    def licenses(self) -> int:
        """Licenses of all of them."""
        return sum(plan.rate.licenses for plan in self.plans)


def load_rates(session: Session, *, currency: str, before: datetime) -> Rates:
    """What counts just before an instant, plan by plan, in one query."""
    plans = []
    for row in session.execute(_counted(currency, before)):
        plan_id, customer_id, tier, schedule, fixed_price, listed, licenses, price, people = row
        if fixed_price is not None:
            rate = PlanRate(fixed_price, licenses, 0)
        else:
            rate = PlanRate(monthly_rate(schedule, licenses=licenses, price=price), licenses, price)
        is_fixed = fixed_price is not None
        plans.append(
            CountedPlan(plan_id, customer_id, tier, schedule, is_fixed, rate, listed, people or 0)
        )
    return Rates(plans)


def load_paid_before(session: Session, *, currency: str, before: datetime) -> set[int]:
    """The customers with a plan that had come into a paid cycle by then."""
    paid = (
        select(LedgerEntry.id)
        .where(
            LedgerEntry.plan_id == Plan.id,
            LedgerEntry.is_renewal,
            LedgerEntry.event_time >= Plan.billing_cycle_anchor,
            _is_known(LedgerEntry, before),
        )
        .correlate(Plan)
    )
    found = select(Plan.customer_id).where(*_priced(currency, before), exists(paid)).distinct()
    return set(session.scalars(found))


def load_bridge(
    session: Session, opening: Rates, closing: Rates, *, currency: str, opened: datetime
) -> MrrBridge:
    """How the customers moved between the two instants; `opened` is the first of them."""
    return bridge(
        opening.by_customer(),
        closing.by_customer(),
        paid_before=load_paid_before(session, currency=currency, before=opened),
    )


def get_first_month(session: Session, currency: str) -> Month | None:
    """The month in which the first plan that costs something was made; None without any."""
    costs = or_(Plan.fixed_price.is_not(None), Plan.price_per_license > 0)
    first = session.scalar(
        select(func.min(Plan.created_at)).where(Plan.currency == currency, costs)
    )
    return None if first is None else Month.of(first)


def load_currencies(session: Session) -> list[str]:
    """The currencies of all plans there ever were."""
    return sorted(session.scalars(select(Plan.currency).distinct()))


def _priced(currency: str, before: datetime) -> list[ColumnElement[bool]]:
    """Plans that cost something and could have begun."""
    return [
        Plan.currency == currency,
        Plan.created_at < before,
        Plan.billing_cycle_anchor < before,
        or_(Plan.fixed_price.is_not(None), Plan.price_per_license > 0),
    ]


def _is_known(entry: Any, before: datetime) -> ColumnElement[bool]:
    """Entries that are so and written down."""
    return and_(entry.event_time < before, entry.recorded_at < before)


def _counted(currency: str, before: datetime) -> Select[*tuple[Any, ...]]:
    """Plan, customer, tier, schedule, fixed price, list price, licenses, price, people: of plans in
    a paid cycle."""
    over = exists(
        select(PlanEnd.id)
        .where(
            PlanEnd.plan_id == Plan.id,
            PlanEnd.counts_from < before,
            or_(PlanEnd.revived_at.is_(None), PlanEnd.revived_at >= before),
        )
        .correlate(Plan)
    )
    live = (
        select(
            Plan.id,
            Plan.customer_id,
            Plan.tier,
            Plan.schedule,
            Plan.fixed_price,
            Plan.price_per_license,
            Plan.billing_cycle_anchor,
            _last_renewal(before).label("begun_at"),
        )
        .where(*_priced(currency, before), ~over)
        .cte("live")
        # Or the renewal would be looked for as often as it is named.
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return select(
        live.c.id,
        live.c.customer_id,
        live.c.tier,
        live.c.schedule,
        live.c.fixed_price,
        live.c.price_per_license,
        _licenses_since(live, before),
        _price_at(live),
        _people_at(live, before),
    ).where(live.c.begun_at >= live.c.billing_cycle_anchor)


def _last_renewal(before: datetime) -> ColumnElement[datetime]:
    """When the running cycle began, as the ledger says."""
    entry = aliased(LedgerEntry, name="begun")
    return (
        select(func.max(entry.event_time))
        .where(entry.plan_id == Plan.id, entry.is_renewal, _is_known(entry, before))
        .correlate(Plan)
        .scalar_subquery()
    )


def _licenses_since(live: CTE, before: datetime) -> ColumnElement[int]:
    """The most licenses that an effective entry of the cycle says: of several at one place, the
    last appended."""
    entry = aliased(LedgerEntry, name="since")
    place = (entry.event_time, entry.is_renewal, entry.order_id)
    ranked = (
        select(
            entry.licenses,
            func.row_number().over(partition_by=place, order_by=entry.id.desc()).label("rank"),
        )
        .where(
            entry.plan_id == live.c.id,
            entry.event_time >= live.c.begun_at,
            _is_known(entry, before),
        )
        .correlate(live)
        .subquery("ranked")
    )
    return (
        select(func.max(ranked.c.licenses))
        .where(ranked.c.rank == 1)
        .correlate(live)
        .scalar_subquery()
    )


def _people_at(live: CTE, before: datetime) -> ColumnElement[int | None]:
    """The people of the last entry for which somebody counted."""
    entry = aliased(LedgerEntry, name="counted")
    return (
        select(entry.people)
        .where(entry.plan_id == live.c.id, entry.people.is_not(None), _is_known(entry, before))
        .order_by(entry.event_time.desc(), entry.id.desc())
        .limit(1)
        .correlate(live)
        .scalar_subquery()
    )


def _price_at(live: CTE) -> ColumnElement[int]:
    """The price that was agreed when the cycle began, or the plan's first one."""
    is_over = and_(PlanPrice.ends_at.is_not(None), PlanPrice.ends_at <= live.c.begun_at)
    price = case((is_over, PlanPrice.list_price), else_=PlanPrice.price)
    of_plan = select(price).where(PlanPrice.plan_id == live.c.id).limit(1).correlate(live)
    agreed = of_plan.where(PlanPrice.recorded_at <= live.c.begun_at)
    return func.coalesce(
        agreed.order_by(PlanPrice.id.desc()).scalar_subquery(),
        of_plan.order_by(PlanPrice.id).scalar_subquery(),
    )
