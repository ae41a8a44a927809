"""Remember who is billed, and where

Revision: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = ("billing_entered_at", "billing_pushed_at")


def upgrade():
    for name in COLUMNS:
        op.add_column("customers", sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade():
    for name in COLUMNS:
        op.drop_column("customers", name)
