"""Let the invited come back by mail

Revision: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)


def upgrade():
    op.create_table(
        "mail_logins",
        sa.Column("id", ID, nullable=False),
        sa.Column("billing_user_id", ID, nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("used_at", WHEN, nullable=True),
        sa.ForeignKeyConstraint(
            ["billing_user_id"],
            ["billing_users.id"],
            name=op.f("fk_mail_logins_billing_user_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_logins")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_mail_logins_key_hash")),
    )
    op.create_index(op.f("ix_mail_logins_billing_user_id"), "mail_logins", ["billing_user_id"])


def downgrade():
    op.drop_table("mail_logins")
