"""What the figures of the staff's overview are read from, beside plans, ledger and invoices."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, UtcDateTime


class PlanEnd(Base):
    """A plan ended, and perhaps went on later. The plan's own columns say how it stands now; these
    rows say how it stood at any instant of the past."""

    __tablename__ = "plan_ends"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"), index=True)
    # The later of when it ended and when that was written down.
    counts_from: Mapped[datetime] = mapped_column(UtcDateTime)
    # When it went on, paid for after all; set once.
    revived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MrrMonth(Base):
    """How the recurring revenue of one currency moved in a month that is over. Append-only: what
    was learned since changes no month that is over (docs/rules/metrics.md).

    Amounts are twelfths of a cent; beside each stands how many customers moved so.
    """

    __tablename__ = "mrr_months"
    __table_args__ = (UniqueConstraint("currency", "month_start"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    currency: Mapped[str] = mapped_column(String(3))
    month_start: Mapped[datetime] = mapped_column(UtcDateTime)
    opening: Mapped[int] = mapped_column(BigInteger)
    new: Mapped[int] = mapped_column(BigInteger)
    reactivation: Mapped[int] = mapped_column(BigInteger)
    expansion: Mapped[int] = mapped_column(BigInteger)
    contraction: Mapped[int] = mapped_column(BigInteger)
    churn: Mapped[int] = mapped_column(BigInteger)
    new_customers: Mapped[int]
    reactivation_customers: Mapped[int]
    expansion_customers: Mapped[int]
    contraction_customers: Mapped[int]
    churn_customers: Mapped[int]
    # Customers that pay, and their licenses, at its end.
    paying: Mapped[int]
    licenses: Mapped[int] = mapped_column(BigInteger)
    # The same and the rest of its figures (app/services/month_figures.py).
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    closed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RunningMonth(Base):
    """The figures of the month that is not over, as the last hourly run worked them out: where there
    are very many plans, a page would take too long for it. One row for each currency."""

    __tablename__ = "running_months"
    __table_args__ = (UniqueConstraint("currency"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    currency: Mapped[str] = mapped_column(String(3))
    month_start: Mapped[datetime] = mapped_column(UtcDateTime)
    as_of: Mapped[datetime] = mapped_column(UtcDateTime)
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
