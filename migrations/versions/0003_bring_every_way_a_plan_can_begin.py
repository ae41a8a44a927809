"""Bring every way a plan can begin change and end

Revision: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def checks(table, **texts):
    """Named checks of a table. SQLite's tables are made anew to be changed, and the copy would lose
    the checks that it had without these."""
    return tuple(
        sa.CheckConstraint(text, name=sa.schema.conv(f"ck_{table}_{name}"))
        for name, text in texts.items()
    )


CUSTOMERS = checks(
    "customers",
    exactly_one_payer="(kind = 'server' AND server_id IS NOT NULL AND organization_id IS NULL) OR "
    "(kind = 'organization' AND organization_id IS NOT NULL AND server_id IS NULL)",
    kind="kind IN ('server', 'organization')",
)
ONE_DISCOUNT = (
    "discount_percent IS NULL OR (discount_monthly_price IS NULL AND discount_annual_price IS NULL)"
)
SCHEDULE = "schedule IN ('monthly', 'annual')"
MANAGEMENT = "license_management IN ('automatic', 'manual')"
COLLECTION = "collection IN ('charge_automatically', 'send_invoice')"
ONE_PRICE = "(price_per_license IS NULL) <> (fixed_price IS NULL)"
PROMO_KIND = "promo_kind IN ('new_customer', 'coupon')"
ENDED_REASON = (
    "ended_reason IN ('cycle_end', 'staff', 'replaced', 'switched', 'canceled', 'unpaid')"
)
MAIL_KIND = "kind IN ('renewals', 'usage', 'announcements')"
LINES = checks(
    "invoice_lines",
    kind="kind IN ('first', 'renewal', 'added', 'discount', 'credit', 'adjustment', 'one_off')",
)
SOURCES = "source_kind IN ('plan', 'purchase', 'adjustment', 'one_off')"
OLD_SOURCES = "source_kind IN ('plan', 'purchase')"
PLANS = checks(
    "plans",
    one_kind_of_price=ONE_PRICE,
    status="status IN ('never_started', 'trial', 'active', 'ended')",
    at_cycle_end="at_cycle_end IN ('renew', 'end', 'switch_schedule', 'switch_tier')",
    schedule=SCHEDULE,
    license_management=MANAGEMENT,
    collection=COLLECTION,
)
PURCHASES = checks(
    "purchases",
    status="status IN ('open', 'completed', 'declined', 'voided')",
    schedule=SCHEDULE,
    license_management=MANAGEMENT,
    collection=COLLECTION,
)
LINES_OF_PLANS = """
    UPDATE invoice_lines SET plan_id = (
        SELECT plan_id FROM invoices WHERE invoices.id = invoice_lines.invoice_id)
"""
FIRST_PRICES = """
    INSERT INTO plan_prices (plan_id, price, list_price, reason, actor, recorded_at)
    SELECT id, price_per_license, price_per_license, 'start', 'system:migration', created_at
    FROM plans WHERE price_per_license IS NOT NULL ORDER BY id
