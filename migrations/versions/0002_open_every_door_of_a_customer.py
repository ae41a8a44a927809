"""Open every door of a customer

Revision: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


# SQLite's tables are made anew to be changed, and the copy would lose its checks without these.
ONE_PLACE = sa.CheckConstraint(
    "(organization_id IS NULL) <> (server_id IS NULL)",
    name=sa.schema.conv("ck_billing_users_one_place_of_login"),
)
FIRST_PEOPLE = """
    UPDATE billing_users SET role = 'owner' WHERE deactivated_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM billing_users AS earlier
        WHERE earlier.deactivated_at IS NULL AND earlier.id < billing_users.id
        AND (earlier.organization_id = billing_users.organization_id
             OR earlier.server_id = billing_users.server_id))
"""


def upgrade() -> None:
    op.create_table(
        "transfer_challenges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("nonce", sa.String(length=43), nullable=False),
        sa.Column(
            "server_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("hostname", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.id"], name=op.f("fk_transfer_challenges_server_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_challenges")),
        sa.UniqueConstraint("nonce", name=op.f("uq_transfer_challenges_nonce")),
    )
    with op.batch_alter_table("transfer_challenges") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_transfer_challenges_server_id"), ["server_id"], unique=False
        )

    with op.batch_alter_table("audit_rows") as batch_op:
        batch_op.add_column(sa.Column("id_epoch", sa.Integer(), server_default="0", nullable=False))
        batch_op.drop_constraint(batch_op.f("uq_audit_rows_server_id_remote_id"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_audit_rows_server_id_id_epoch_remote_id"),
            ["server_id", "id_epoch", "remote_id"],
        )

    with op.batch_alter_table("billing_users", table_args=(ONE_PLACE,)) as batch_op:
        batch_op.add_column(
            sa.Column("role", sa.String(length=32), server_default="billing", nullable=False)
        )
        batch_op.add_column(
            sa.Column("email_confirmed_at", sa.DateTime(timezone=True), nullable=True)
        )
        batch_op.create_check_constraint(
            op.f("ck_billing_users_role"), "role IN ('owner', 'billing')"
        )
    # Whoever is there has confirmed an address; the first of each place becomes its owner.
    op.execute("UPDATE billing_users SET email_confirmed_at = created_at")
    op.execute(FIRST_PEOPLE)

    with op.batch_alter_table("invoices") as batch_op:
        batch_op.add_column(sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("login_links") as batch_op:
        batch_op.add_column(
            sa.Column("door", sa.String(length=32), server_default="product", nullable=False)
        )
        batch_op.add_column(sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.alter_column("organization_id", existing_type=sa.INTEGER(), nullable=True)
        batch_op.alter_column("user_uuid", existing_type=sa.VARCHAR(length=36), nullable=True)
        batch_op.create_check_constraint(
            op.f("ck_login_links_door"), "door IN ('product', 'server_key', 'on_behalf')"
        )
        batch_op.create_check_constraint(
            op.f("ck_login_links_person_of_the_door"),
            "(door = 'product') = (organization_id IS NOT NULL) AND "
            "(door = 'product') = (user_uuid IS NOT NULL)",
        )
        batch_op.create_index(batch_op.f("ix_login_links_server_id"), ["server_id"], unique=False)

    with op.batch_alter_table("organization_counts") as batch_op:
        batch_op.add_column(sa.Column("id_epoch", sa.Integer(), server_default="0", nullable=False))
        batch_op.drop_constraint(
            batch_op.f("uq_organization_counts_server_id_remote_id"), type_="unique"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_organization_counts_server_id_id_epoch_remote_id"),
            ["server_id", "id_epoch", "remote_id"],
        )

    with op.batch_alter_table("purchases") as batch_op:
        batch_op.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("server_counts") as batch_op:
        batch_op.add_column(sa.Column("id_epoch", sa.Integer(), server_default="0", nullable=False))
        batch_op.drop_constraint(batch_op.f("uq_server_counts_server_id_remote_id"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_server_counts_server_id_id_epoch_remote_id"),
            ["server_id", "id_epoch", "remote_id"],
        )

    with op.batch_alter_table("servers") as batch_op:
        batch_op.add_column(sa.Column("id_epoch", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("refused_code", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("refused_params", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("servers") as batch_op:
        batch_op.drop_column("refused_params")
        batch_op.drop_column("refused_code")
        batch_op.drop_column("refused_at")
        batch_op.drop_column("id_epoch")

    with op.batch_alter_table("server_counts") as batch_op:
        batch_op.drop_constraint(
            batch_op.f("uq_server_counts_server_id_id_epoch_remote_id"), type_="unique"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_server_counts_server_id_remote_id"), ["server_id", "remote_id"]
        )
        batch_op.drop_column("id_epoch")

    with op.batch_alter_table("purchases") as batch_op:
        batch_op.drop_column("expires_at")

    with op.batch_alter_table("organization_counts") as batch_op:
        batch_op.drop_constraint(
            batch_op.f("uq_organization_counts_server_id_id_epoch_remote_id"), type_="unique"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_organization_counts_server_id_remote_id"), ["server_id", "remote_id"]
        )
        batch_op.drop_column("id_epoch")

    with op.batch_alter_table("login_links") as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_links_server_id"))
        batch_op.drop_constraint(op.f("ck_login_links_person_of_the_door"), type_="check")
        batch_op.drop_constraint(op.f("ck_login_links_door"), type_="check")
        batch_op.alter_column("user_uuid", existing_type=sa.VARCHAR(length=36), nullable=False)
        batch_op.alter_column("organization_id", existing_type=sa.INTEGER(), nullable=False)
        batch_op.drop_column("revoked_at")
        batch_op.drop_column("door")

    with op.batch_alter_table("invoices") as batch_op:
        batch_op.drop_column("refunded_at")
        batch_op.drop_column("due_at")

    with op.batch_alter_table("billing_users", table_args=(ONE_PLACE,)) as batch_op:
        batch_op.drop_constraint(op.f("ck_billing_users_role"), type_="check")
        batch_op.drop_column("email_confirmed_at")
        batch_op.drop_column("role")

    with op.batch_alter_table("audit_rows") as batch_op:
        batch_op.drop_constraint(
            batch_op.f("uq_audit_rows_server_id_id_epoch_remote_id"), type_="unique"
        )
        batch_op.create_unique_constraint(
            batch_op.f("uq_audit_rows_server_id_remote_id"), ["server_id", "remote_id"]
        )
        batch_op.drop_column("id_epoch")

    with op.batch_alter_table("transfer_challenges") as batch_op:
        batch_op.drop_index(batch_op.f("ix_transfer_challenges_server_id"))

    op.drop_table("transfer_challenges")
