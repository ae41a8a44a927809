"""The audit log: what we and people did, append-only. People's data stand in their own table."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, UtcDateTime
from app.models.people import PersonalDetail


class AuditEntry(Base):
    """One act. Append-only: a trigger refuses UPDATE and DELETE.

    `before` and `after` hold the changed fields; never names, addresses or IPs of people, which
    live in `personal_details` and can be erased without touching this row.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_customer", "customer_id", "id"),
        # Few entries are transfers, and staff look for the recent ones.
        Index(
            "ix_audit_entries_transfers",
            "at",
            sqlite_where=text("action = 'server.transferred'"),
            postgresql_where=text("action = 'server.transferred'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(64))
    # Plain numbers without foreign keys: the log outlives what it speaks of.
    customer_id: Mapped[int | None] = mapped_column(BigInteger)
    server_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    organization_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    personal_detail_id: Mapped[int | None] = mapped_column(
        ForeignKey("personal_details.id", ondelete="NO ACTION")
    )

    personal_detail: Mapped[PersonalDetail | None] = relationship()
