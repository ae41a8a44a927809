"""What is charged or given back beside the plan's own time: adjustments, one-off charges, credits."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.kinds import AdjustmentReason
from app.models.base import Base, BigId, Choice, UtcDateTime, choice_check


class Adjustment(Base):
    """Licenses of a cycle that was billed before: more than were billed (audit rows that came
    late), or other than were estimated. Amounts are cents; `licenses` is negative for a giving
    back, which only an estimate of ours allows.

    Waits for the next invoice of its plan (`invoice_id` None).
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        Index(
            "ix_adjustments_open",
            "plan_id",
            sqlite_where=text("invoice_id IS NULL"),
            postgresql_where=text("invoice_id IS NULL"),
        ),
        choice_check("reason", AdjustmentReason),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"))
    reason: Mapped[AdjustmentReason] = mapped_column(Choice(AdjustmentReason))
    # The cycle that it corrects, and the part of it that is charged for.
    cycle_start: Mapped[datetime] = mapped_column(UtcDateTime)
    period_start: Mapped[datetime] = mapped_column(UtcDateTime)
    period_end: Mapped[datetime] = mapped_column(UtcDateTime)
    licenses: Mapped[int]
    unit_amount: Mapped[int] = mapped_column(BigInteger)
    # The audit row that told, and the ledger entry written for it.
    audit_row_id: Mapped[int | None] = mapped_column(BigInteger)
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoices.id"), index=True)


class LateFall(Base):
    """Audit rows that came late say that fewer people were there than were billed. Staff decide;
    it is never an automatic credit, since backdating would be the way to cheat."""

    __tablename__ = "late_falls"
    __table_args__ = (
        UniqueConstraint("plan_id", "cycle_start", "audit_row_id"),
        Index(
            "ix_late_falls_open",
            "found_at",
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"))
    cycle_start: Mapped[datetime] = mapped_column(UtcDateTime)
    cycle_end: Mapped[datetime] = mapped_column(UtcDateTime)
    billed_licenses: Mapped[int]
    licenses: Mapped[int]
    audit_row_id: Mapped[int] = mapped_column(BigInteger)
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_by: Mapped[str | None] = mapped_column(String(64))
    resolution: Mapped[str | None] = mapped_column(String(300))


class OneOff(Base):
    """A single charge that staff add: on the customer's next invoice, or at once. Cents."""

    __tablename__ = "one_offs"
    __table_args__ = (
        Index(
            "ix_one_offs_open",
            "customer_id",
            sqlite_where=text("invoice_id IS NULL AND canceled_at IS NULL"),
            postgresql_where=text("invoice_id IS NULL AND canceled_at IS NULL"),
        ),
        CheckConstraint("amount > 0", name="positive"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    # What the customer reads on the invoice.
    description: Mapped[str] = mapped_column(String(200))
    at_once: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(300))
    actor: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    canceled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoices.id"), index=True)


class BalanceCredit(Base):
    """Money that goes onto the customer's credit balance at the provider, in cents: what was paid
    for time that a plan which was replaced did not have. Stored first, pushed afterwards, before
    any invoice that is to use it; taken by lease."""

    __tablename__ = "balance_credits"
    __table_args__ = (
        Index(
            "ix_balance_credits_to_deliver",
            "id",
            sqlite_where=text("to_deliver"),
            postgresql_where=text("to_deliver"),
        ),
        CheckConstraint("amount > 0", name="positive"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    description: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The provider's name for it, once it is there.
    stripe_transaction_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    to_deliver: Mapped[bool] = mapped_column(default=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_delivery_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claimed_by: Mapped[str | None] = mapped_column(String(128))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
