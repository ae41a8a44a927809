"""Browser sessions: rows on the server side; the cookie holds only a random id."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, UtcDateTime
from app.models.people import BillingUser
from app.models.staff import StaffUser


class BrowserSession(Base):
    """One browser's session. Expired ones are kept 30 days, good only for the redirect back."""

    __tablename__ = "browser_sessions"
    __table_args__ = (
        CheckConstraint("billing_user_id IS NULL OR staff_user_id IS NULL", name="one_identity"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # SHA-256 of the random 256-bit id in the cookie.
    id_hash: Mapped[str] = mapped_column(String(64), unique=True)
    # Flask's session values (CSRF token, flashed messages, the half-finished login).
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    billing_user_id: Mapped[int | None] = mapped_column(ForeignKey("billing_users.id"))
    # When the identity was proven; the session lives two hours from then.
    authenticated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The address of the product's own billing page, stored at login: the way back after expiry.
    way_back: Mapped[str | None] = mapped_column(String(400))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # Somebody of the vendor instead: eight hours from `authenticated_at`, one without a click.
    staff_user_id: Mapped[int | None] = mapped_column(ForeignKey("staff_users.id"), index=True)
    # Where it was begun, for its owner to recognize; only of staff.
    ip: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(200))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    billing_user: Mapped[BillingUser | None] = relationship()
    staff_user: Mapped[StaffUser | None] = relationship()
