"""Health for load balancers: alive, and able to serve."""

from collections.abc import Callable

from flask import Flask
from sqlalchemy import text

from app.extensions import db
from app.services.context import Context
from tests.support.client import CheckedClient


def test_alive_and_ready(client: CheckedClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()) == (200, {"status": "ok"})
    assert "Set-Cookie" not in ready.headers


def test_not_ready_while_migrations_are_missing(client: CheckedClient, ctx: Context) -> None:
    with ctx.sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json() == {"status": "unavailable", "problem": "migrations"}
    assert client.get("/healthz").status_code == 200


def test_not_ready_without_tables(make_app: Callable[..., Flask], empty_database_url: str) -> None:
    answer = make_app(database_url=empty_database_url).test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["problem"] == "database"


def test_health_is_never_limited(make_app: Callable[..., Flask]) -> None:
    made = make_app(rate_limit_pages="2 per minute").test_client()
    assert [made.get("/healthz").status_code for _ in range(5)] == [200] * 5
    assert [made.get("/readyz").status_code for _ in range(5)] == [200] * 5


def test_reading_leaves_no_connection_behind(app: Flask, client: CheckedClient) -> None:
    client.get("/readyz")
    with app.app_context():
        pool = db.engine.pool
        checked_out = getattr(pool, "checkedout", None)
        assert checked_out is None or checked_out() == 0
