"""The figures of one month in one currency: worked out from the rows, or as they were kept.

A month that is over is read from where it was closed. The month that runs is worked out for the page,
unless there are so many plans that the hourly run has to do it. Rules: docs/rules/metrics.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.domain.kinds import LIVE_STATUSES, LineKind, PromoKind
from app.domain.metrics import Month, MovementKind, MrrBridge
from app.domain.reconciliation import OtherReason, Reason, Reconciliation
from app.models.invoices import Invoice, InvoiceLine
from app.models.metrics import MrrMonth, RunningMonth
from app.models.plans import Plan
from app.services.mrr import Rates, load_bridge, load_rates
from app.services.reconcile_month import reconcile_month

# With more paid plans than this the running month is worked out by the hourly run.
MOST_FOR_A_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class TierFigures:
    """The counted plans of a tier: customers, licenses, people, twelfths of a cent a month."""

    tier: str
    customers: int
    licenses: int
    people: int
    rate: int


@dataclass(frozen=True, slots=True)
class PromoFigures:
    """Discount lines of one kind on the month's invoices: so many, and cents taken off."""

    kind: PromoKind
    lines: int
    amount: int


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """Everything that is told of a month. `closing`: facts before it count; for the month that runs,
    a second after it was worked out.

    staff_rate: what staff took off a month of the counted plans, in twelfths of a cent.
    """

    month: Month
    currency: str
    closing: datetime
    bridge: MrrBridge
    tiers: tuple[TierFigures, ...]
    staff_customers: int
    staff_rate: int
    promos: tuple[PromoFigures, ...]
    walk: Reconciliation

    @property
    def is_over(self) -> bool:
        """Whether nothing of it changes any more."""
        return self.closing == self.month.end

    @property
    def as_of(self) -> datetime:
        """The last second that it speaks of."""
        return self.closing - timedelta(seconds=1)


def get_figures(session: Session, *, currency: str, month: Month, now: datetime) -> MonthFigures:
    """The figures of `month`, which must not lie in the future.

    Where the month that runs is too much for a page and nobody has worked it out yet, they are
    those of the month before.
    """
    kept = _get_kept(session, currency, month, now=now)
    if kept is None and month.end > now and has_many_plans(session):
        kept = _get_kept(session, currency, month.plus(-1), now=now)
    return kept or work_out(session, currency=currency, month=month, now=now)[0]


def _get_kept(
    session: Session, currency: str, month: Month, *, now: datetime
) -> MonthFigures | None:
    """A month as it was closed, or as the hourly run worked it out."""
    kept = None
    if month.end <= now:
        closed = select(MrrMonth.figures).where(
            MrrMonth.currency == currency, MrrMonth.month_start == month.start
        )
        kept = session.scalars(closed).one_or_none()
    if kept is None and has_many_plans(session):
        running = select(RunningMonth.figures).where(
            RunningMonth.currency == currency, RunningMonth.month_start == month.start
        )
        kept = session.scalars(running).one_or_none()
    return None if kept is None else from_json(kept)


def has_many_plans(session: Session) -> bool:
    """Whether there are too many paid plans for working out a month while somebody waits."""
    costs = or_(Plan.fixed_price.is_not(None), Plan.price_per_license > 0)
    some = select(Plan.id).where(Plan.status.in_(LIVE_STATUSES), costs).limit(MOST_FOR_A_PAGE + 1)
    count = session.scalar(select(func.count()).select_from(some.subquery()))
    return (count or 0) > MOST_FOR_A_PAGE


def work_out(
    session: Session,
    *,
    currency: str,
    month: Month,
    now: datetime,
    opening: Rates | None = None,
) -> tuple[MonthFigures, Rates]:
    """The figures from the rows, and the rates at the closing: the opening of the month after."""
    closing = month.closing(now)
    if opening is None:
        opening = load_rates(session, currency=currency, before=month.start)
    rates = load_rates(session, currency=currency, before=closing)
    discounted = [plan for plan in rates.plans if plan.staff_discount > 0]
    figures = MonthFigures(
        month=month,
        currency=currency,
        closing=closing,
        bridge=load_bridge(session, opening, rates, currency=currency, opened=month.start),
        tiers=_by_tier(rates),
        staff_customers=len({plan.customer_id for plan in discounted}),
        staff_rate=sum(plan.staff_discount for plan in discounted),
        promos=_load_promos(session, currency, month.start, closing),
        walk=reconcile_month(session, month, rates, currency=currency, now=now),
    )
    return figures, rates


