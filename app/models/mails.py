"""The outbox: every mail is a row, unique by event, sent after the commit."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.kinds import MailKind
from app.models.base import Base, BigId, Choice, UtcDateTime, choice_check


class Mail(Base):
    """One mail to one address. `params` feed the templates of `templates/emails/<template>/`."""

    __tablename__ = "mails"
    __table_args__ = (
        Index(
            "ix_mails_unsent",
            "next_attempt_at",
            sqlite_where=text("sent_at IS NULL AND failed_at IS NULL"),
            postgresql_where=text("sent_at IS NULL AND failed_at IS NULL"),
        ),
        choice_check("kind", MailKind),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    event_key: Mapped[str] = mapped_column(String(200), unique=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    # Whom it is for, and the kind that this person may stop; None where it always goes.
    billing_user_id: Mapped[int | None] = mapped_column(ForeignKey("billing_users.id"))
    kind: Mapped[MailKind | None] = mapped_column(Choice(MailKind))
    template: Mapped[str] = mapped_column(String(64))
    recipient: Mapped[str] = mapped_column(String(254))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    # Secrets (login links) are wiped once the mail has left.
    secret_params: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    # Mails about money owed may arrive twice after a crash; others may be lost.
    about_money: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(500))
    claimed_by: Mapped[str | None] = mapped_column(String(128))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # What was sent, kept only where mail is caught instead of delivered (demo and testing).
    caught_subject: Mapped[str | None] = mapped_column(String(300))
    caught_text: Mapped[str | None] = mapped_column(Text)
    caught_html: Mapped[str | None] = mapped_column(Text)
