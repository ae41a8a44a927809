"""Writing down how the recurring revenue moved in each month that is over.

The figures follow from rows that only grow, so closing a month later makes no difference; it is done
so that the overview reads a row instead of every ledger. Rules: docs/rules/metrics.md.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.domain.metrics import Month, MovementKind, MrrBridge
from app.models.metrics import MrrMonth, PlanEnd, RunningMonth
from app.models.plans import Plan, has_begun
from app.services.context import Context
from app.services.month_figures import has_many_plans, to_json, work_out
from app.services.mrr import Rates, get_first_month, load_currencies
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A month of one currency that was written down."""

    currency: str
    month: Month


def close_months(ctx: Context) -> list[ClosedMonth]:
    """Write down every month that is over and is not yet. Safe to repeat and to run in several
    places at once: a month is written once."""
    closed: list[ClosedMonth] = []
    keep_ends(ctx)
    with unit_of_work(ctx) as work:
        currencies = load_currencies(work.session)
    for currency in currencies:
        opening: tuple[Month, Rates] | None = None
        while (month := _next_month(ctx, currency)) is not None:
            with unit_of_work(ctx) as work:
                before = opening[1] if opening and opening[0] == month else None
                closing = _close(work, currency, month, opening=before)
                work.commit()
            closed.append(ClosedMonth(currency, month))
            # Where one month ends the next one begins.
            opening = (month.plus(1), closing)
    return closed


def keep_ends(ctx: Context) -> None:
    """Plans that were brought in from elsewhere with their end behind them have no row for it: they
    get one, dated when they ended. Those that this portal ended have theirs."""
    known = select(PlanEnd.id).where(PlanEnd.plan_id == Plan.id).correlate(Plan)
    # One that was called off before it began never counted.
    ended = select(Plan.id, Plan.ended_at).where(
        Plan.ended_at.is_not(None), has_begun(), ~exists(known)
    )
    with unit_of_work(ctx) as work:
        if work.session.execute(ended.limit(1)).first() is None:
            return
        rows = ended.order_by(Plan.id)
        work.session.execute(insert(PlanEnd).from_select(["plan_id", "counts_from"], rows))
        work.commit()


def _next_month(ctx: Context, currency: str) -> Month | None:
    """The first month that is over and not written down."""
    with unit_of_work(ctx) as work:
        last = get_last_closed(work.session, currency)
        month = get_first_month(work.session, currency) if last is None else last.plus(1)
        return month if month is not None and month.end <= work.now else None


def get_last_closed(session: Session, currency: str) -> Month | None:
    """The last month that was written down."""
    last = session.scalar(
        select(func.max(MrrMonth.month_start)).where(MrrMonth.currency == currency)
    )
    return None if last is None else Month.of(last)


def _close(work: UnitOfWork, currency: str, month: Month, *, opening: Rates | None) -> Rates:
    figures, closing = work_out(
        work.session, currency=currency, month=month, now=work.now, opening=opening
    )
    moved = figures.bridge
    values: dict[str, Any] = {
        "currency": currency,
        "month_start": month.start,
        "opening": moved.opening,
        "paying": moved.paying,
        "licenses": closing.licenses,
        "figures": to_json(figures),
        "closed_at": work.now,
    }
    for kind in MovementKind:
        values |= {kind.value: moved.amount(kind), f"{kind.value}_customers": moved.count(kind)}
    once = _insert(work)(MrrMonth).values(**values)
    work.session.execute(once.on_conflict_do_nothing(index_elements=["currency", "month_start"]))
    return closing


def refresh_running_month(ctx: Context) -> None:
    """Work out the month that runs, for the page, where that takes too long for a page."""
    keep_ends(ctx)
    with unit_of_work(ctx) as work:
        if not has_many_plans(work.session):
            return
        for currency in load_currencies(work.session):
            figures, _ = work_out(
                work.session, currency=currency, month=Month.of(work.now), now=work.now
            )
            values = {
                "month_start": figures.month.start,
                "as_of": figures.as_of,
                "figures": to_json(figures),
            }
            one = _insert(work)(RunningMonth).values(currency=currency, **values)
            work.session.execute(
                one.on_conflict_do_update(index_elements=["currency"], set_=values)
            )
        work.commit()


def _insert(work: UnitOfWork) -> Any:
    """The database's own insert, which knows what to do when the row is there."""
    is_postgresql = work.session.get_bind().dialect.name == "postgresql"
    return postgresql.insert if is_postgresql else sqlite.insert


def bridge_of(row: MrrMonth) -> MrrBridge:
    """A month as it was written down."""
    return MrrBridge(
        row.opening,
        {kind: getattr(row, kind.value) for kind in MovementKind},
        {kind: getattr(row, f"{kind.value}_customers") for kind in MovementKind},
        row.paying,
    )
