"""Purchases: from the confirmed quote to the plan, one row each."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.kinds import (
    Collection,
    LicenseManagement,
    PromoKind,
    PurchaseStatus,
    Schedule,
)
from app.models.base import Base, BigId, Choice, UtcDateTime, choice_check
from app.models.customers import Customer


class Purchase(Base):
    """What a person confirmed. The plan starts only when its invoice is paid."""

    __tablename__ = "purchases"
    __table_args__ = (
        Index(
            "uq_purchases_one_open",
            "customer_id",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
        choice_check("status", PurchaseStatus),
        choice_check("schedule", Schedule),
        choice_check("license_management", LicenseManagement),
        choice_check("collection", Collection),
        choice_check("promo_kind", PromoKind),
        CheckConstraint(
            "(price_per_license IS NULL) <> (fixed_price IS NULL)", name="one_kind_of_price"
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    status: Mapped[PurchaseStatus] = mapped_column(Choice(PurchaseStatus))
    tier: Mapped[str] = mapped_column(String(32))
    schedule: Mapped[Schedule] = mapped_column(Choice(Schedule))
    license_management: Mapped[LicenseManagement] = mapped_column(Choice(LicenseManagement))
    collection: Mapped[Collection] = mapped_column(Choice(Collection))
    licenses: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    # As on the plan that it becomes (models/plans.py).
    price_per_license: Mapped[int | None]
    fixed_price: Mapped[int | None]
    discount: Mapped[int | None]
    discounted_price: Mapped[int | None]
    discount_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    promo_kind: Mapped[PromoKind] = mapped_column(
        Choice(PromoKind),
        default=PromoKind.NEW_CUSTOMER,
        server_default=PromoKind.NEW_CUSTOMER.value,
    )
    promo_percent: Mapped[int] = mapped_column(default=0, server_default="0")
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupons.id"))
    offer_id: Mapped[int | None] = mapped_column(ForeignKey("offers.id"))
    # Where it begins with a free trial: until when that lasts, which becomes the anchor.
    trial_end: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tier_minimum: Mapped[int]
    new_customer_months: Mapped[int] = mapped_column(default=0)
    new_customer_amount: Mapped[int] = mapped_column(default=0)
    new_customer_minimum: Mapped[int] = mapped_column(default=1)
    # People counted when it was confirmed.
    people: Mapped[int]
    # The place of the server's last audit row then: what was counted and what came after.
    known_remote_id: Mapped[int] = mapped_column(BigInteger, default=0)
    # The quote as it was shown and signed, for the record.
    quote: Mapped[dict[str, Any]] = mapped_column(JSON)
    # One confirmed form makes one purchase, however often it is sent.
    form_nonce: Mapped[str] = mapped_column(String(64), unique=True)
    # The confirmation's instant: the plan's billing cycle anchor when paid by card.
    anchor: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Until when its invoice may be paid; then it is void. None before there is one to pay.
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Where the browser authenticates (3-D Secure); the invoice stays open until then.
    hosted_url: Mapped[str | None] = mapped_column(String(500))
    # The card's answer, as a code of the provider and its sentence for the person.
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_message: Mapped[str | None] = mapped_column(String(500))
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plans.id"))
    actor: Mapped[str] = mapped_column(String(64))
    # The lease of whoever is talking to the provider about it.
    claimed_by: Mapped[str | None] = mapped_column(String(128))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)

    customer: Mapped[Customer] = relationship()
