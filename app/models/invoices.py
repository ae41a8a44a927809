"""Invoices, their lines, what each line charges for, and the numbered attempts to deliver them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.kinds import Collection, InvoiceStatus, LineKind, LineSource
from app.models.base import Base, BigId, Choice, UtcDateTime, choice_check
from app.models.customers import Customer
from app.models.plans import LedgerEntry


class Invoice(Base):
    """One invoice of one customer: computed and stored first, delivered afterwards.

    Unique by (customer, boundary, group): run twice, on any number of machines, there is one.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("customer_id", "boundary", "group_key"),
        Index(
            "ix_invoices_to_deliver",
            "id",
            sqlite_where=text("to_deliver"),
            postgresql_where=text("to_deliver"),
        ),
        Index(
            "ix_invoices_to_retry",
            "next_retry_at",
            sqlite_where=text("next_retry_at IS NOT NULL"),
            postgresql_where=text("next_retry_at IS NOT NULL"),
        ),
        choice_check("status", InvoiceStatus),
        choice_check("collection", Collection),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    boundary: Mapped[datetime] = mapped_column(UtcDateTime)
    # currency + payment method + occasion (`cycle`, `purchase:<id>`, `growth:<purchase id>`,
    # `switch:<plan id>`, `one_off:<id>`).
    group_key: Mapped[str] = mapped_column(String(100))
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchases.id"), index=True)
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"), index=True)
    status: Mapped[InvoiceStatus] = mapped_column(
        Choice(InvoiceStatus), default=InvoiceStatus.DRAFT
    )
    currency: Mapped[str] = mapped_column(String(3))
    collection: Mapped[Collection] = mapped_column(Choice(Collection))
    # Sum of the lines, in cents; never below zero.
    total: Mapped[int] = mapped_column(BigInteger)
    # What the provider took for it from the customer's credit balance, in cents.
    balance_applied: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    # Whether licenses on it were estimated, since the server's counts had not arrived.
    is_estimated: Mapped[bool] = mapped_column(default=False, server_default=false())
    # The provider's number, None before the invoice is final.
    number: Mapped[str | None] = mapped_column(String(64), unique=True)
    stripe_invoice_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    hosted_url: Mapped[str | None] = mapped_column(String(500))
    pdf_url: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finalized_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The last day for paying a sent invoice; None for those that a card is charged for.
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When the whole of what was paid went back, because there was nothing it could pay for.
    refunded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    voided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(String(500))
    # When the card is tried again, or an unpaid invoice ends its plan, and how often it was tried
    # again before. None when nothing more is tried.
    next_retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retries: Mapped[int] = mapped_column(default=0, server_default="0")
    # Whether delivery still has something to do; taken by lease.
    to_deliver: Mapped[bool] = mapped_column(default=False)
    next_delivery_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claimed_by: Mapped[str | None] = mapped_column(String(128))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)

    customer: Mapped[Customer] = relationship()
    lines: Mapped[list["InvoiceLine"]] = relationship(
        back_populates="invoice", order_by="InvoiceLine.position"
    )


class InvoiceLine(Base):
    """One line. `amount` = `quantity` x `unit_amount`, in cents; discounts are negative."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        UniqueConstraint("source_kind", "source_id", "period_start", "period_end", "kind"),
        choice_check("kind", LineKind),
        choice_check("source_kind", LineSource),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    position: Mapped[int]
    source_kind: Mapped[LineSource] = mapped_column(Choice(LineSource))
    source_id: Mapped[int] = mapped_column(BigInteger)
    # The plan whose time it charges for; None before a purchase has its plan, and for others.
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"), index=True)
    is_estimated: Mapped[bool] = mapped_column(default=False, server_default=false())
    kind: Mapped[LineKind] = mapped_column(Choice(LineKind))
    tier: Mapped[str] = mapped_column(String(32))
    description: Mapped[str] = mapped_column(String(300))
    quantity: Mapped[int]
    unit_amount: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    period_start: Mapped[datetime] = mapped_column(UtcDateTime)
    period_end: Mapped[datetime] = mapped_column(UtcDateTime)

    invoice: Mapped[Invoice] = relationship(back_populates="lines")
    entry_links: Mapped[list["InvoiceLineEntry"]] = relationship(
        order_by="InvoiceLineEntry.entry_id"
    )


class InvoiceLineEntry(Base):
    """Which ledger entry made which line; an entry is billed once in each role."""

    __tablename__ = "invoice_line_entries"
    __table_args__ = (UniqueConstraint("entry_id", "role"),)

    line_id: Mapped[int] = mapped_column(ForeignKey("invoice_lines.id"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entries.id"), primary_key=True)
    # The kind of the line it feeds.
    role: Mapped[LineKind] = mapped_column(Choice(LineKind), primary_key=True)

    entry: Mapped[LedgerEntry] = relationship()


class DeliveryAttempt(Base):
    """One numbered attempt at one step with the provider, stored before the call is made.

    The idempotency key is "invoice:<id>:<step>:<attempt>". An attempt without an outcome may or
    may not have happened at the provider: it is made again under the same key.
    """

    __tablename__ = "delivery_attempts"
    __table_args__ = (UniqueConstraint("invoice_id", "step", "attempt"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"))
    step: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # "ok", or the code of the definite error; None while no answer is known.
    outcome: Mapped[str | None] = mapped_column(String(64))
