"""The checks of the test client bite: a bad page and a page that writes are planted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask, render_template_string, request
from sqlalchemy import create_engine, text

from app.models import Plan
from app.services.context import Context
from tests.support.client import (
    CheckedClient,
    PageError,
    RowInTemplateError,
    WriteInReadError,
    written_tables,
)


def app_with(view: Callable[..., Any], *methods: str) -> Flask:
    """An application with one page."""
    app = Flask(__name__)
    app.test_client_class = CheckedClient
    app.add_url_rule("/", view_func=view, methods=methods or ("GET",), endpoint="page")
    return app


def write() -> str:
    """A view that writes, and answers with something that is no page."""
    with create_engine("sqlite://").begin() as connection:
        connection.execute(text("CREATE TABLE plans (id INTEGER)"))
        connection.execute(text("INSERT INTO plans VALUES (1)"))
    return ""


def test_a_bad_page_fails_the_test_that_fetches_it() -> None:
    client = app_with(lambda: "<h1>Hello</h1>").test_client()
    with pytest.raises(PageError, match=r"no lang[\s\S]*no title"):
        client.get("/")


def test_a_bad_page_after_a_redirect_is_seen_too() -> None:
    app = app_with(lambda: ("", 302, {"Location": "/bad"}))
    app.add_url_rule("/bad", view_func=lambda: "<h1>Hello</h1>", endpoint="bad")
    with pytest.raises(PageError):
        app.test_client().get("/", follow_redirects=True)


def test_answers_that_are_no_pages_are_let_be() -> None:
    assert app_with(lambda: {"result": "success"}).test_client().get("/").status_code == 200


def test_a_page_that_writes_fails_the_test_that_fetches_it() -> None:
    def view() -> tuple[str, dict[str, str]]:
        return write(), {"Content-Type": "text/plain"}

    with pytest.raises(WriteInReadError, match="INSERT INTO plans"):
        app_with(view).test_client().get("/")
    assert app_with(view, "POST").test_client().post("/").status_code == 200


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("SELECT * FROM plans FOR UPDATE SKIP LOCKED", set()),
        ("SELECT * FROM plans WHERE title = 'UPDATE plans'", set()),
        ("UPDATE customers SET version = version + 1", {"customers"}),
        ('INSERT OR IGNORE INTO "plans" (id) VALUES (1)', {"plans"}),
        ("INSERT INTO plans (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2", {"plans"}),
        ("WITH gone AS (DELETE FROM plans RETURNING id) SELECT id FROM gone", {"plans"}),
        ("COPY audit_rows (id) FROM STDIN", {"audit_rows"}),
    ],
)
def test_writes_are_told_from_reads(statement: str, tables: set[str]) -> None:
    assert written_tables(statement) == tables


def test_a_form_is_sent_with_what_stands_in_it() -> None:
    page = """<!doctype html><html lang="en"><title>Pay</title><main><h1>Pay</h1>
    <form method="post" action="/pay"><input type="hidden" name="csrf_token" value="signed">
    <label>Seats <input name="seats" value="5"></label>
    <label>Schedule <select name="schedule"><option value="monthly">Monthly
    <option value="annual" selected>Annual</select></label>
    <label>Agreed <input type="checkbox" name="tos"></label><button>Pay</button></form></main>"""
    app = app_with(lambda: page)
    app.add_url_rule("/pay", view_func=lambda: request.form.to_dict(), methods=["POST"])
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    as_it_stands = {"csrf_token": "signed", "seats": "5", "schedule": "annual"}
    assert client.submit(client.get("/")).json == as_it_stands
    changed = client.submit(client.get("/"), {"seats": "7", "tos": "on"}, action="/pay")
    assert changed.json == as_it_stands | {"seats": "7", "tos": "on"}
    with pytest.raises(LookupError, match="no field 'licenses'"):
        client.submit(client.get("/"), {"licenses": "7"})
    with pytest.raises(LookupError, match="0 forms match '/cancel'"):
        client.submit(client.get("/"), action="/cancel")


def test_a_write_through_the_sessions_of_the_portal_is_seen(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    """The engine of the portal is older than the listener, and wrapped; it is heard all the same."""

    def view() -> dict[str, str]:
        with ctx.sessions() as session:
            session.execute(text("DELETE FROM plans"))
        return {"result": "success"}

    app.add_url_rule("/planted", view_func=view, methods=["GET", "POST"])
    with pytest.raises(WriteInReadError, match="DELETE FROM plans"):
        client.get("/planted")


@dataclass(frozen=True)
class Page:
    """What a template is given."""

    title: str
    plans: tuple[object, ...]


@pytest.mark.parametrize(
    ("plans", "message"),
    [(("basic",), None), (("basic", Plan()), r"page\.plans\[1\] is a Plan")],
)
def test_a_row_in_a_template_fails_the_test(plans: tuple[object, ...], message: str | None) -> None:
    def view() -> tuple[str, dict[str, str]]:
        page = Page("Plans", plans)
        return render_template_string("{{ page.title }}", page=page), {"Content-Type": "text/plain"}

    client = app_with(view).test_client()
    if message is None:
        assert client.get("/").text == "Plans"
    else:
        with pytest.raises(RowInTemplateError, match=message):
            client.get("/")
