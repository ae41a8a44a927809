"""Plans and their ledger: what a customer subscribed to and how many licenses, ever appended."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    and_,
    not_,
    or_,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.kinds import (
    AtCycleEnd,
    CancellationReason,
    Collection,
    EndReason,
    LicenseManagement,
    PlanStatus,
    PromoKind,
    Schedule,
)
from app.models.base import Base, BigId, Choice, UtcDateTime, choice_check
from app.models.customers import Customer
from app.models.uploads import AuditRow


class Plan(Base):
    """One subscription of a customer for a stretch of time.

    Prices and minimum are copied from the catalog at the start: a change there never alters a
    running plan. Amounts are integer cents of `currency`.
    """

    __tablename__ = "plans"
    __table_args__ = (
        Index(
            "uq_plans_one_live",
            "customer_id",
            unique=True,
            sqlite_where=text("status IN ('trial', 'active')"),
            postgresql_where=text("status IN ('trial', 'active')"),
        ),
        Index(
            "uq_plans_one_never_started",
            "customer_id",
            unique=True,
            sqlite_where=text("status = 'never_started'"),
            postgresql_where=text("status = 'never_started'"),
        ),
        Index(
            "ix_plans_due",
            "next_invoice_date",
            sqlite_where=text("next_invoice_date IS NOT NULL"),
            postgresql_where=text("next_invoice_date IS NOT NULL"),
        ),
        CheckConstraint(
            "(price_per_license IS NULL) <> (fixed_price IS NULL)", name="one_kind_of_price"
        ),
        choice_check("status", PlanStatus),
        choice_check("at_cycle_end", AtCycleEnd),
        choice_check("schedule", Schedule),
        choice_check("license_management", LicenseManagement),
        choice_check("collection", Collection),
        choice_check("promo_kind", PromoKind),
        choice_check("ended_reason", EndReason),
        choice_check("cancellation_reason", CancellationReason),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    tier: Mapped[str] = mapped_column(String(32))
    status: Mapped[PlanStatus] = mapped_column(Choice(PlanStatus))
    at_cycle_end: Mapped[AtCycleEnd] = mapped_column(Choice(AtCycleEnd), default=AtCycleEnd.RENEW)
    next_plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    schedule: Mapped[Schedule] = mapped_column(Choice(Schedule))
    currency: Mapped[str] = mapped_column(String(3))
    # Cents for one license and one cycle, before any discount of staff.
    price_per_license: Mapped[int | None]
    # Cents a year for a fixed-price plan.
    fixed_price: Mapped[int | None]
    # A percentage given by staff, in hundredths of a percent (8725 = 87.25 %).
    discount: Mapped[int | None]
    # What staff made of the price, in cents for one license and one cycle; None without their
    # discount. Renewals after `discount_ends_at` are at the full price.
    discounted_price: Mapped[int | None]
    discount_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The tier's minimum of licenses when the plan began.
    tier_minimum: Mapped[int] = mapped_column(default=1)
    # The discount for new customers as it stood when the plan began: months the customer had
    # left, cents a month, and the minimum of licenses while it lasts.
    new_customer_months_at_start: Mapped[int] = mapped_column(default=0)
    new_customer_amount: Mapped[int] = mapped_column(default=0)
    new_customer_minimum: Mapped[int] = mapped_column(default=1)
    # A coupon takes the place of the discount for new customers: the same months, its own amount a
    # month or, in hundredths of a percent, its share.
    promo_kind: Mapped[PromoKind] = mapped_column(
        Choice(PromoKind),
        default=PromoKind.NEW_CUSTOMER,
        server_default=PromoKind.NEW_CUSTOMER.value,
    )
    promo_percent: Mapped[int] = mapped_column(default=0, server_default="0")
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupons.id"))
    offer_id: Mapped[int | None] = mapped_column(ForeignKey("offers.id"))
    license_management: Mapped[LicenseManagement] = mapped_column(Choice(LicenseManagement))
    # When somebody last changed who decides the number of licenses.
    management_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    collection: Mapped[Collection] = mapped_column(Choice(Collection))
    # Never moves: every boundary is computed from it.
    billing_cycle_anchor: Mapped[datetime] = mapped_column(UtcDateTime)
    # When the free trial began that lasts until the anchor; None without one.
    trial_start: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_reason: Mapped[EndReason | None] = mapped_column(Choice(EndReason))
    # What the customer said when it ended the plan, or asked for its end.
    cancellation_reason: Mapped[CancellationReason | None] = mapped_column(
        Choice(CancellationReason)
    )
    cancellation_comment: Mapped[str | None] = mapped_column(String(1000))
    # The next monthly boundary to invoice; None only after the end and its closing invoice.
    next_invoice_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Everything up to and including this instant has been billed (or needed no bill).
    invoiced_until: Mapped[datetime] = mapped_column(UtcDateTime)
    # The last ledger entry that an invoice took into account.
    invoiced_through: Mapped[int | None] = mapped_column(BigInteger)
    # Since when the invoice that is due waits for uploads.
    invoice_deferred_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The first boundary that was invoiced by an estimate which no upload has borne out yet.
    estimated_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The last audit row, by arrival, that the last invoice took into account.
    settled_through: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    customer: Mapped[Customer] = relationship()


def has_begun(plan: type[Plan] = Plan) -> ColumnElement[bool]:
    """The condition of plans that run or ran: not of one that waits, nor of one that was called off
    before it began."""
    called_off = plan.ended_reason == EndReason.CANCELED
    return and_(
        plan.status != PlanStatus.NEVER_STARTED, or_(plan.ended_reason.is_(None), not_(called_off))
    )


class PlanPrice(Base):
    """A price a plan has had, from `recorded_at` until the next row. Append-only.

    The plan's own columns say what is in force; these rows say what was, why, and who said so.
    Amounts are cents for one license and one cycle.
    """

    __tablename__ = "plan_prices"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"), index=True)
    price: Mapped[int]
    list_price: Mapped[int]
    percent: Mapped[int | None]
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(300))
    actor: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LedgerEntry(Base):
    """One change of a plan's licenses. Append-only: a trigger refuses UPDATE and DELETE.

    Entries with the same place (event_time, is_renewal, order_id) supersede each other: the one
    appended last counts.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("plan_id", "log_entry_id"),
        Index("ix_ledger_entries_plan_time", "plan_id", "event_time", "id"),
        # "The renewal that began the cycle of an instant" reads this, for every plan at once.
        Index(
            "ix_ledger_entries_renewals",
            "plan_id",
            "event_time",
            sqlite_where=text("is_renewal"),
            postgresql_where=text("is_renewal"),
        ),
        CheckConstraint("licenses >= 0 AND licenses_at_next_renewal >= 0", name="not_negative"),
        CheckConstraint("(log_entry_id IS NULL) <> (actor IS NULL)", name="log_entry_or_actor"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"))
    event_time: Mapped[datetime] = mapped_column(UtcDateTime)
    is_renewal: Mapped[bool]
    licenses: Mapped[int]
    licenses_at_next_renewal: Mapped[int]
    # People counted when the entry was written; None where nothing was counted.
    people: Mapped[int | None]
    # Order within one second: the place of the audit row (app/domain/row_order.py), or of the
    # last one known for others.
    order_id: Mapped[int] = mapped_column(BigInteger, default=0)
    # The audit row that caused it, with a copy of what names that row on its server ...
    log_entry_id: Mapped[int | None] = mapped_column(BigInteger)
    server_uuid: Mapped[str | None] = mapped_column(String(36))
    remote_id: Mapped[int | None] = mapped_column(BigInteger)
    # ... or who did it ("system:renewal", "billing_user:7").
    actor: Mapped[str | None] = mapped_column(String(64))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)

    plan: Mapped[Plan] = relationship()
    log_entry: Mapped[AuditRow | None] = relationship(
        primaryjoin="foreign(LedgerEntry.log_entry_id) == AuditRow.id", viewonly=True
    )
