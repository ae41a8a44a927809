"""Error pages: what happened, what to do, whom to ask; and never a trace."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from flask import Blueprint, Flask, abort
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.domain.errors import BillingError, MissingDataError, NotFoundError
from app.extensions import limiter
from app.gateways.payments import ProviderRejected, ProviderUnavailable
from app.web.access import public
from tests.support.client import CheckedClient
from tests.web.sample_pages import sample_blueprint

pytestmark = pytest.mark.sqlite_only

SECRET = "a detail that nobody outside may read"
ERRORS: dict[str, Exception] = {
    "refused": BillingError("missing_data"),
    "not-found": NotFoundError("plan"),
    "stale": MissingDataError(last_heard=datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)),
    "provider": ProviderUnavailable(SECRET, code="timeout"),
    "provider-no": ProviderRejected(SECRET, code="resource_missing"),
    "database": OperationalError(f"SELECT '{SECRET}'", {}, Exception("connection refused")),
    "pool": PoolTimeoutError("no connection left"),
    "crash": ZeroDivisionError(SECRET),
}


def planted() -> Blueprint:
    blueprint = Blueprint("planted", __name__)

    @blueprint.get("/planted/<int:status>")
    @public
    def give_up(status: int) -> dict[str, str]:
        abort(status)

    @blueprint.get("/planted/error/<string:name>")
    @public
    def fail(name: str) -> dict[str, str]:
        raise ERRORS[name]

    @blueprint.get("/planted/limited")
    @public
    @limiter.limit("1 per minute")
    def limited() -> dict[str, str]:
        return {}

    @blueprint.post("/planted/form")
    @public
    def form() -> dict[str, str]:
        return {}

    return blueprint


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> CheckedClient:
    app = make_app(rate_limit_pages="100 per minute")
    # As in production: an exception becomes a page instead of the test's own failure.
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.register_blueprint(planted())
    app.register_blueprint(sample_blueprint())
    limiter.reset()
    made = app.test_client()
    assert isinstance(made, CheckedClient)
    return made


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "We could not read that request"),
        (401, "Please come in from your organization"),
        (403, "You cannot open this page"),
        (404, "There is no such page"),
        (405, "This address cannot be opened like that"),
        (410, "We could not read that request"),
        (413, "That was too much at once"),
        (415, "We cannot read that kind of content"),
        (429, "Too many requests"),
        (500, "Something went wrong on our side"),
        (502, "Something went wrong on our side"),
        (503, "The billing pages are not available right now"),
    ],
)
def test_every_status_has_a_page_that_helps(client: CheckedClient, status: int, words: str) -> None:
    answer = client.get(f"/planted/{status}")
    assert answer.status_code == status
    assert words in text_of(answer)
    assert "support@tallyport.test" in answer.text


def test_a_wrong_method_says_which_are_right(client: CheckedClient) -> None:
    answer = client.post("/sample/billing")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_form_without_its_token_leads_back_to_its_page(client: CheckedClient) -> None:
    answer = client.post(
        "/planted/form", headers={"Referer": "http://localhost/sample/form?step=2"}
    )
    assert answer.status_code == 400
    assert "This page was open for too long" in text_of(answer)
    assert 'href="/sample/form?step=2"' in answer.text
    elsewhere = client.post("/planted/form", headers={"Referer": "http://evil.test/sample/form"})
    assert "Back to the page" not in text_of(elsewhere)


def test_a_body_that_is_too_large(make_app: Callable[..., Flask]) -> None:
    app = make_app(max_upload_bytes=1000)
    app.register_blueprint(sample_blueprint())
    answer = app.test_client().post("/sample/form", data={"email": "x" * 2000})
    assert answer.status_code == 413
    assert "larger than we accept" in text_of(answer)


def test_no_form_of_a_page_is_as_large_as_an_upload(app: Flask) -> None:
    client = app.test_client()
    # The CSRF check reads the form before anything else does, so this is told first.
    assert client.post("/serverlogin/", data={"server_key": "x" * 100_000}).status_code == 413
    upload = "/api/v1/remotes/server/register"
    assert client.post(upload, data={"hostname": "x" * 100_000}).status_code == 400


@pytest.mark.parametrize(
    "sent",
    [
        # A file where a text belongs, and numbers: what reads the fields expects neither.
        {"data": {"server_id": (BytesIO(b"x"), "x.txt"), "server_key": "k"}},
        {"json": {"server_id": 5, "server_key": ["k"]}},
        {"data": b"server_id=x", "content_type": "text/plain"},
    ],
)
def test_forms_come_as_browsers_send_ours(client: CheckedClient, sent: dict[str, Any]) -> None:
    page = client.get("/serverlogin/")
    (token,) = re.findall(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    answer = client.post("/serverlogin/", headers={"X-CSRFToken": token}, **sent)
    assert answer.status_code == 415
    assert "does not take" in text_of(answer)
    # Elsewhere the kind of content is the view's business, or nobody's.
    assert client.post("/api/v1/remotes/push/notify", json={}).status_code == 404
    assert client.post("/terms/", json={}).status_code == 405


@pytest.mark.parametrize("path", ["/", "/serverlogin/", "/nowhere/", "/api/v1/remotes/x"])
@pytest.mark.parametrize("host", ["x" * 300, "a..b", "a b", "[::1", ""])
def test_a_host_that_can_be_none(client: CheckedClient, host: str, path: str) -> None:
    answer = client.get(path, environ_overrides={"HTTP_HOST": host})
    assert answer.status_code < 500
    assert "Something went wrong" not in answer.text


@pytest.mark.parametrize("base_url", ["http://localhost", "https://localhost"])
def test_a_referer_that_is_no_address(make_app: Callable[..., Flask], base_url: str) -> None:
    client = make_app(base_url=base_url).test_client()
    # The CSRF check reads it under https, the way back of an error page everywhere.
    for method in ("GET", "POST"):
        answer = client.open(
            "/serverlogin/", method=method, base_url=base_url, headers={"Referer": "http://[x"}
        )
        assert answer.status_code == 400


def test_what_a_broken_statement_held_is_in_no_log(app: Flask) -> None:
    engine = app.extensions["tallyport"].sessions.kw["bind"]
    with engine.connect() as connection, pytest.raises(DBAPIError) as broken:
        connection.execute(
            text("SELECT nothing FROM nowhere WHERE email = :email"), {"email": SECRET}
        )
    assert SECRET not in str(broken.value)


def test_a_limit_says_how_long_to_wait(client: CheckedClient) -> None:
    assert client.get("/planted/limited").status_code == 200
    answer = client.get("/planted/limited")
    assert answer.status_code == 429
    assert re.search(r"It works again in \d+ (seconds?|minute)\.", text_of(answer))
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("refused", 400, "has not uploaded its counts for more than two days"),
        ("not-found", 404, "There is no such page"),
        ("stale", 409, "has not uploaded its counts for more than two days"),
        ("provider", 503, "We could not reach our payment provider"),
        ("provider-no", 503, "We could not reach our payment provider"),
        ("database", 503, "The billing pages are not available right now"),
        ("pool", 503, "The billing pages are not available right now"),
        ("crash", 500, "Something went wrong on our side"),
    ],
)
def test_errors_of_ours_have_pages(
    client: CheckedClient, name: str, status: int, words: str
) -> None:
    answer = client.get(f"/planted/error/{name}")
    assert answer.status_code == status
    assert words in text_of(answer)
    assert SECRET not in answer.text and "Traceback" not in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_a_crash_has_a_reference_that_the_log_knows(
    client: CheckedClient, caplog: pytest.LogCaptureFixture
) -> None:
    page = client.get("/planted/error/crash")
    found = re.search(r"name the reference ([0-9a-f]{8}) ,", text_of(page))
    assert found is not None
    (record,) = [record for record in caplog.records if record.message == "page.crashed"]
    assert record.__dict__["fields"] == {
        "reference": found[1],
        "method": "GET",
        "path": "/planted/error/crash",
    }
    assert record.exc_info is not None and SECRET in str(record.exc_info[1])
    assert f"subject=Tallyport%20{found[1]}" in page.text
    # Other pages have none, and each crash has its own.
    assert "reference" not in text_of(client.get("/planted/404"))
    assert found[1] not in client.get("/planted/error/crash").text


def test_the_log_of_a_crash_holds_no_login_token(
    client: CheckedClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_values: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(client.application.view_functions, "login.begin", broken)
    assert client.get(f"/remote-billing-login/{'x' * 40}").status_code == 500
    (record,) = [record for record in caplog.records if record.message == "page.crashed"]
    assert record.__dict__["fields"]["path"] == "/remote-billing-login/[token]"


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/planted/404", "How to log in"),
        ("/planted/403", "How to log in"),
        ("/planted/429", "Try again"),
        ("/planted/500", "Try again"),
        ("/planted/error/database", "Try again"),
        ("/planted/error/provider", "Try again"),
    ],
)
def test_every_page_has_a_way_on(client: CheckedClient, path: str, way: str) -> None:
    page = client.get(f"{path}?a=1")
    assert way in text_of(page)
    assert (f'href="{path}?a=1"' in page.text) == (way == "Try again")


def test_a_form_is_never_sent_again_by_a_link(client: CheckedClient) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = False
    blueprint = Blueprint("more", __name__)

    @blueprint.post("/planted/crash")
    @public
    def crash() -> dict[str, str]:
        raise ZeroDivisionError

    client.application.register_blueprint(blueprint)
    page = client.post("/planted/crash")
    assert page.status_code == 500
    assert "Try again" not in re.findall(r"<a [^>]*>([^<]+)</a>", page.text)


def test_logs_of_a_database_that_is_away_hold_no_values(
    client: CheckedClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/planted/error/database")
    assert "connection refused" in caplog.text
    assert SECRET not in caplog.text


def test_a_broken_frame_does_not_break_the_page_of_its_error(
    client: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr("app.web.look.shell.current_identity", broken)
    answer = client.get("/planted/404")
    assert answer.status_code == 404
    assert "<h1>Something went wrong on our side</h1>" in answer.text
    crashed = client.get("/sample/billing")
    assert crashed.status_code == 500
    assert "support@tallyport.test" in crashed.text


def test_the_api_is_answered_in_json(client: CheckedClient) -> None:
    answer = client.get("/api/v1/nothing/here")
    assert answer.status_code == 404
    assert answer.get_json()["code"] == "NOT_FOUND"