"""
# Plans could end at the end of a cycle only.
ENDED = "UPDATE plans SET ended_reason = 'cycle_end' WHERE status = 'ended'"
FUNCTION = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
)


def keep_prices() -> None:
    """The triggers that let the history of prices only grow."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        op.execute(sa.DDL(FUNCTION.replace("%", "%%")))
    for verb in ("update", "delete"):
        head = f"CREATE TRIGGER plan_prices_no_{verb} BEFORE {verb.upper()} ON plan_prices "
        if is_sqlite:
            op.execute(head + "BEGIN SELECT RAISE(ABORT, 'plan_prices is append-only'); END")
        else:
            op.execute(head + "FOR EACH ROW EXECUTE FUNCTION refuse_change()")


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("chosen", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )
    op.create_table(
        "coupons",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("tier", sa.String(length=32), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(percent IS NULL) <> (amount IS NULL)", name=op.f("ck_coupons_percent_or_amount")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupons")),
        sa.UniqueConstraint("code", name=op.f("uq_coupons_code")),
    )
    op.create_table(
        "organization_moves",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "from_server_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "to_server_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("old_remote_realm_id", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["from_server_id"], ["servers.id"], name=op.f("fk_organization_moves_from_server_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_organization_moves_organization_id"),
        ),
        sa.ForeignKeyConstraint(
            ["to_server_id"], ["servers.id"], name=op.f("fk_organization_moves_to_server_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization_moves")),
    )
    with op.batch_alter_table("organization_moves") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_organization_moves_from_server_id"), ["from_server_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_organization_moves_organization_id"), ["organization_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_organization_moves_to_server_id"), ["to_server_id"], unique=False
        )

    op.create_table(
        "offers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("tier", sa.String(length=32), nullable=False),
        sa.Column("yearly_price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("stripe_invoice_id", sa.String(length=64), nullable=True),
        sa.Column("is_follow_up", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'accepted', 'withdrawn', 'expired')", name=op.f("ck_offers_status")
        ),
        sa.CheckConstraint("yearly_price > 0", name=op.f("ck_offers_positive")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_offers_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    with op.batch_alter_table("offers") as batch_op:
        batch_op.create_index(batch_op.f("ix_offers_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            "uq_offers_one_open",
            ["customer_id"],
            unique=True,
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        )

    op.create_table(
        "balance_credits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stripe_transaction_id", sa.String(length=64), nullable=True),
        sa.Column("to_deliver", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_delivery_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(length=128), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_balance_credits_positive")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_balance_credits_customer_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_balance_credits_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balance_credits")),
        sa.UniqueConstraint(
            "stripe_transaction_id", name=op.f("uq_balance_credits_stripe_transaction_id")
        ),
    )
    with op.batch_alter_table("balance_credits") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_balance_credits_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index(
            "ix_balance_credits_to_deliver",
            ["id"],
            unique=False,
            sqlite_where=sa.text("to_deliver"),
            postgresql_where=sa.text("to_deliver"),
        )

    op.create_table(
        "coupon_uses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "coupon_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["coupon_id"], ["coupons.id"], name=op.f("fk_coupon_uses_coupon_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_coupon_uses_customer_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_coupon_uses_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_uses")),
        sa.UniqueConstraint(
            "coupon_id", "customer_id", name=op.f("uq_coupon_uses_coupon_id_customer_id")
        ),
    )
    with op.batch_alter_table("coupon_uses") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_coupon_uses_customer_id"), ["customer_id"], unique=False
        )

    op.create_table(
        "late_falls",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cycle_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cycle_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("billed_licenses", sa.Integer(), nullable=False),
        sa.Column("licenses", sa.Integer(), nullable=False),
        sa.Column("audit_row_id", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(length=64), nullable=True),
        sa.Column("resolution", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_late_falls_customer_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_late_falls_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_falls")),
        sa.UniqueConstraint(
            "plan_id",
            "cycle_start",
            "audit_row_id",
            name=op.f("uq_late_falls_plan_id_cycle_start_audit_row_id"),
        ),
    )
    with op.batch_alter_table("late_falls") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_late_falls_customer_id"), ["customer_id"], unique=False
        )

    op.create_table(
        "plan_prices",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("list_price", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_prices_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_prices")),
    )
    with op.batch_alter_table("plan_prices") as batch_op:
        batch_op.create_index(batch_op.f("ix_plan_prices_plan_id"), ["plan_id"], unique=False)

    op.create_table(
        "sponsorship_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("organization_type", sa.String(length=32), nullable=False),
        sa.Column("website", sa.String(length=300), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("expected_users", sa.String(length=60), nullable=False),
        sa.Column("paid_staff", sa.String(length=60), nullable=False),
        sa.Column("plan_wished", sa.String(length=32), nullable=False),
        sa.Column(
            "requested_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("approved_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected', 'withdrawn')",
            name=op.f("ck_sponsorship_requests_status"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_sponsorship_requests_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_sponsorship_requests_plan_id")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"],
            ["billing_users.id"],
            name=op.f("fk_sponsorship_requests_requested_by"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sponsorship_requests")),
    )
    with op.batch_alter_table("sponsorship_requests") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sponsorship_requests_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index(
            "uq_sponsorship_requests_one_pending",
            ["customer_id"],
            unique=True,
            sqlite_where=sa.text("status = 'pending'"),
            postgresql_where=sa.text("status = 'pending'"),
        )

    op.create_table(
        "adjustments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("cycle_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("licenses", sa.Integer(), nullable=False),
        sa.Column("unit_amount", sa.BigInteger(), nullable=False),
        sa.Column("audit_row_id", sa.BigInteger(), nullable=True),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "invoice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.CheckConstraint(
            "reason IN ('late_rows', 'estimate')", name=op.f("ck_adjustments_reason")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_adjustments_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entries.id"], name=op.f("fk_adjustments_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_adjustments_invoice_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_adjustments_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
    )
    with op.batch_alter_table("adjustments") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_adjustments_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_adjustments_invoice_id"), ["invoice_id"], unique=False)
        batch_op.create_index(
            "ix_adjustments_open",
            ["plan_id"],
            unique=False,
            sqlite_where=sa.text("invoice_id IS NULL"),
            postgresql_where=sa.text("invoice_id IS NULL"),
        )

    op.create_table(
        "one_offs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("at_once", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "invoice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_one_offs_positive")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_one_offs_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_one_offs_invoice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_offs")),
    )
    with op.batch_alter_table("one_offs") as batch_op:
        batch_op.create_index(batch_op.f("ix_one_offs_invoice_id"), ["invoice_id"], unique=False)
        batch_op.create_index(
            "ix_one_offs_open",
            ["customer_id"],
            unique=False,
            sqlite_where=sa.text("invoice_id IS NULL AND canceled_at IS NULL"),
            postgresql_where=sa.text("invoice_id IS NULL AND canceled_at IS NULL"),
        )

    with op.batch_alter_table("billing_users") as batch_op:
        batch_op.add_column(
            sa.Column("wants_renewal_mails", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
        batch_op.add_column(
            sa.Column("wants_usage_mails", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
        batch_op.add_column(
            sa.Column(
                "wants_announcement_mails", sa.Boolean(), server_default=sa.true(), nullable=False
            )
        )

    with op.batch_alter_table("customers", table_args=CUSTOMERS) as batch_op:
        batch_op.add_column(sa.Column("required_plan_tier", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("discount_percent", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("discount_monthly_price", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("discount_annual_price", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("discount_ends_at", sa.DateTime(timezone=True), nullable=True)
        )
        batch_op.add_column(sa.Column("discount_reason", sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column("discount_owner", sa.String(length=120), nullable=True))
        batch_op.create_check_constraint(op.f("ck_customers_one_kind_of_discount"), ONE_DISCOUNT)

    with op.batch_alter_table("invoice_lines", table_args=LINES) as batch_op:
        batch_op.add_column(
            sa.Column(
                "plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.add_column(
            sa.Column("is_estimated", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.create_index(batch_op.f("ix_invoice_lines_plan_id"), ["plan_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_invoice_lines_plan_id"), "plans", ["plan_id"], ["id"]
        )
        batch_op.drop_constraint(op.f("ck_invoice_lines_source_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_invoice_lines_source_kind"), SOURCES)

    with op.batch_alter_table("invoices") as batch_op:
        batch_op.add_column(
            sa.Column("balance_applied", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.add_column(
            sa.Column("is_estimated", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("next_retry_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("retries", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index(
            "ix_invoices_to_retry",
            ["next_retry_at"],
            unique=False,
            sqlite_where=sa.text("next_retry_at IS NOT NULL"),
            postgresql_where=sa.text("next_retry_at IS NOT NULL"),
        )

    with op.batch_alter_table("mails") as batch_op:
        batch_op.add_column(
            sa.Column(
                "billing_user_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=True,
            )
        )
        batch_op.add_column(sa.Column("kind", sa.String(length=32), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_mails_billing_user_id"), "billing_users", ["billing_user_id"], ["id"]
        )
        batch_op.create_check_constraint(op.f("ck_mails_kind"), MAIL_KIND)

    with op.batch_alter_table("plans", table_args=PLANS) as batch_op:
        batch_op.add_column(sa.Column("discounted_price", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("discount_ends_at", sa.DateTime(timezone=True), nullable=True)
        )
        batch_op.add_column(
            sa.Column(
                "promo_kind", sa.String(length=32), server_default="new_customer", nullable=False
            )
        )
        batch_op.add_column(
            sa.Column("promo_percent", sa.Integer(), server_default="0", nullable=False)
        )
        batch_op.add_column(
            sa.Column(
                "coupon_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.add_column(
            sa.Column(
                "offer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.add_column(sa.Column("trial_start", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ended_reason", sa.String(length=32), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_plans_coupon_id"), "coupons", ["coupon_id"], ["id"]
        )
        batch_op.create_foreign_key(batch_op.f("fk_plans_offer_id"), "offers", ["offer_id"], ["id"])
        batch_op.create_check_constraint(op.f("ck_plans_promo_kind"), PROMO_KIND)
        batch_op.create_check_constraint(op.f("ck_plans_ended_reason"), ENDED_REASON)

    with op.batch_alter_table("purchases", table_args=PURCHASES) as batch_op:
        batch_op.add_column(sa.Column("fixed_price", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("discount", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("discounted_price", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("discount_ends_at", sa.DateTime(timezone=True), nullable=True)
        )
        batch_op.add_column(
            sa.Column(
                "promo_kind", sa.String(length=32), server_default="new_customer", nullable=False
            )
        )
        batch_op.add_column(
            sa.Column("promo_percent", sa.Integer(), server_default="0", nullable=False)
        )
        batch_op.add_column(
            sa.Column(
                "coupon_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.add_column(
            sa.Column(
                "offer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.add_column(sa.Column("trial_end", sa.DateTime(timezone=True), nullable=True))
        batch_op.alter_column("price_per_license", existing_type=sa.INTEGER(), nullable=True)
        batch_op.create_foreign_key(
            batch_op.f("fk_purchases_coupon_id"), "coupons", ["coupon_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_purchases_offer_id"), "offers", ["offer_id"], ["id"]
        )
        batch_op.create_check_constraint(op.f("ck_purchases_promo_kind"), PROMO_KIND)
        batch_op.create_check_constraint(op.f("ck_purchases_one_kind_of_price"), ONE_PRICE)

    op.execute(LINES_OF_PLANS)
    op.execute(FIRST_PRICES)
    op.execute(ENDED)
    keep_prices()


def downgrade() -> None:
    with op.batch_alter_table("purchases", table_args=PURCHASES) as batch_op:
        batch_op.drop_constraint(op.f("ck_purchases_one_kind_of_price"), type_="check")
        batch_op.drop_constraint(op.f("ck_purchases_promo_kind"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_purchases_offer_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_purchases_coupon_id"), type_="foreignkey")
        batch_op.alter_column("price_per_license", existing_type=sa.INTEGER(), nullable=False)
        batch_op.drop_column("trial_end")
        batch_op.drop_column("offer_id")
        batch_op.drop_column("coupon_id")
        batch_op.drop_column("promo_percent")
        batch_op.drop_column("promo_kind")
        batch_op.drop_column("discount_ends_at")
        batch_op.drop_column("discounted_price")
        batch_op.drop_column("discount")
        batch_op.drop_column("fixed_price")

    with op.batch_alter_table("plans", table_args=PLANS) as batch_op:
        batch_op.drop_constraint(op.f("ck_plans_ended_reason"), type_="check")
        batch_op.drop_constraint(op.f("ck_plans_promo_kind"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_plans_offer_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_plans_coupon_id"), type_="foreignkey")
        batch_op.drop_column("ended_reason")
        batch_op.drop_column("trial_start")
        batch_op.drop_column("offer_id")
        batch_op.drop_column("coupon_id")
        batch_op.drop_column("promo_percent")
        batch_op.drop_column("promo_kind")
        batch_op.drop_column("discount_ends_at")
        batch_op.drop_column("discounted_price")

    with op.batch_alter_table("mails") as batch_op:
        batch_op.drop_constraint(op.f("ck_mails_kind"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_mails_billing_user_id"), type_="foreignkey")
        batch_op.drop_column("kind")
        batch_op.drop_column("billing_user_id")

    with op.batch_alter_table("invoices") as batch_op:
        batch_op.drop_index(
            "ix_invoices_to_retry",
            sqlite_where=sa.text("next_retry_at IS NOT NULL"),
            postgresql_where=sa.text("next_retry_at IS NOT NULL"),
        )
        batch_op.drop_column("retries")
        batch_op.drop_column("next_retry_at")
        batch_op.drop_column("is_estimated")
        batch_op.drop_column("balance_applied")

    with op.batch_alter_table("invoice_lines", table_args=LINES) as batch_op:
        batch_op.drop_constraint(op.f("ck_invoice_lines_source_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_invoice_lines_source_kind"), OLD_SOURCES)
        batch_op.drop_constraint(batch_op.f("fk_invoice_lines_plan_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_invoice_lines_plan_id"))
        batch_op.drop_column("is_estimated")
        batch_op.drop_column("plan_id")

    with op.batch_alter_table("customers", table_args=CUSTOMERS) as batch_op:
        batch_op.drop_constraint(op.f("ck_customers_one_kind_of_discount"), type_="check")
        batch_op.drop_column("discount_owner")
        batch_op.drop_column("discount_reason")
        batch_op.drop_column("discount_ends_at")
        batch_op.drop_column("discount_annual_price")
        batch_op.drop_column("discount_monthly_price")
        batch_op.drop_column("discount_percent")
        batch_op.drop_column("required_plan_tier")

    with op.batch_alter_table("billing_users") as batch_op:
        batch_op.drop_column("wants_announcement_mails")
        batch_op.drop_column("wants_usage_mails")
        batch_op.drop_column("wants_renewal_mails")

    with op.batch_alter_table("one_offs") as batch_op:
        batch_op.drop_index(
            "ix_one_offs_open",
            sqlite_where=sa.text("invoice_id IS NULL AND canceled_at IS NULL"),
            postgresql_where=sa.text("invoice_id IS NULL AND canceled_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_one_offs_invoice_id"))

    op.drop_table("one_offs")
    with op.batch_alter_table("adjustments") as batch_op:
        batch_op.drop_index(
            "ix_adjustments_open",
            sqlite_where=sa.text("invoice_id IS NULL"),
            postgresql_where=sa.text("invoice_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_adjustments_invoice_id"))
        batch_op.drop_index(batch_op.f("ix_adjustments_customer_id"))

    op.drop_table("adjustments")
    with op.batch_alter_table("sponsorship_requests") as batch_op:
        batch_op.drop_index(
            "uq_sponsorship_requests_one_pending",
            sqlite_where=sa.text("status = 'pending'"),
            postgresql_where=sa.text("status = 'pending'"),
        )
        batch_op.drop_index(batch_op.f("ix_sponsorship_requests_customer_id"))

    op.drop_table("sponsorship_requests")
    with op.batch_alter_table("plan_prices") as batch_op:
        batch_op.drop_index(batch_op.f("ix_plan_prices_plan_id"))

    op.drop_table("plan_prices")
    with op.batch_alter_table("late_falls") as batch_op:
        batch_op.drop_index(batch_op.f("ix_late_falls_customer_id"))

    op.drop_table("late_falls")
    with op.batch_alter_table("coupon_uses") as batch_op:
        batch_op.drop_index(batch_op.f("ix_coupon_uses_customer_id"))

    op.drop_table("coupon_uses")
    with op.batch_alter_table("balance_credits") as batch_op:
        batch_op.drop_index(
            "ix_balance_credits_to_deliver",
            sqlite_where=sa.text("to_deliver"),
            postgresql_where=sa.text("to_deliver"),
        )
        batch_op.drop_index(batch_op.f("ix_balance_credits_customer_id"))

    op.drop_table("balance_credits")
    with op.batch_alter_table("offers") as batch_op:
        batch_op.drop_index(
            "uq_offers_one_open",
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        )
        batch_op.drop_index(batch_op.f("ix_offers_customer_id"))

    op.drop_table("offers")
    with op.batch_alter_table("organization_moves") as batch_op:
        batch_op.drop_index(batch_op.f("ix_organization_moves_to_server_id"))
        batch_op.drop_index(batch_op.f("ix_organization_moves_organization_id"))
        batch_op.drop_index(batch_op.f("ix_organization_moves_from_server_id"))

    op.drop_table("organization_moves")
    op.drop_table("coupons")
    op.drop_table("announcements")
