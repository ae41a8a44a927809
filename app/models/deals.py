"""What staff agree with customers: coupons, offers of a fixed price, sponsorships, announcements."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.kinds import CustomerKind, OfferStatus, SponsorshipStatus
from app.models.base import Base, BigId, Choice, UtcDateTime, choice_check


class Coupon(Base):
    """A code that takes an amount (cents a month) or a share (hundredths of a percent) off the
    first `months` months of a plan."""

    __tablename__ = "coupons"
    __table_args__ = (
        CheckConstraint("(percent IS NULL) <> (amount IS NULL)", name="percent_or_amount"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # Upper case; people may type it as they like.
    code: Mapped[str] = mapped_column(String(32), unique=True)
    # The tier it is good for; None for all.
    tier: Mapped[str | None] = mapped_column(String(32))
    percent: Mapped[int | None]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    months: Mapped[int]
    max_uses: Mapped[int | None]
    uses: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(300))
    actor: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CouponUse(Base):
    """A customer used a coupon; once for each customer."""

    __tablename__ = "coupon_uses"
    __table_args__ = (UniqueConstraint("coupon_id", "customer_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    coupon_id: Mapped[int] = mapped_column(ForeignKey("coupons.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Offer(Base):
    """A fixed price for a year, in cents, of the tier that the customer is required to take."""

    __tablename__ = "offers"
    __table_args__ = (
        Index(
            "uq_offers_one_open",
            "customer_id",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
        choice_check("status", OfferStatus),
        CheckConstraint("yearly_price > 0", name="positive"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    tier: Mapped[str] = mapped_column(String(32))
    yearly_price: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[OfferStatus] = mapped_column(Choice(OfferStatus))
    # An open invoice that staff made at the provider; its payment starts the plan.
    stripe_invoice_id: Mapped[str | None] = mapped_column(String(64))
    # Whether it follows the running fixed-price plan at its end date.
    is_follow_up: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(300))
    owner: Mapped[str | None] = mapped_column(String(120))
    actor: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SponsorshipRequest(Base):
    """An organization asks for the sponsored tier; staff approve or reject it."""

    __tablename__ = "sponsorship_requests"
    __table_args__ = (
        Index(
            "uq_sponsorship_requests_one_pending",
            "customer_id",
            unique=True,
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        choice_check("status", SponsorshipStatus),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    status: Mapped[SponsorshipStatus] = mapped_column(Choice(SponsorshipStatus))
    organization_type: Mapped[str] = mapped_column(String(32))
    website: Mapped[str] = mapped_column(String(300))
    description: Mapped[str] = mapped_column(Text)
    expected_users: Mapped[str] = mapped_column(String(60))
    paid_staff: Mapped[str] = mapped_column(String(60))
    plan_wished: Mapped[str] = mapped_column(String(32))
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("billing_users.id"))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(64))
    # What the people are told when it is rejected.
    reason: Mapped[str | None] = mapped_column(String(1000))
    # The sponsored plan, and until when it was approved.
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    approved_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Announcement(Base):
    """A mail of staff to a filtered list of customers, once to each."""

    __tablename__ = "announcements"
    __table_args__ = (
        # Whoever presses the button of one page twice sends once.
        Index("uq_announcements_nonce", "nonce", unique=True),
        Index(
            "ix_announcements_unfinished",
            "id",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    # What chose the customers ({"tier": ["basic"], ...}).
    chosen: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(300))
    actor: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    customers: Mapped[int] = mapped_column(default=0)
    nonce: Mapped[str | None] = mapped_column(String(43))


class OrganizationMove(Base):
    """An organization went from one server to another. Its people count for the old server until
    `moved_at` and for the new one from then on; past counts never change."""

    __tablename__ = "organization_moves"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"), index=True)
    from_server_id: Mapped[int] = mapped_column(ForeignKey("servers.id"), index=True)
    to_server_id: Mapped[int] = mapped_column(ForeignKey("servers.id"), index=True)
    # Its number on the server that it left.
    old_remote_realm_id: Mapped[int] = mapped_column(BigInteger)
    # When that server stopped listing it, if it had: its people counted until then only.
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(64))


class PlanMove(Base):
    """What a server had bought went to one of its organizations, or back: from `moved_at` on its
    plans count the people of the other.

    The customer itself may have moved; then both customers are the same row.
    """

    __tablename__ = "plan_moves"
    __table_args__ = (choice_check("to_kind", CustomerKind),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id"), index=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"), index=True)
    to_kind: Mapped[CustomerKind] = mapped_column(Choice(CustomerKind))
    from_customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    to_customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(64))
