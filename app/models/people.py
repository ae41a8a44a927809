"""People who log in: billing users, their login links and confirmations, erasable details."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.kinds import BillingRole, LoginDoor
from app.models.base import Base, BigId, Choice, UtcDateTime, choice_check
from app.models.registrations import Organization, Server


class PersonalDetail(Base):
    """Name, address and IP of a person at one act. Erasure blanks the columns and keeps the row,
    so that append-only audit entries may point here for ever."""

    __tablename__ = "personal_details"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str | None] = mapped_column(String(254), index=True)
    full_name: Mapped[str | None] = mapped_column(String(200))
    ip: Mapped[str | None] = mapped_column(String(45))
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BillingUser(Base):
    """A person who may manage the billing of one organization or one server."""

    __tablename__ = "billing_users"
    __table_args__ = (
        UniqueConstraint("organization_id", "user_uuid"),
        UniqueConstraint("server_id", "email"),
        CheckConstraint(
            "(organization_id IS NULL) <> (server_id IS NULL)", name="one_place_of_login"
        ),
        choice_check("role", BillingRole),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"))
    server_id: Mapped[int | None] = mapped_column(ForeignKey("servers.id"))
    # The UUID of the person within the organization; None for a login as a server.
    user_uuid: Mapped[str | None] = mapped_column(String(36))
    email: Mapped[str] = mapped_column(String(254))
    full_name: Mapped[str] = mapped_column(String(200), default="")
    role: Mapped[BillingRole] = mapped_column(
        Choice(BillingRole), default=BillingRole.BILLING, server_default=BillingRole.BILLING.value
    )
    # When the address was last proven by mail. None asks for a new proof at the next login, as
    # after the server's registration changed hands.
    email_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    tos_version: Mapped[str | None] = mapped_column(String(16))
    tos_accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    wants_major_release_mails: Mapped[bool] = mapped_column(default=False)
    wants_maintenance_mails: Mapped[bool] = mapped_column(default=False)
    # Mails that are not about money owed can be stopped, each kind by itself (MailKind).
    wants_renewal_mails: Mapped[bool] = mapped_column(default=True, server_default=true())
    wants_usage_mails: Mapped[bool] = mapped_column(default=True, server_default=true())
    wants_announcement_mails: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_login_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deactivated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    organization: Mapped[Organization | None] = relationship()
    server: Mapped[Server | None] = relationship()


class Invitation(Base):
    """A billing user asks somebody else to join, by mail. The key is stored as a hash only."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint(
            "(organization_id IS NULL) <> (server_id IS NULL)", name="one_place_of_login"
        ),
        choice_check("role", BillingRole),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"), index=True)
    server_id: Mapped[int | None] = mapped_column(ForeignKey("servers.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[BillingRole] = mapped_column(Choice(BillingRole))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by: Mapped[int] = mapped_column(ForeignKey("billing_users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LoginLink(Base):
    """What the access token of a billing link means; the token is this row's opaque signed id.

    Through the product's door it is for one person of one organization; through the others for a
    server, and the person is known by the address alone.
    """

    __tablename__ = "login_links"
    __table_args__ = (
        CheckConstraint(
            "(door = 'product') = (organization_id IS NOT NULL) AND "
            "(door = 'product') = (user_uuid IS NOT NULL)",
            name="person_of_the_door",
        ),
        choice_check("door", LoginDoor),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    nonce: Mapped[str] = mapped_column(String(43), unique=True)
    door: Mapped[LoginDoor] = mapped_column(
        Choice(LoginDoor), default=LoginDoor.PRODUCT, server_default=LoginDoor.PRODUCT.value
    )
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id"), index=True)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organizations.id"))
    user_uuid: Mapped[str | None] = mapped_column(String(36))
    # Empty until the person behind a server's key has said which address is theirs.
    email: Mapped[str] = mapped_column(String(254))
    full_name: Mapped[str] = mapped_column(String(200))
    # How the way back to the product begins; empty where there is none.
    uri_scheme: Mapped[str] = mapped_column(String(8))
    next_page: Mapped[str | None] = mapped_column(String(32))
    authenticated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Set by the one login that the link may complete.
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Set when the link must not be used any more, as after the registration changed hands.
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    organization: Mapped[Organization | None] = relationship()
    server: Mapped[Server] = relationship()


class EmailConfirmation(Base):
    """A mailed link that proves an address. The key is stored as a hash only."""

    __tablename__ = "email_confirmations"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    login_link_id: Mapped[int] = mapped_column(ForeignKey("login_links.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    login_link: Mapped[LoginLink] = relationship()


class MailLogin(Base):
    """A mailed link that logs in somebody who was invited. The key is stored as a hash only."""

    __tablename__ = "mail_logins"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    billing_user_id: Mapped[int] = mapped_column(ForeignKey("billing_users.id"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    billing_user: Mapped[BillingUser] = relationship()
