"""Move plans and organizations

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REFERENCES = {
    "server_id": "servers",
    "organization_id": "organizations",
    "from_customer_id": "customers",
    "to_customer_id": "customers",
}


def upgrade():
    op.create_table(
        "plan_moves",
        sa.Column("id", ID, nullable=False),
        sa.Column("server_id", ID, nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("to_kind", sa.String(length=32), nullable=False),
        sa.Column("from_customer_id", ID, nullable=False),
        sa.Column("to_customer_id", ID, nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "to_kind IN ('server', 'organization')", name=op.f("ck_plan_moves_to_kind")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_plan_moves_{column}"))
            for column, table in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_moves")),
    )
    for column in REFERENCES:
        op.create_index(op.f(f"ix_plan_moves_{column}"), "plan_moves", [column])
    with op.batch_alter_table("organization_moves") as batch_op:
        batch_op.add_column(sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    with op.batch_alter_table("organization_moves") as batch_op:
        batch_op.drop_column("gone_at")
    for column in REFERENCES:
        op.drop_index(op.f(f"ix_plan_moves_{column}"), "plan_moves")
    op.drop_table("plan_moves")
