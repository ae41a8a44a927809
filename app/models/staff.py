"""The vendor's own people: how they log in, what they note, keep and ask to be done."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.kinds import CustomerKind, HelpStatus, StaffActionStatus, StaffRole
from app.models.base import Base, BigId, Choice, UtcDateTime, choice_check


class StaffUser(Base):
    """Somebody of the vendor. Without a password hash only the identity provider lets them in."""

    __tablename__ = "staff_users"
    __table_args__ = (
        UniqueConstraint("oidc_issuer", "oidc_subject"),
        choice_check("role", StaffRole),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # Lower case.
    email: Mapped[str] = mapped_column(String(254), unique=True)
    full_name: Mapped[str] = mapped_column(String(200), default="")
    role: Mapped[StaffRole] = mapped_column(Choice(StaffRole))
    # argon2id; None until the person has chosen one.
    password_hash: Mapped[str | None] = mapped_column(String(200))
    # The secret of the second factor, encrypted; it counts once a code has proven it.
    totp_secret: Mapped[str | None] = mapped_column(String(400))
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The last step of 30 seconds whose code was used: a code is good once.
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    oidc_issuer: Mapped[str | None] = mapped_column(String(300))
    oidc_subject: Mapped[str | None] = mapped_column(String(255))
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_login_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffRecoveryCode(Base):
    """Lets its owner in once without the second factor. Stored as a hash only."""

    __tablename__ = "staff_recovery_codes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_users.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffSetupLink(Base):
    """A link with which a new person, or one who was reset, chooses a password. Good once."""

    __tablename__ = "staff_setup_links"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_users.id"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffNote(Base):
    """What staff should know about a customer. Removed ones are kept, and not shown."""

    __tablename__ = "staff_notes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    staff_user_id: Mapped[int | None] = mapped_column(ForeignKey("staff_users.id"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StaffAction(Base):
    """An act that a person of staff confirmed: done at once, or waiting for a second person.

    `nonce` comes from the page it was confirmed on, so that one page does one thing once.
    `command` is what to do and `facts` what the person saw of the customer; JSON values, never
    personal data. `effect` are the sentences the person agreed to.
    """

    __tablename__ = "staff_actions"
    __table_args__ = (
        choice_check("status", StaffActionStatus),
        choice_check("payer_kind", CustomerKind),
        Index(
            "ix_staff_actions_waiting",
            "created_at",
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
        Index(
            "ix_staff_actions_running",
            "created_at",
            sqlite_where=text("status = 'running'"),
            postgresql_where=text("status = 'running'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    nonce: Mapped[str] = mapped_column(String(43), unique=True)
    action: Mapped[str] = mapped_column(String(64))
    payer_kind: Mapped[CustomerKind] = mapped_column(Choice(CustomerKind))
    payer_uuid: Mapped[str] = mapped_column(String(36), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    command: Mapped[dict[str, Any]] = mapped_column(JSON)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    effect: Mapped[list[str]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(300))
    status: Mapped[StaffActionStatus] = mapped_column(Choice(StaffActionStatus))
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff_users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff_users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision_reason: Mapped[str | None] = mapped_column(String(300))
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Why the rules refused it when it was to be done: code and parameters of the error.
    refused_code: Mapped[str | None] = mapped_column(String(64))
    refused_params: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class SavedView(Base):
    """A search that somebody wants to find again; shared ones are everybody's to use."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("staff_user_id", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    staff_user_id: Mapped[int] = mapped_column(ForeignKey("staff_users.id"))
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[dict[str, Any]] = mapped_column(JSON)
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class HelpRequest(Base):
    """A customer asks staff for help from its own pages."""

    __tablename__ = "help_requests"
    __table_args__ = (
        choice_check("status", HelpStatus),
        Index(
            "ix_help_requests_open",
            "created_at",
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id"))
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"))
    billing_user_id: Mapped[int | None] = mapped_column(ForeignKey("billing_users.id"))
    # The page the person was on, by its name.
    page: Mapped[str | None] = mapped_column(String(32))
    message: Mapped[str] = mapped_column(Text)
    status: Mapped[HelpStatus] = mapped_column(Choice(HelpStatus))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("staff_users.id"))
    answer: Mapped[str | None] = mapped_column(Text)


class SearchEntry(Base):
    """What a server or an organization is found by, in one lower-case text.

    One row for each server and each organization that has a UUID, customer or not. On PostgreSQL a
    trigram index makes substrings quick and typing errors harmless.
    """

    __tablename__ = "search_entries"
    __table_args__ = (choice_check("kind", CustomerKind),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[CustomerKind] = mapped_column(Choice(CustomerKind))
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id"), index=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"), unique=True)
    content: Mapped[str] = mapped_column(Text)
