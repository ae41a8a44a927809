"""Who pays."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.kinds import CustomerKind
from app.models.base import Base, BigId, Choice, UtcDateTime, choice_check
from app.models.registrations import Organization, Server


class Customer(Base):
    """Exactly one server or organization that pays, or may come to.

    The row is also the lock: whoever changes anything of a customer first claims it by raising
    `version` (architecture, "Claim, then read").
    """

    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'server' AND server_id IS NOT NULL AND organization_id IS NULL) OR "
            "(kind = 'organization' AND organization_id IS NOT NULL AND server_id IS NULL)",
            name="exactly_one_payer",
        ),
        CheckConstraint(
            "discount_percent IS NULL OR "
            "(discount_monthly_price IS NULL AND discount_annual_price IS NULL)",
            name="one_kind_of_discount",
        ),
        choice_check("kind", CustomerKind),
        # Few are parked; every page of staff counts them.
        Index(
            "ix_customers_parked",
            "parked_at",
            sqlite_where=text("parked_at IS NOT NULL"),
            postgresql_where=text("parked_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[CustomerKind] = mapped_column(Choice(CustomerKind))
    # The UUID of the server or organization: pages and `export` name a customer by it.
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    display_name: Mapped[str] = mapped_column(String(300))
    server_id: Mapped[int | None] = mapped_column(ForeignKey("servers.id"), unique=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=0)

    stripe_customer_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    # The card on file, as the provider names it; never a number.
    card_payment_method: Mapped[str | None] = mapped_column(String(64))
    card_brand: Mapped[str | None] = mapped_column(String(32))
    card_last4: Mapped[str | None] = mapped_column(String(4))
    card_exp_month: Mapped[int | None]
    card_exp_year: Mapped[int | None]

    # Months of the discount for new customers that are left; None until the first paid plan.
    new_customer_months_left: Mapped[int | None]
    # What staff agreed with this customer. The tier comes first: the discount, the minimum and an
    # offer are for it. A percentage in hundredths of a percent, or prices in cents for one license
    # and cycle of each schedule; renewals after `discount_ends_at` are at the full price.
    required_plan_tier: Mapped[str | None] = mapped_column(String(32))
    discount_percent: Mapped[int | None]
    discount_monthly_price: Mapped[int | None]
    discount_annual_price: Mapped[int | None]
    discount_ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    discount_reason: Mapped[str | None] = mapped_column(String(300))
    # Who promised it, as staff call each other.
    discount_owner: Mapped[str | None] = mapped_column(String(120))
    minimum_licenses: Mapped[int | None]
    exempt_from_license_number_check: Mapped[bool] = mapped_column(default=False)
    sponsorship_pending: Mapped[bool] = mapped_column(default=False)

    # Whom and where invoices go to, as the customer's people entered it. The country is an
    # ISO 3166 code of two letters.
    billing_name: Mapped[str | None] = mapped_column(String(200))
    billing_email: Mapped[str | None] = mapped_column(String(254))
    address_line1: Mapped[str | None] = mapped_column(String(200))
    address_line2: Mapped[str | None] = mapped_column(String(200))
    address_city: Mapped[str | None] = mapped_column(String(100))
    address_postal_code: Mapped[str | None] = mapped_column(String(20))
    address_state: Mapped[str | None] = mapped_column(String(100))
    address_country: Mapped[str | None] = mapped_column(String(2))
    # When they entered it, and what of it the provider knows: the instant of entry it was told.
    billing_entered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    billing_pushed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # A customer whose run failed waits for a person instead of stopping the others.
    parked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    parked_reason: Mapped[str | None] = mapped_column(String(300))

    server: Mapped[Server | None] = relationship(lazy="joined")
    organization: Mapped[Organization | None] = relationship(lazy="joined")
