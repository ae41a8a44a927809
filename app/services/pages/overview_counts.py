"""Counts of the overview that the database makes: tiers, receivables, uploads by version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from app.domain.kinds import (
    LIVE_STATUSES,
    AtCycleEnd,
    CancellationReason,
    EndReason,
    InvoiceStatus,
)
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.metrics import PlanEnd
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Server
from app.services.seats import STALE_AFTER

# Versions that are told one by one; the rest is one row.
MOST_VERSIONS = 12


@dataclass(frozen=True, slots=True)
class TierCount:
    """Customers whose plan of that tier counts for nothing: a free trial, or a price of nothing."""

    tier: str
    is_trial: bool
    customers: int


def load_tier_counts(session: Session, *, before: datetime) -> tuple[tuple[TierCount, ...], int]:
    """The plans that ran just before an instant and count for nothing, and how many customers there
    were. Of what was before, what it was is read from where it stood then."""
    entry = select(LedgerEntry.id).where(
        LedgerEntry.plan_id == Plan.id,
        LedgerEntry.event_time < before,
        LedgerEntry.recorded_at < before,
    )
    over = select(PlanEnd.id).where(
        PlanEnd.plan_id == Plan.id,
        PlanEnd.counts_from < before,
        or_(PlanEnd.revived_at.is_(None), PlanEnd.revived_at >= before),
    )
    paid = exists(
        entry.where(
            LedgerEntry.is_renewal, LedgerEntry.event_time >= Plan.billing_cycle_anchor
        ).correlate(Plan)
    )
    is_free = and_(Plan.fixed_price.is_(None), Plan.price_per_license == 0)
    is_trial = and_(~is_free, ~paid)
    kind = case((is_trial, 1), else_=0)
    statement = (
        select(Plan.tier, kind, func.count())
        .where(
            Plan.created_at < before,
            or_(is_free, is_trial),
            exists(entry.correlate(Plan)),
            ~exists(over.correlate(Plan)),
        )
        .group_by(Plan.tier, kind)
        .order_by(func.count().desc(), Plan.tier)
    )
    counts = tuple(
        TierCount(tier, bool(trial), customers)
        for tier, trial, customers in session.execute(statement)
    )
    total = session.scalar(select(func.count(Customer.id)).where(Customer.created_at < before))
    return counts, total or 0


# --- what is owed ---


class Age(StrEnum):
    """How long an invoice has been due, in the order in which it is shown."""

    NOT_DUE = "not_due"
    UP_TO_30 = "up_to_30"
    UP_TO_60 = "up_to_60"
    UP_TO_90 = "up_to_90"
    OLDER = "older"
    WRITTEN_OFF = "written_off"


@dataclass(frozen=True, slots=True)
class Receivable:
    """Invoices of one age: so many, and cents that are open."""

    age: Age
    invoices: int = 0
    amount: int = 0


def load_receivables(session: Session, *, currency: str, now: datetime) -> tuple[Receivable, ...]:
    """What is open now, by age: since the due date of a sent invoice, since the finalization of one
    that a card is charged for. One query; every age is there."""
    due = func.coalesce(Invoice.due_at, Invoice.finalized_at, Invoice.created_at)
    steps: list[tuple[ColumnElement[bool], Any]] = [
        (Invoice.status == InvoiceStatus.UNCOLLECTIBLE, Age.WRITTEN_OFF.value),
        (due >= now, Age.NOT_DUE.value),
        (due >= now - timedelta(days=30), Age.UP_TO_30.value),
        (due >= now - timedelta(days=60), Age.UP_TO_60.value),
        (due >= now - timedelta(days=90), Age.UP_TO_90.value),
    ]
    age = case(*steps, else_=Age.OLDER.value)
    left = Invoice.total - Invoice.balance_applied
    statement = (
        select(age, func.count(), func.sum(left))
        .where(
            Invoice.currency == currency,
            Invoice.status.in_((InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)),
        )
        .group_by(age)
    )
    found = {
        Age(name): Receivable(Age(name), invoices, int(amount))
        for name, invoices, amount in session.execute(statement)
    }
    return tuple(found.get(one, Receivable(one)) for one in Age)


# --- why customers leave ---

# A plan in whose place another one came is no leaving.
_GOES_ON = (EndReason.REPLACED, EndReason.SWITCHED, EndReason.CANCELED)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Plans by what their customers said (a CancellationReason), or else by what ended them (an
    EndReason; `cycle_end` where nothing was said): ended in the month, and set to end now."""

    reason: CancellationReason | EndReason
    ended: int = 0
    set_to_end: int = 0


