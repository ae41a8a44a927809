"""What servers upload: audit rows and counts. Kept as sent, with the seat number beside.

No foreign keys here: the rows belong to a server row that is locked and checked once for each
upload, and each foreign key costs a third of the loading speed (measured; see architecture.md).
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Index,
    String,
    Text,
    UniqueConstraint,
    cast,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.row_order import ROWS_OF_AN_EPOCH, row_order
from app.models.base import Base, BigId, UtcDateTime


class AuditRow(Base):
    """One row of a server's audit log. `id` is the arrival id, `remote_id` the server's own."""

    __tablename__ = "audit_rows"
    __table_args__ = (
        UniqueConstraint("server_id", "id_epoch", "remote_id"),
        # "The latest row with role data of each organization at an instant" reads this.
        Index(
            "ix_audit_rows_seats",
            "organization_id",
            "event_time",
            "remote_id",
            sqlite_where=text("seats IS NOT NULL"),
            postgresql_where=text("seats IS NOT NULL"),
        ),
        # "Was it active at an instant": few rows say so, and they are looked for among all others.
        Index(
            "ix_audit_rows_activity",
            "organization_id",
            "event_time",
            "remote_id",
            sqlite_where=text("event_type IN (201, 202)"),
            postgresql_where=text("event_type IN (201, 202)"),
        ),
        Index("ix_audit_rows_natural_key", "organization_id", "event_time_us"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    server_id: Mapped[int] = mapped_column(BigInteger)
    # Which count of ids of its server this belongs to (Server.id_epoch).
    id_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    organization_id: Mapped[int] = mapped_column(BigInteger)
    remote_id: Mapped[int] = mapped_column(BigInteger)
    # The number of the wire (101 ... 229).
    event_type: Mapped[int]
    # Whole seconds, for billing; the natural key keeps the microseconds.
    event_time: Mapped[datetime] = mapped_column(UtcDateTime)
    event_time_us: Mapped[int] = mapped_column(BigInteger)
    backfilled: Mapped[bool] = mapped_column(default=False)
    extra_data: Mapped[str] = mapped_column(Text, default="")
    # People counted from the role data; None when the row has no role data.
    seats: Mapped[int | None]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @hybrid_property
    def order_id(self) -> int:
        """Its place among rows of the same second (app/domain/row_order.py), in Python and SQL."""
        return row_order(self.id_epoch, self.remote_id)

    @order_id.inplace.expression
    @classmethod
    def _order_id_in_sql(cls) -> ColumnElement[int]:
        # An epoch is a small number in the database, which its product is not.
        return cast(cls.id_epoch, BigInteger) * ROWS_OF_AN_EPOCH + cls.remote_id


class PendingAuditRow(Base):
    """A row whose event_time was ahead of us when it came: ledger work waits for its time."""

    __tablename__ = "pending_audit_rows"

    audit_row_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    server_id: Mapped[int] = mapped_column(BigInteger, index=True)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # More than five minutes ahead: a clock on that server is wrong, staff are told.
    flagged: Mapped[bool] = mapped_column(default=False)


class OrganizationCount(Base):
    """One row of a server's per-organization counts ("realm_counts" on the wire)."""

    __tablename__ = "organization_counts"
    __table_args__ = (
        UniqueConstraint("server_id", "id_epoch", "remote_id"),
        Index("ix_organization_counts_natural_key", "organization_id", "property", "end_time"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    server_id: Mapped[int] = mapped_column(BigInteger)
    # Which count of ids of its server this belongs to (Server.id_epoch).
    id_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    organization_id: Mapped[int] = mapped_column(BigInteger)
    remote_id: Mapped[int] = mapped_column(BigInteger)
    property: Mapped[str] = mapped_column(String(64))
    subgroup: Mapped[str | None] = mapped_column(String(64))
    end_time: Mapped[datetime] = mapped_column(UtcDateTime)
    value: Mapped[int] = mapped_column(BigInteger)


class ServerCount(Base):
    """One row of a server's own counts ("installation_counts" on the wire)."""

    __tablename__ = "server_counts"
    __table_args__ = (
        UniqueConstraint("server_id", "id_epoch", "remote_id"),
        Index("ix_server_counts_natural_key", "server_id", "property", "end_time"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    server_id: Mapped[int] = mapped_column(BigInteger)
    # Which count of ids of its server this belongs to (Server.id_epoch).
    id_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    remote_id: Mapped[int] = mapped_column(BigInteger)
    property: Mapped[str] = mapped_column(String(64))
    subgroup: Mapped[str | None] = mapped_column(String(64))
    end_time: Mapped[datetime] = mapped_column(UtcDateTime)
    value: Mapped[int] = mapped_column(BigInteger)