def _by_tier(rates: Rates) -> tuple[TierFigures, ...]:
    found: dict[str, TierFigures] = {}
    for plan in rates.plans:
        known = found.get(plan.tier, TierFigures(plan.tier, 0, 0, 0, 0))
        found[plan.tier] = TierFigures(
            plan.tier,
            known.customers + 1,
            known.licenses + plan.rate.licenses,
            known.people + plan.people,
            known.rate + plan.rate.rate,
        )
    return tuple(sorted(found.values(), key=lambda one: (-one.rate, one.tier)))


def _load_promos(
    session: Session, currency: str, opened: datetime, closing: datetime
) -> tuple[PromoFigures, ...]:
    """What discounts of so many months took off the month's invoices."""
    statement = (
        select(Plan.promo_kind, func.count(), func.sum(InvoiceLine.amount))
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .join(Plan, Plan.id == InvoiceLine.plan_id)
        .where(
            InvoiceLine.kind == LineKind.DISCOUNT,
            Invoice.currency == currency,
            Invoice.created_at >= opened,
            Invoice.created_at < closing,
            Plan.created_at < closing,
            or_(Invoice.voided_at.is_(None), Invoice.voided_at >= closing),
        )
        .group_by(Plan.promo_kind)
        .order_by(Plan.promo_kind)
    )
    return tuple(
        PromoFigures(kind, lines, -int(amount))
        for kind, lines, amount in session.execute(statement)
    )


# --- as they are kept ---


def to_json(figures: MonthFigures) -> dict[str, Any]:
    """Whole numbers and names only."""
    walk = figures.walk
    return {
        "month": str(figures.month),
        "currency": figures.currency,
        "closing": figures.closing.isoformat(),
        "opening": figures.bridge.opening,
        "amounts": {kind.value: amount for kind, amount in figures.bridge.amounts.items()},
        "customers": {kind.value: count for kind, count in figures.bridge.customers.items()},
        "paying": figures.bridge.paying,
        "tiers": [
            [one.tier, one.customers, one.licenses, one.people, one.rate] for one in figures.tiers
        ],
        "staff": [figures.staff_customers, figures.staff_rate],
        "promos": [[one.kind.value, one.lines, one.amount] for one in figures.promos],
        "walk": {
            "mrr": walk.mrr,
            "reasons": {reason.value: amount for reason, amount in walk.reasons.items()},
            "covering": walk.covering,
            "others": {reason.value: amount for reason, amount in walk.others.items()},
            "invoiced": walk.invoiced,
        },
    }


def from_json(kept: Mapping[str, Any]) -> MonthFigures:
    """What `to_json` made of them."""
    year, number = (int(part) for part in kept["month"].split("-"))
    walk = kept["walk"]
    return MonthFigures(
        month=Month(year, number),
        currency=kept["currency"],
        closing=datetime.fromisoformat(kept["closing"]),
        bridge=MrrBridge(
            kept["opening"],
            {MovementKind(kind): amount for kind, amount in kept["amounts"].items()},
            {MovementKind(kind): count for kind, count in kept["customers"].items()},
            kept["paying"],
        ),
        tiers=tuple(TierFigures(*one) for one in kept["tiers"]),
        staff_customers=kept["staff"][0],
        staff_rate=kept["staff"][1],
        promos=tuple(
            PromoFigures(PromoKind(kind), lines, amount) for kind, lines, amount in kept["promos"]
        ),
        # In the order of the lists, whatever a database made of the names.
        walk=Reconciliation(
            walk["mrr"],
            {reason: walk["reasons"].get(reason.value, 0) for reason in Reason},
            walk["covering"],
            {reason: walk["others"].get(reason.value, 0) for reason in OtherReason},
            walk["invoiced"],
        ),
    )
