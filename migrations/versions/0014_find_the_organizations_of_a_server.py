"""Find the organizations of a server, vanished ones among them

Revision: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NAME = "ix_organizations_server_id"


def upgrade():
    op.create_index(op.f(NAME), "organizations", ["server_id"])


def downgrade():
    op.drop_index(op.f(NAME), table_name="organizations")