def load_leavings(
    session: Session, *, currency: str, opened: datetime, closing: datetime
) -> tuple[Leaving, ...]:
    """Plans that cost something and ended in the month, or are set to end. Two queries."""
    costs = or_(Plan.fixed_price.is_not(None), Plan.price_per_license > 0)
    ended = (
        select(Plan.cancellation_reason, Plan.ended_reason, func.count(Plan.id.distinct()))
        .join(PlanEnd, PlanEnd.plan_id == Plan.id)
        .where(
            Plan.currency == currency,
            costs,
            PlanEnd.counts_from >= opened,
            PlanEnd.counts_from < closing,
            or_(PlanEnd.revived_at.is_(None), PlanEnd.revived_at >= closing),
            or_(Plan.ended_reason.is_(None), Plan.ended_reason.not_in(_GOES_ON)),
        )
        .group_by(Plan.cancellation_reason, Plan.ended_reason)
    )
    waiting = (
        select(Plan.cancellation_reason, func.count())
        # The end of a fixed price was agreed when it began.
        .where(
            Plan.currency == currency,
            Plan.price_per_license > 0,
            Plan.status.in_(LIVE_STATUSES),
            Plan.at_cycle_end == AtCycleEnd.END,
        )
        .group_by(Plan.cancellation_reason)
    )
    found: dict[CancellationReason | EndReason, list[int]] = {}
    for said, why, count in session.execute(ended):
        # Only one that was not paid for goes on later, and then knows no reason any more.
        found.setdefault(said or why or EndReason.UNPAID, [0, 0])[0] += count
    for said, count in session.execute(waiting):
        found.setdefault(said or EndReason.CYCLE_END, [0, 0])[1] += count
    order = (*CancellationReason, *EndReason)
    return tuple(
        Leaving(reason, *found[reason])
        for reason in sorted(found, key=lambda one: order.index(one))
    )


# --- how servers fare ---


@dataclass(frozen=True, slots=True)
class VersionHealth:
    """Servers of one version (None: it never told; `is_rest`: all the versions that are not listed).

    fresh: heard of within two days. silent: heard of, but not since. never: not once. refused: their
    last upload was refused; these are among the others too.
    """

    version: str | None
    servers: int
    fresh: int
    silent: int
    never: int
    refused: int
    is_rest: bool = False


def load_version_health(session: Session, *, now: datetime) -> tuple[VersionHealth, ...]:
    """The servers that have not left, by the version that they told last. Two queries: those of the
    versions that most have, and all together, of which the rest is made."""
    heard = Server.last_audit_log_update
    since = now - STALE_AFTER
    columns = (
        func.count(),
        func.count(case((heard >= since, 1))),
        func.count(case((heard < since, 1))),
        func.count(case((heard.is_(None), 1))),
        func.count(case((Server.refused_at.is_not(None), 1))),
    )
    here = Server.deactivated_at.is_(None)
    most = (
        select(Server.product_version, *columns)
        .where(here)
        .group_by(Server.product_version)
        .order_by(func.count().desc(), Server.product_version)
        .limit(MOST_VERSIONS)
    )
    rows = [VersionHealth(*row) for row in session.execute(most)]
    every = session.execute(select(*columns).where(here)).one()
    rest = _rest(rows, list(every))
    return tuple(rows + ([rest] if rest.servers else []))


def _rest(rows: Sequence[VersionHealth], every: list[int]) -> VersionHealth:
    servers, fresh, silent, never, refused = every
    return VersionHealth(
        version=None,
        servers=servers - sum(row.servers for row in rows),
        fresh=fresh - sum(row.fresh for row in rows),
        silent=silent - sum(row.silent for row in rows),
        never=never - sum(row.never for row in rows),
        refused=refused - sum(row.refused for row in rows),
        is_rest=True,
    )
