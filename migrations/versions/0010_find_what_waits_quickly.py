"""Find what waits quickly

Revision: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_customers_parked", "customers", "parked_at", "parked_at IS NOT NULL"),
    ("ix_audit_entries_transfers", "audit_entries", "at", "action = 'server.transferred'"),
    ("ix_late_falls_open", "late_falls", "found_at", "resolved_at IS NULL"),
    ("ix_organizations_gone", "organizations", "locally_deleted_at", "locally_deleted_at IS NOT NULL"),
    ("ix_staff_actions_running", "staff_actions", "created_at", "status = 'running'"),
)


def upgrade():
    for name, table, column, condition in INDEXES:
        op.create_index(
            name,
            table,
            [column],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )


def downgrade():
    for name, table, _column, _condition in reversed(INDEXES):
        op.drop_index(name, table)
