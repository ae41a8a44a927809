"""Servers and the organizations on them, as they registered and as their uploads told."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.row_order import row_order
from app.models.base import Base, BigId, UtcDateTime


class Server(Base):
    """One self-hosted server that registered itself."""

    __tablename__ = "servers"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    hostname: Mapped[str] = mapped_column(String(128), unique=True)
    contact_email: Mapped[str] = mapped_column(String(254))
    # HMAC-SHA256 of the 64-character key under the pepper; the key itself is never stored.
    key_hash: Mapped[str] = mapped_column(String(64))
    signing_public_key: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deactivated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When the link last proved to work; None or older than two days means stale.
    last_audit_log_update: Mapped[datetime | None] = mapped_column(UtcDateTime)
    product_version: Mapped[str | None] = mapped_column(String(64))
    api_feature_level: Mapped[int | None]
    # The highest ids of the server's own that were accepted, one for each of its tables.
    last_realm_count_id: Mapped[int] = mapped_column(BigInteger, default=0)
    last_installation_count_id: Mapped[int] = mapped_column(BigInteger, default=0)
    last_audit_remote_id: Mapped[int] = mapped_column(BigInteger, default=0)
    # The last arrival id (AuditRow.id) that ledger work has seen; guarded by this row's lock.
    ledger_cursor: Mapped[int] = mapped_column(BigInteger, default=0)
    # Raised when staff rewind the accepted ids: the server's ids begin a new count of their own.
    id_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    # The last upload that was refused, until one is accepted: the code and parameters of why.
    refused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refused_code: Mapped[str | None] = mapped_column(String(64))
    refused_params: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    version: Mapped[int] = mapped_column(default=0)

    organizations: Mapped[list["Organization"]] = relationship(back_populates="server")

    @property
    def last_audit_order(self) -> int:
        """The place of the last accepted audit row among all rows (app/domain/row_order.py)."""
        return row_order(self.id_epoch, self.last_audit_remote_id)


class TransferChallenge(Base):
    """A secret that a host has to serve to prove that it is the registered one; good once."""

    __tablename__ = "transfer_challenges"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    nonce: Mapped[str] = mapped_column(String(43), unique=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id"), index=True)
    hostname: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Organization(Base):
    """One tenant of a server ("realm" on the wire).

    An organization named only by its integer id (its `realms` entry has not arrived) has no uuid
    yet; it counts for its server all the same and is given its uuid when that arrives.
    """

    __tablename__ = "organizations"
    __table_args__ = (
        # A server that is rebuilt may give the number of a vanished organization to another.
        Index(
            "uq_organizations_present_remote_id",
            "server_id",
            "remote_realm_id",
            unique=True,
            sqlite_where=text("locally_deleted_at IS NULL"),
            postgresql_where=text("locally_deleted_at IS NULL"),
        ),
        Index(
            "ix_organizations_gone",
            "locally_deleted_at",
            sqlite_where=text("locally_deleted_at IS NOT NULL"),
            postgresql_where=text("locally_deleted_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id"), index=True)
    uuid: Mapped[str | None] = mapped_column(String(36), unique=True)
    remote_realm_id: Mapped[int] = mapped_column(BigInteger)
    # HMAC-SHA256 of the owner secret under the pepper: a later proof of ownership needs no more.
    owner_secret_hash: Mapped[str | None] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(255), default="")
    url: Mapped[str] = mapped_column(String(300), default="")
    name: Mapped[str] = mapped_column(String(100), default="")
    org_type: Mapped[int] = mapped_column(default=0)
    authentication_methods: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    date_created: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deactivated: Mapped[bool] = mapped_column(default=False)
    is_system_bot_realm: Mapped[bool] = mapped_column(default=False)
    # Missing from the server's latest list of organizations since then.
    locally_deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    server: Mapped[Server] = relationship(back_populates="organizations")
