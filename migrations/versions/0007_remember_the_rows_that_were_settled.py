"""Remember the rows that were settled

Revision: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("settled_through", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("plans", "settled_through")
