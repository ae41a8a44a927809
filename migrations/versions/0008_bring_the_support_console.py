"""Bring the support console

Revision: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHEN = sa.DateTime(timezone=True)
ADDRESS = {
    "billing_name": 200,
    "billing_email": 254,
    "address_line1": 200,
    "address_line2": 200,
    "address_city": 100,
    "address_postal_code": 20,
    "address_state": 100,
    "address_country": 2,
}
CANCELLATION = (
    "cancellation_reason IN ('too_expensive', 'missing_features', 'switched_product', 'not_used', "
    "'temporary', 'service', 'other')"
)


def _column(name, kind, nullable=False, **more):
    return sa.Column(name, kind, nullable=nullable, **more)


def _key(table):
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def _reference(table, column, to):
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def _check(table, name, condition):
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _unique(table, *columns):
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _index(table, *columns, **more):
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), **more)


def _text(length):
    return sa.String(length=length)


def upgrade():
    _create_staff()
    _create_what_staff_keep()
    _create_what_customers_send()
    _extend_the_rest()


def _create_staff():
    op.create_table(
        "staff_users",
        _column("id", ID),
        _column("email", _text(254)),
        _column("full_name", _text(200)),
        _column("role", _text(32)),
        _column("password_hash", _text(200), True),
        _column("totp_secret", _text(400), True),
        _column("totp_confirmed_at", WHEN, True),
        _column("totp_last_step", sa.BigInteger(), True),
        _column("oidc_issuer", _text(300), True),
        _column("oidc_subject", _text(255), True),
        _column("failed_logins", sa.Integer()),
        _column("locked_until", WHEN, True),
        _column("created_at", WHEN),
        _column("last_login_at", WHEN, True),
        _column("disabled_at", WHEN, True),
        _check("staff_users", "role", "role IN ('read_only', 'support', 'admin')"),
        _key("staff_users"),
        _unique("staff_users", "email"),
        _unique("staff_users", "oidc_issuer", "oidc_subject"),
    )
    for table, column, more in (
        ("staff_recovery_codes", "code_hash", ()),
        ("staff_setup_links", "key_hash", (("created_at", WHEN), ("expires_at", WHEN))),
    ):
        op.create_table(
            table,
            _column("id", ID),
            _column("staff_user_id", ID),
            _column(column, _text(64)),
            *(_column(name, kind) for name, kind in more),
            _column("used_at", WHEN, True),
            _reference(table, "staff_user_id", "staff_users"),
            _key(table),
            _unique(table, column),
        )
        _index(table, "staff_user_id")


def _create_what_staff_keep():
    op.create_table(
        "staff_notes",
        _column("id", ID),
        _column("customer_id", ID),
        _column("staff_user_id", ID, True),
        _column("text", sa.Text()),
        _column("created_at", WHEN),
        _column("removed_at", WHEN, True),
        _reference("staff_notes", "customer_id", "customers"),
        _reference("staff_notes", "staff_user_id", "staff_users"),
        _key("staff_notes"),
    )
    _index("staff_notes", "customer_id")
    op.create_table(
        "staff_actions",
        _column("id", ID),
        _column("nonce", _text(43)),
        _column("action", _text(64)),
        _column("payer_kind", _text(32)),
        _column("payer_uuid", _text(36)),
        _column("customer_id", ID, True),
        _column("command", sa.JSON()),
        _column("facts", sa.JSON()),
        _column("effect", sa.JSON()),
        _column("reason", _text(300)),
        _column("status", _text(32)),
        _column("asked_by", ID),
        _column("created_at", WHEN),
        _column("decided_by", ID, True),
        _column("decided_at", WHEN, True),
        _column("decision_reason", _text(300), True),
        _column("finished_at", WHEN, True),
        _column("refused_code", _text(64), True),
        _column("refused_params", sa.JSON(), True),
        _check(
            "staff_actions",
            "status",
            "status IN ('waiting', 'running', 'done', 'refused', 'rejected', 'withdrawn')",
        ),
        _check("staff_actions", "payer_kind", "payer_kind IN ('server', 'organization')"),
        _reference("staff_actions", "customer_id", "customers"),
        _reference("staff_actions", "asked_by", "staff_users"),
        _reference("staff_actions", "decided_by", "staff_users"),
        _key("staff_actions"),
        _unique("staff_actions", "nonce"),
    )
    _index("staff_actions", "customer_id")
    _index("staff_actions", "payer_uuid")
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "ix_staff_actions_waiting",
        "staff_actions",
        ["created_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "saved_views",
        _column("id", ID),
        _column("staff_user_id", ID),
        _column("name", _text(80)),
        _column("query", sa.JSON()),
        _column("is_shared", sa.Boolean()),
        _column("created_at", WHEN),
        _reference("saved_views", "staff_user_id", "staff_users"),
        _key("saved_views"),
        _unique("saved_views", "staff_user_id", "name"),
    )
    op.create_table(
        "search_entries",
        _column("id", ID),
        _column("kind", _text(32)),
        _column("uuid", _text(36)),
        _column("server_id", ID),
        _column("organization_id", ID, True),
        _column("content", sa.Text()),
        _check("search_entries", "kind", "kind IN ('server', 'organization')"),
        _reference("search_entries", "server_id", "servers"),
        _reference("search_entries", "organization_id", "organizations"),
        _key("search_entries"),
        _unique("search_entries", "uuid"),
        _unique("search_entries", "organization_id"),
    )
    _index("search_entries", "server_id")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        op.execute(
            "CREATE INDEX ix_search_entries_trigrams ON search_entries "
            "USING gin (content gin_trgm_ops)"
        )


def _create_what_customers_send():
    op.create_table(
        "help_requests",
        _column("id", ID),
        _column("server_id", ID),
        _column("organization_id", ID, True),
        _column("billing_user_id", ID, True),
        _column("page", _text(32), True),
        _column("message", sa.Text()),
        _column("status", _text(32)),
        _column("created_at", WHEN),
        _column("closed_at", WHEN, True),
        _column("closed_by", ID, True),
        _column("answer", sa.Text(), True),
        _check("help_requests", "status", "status IN ('open', 'closed')"),
        _reference("help_requests", "server_id", "servers"),
        _reference("help_requests", "organization_id", "organizations"),
        _reference("help_requests", "billing_user_id", "billing_users"),
        _reference("help_requests", "closed_by", "staff_users"),
        _key("help_requests"),
    )
    opened = sa.text("status = 'open'")
    op.create_index(
        "ix_help_requests_open",
        "help_requests",
        ["created_at"],
        sqlite_where=opened,
        postgresql_where=opened,
    )
    op.create_table(
        "invitations",
        _column("id", ID),
        _column("organization_id", ID, True),
        _column("server_id", ID, True),
        _column("email", _text(254)),
        _column("role", _text(32)),
        _column("key_hash", _text(64)),
        _column("invited_by", ID),
        _column("created_at", WHEN),
        _column("expires_at", WHEN),
        _column("accepted_at", WHEN, True),
        _column("withdrawn_at", WHEN, True),
        _check(
            "invitations",
            "one_place_of_login",
            "(organization_id IS NULL) <> (server_id IS NULL)",
        ),
        _check("invitations", "role", "role IN ('owner', 'billing', 'viewer')"),
        _reference("invitations", "organization_id", "organizations"),
        _reference("invitations", "server_id", "servers"),
        _reference("invitations", "invited_by", "billing_users"),
        _key("invitations"),
        _unique("invitations", "key_hash"),
    )
    _index("invitations", "organization_id")
    _index("invitations", "server_id")


def _extend_the_rest():
    with op.batch_alter_table("browser_sessions") as batch_op:
        batch_op.add_column(_column("staff_user_id", ID, True))
        batch_op.add_column(_column("ip", _text(45), True))
        batch_op.add_column(_column("user_agent", _text(200), True))
        batch_op.create_foreign_key(
            op.f("fk_browser_sessions_staff_user_id"), "staff_users", ["staff_user_id"], ["id"]
        )
        batch_op.create_check_constraint(
            op.f("ck_browser_sessions_one_identity"),
            "billing_user_id IS NULL OR staff_user_id IS NULL",
        )
        batch_op.create_index(op.f("ix_browser_sessions_staff_user_id"), ["staff_user_id"])
    with op.batch_alter_table("plans") as batch_op:
        batch_op.add_column(_column("cancellation_reason", _text(32), True))
        batch_op.add_column(_column("cancellation_comment", _text(1000), True))
        batch_op.create_check_constraint(op.f("ck_plans_cancellation_reason"), CANCELLATION)
    for name, length in ADDRESS.items():
        op.add_column("customers", _column(name, _text(length), True))
    _allow_roles("'owner', 'billing', 'viewer'", before="'owner', 'billing'")


def _allow_roles(after, *, before):
    """Change the roles a billing user may have."""
    name = op.f("ck_billing_users_role")
    with op.batch_alter_table("billing_users") as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"role IN ({after})")


def downgrade():
    _allow_roles("'owner', 'billing'", before="'owner', 'billing', 'viewer'")
    for name in ADDRESS:
        op.drop_column("customers", name)
    with op.batch_alter_table("plans") as batch_op:
        batch_op.drop_constraint(op.f("ck_plans_cancellation_reason"), type_="check")
        batch_op.drop_column("cancellation_comment")
        batch_op.drop_column("cancellation_reason")
    with op.batch_alter_table("browser_sessions") as batch_op:
        batch_op.drop_index(op.f("ix_browser_sessions_staff_user_id"))
        batch_op.drop_constraint(op.f("ck_browser_sessions_one_identity"), type_="check")
        batch_op.drop_constraint(op.f("fk_browser_sessions_staff_user_id"), type_="foreignkey")
        for name in ("user_agent", "ip", "staff_user_id"):
            batch_op.drop_column(name)
    for table in (
        "invitations",
        "help_requests",
        "search_entries",
        "saved_views",
        "staff_actions",
        "staff_notes",
        "staff_setup_links",
        "staff_recovery_codes",
        "staff_users",
    ):
        op.drop_table(table)
