"""The staff's overview of a month: revenue and its movements, what is owed, how servers fare.

Reads only, in a number of queries that depends on nothing. Definitions: docs/rules/metrics.md.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.metrics import Month, MrrCents, cents_that_add_up, months_between
from app.domain.money import cents_of_twelfths
from app.domain.reconciliation import ReconciliationCents
from app.models.metrics import MrrMonth
from app.services.close_months import bridge_of
from app.services.context import Context
from app.services.month_figures import MonthFigures, PromoFigures, get_figures
from app.services.mrr import get_first_month, load_currencies
from app.services.pages.leaving_comments import LeavingComment, load_leaving_comments
from app.services.pages.overview_counts import (
    Leaving,
    Receivable,
    VersionHealth,
    load_leavings,
    load_receivables,
    load_tier_counts,
    load_version_health,
)

# Months of the past that are plotted and listed beside the chosen one.
MONTHS_SHOWN = 12
# Months there are to choose from.
MOST_MONTHS = 120


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One month of the list: its walk in cents, who moved, and who pays at its end."""

    month: Month
    cents: MrrCents
    customers: tuple[int, ...]
    paying: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class TierRow:
    """Customers of a tier at the end of the month; `state`: "paid", "trial", "complimentary" or
    "none" (no plan at all). Licenses and cents a month of those that pay."""

    tier: str
    state: str
    customers: int
    licenses: int = 0
    people: int = 0
    mrr: int = 0


@dataclass(frozen=True, slots=True)
class StaffDiscounts:
    """What staff took off the list price: customers, and cents a month at the end of the month."""

    customers: int
    monthly: int


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """Everything that the overview shows; amounts are cents of `currency`.

    months: the chosen month and the ones before it, oldest first. choices: every month that can be
    chosen, newest first. as_of: the last second that the figures of the chosen month speak of.
    """

    now: datetime
    as_of: datetime
    # The month that was asked for, where nobody has worked it out yet.
    waits_for: Month | None
    currency: str
    currencies: tuple[str, ...]
    month: MonthRow
    months: tuple[MonthRow, ...]
    choices: tuple[Month, ...]
    tiers: tuple[TierRow, ...]
    staff: StaffDiscounts
    promos: tuple[PromoFigures, ...]
    walk: ReconciliationCents
    receivables: tuple[Receivable, ...]
    leavings: tuple[Leaving, ...]
    comments: tuple[LeavingComment, ...]
    health: tuple[VersionHealth, ...]

    @property
    def is_running(self) -> bool:
        """Whether the month is the one of now."""
        return self.month.month == Month.of(self.now)

    @property
    def customers(self) -> int:
        """All customers there were at the end of the month."""
        return sum(row.customers for row in self.tiers)

    @property
    def left(self) -> int:
        """Plans that ended in the month and were not followed by another."""
        return sum(row.ended for row in self.leavings)

    @property
    def owed(self) -> int:
        """Cents that are open now."""
        return sum(row.amount for row in self.receivables)

    @property
    def owed_invoices(self) -> int:
        """Invoices that are open now."""
        return sum(row.invoices for row in self.receivables)

    @property
    def has_revenue(self) -> bool:
        """Whether any plan ever counted up to the end of the chosen month."""
        return any(row.cents.closing or row.cents.opening for row in self.months)


def load_overview(
    ctx: Context,
    session: Session,
    *,
    month: Month | None,
    currency: str | None,
    now: datetime,
) -> OverviewPage:
    """The overview of `month` (None, or one that cannot be: the running one) in `currency` (None,
    or an unknown one: the catalog's)."""
    currencies = _currencies(ctx, session)
    chosen_currency = currency if currency in currencies else ctx.catalog.currency
    running = Month.of(now)
    first = get_first_month(session, chosen_currency) or running
    chosen = month if month is not None and first <= month <= running else running
    figures = get_figures(session, currency=chosen_currency, month=chosen, now=now)
    rows = _months(session, figures)
    return OverviewPage(
        now=now,
        as_of=figures.as_of,
        waits_for=None if figures.month == chosen else chosen,
        currency=chosen_currency,
        currencies=currencies,
        month=rows[-1],
        months=rows,
        choices=tuple(reversed(months_between(first, running)[-MOST_MONTHS:])),
        tiers=_tiers(session, figures),
        staff=StaffDiscounts(figures.staff_customers, cents_of_twelfths(figures.staff_rate)),
        promos=figures.promos,
        walk=figures.walk.in_cents(),
        leavings=load_leavings(
            session,
            currency=chosen_currency,
            opened=figures.month.start,
            closing=figures.closing,
        ),
        comments=load_leaving_comments(
            session,
            currency=chosen_currency,
            opened=figures.month.start,
            closing=figures.closing,
        ),
        receivables=load_receivables(session, currency=chosen_currency, now=now),
        health=load_version_health(session, now=now),
    )


def _currencies(ctx: Context, session: Session) -> tuple[str, ...]:
    """The catalog's first, then whatever else plans were sold in."""
    others = [one for one in load_currencies(session) if one != ctx.catalog.currency]
    return (ctx.catalog.currency, *others)


def _months(session: Session, figures: MonthFigures) -> tuple[MonthRow, ...]:
    """The months before the chosen one as they were closed, and the chosen one itself."""
    since = figures.month.plus(1 - MONTHS_SHOWN)
    closed = (
        select(MrrMonth)
        .where(
            MrrMonth.currency == figures.currency,
            MrrMonth.month_start >= since.start,
            MrrMonth.month_start < figures.month.start,
        )
        .order_by(MrrMonth.month_start)
    )
    rows = []
    for row in session.scalars(closed):
        made = bridge_of(row)
        counts = tuple(made.customers.values())
        month = Month.of(row.month_start)
        rows.append(MonthRow(month, made.in_cents(), counts, made.paying, is_over=True))
    bridge = figures.bridge
    counts = tuple(bridge.count(kind) for kind in bridge.in_cents().movements)
    rows.append(MonthRow(figures.month, bridge.in_cents(), counts, bridge.paying, figures.is_over))
    return tuple(rows)


def _tiers(session: Session, figures: MonthFigures) -> tuple[TierRow, ...]:
    """Those that count, with what they bring in (cents that add up to the month's closing); then
    trials and plans that cost nothing; then customers without any plan."""
    cents = cents_that_add_up(0, [one.rate for one in figures.tiers])
    rows = [
        TierRow(one.tier, "paid", one.customers, one.licenses, one.people, amount)
        for one, amount in zip(figures.tiers, cents, strict=True)
    ]
    others, total = load_tier_counts(session, before=figures.closing)
    for one in others:
        rows.append(TierRow(one.tier, "trial" if one.is_trial else "complimentary", one.customers))
    without = total - sum(row.customers for row in rows)
    # A customer whose first plan is not in the ledger yet has none.
    rows.append(TierRow("free", "none", max(0, without)))
    return tuple(row for row in rows if row.customers)
