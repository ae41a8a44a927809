"""Keep the months of the revenue

Revision: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
KINDS = ("new", "reactivation", "expansion", "contraction", "churn")


def upgrade():
    op.create_table(
        "plan_ends",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("plan_id", ID, nullable=False),
        sa.Column("counts_from", INSTANT, nullable=False),
        sa.Column("revived_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_ends_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_ends")),
    )
    op.create_index(op.f("ix_plan_ends_plan_id"), "plan_ends", ["plan_id"])
    op.execute(
        "INSERT INTO plan_ends (plan_id, counts_from) SELECT id, ended_at FROM plans "
        "WHERE ended_at IS NOT NULL AND (ended_reason IS NULL OR ended_reason <> 'canceled') "
        "ORDER BY id"
    )
    op.create_table(
        "mrr_months",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("month_start", INSTANT, nullable=False),
        sa.Column("opening", sa.BigInteger(), nullable=False),
        *(sa.Column(kind, sa.BigInteger(), nullable=False) for kind in KINDS),
        *(sa.Column(f"{kind}_customers", sa.Integer(), nullable=False) for kind in KINDS),
        sa.Column("paying", sa.Integer(), nullable=False),
        sa.Column("licenses", sa.BigInteger(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("closed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mrr_months")),
        sa.UniqueConstraint(
            "currency", "month_start", name=op.f("uq_mrr_months_currency_month_start")
        ),
    )
    op.create_table(
        "running_months",
        sa.Column("id", ID, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("month_start", INSTANT, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_running_months")),
        sa.UniqueConstraint("currency", name=op.f("uq_running_months_currency")),
    )
    op.create_index(
        "ix_ledger_entries_renewals",
        "ledger_entries",
        ["plan_id", "event_time"],
        sqlite_where=sa.text("is_renewal"),
        postgresql_where=sa.text("is_renewal"),
    )
    is_postgresql = op.get_context().dialect.name == "postgresql"
    for verb in ("update", "delete"):
        head = f"CREATE TRIGGER mrr_months_no_{verb} BEFORE {verb.upper()} ON mrr_months "
        if is_postgresql:
            op.execute(head + "FOR EACH ROW EXECUTE FUNCTION refuse_change()")
        else:
            op.execute(head + "BEGIN SELECT RAISE(ABORT, 'mrr_months is append-only'); END")


def downgrade():
    op.drop_index("ix_ledger_entries_renewals", "ledger_entries")
    op.drop_table("running_months")
    op.drop_table("mrr_months")
    op.drop_index(op.f("ix_plan_ends_plan_id"), "plan_ends")
    op.drop_table("plan_ends")
