"""Send an announcement once

Revision: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("announcements", sa.Column("nonce", sa.String(length=43), nullable=True))
    op.create_index("uq_announcements_nonce", "announcements", ["nonce"], unique=True)
    unfinished = sa.text("finished_at IS NULL")
    op.create_index(
        "ix_announcements_unfinished",
        "announcements",
        ["id"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )


def downgrade():
    op.drop_index("ix_announcements_unfinished", "announcements")
    op.drop_index("uq_announcements_nonce", "announcements")
    op.drop_column("announcements", "nonce")
