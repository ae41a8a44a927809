"""Create the tables

Revision: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


APPEND_ONLY_TABLES = ("ledger_entries", "audit_entries")


def create_append_only_triggers() -> None:
    """Refuse UPDATE and DELETE on the ledger and the audit log."""
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    for table in APPEND_ONLY_TABLES:
        for verb in ("update", "delete"):
            if dialect == "sqlite":
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
            else:
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
                )


def upgrade() -> None:
    op.create_table(
        "audit_rows",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("server_id", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", sa.BigInteger(), nullable=False),
        sa.Column("event_type", sa.Integer(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_time_us", sa.BigInteger(), nullable=False),
        sa.Column("backfilled", sa.Boolean(), nullable=False),
        sa.Column("extra_data", sa.Text(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_rows")),
        sa.UniqueConstraint(
            "server_id", "remote_id", name=op.f("uq_audit_rows_server_id_remote_id")
        ),
    )
    with op.batch_alter_table("audit_rows", schema=None) as batch_op:
        batch_op.create_index(
            "ix_audit_rows_activity",
            ["organization_id", "event_time", "remote_id"],
            unique=False,
            sqlite_where=sa.text("event_type IN (201, 202)"),
            postgresql_where=sa.text("event_type IN (201, 202)"),
        )
        batch_op.create_index(
            "ix_audit_rows_natural_key", ["organization_id", "event_time_us"], unique=False
        )
        batch_op.create_index(
            "ix_audit_rows_seats",
            ["organization_id", "event_time", "remote_id"],
            unique=False,
            sqlite_where=sa.text("seats IS NOT NULL"),
            postgresql_where=sa.text("seats IS NOT NULL"),
        )

    op.create_table(
        "organization_counts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("server_id", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", sa.BigInteger(), nullable=False),
        sa.Column("property", sa.String(length=64), nullable=False),
        sa.Column("subgroup", sa.String(length=64), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization_counts")),
        sa.UniqueConstraint(
            "server_id", "remote_id", name=op.f("uq_organization_counts_server_id_remote_id")
        ),
    )
    with op.batch_alter_table("organization_counts", schema=None) as batch_op:
        batch_op.create_index(
            "ix_organization_counts_natural_key",
            ["organization_id", "property", "end_time"],
            unique=False,
        )

    op.create_table(
        "pending_audit_rows",
        sa.Column(
            "audit_row_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("server_id", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("audit_row_id", name=op.f("pk_pending_audit_rows")),
    )
    with op.batch_alter_table("pending_audit_rows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pending_audit_rows_due_at"), ["due_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_pending_audit_rows_server_id"), ["server_id"], unique=False
        )

    op.create_table(
        "personal_details",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("full_name", sa.String(length=200), nullable=True),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal_details")),
    )
    with op.batch_alter_table("personal_details", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_personal_details_email"), ["email"], unique=False)

    op.create_table(
        "server_counts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("server_id", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", sa.BigInteger(), nullable=False),
        sa.Column("property", sa.String(length=64), nullable=False),
        sa.Column("subgroup", sa.String(length=64), nullable=True),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_counts")),
        sa.UniqueConstraint(
            "server_id", "remote_id", name=op.f("uq_server_counts_server_id_remote_id")
        ),
    )
    with op.batch_alter_table("server_counts", schema=None) as batch_op:
        batch_op.create_index(
            "ix_server_counts_natural_key", ["server_id", "property", "end_time"], unique=False
        )

    op.create_table(
        "servers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("hostname", sa.String(length=128), nullable=False),
        sa.Column("contact_email", sa.String(length=254), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("signing_public_key", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_audit_log_update", sa.DateTime(timezone=True), nullable=True),
        sa.Column("product_version", sa.String(length=64), nullable=True),
        sa.Column("api_feature_level", sa.Integer(), nullable=True),
        sa.Column("last_realm_count_id", sa.BigInteger(), nullable=False),
        sa.Column("last_installation_count_id", sa.BigInteger(), nullable=False),
        sa.Column("last_audit_remote_id", sa.BigInteger(), nullable=False),
        sa.Column("ledger_cursor", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servers")),
        sa.UniqueConstraint("hostname", name=op.f("uq_servers_hostname")),
        sa.UniqueConstraint("uuid", name=op.f("uq_servers_uuid")),
    )
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider_event_id", sa.String(length=64), nullable=False),
        sa.Column("event_type", sa.String(length=64), nullable=False),
        sa.Column("object_id", sa.String(length=128), nullable=False),
        sa.Column("api_version", sa.String(length=32), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.String(length=128), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
        sa.UniqueConstraint("provider_event_id", name=op.f("uq_webhook_events_provider_event_id")),
    )
    with op.batch_alter_table("webhook_events", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_events_unhandled",
            ["next_attempt_at"],
            unique=False,
            sqlite_where=sa.text("handled_at IS NULL"),
            postgresql_where=sa.text("handled_at IS NULL"),
        )

    op.create_table(
        "audit_entries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("server_id", sa.BigInteger(), nullable=True),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column(
            "personal_detail_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["personal_detail_id"],
            ["personal_details.id"],
            name=op.f("fk_audit_entries_personal_detail_id"),
            ondelete="NO ACTION",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entries_customer", ["customer_id", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_audit_entries_organization_id"), ["organization_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_audit_entries_server_id"), ["server_id"], unique=False)

    op.create_table(
        "organizations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "server_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("uuid", sa.String(length=36), nullable=True),
        sa.Column("remote_realm_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_secret_hash", sa.String(length=64), nullable=True),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("url", sa.String(length=300), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("org_type", sa.Integer(), nullable=False),
        sa.Column("authentication_methods", sa.JSON(), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deactivated", sa.Boolean(), nullable=False),
        sa.Column("is_system_bot_realm", sa.Boolean(), nullable=False),
        sa.Column("locally_deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.id"], name=op.f("fk_organizations_server_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("uuid", name=op.f("uq_organizations_uuid")),
    )
    with op.batch_alter_table("organizations", schema=None) as batch_op:
        batch_op.create_index(
            "uq_organizations_present_remote_id",
            ["server_id", "remote_realm_id"],
            unique=True,
            sqlite_where=sa.text("locally_deleted_at IS NULL"),
            postgresql_where=sa.text("locally_deleted_at IS NULL"),
        )

    op.create_table(
        "billing_users",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("server_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("user_uuid", sa.String(length=36), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("tos_version", sa.String(length=16), nullable=True),
        sa.Column("tos_accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wants_major_release_mails", sa.Boolean(), nullable=False),
        sa.Column("wants_maintenance_mails", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(organization_id IS NULL) <> (server_id IS NULL)",
            name=op.f("ck_billing_users_one_place_of_login"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_billing_users_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.id"], name=op.f("fk_billing_users_server_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_users")),
        sa.UniqueConstraint(
            "organization_id", "user_uuid", name=op.f("uq_billing_users_organization_id_user_uuid")
        ),
        sa.UniqueConstraint("server_id", "email", name=op.f("uq_billing_users_server_id_email")),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("display_name", sa.String(length=300), nullable=False),
        sa.Column("server_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stripe_customer_id", sa.String(length=64), nullable=True),
        sa.Column("card_payment_method", sa.String(length=64), nullable=True),
        sa.Column("card_brand", sa.String(length=32), nullable=True),
        sa.Column("card_last4", sa.String(length=4), nullable=True),
        sa.Column("card_exp_month", sa.Integer(), nullable=True),
        sa.Column("card_exp_year", sa.Integer(), nullable=True),
        sa.Column("new_customer_months_left", sa.Integer(), nullable=True),
        sa.Column("minimum_licenses", sa.Integer(), nullable=True),
        sa.Column("exempt_from_license_number_check", sa.Boolean(), nullable=False),
        sa.Column("sponsorship_pending", sa.Boolean(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_reason", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "(kind = 'server' AND server_id IS NOT NULL AND organization_id IS NULL) OR (kind = 'organization' AND organization_id IS NOT NULL AND server_id IS NULL)",
            name=op.f("ck_customers_exactly_one_payer"),
        ),
        sa.CheckConstraint("kind IN ('server', 'organization')", name=op.f("ck_customers_kind")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_customers_organization_id")
        ),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], name=op.f("fk_customers_server_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("organization_id", name=op.f("uq_customers_organization_id")),
        sa.UniqueConstraint("server_id", name=op.f("uq_customers_server_id")),
        sa.UniqueConstraint("stripe_customer_id", name=op.f("uq_customers_stripe_customer_id")),
        sa.UniqueConstraint("uuid", name=op.f("uq_customers_uuid")),
    )
    op.create_table(
        "login_links",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("nonce", sa.String(length=43), nullable=False),
        sa.Column(
            "server_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "organization_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("user_uuid", sa.String(length=36), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("uri_scheme", sa.String(length=8), nullable=False),
        sa.Column("next_page", sa.String(length=32), nullable=True),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_login_links_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.id"], name=op.f("fk_login_links_server_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_links")),
        sa.UniqueConstraint("nonce", name=op.f("uq_login_links_nonce")),
    )
    op.create_table(
        "browser_sessions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column(
            "billing_user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("way_back", sa.String(length=400), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["billing_user_id"],
            ["billing_users.id"],
            name=op.f("fk_browser_sessions_billing_user_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_browser_sessions")),
        sa.UniqueConstraint("id_hash", name=op.f("uq_browser_sessions_id_hash")),
    )
    with op.batch_alter_table("browser_sessions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_browser_sessions_last_seen_at"), ["last_seen_at"], unique=False
        )

    op.create_table(
        "email_confirmations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "login_link_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["login_link_id"], ["login_links.id"], name=op.f("fk_email_confirmations_login_link_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_confirmations")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_email_confirmations_key_hash")),
    )
    with op.batch_alter_table("email_confirmations", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_email_confirmations_login_link_id"), ["login_link_id"], unique=False
        )

    op.create_table(
        "mails",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_key", sa.String(length=200), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("secret_params", sa.JSON(), nullable=True),
        sa.Column("about_money", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("claimed_by", sa.String(length=128), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("caught_subject", sa.String(length=300), nullable=True),
        sa.Column("caught_text", sa.Text(), nullable=True),
        sa.Column("caught_html", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_mails_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.UniqueConstraint("event_key", name=op.f("uq_mails_event_key")),
    )
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mails_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            "ix_mails_unsent",
            ["next_attempt_at"],
            unique=False,
            sqlite_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
            postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
        )

    op.create_table(
        "plans",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("tier", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("at_cycle_end", sa.String(length=32), nullable=False),
        sa.Column(
            "next_plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("schedule", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("price_per_license", sa.Integer(), nullable=True),
        sa.Column("fixed_price", sa.Integer(), nullable=True),
        sa.Column("discount", sa.Integer(), nullable=True),
        sa.Column("tier_minimum", sa.Integer(), nullable=False),
        sa.Column("new_customer_months_at_start", sa.Integer(), nullable=False),
        sa.Column("new_customer_amount", sa.Integer(), nullable=False),
        sa.Column("new_customer_minimum", sa.Integer(), nullable=False),
        sa.Column("license_management", sa.String(length=32), nullable=False),
        sa.Column("collection", sa.String(length=32), nullable=False),
        sa.Column("billing_cycle_anchor", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_invoice_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invoiced_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invoiced_through", sa.BigInteger(), nullable=True),
        sa.Column("invoice_deferred_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "at_cycle_end IN ('renew', 'end', 'switch_schedule', 'switch_tier')",
            name=op.f("ck_plans_at_cycle_end"),
        ),
        sa.CheckConstraint(
            "collection IN ('charge_automatically', 'send_invoice')",
            name=op.f("ck_plans_collection"),
        ),
        sa.CheckConstraint(
            "license_management IN ('automatic', 'manual')",
            name=op.f("ck_plans_license_management"),
        ),
        sa.CheckConstraint("schedule IN ('monthly', 'annual')", name=op.f("ck_plans_schedule")),
        sa.CheckConstraint(
            "status IN ('never_started', 'trial', 'active', 'ended')", name=op.f("ck_plans_status")
        ),
        sa.CheckConstraint(
            "(price_per_license IS NULL) <> (fixed_price IS NULL)",
            name=op.f("ck_plans_one_kind_of_price"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_plans_customer_id")
        ),
        sa.ForeignKeyConstraint(["next_plan_id"], ["plans.id"], name=op.f("fk_plans_next_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    with op.batch_alter_table("plans", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plans_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            "ix_plans_due",
            ["next_invoice_date"],
            unique=False,
            sqlite_where=sa.text("next_invoice_date IS NOT NULL"),
            postgresql_where=sa.text("next_invoice_date IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_plans_one_live",
            ["customer_id"],
            unique=True,
            sqlite_where=sa.text("status IN ('trial', 'active')"),
            postgresql_where=sa.text("status IN ('trial', 'active')"),
        )
        batch_op.create_index(
            "uq_plans_one_never_started",
            ["customer_id"],
            unique=True,
            sqlite_where=sa.text("status = 'never_started'"),
            postgresql_where=sa.text("status = 'never_started'"),
        )

    op.create_table(
        "ledger_entries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_renewal", sa.Boolean(), nullable=False),
        sa.Column("licenses", sa.Integer(), nullable=False),
        sa.Column("licenses_at_next_renewal", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("log_entry_id", sa.BigInteger(), nullable=True),
        sa.Column("server_uuid", sa.String(length=36), nullable=True),
        sa.Column("remote_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(log_entry_id IS NULL) <> (actor IS NULL)",
            name=op.f("ck_ledger_entries_log_entry_or_actor"),
        ),
        sa.CheckConstraint(
            "licenses >= 0 AND licenses_at_next_renewal >= 0",
            name=op.f("ck_ledger_entries_not_negative"),
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_ledger_entries_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint(
            "plan_id", "log_entry_id", name=op.f("uq_ledger_entries_plan_id_log_entry_id")
        ),
    )
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ledger_entries_plan_time", ["plan_id", "event_time", "id"], unique=False
        )

    op.create_table(
        "purchases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("tier", sa.String(length=32), nullable=False),
        sa.Column("schedule", sa.String(length=32), nullable=False),
        sa.Column("license_management", sa.String(length=32), nullable=False),
        sa.Column("collection", sa.String(length=32), nullable=False),
        sa.Column("licenses", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("price_per_license", sa.Integer(), nullable=False),
        sa.Column("tier_minimum", sa.Integer(), nullable=False),
        sa.Column("new_customer_months", sa.Integer(), nullable=False),
        sa.Column("new_customer_amount", sa.Integer(), nullable=False),
        sa.Column("new_customer_minimum", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("known_remote_id", sa.BigInteger(), nullable=False),
        sa.Column("quote", sa.JSON(), nullable=False),
        sa.Column("form_nonce", sa.String(length=64), nullable=False),
        sa.Column("anchor", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hosted_url", sa.String(length=500), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("failure_message", sa.String(length=500), nullable=True),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("claimed_by", sa.String(length=128), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "collection IN ('charge_automatically', 'send_invoice')",
            name=op.f("ck_purchases_collection"),
        ),
        sa.CheckConstraint(
            "license_management IN ('automatic', 'manual')",
            name=op.f("ck_purchases_license_management"),
        ),
        sa.CheckConstraint("schedule IN ('monthly', 'annual')", name=op.f("ck_purchases_schedule")),
        sa.CheckConstraint(
            "status IN ('open', 'completed', 'declined', 'voided')",
            name=op.f("ck_purchases_status"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_purchases_customer_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_purchases_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchases")),
        sa.UniqueConstraint("form_nonce", name=op.f("uq_purchases_form_nonce")),
    )
    with op.batch_alter_table("purchases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_purchases_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            "uq_purchases_one_open",
            ["customer_id"],
            unique=True,
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        )

    op.create_table(
        "invoices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("boundary", sa.DateTime(timezone=True), nullable=False),
        sa.Column("group_key", sa.String(length=100), nullable=False),
        sa.Column(
            "purchase_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("collection", sa.String(length=32), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("stripe_invoice_id", sa.String(length=64), nullable=True),
        sa.Column("hosted_url", sa.String(length=500), nullable=True),
        sa.Column("pdf_url", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finalized_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("failure_message", sa.String(length=500), nullable=True),
        sa.Column("to_deliver", sa.Boolean(), nullable=False),
        sa.Column("next_delivery_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(length=128), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "collection IN ('charge_automatically', 'send_invoice')",
            name=op.f("ck_invoices_collection"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'open', 'paid', 'void', 'uncollectible')",
            name=op.f("ck_invoices_status"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_invoices_customer_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_invoices_plan_id")),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchases.id"], name=op.f("fk_invoices_purchase_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint(
            "customer_id",
            "boundary",
            "group_key",
            name=op.f("uq_invoices_customer_id_boundary_group_key"),
        ),
        sa.UniqueConstraint("number", name=op.f("uq_invoices_number")),
        sa.UniqueConstraint("stripe_invoice_id", name=op.f("uq_invoices_stripe_invoice_id")),
    )
    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invoices_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_invoices_plan_id"), ["plan_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_invoices_purchase_id"), ["purchase_id"], unique=False)
        batch_op.create_index(
            "ix_invoices_to_deliver",
            ["id"],
            unique=False,
            sqlite_where=sa.text("to_deliver"),
            postgresql_where=sa.text("to_deliver"),
        )

    op.create_table(
        "delivery_attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "invoice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_delivery_attempts_invoice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempts")),
        sa.UniqueConstraint(
            "invoice_id",
            "step",
            "attempt",
            name=op.f("uq_delivery_attempts_invoice_id_step_attempt"),
        ),
    )
    op.create_table(
        "invoice_lines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "invoice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source_kind", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("tier", sa.String(length=32), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_amount", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('first', 'renewal', 'added', 'discount', 'credit', 'adjustment', 'one_off')",
            name=op.f("ck_invoice_lines_kind"),
        ),
        sa.CheckConstraint(
            "source_kind IN ('plan', 'purchase')", name=op.f("ck_invoice_lines_source_kind")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_lines_invoice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_lines")),
        sa.UniqueConstraint(
            "source_kind",
            "source_id",
            "period_start",
            "period_end",
            "kind",
            name=op.f("uq_invoice_lines_source_kind_source_id_period_start_period_end_kind"),
        ),
    )
    with op.batch_alter_table("invoice_lines", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_invoice_lines_invoice_id"), ["invoice_id"], unique=False
        )

    op.create_table(
        "invoice_line_entries",
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entries.id"], name=op.f("fk_invoice_line_entries_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["invoice_lines.id"], name=op.f("fk_invoice_line_entries_line_id")
        ),
        sa.PrimaryKeyConstraint(
            "line_id", "entry_id", "role", name=op.f("pk_invoice_line_entries")
        ),
        sa.UniqueConstraint("entry_id", "role", name=op.f("uq_invoice_line_entries_entry_id_role")),
    )
    create_append_only_triggers()


def downgrade() -> None:
    op.drop_table("invoice_line_entries")
    with op.batch_alter_table("invoice_lines", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invoice_lines_invoice_id"))

    op.drop_table("invoice_lines")
    op.drop_table("delivery_attempts")
    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_invoices_to_deliver",
            sqlite_where=sa.text("to_deliver"),
            postgresql_where=sa.text("to_deliver"),
        )
        batch_op.drop_index(batch_op.f("ix_invoices_purchase_id"))
        batch_op.drop_index(batch_op.f("ix_invoices_plan_id"))
        batch_op.drop_index(batch_op.f("ix_invoices_customer_id"))

    op.drop_table("invoices")
    with op.batch_alter_table("purchases", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_purchases_one_open",
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        )
        batch_op.drop_index(batch_op.f("ix_purchases_customer_id"))

    op.drop_table("purchases")
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index("ix_ledger_entries_plan_time")

    op.drop_table("ledger_entries")
    with op.batch_alter_table("plans", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_plans_one_never_started",
            sqlite_where=sa.text("status = 'never_started'"),
            postgresql_where=sa.text("status = 'never_started'"),
        )
        batch_op.drop_index(
            "uq_plans_one_live",
            sqlite_where=sa.text("status IN ('trial', 'active')"),
            postgresql_where=sa.text("status IN ('trial', 'active')"),
        )
        batch_op.drop_index(
            "ix_plans_due",
            sqlite_where=sa.text("next_invoice_date IS NOT NULL"),
            postgresql_where=sa.text("next_invoice_date IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_plans_customer_id"))

    op.drop_table("plans")
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_mails_unsent",
            sqlite_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
            postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_mails_customer_id"))

    op.drop_table("mails")
    with op.batch_alter_table("email_confirmations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_email_confirmations_login_link_id"))

    op.drop_table("email_confirmations")
    with op.batch_alter_table("browser_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_browser_sessions_last_seen_at"))

    op.drop_table("browser_sessions")
    op.drop_table("login_links")
    op.drop_table("customers")
    op.drop_table("billing_users")
    with op.batch_alter_table("organizations", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_organizations_present_remote_id",
            sqlite_where=sa.text("locally_deleted_at IS NULL"),
            postgresql_where=sa.text("locally_deleted_at IS NULL"),
        )

    op.drop_table("organizations")
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_entries_server_id"))
        batch_op.drop_index(batch_op.f("ix_audit_entries_organization_id"))
        batch_op.drop_index("ix_audit_entries_customer")

    op.drop_table("audit_entries")
    with op.batch_alter_table("webhook_events", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_webhook_events_unhandled",
            sqlite_where=sa.text("handled_at IS NULL"),
            postgresql_where=sa.text("handled_at IS NULL"),
        )

    op.drop_table("webhook_events")
    op.drop_table("servers")
    with op.batch_alter_table("server_counts", schema=None) as batch_op:
        batch_op.drop_index("ix_server_counts_natural_key")

    op.drop_table("server_counts")
    with op.batch_alter_table("personal_details", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_personal_details_email"))

    op.drop_table("personal_details")
    with op.batch_alter_table("pending_audit_rows", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pending_audit_rows_server_id"))
        batch_op.drop_index(batch_op.f("ix_pending_audit_rows_due_at"))

    op.drop_table("pending_audit_rows")
    with op.batch_alter_table("organization_counts", schema=None) as batch_op:
        batch_op.drop_index("ix_organization_counts_natural_key")

    op.drop_table("organization_counts")
    with op.batch_alter_table("audit_rows", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_audit_rows_seats",
            sqlite_where=sa.text("seats IS NOT NULL"),
            postgresql_where=sa.text("seats IS NOT NULL"),
        )
        batch_op.drop_index("ix_audit_rows_natural_key")
        batch_op.drop_index(
            "ix_audit_rows_activity",
            sqlite_where=sa.text("event_type IN (201, 202)"),
            postgresql_where=sa.text("event_type IN (201, 202)"),
        )

    op.drop_table("audit_rows")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION IF EXISTS refuse_change()")
