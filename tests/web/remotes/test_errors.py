"""Everything under /api/ answers in the wire's JSON, whatever goes wrong."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app.web.remotes import views
from tests.support.wire import BASE, WireServer, load_fixture, refusal


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/",
        "/api/v1/",
        "/api/v1/remotes/push/notify",
        "/api/v1/remotes/server/seat-secret",
        "/api/v1/remotes/server/analytics/",
        "/api/%00",
        "/api/%ff",
        "/api/../login",
    ],
)
def test_what_does_not_exist(client: FlaskClient, path: str) -> None:
    for method in ("GET", "POST"):
        assert refusal(client.open(path, method=method))[:2] == (404, "NOT_FOUND")


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "path",
    ["/api//v1/remotes/server/analytics", "/api/v1//remotes/x", "/api/v1/remotes/server//register"],
)
def test_doubled_slashes_are_nowhere(client: FlaskClient, path: str) -> None:
    # The router would answer them with an HTML page that redirects, or with 405.
    for method in ("GET", "POST"):
        assert refusal(client.open(path, method=method))[:2] == (404, "NOT_FOUND")


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "server/register", {"POST", "OPTIONS"}),
        ("PUT", "server/analytics", {"POST", "OPTIONS"}),
        ("DELETE", "server/billing", {"POST", "OPTIONS"}),
        ("GET", "server/deactivate", {"POST", "OPTIONS"}),
        ("POST", "server/analytics/status", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "server/entitlement", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method(client: FlaskClient, method: str, path: str, allowed: set[str]) -> None:
    response = client.open(f"{BASE}/{path}", method=method)
    assert refusal(response)[:2] == (405, "METHOD_NOT_ALLOWED")
    assert set(response.headers["Allow"].split(", ")) == allowed


@pytest.mark.sqlite_only
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_page_about_the_api_takes_no_calls(client: FlaskClient, method: str) -> None:
    assert refusal(client.open("/api/", method=method))[:2] == (405, "METHOD_NOT_ALLOWED")
    assert refusal(client.open("/api", method=method))[:2] == (404, "NOT_FOUND")


@pytest.mark.sqlite_only
def test_the_page_about_the_api_is_found_without_its_slash(client: FlaskClient) -> None:
    response = client.get("/api")
    assert (response.status_code, response.location) == (308, "http://localhost/api/")
    assert client.get("/apis").mimetype == "text/html"


@pytest.mark.sqlite_only
def test_a_body_over_the_limit(make_app: Callable[..., Flask]) -> None:
    server = WireServer(make_app(max_upload_bytes=2000).test_client())
    server.register()
    response = server.call("POST", "server/analytics", data={"realm_counts": "x" * 3000})
    assert refusal(response)[:2] == (413, "PAYLOAD_TOO_LARGE")
    assert server.last_ids() == (0, 0, 0)


@pytest.mark.sqlite_only
def test_too_many_registrations_from_one_address(make_app: Callable[..., Flask]) -> None:
    server = WireServer(make_app(rate_limit_register="2 per minute").test_client())
    assert server.register().status_code == 200
    assert server.register().status_code == 200
    response = server.register()
    assert refusal(response)[:2] == (429, "RATE_LIMIT_HIT")
    wait = response.get_json()["retry-after"]
    assert 1 <= wait <= 60
    assert response.headers["Retry-After"] == str(wait)


@pytest.mark.sqlite_only
def test_too_many_calls_of_one_server_leave_others_alone(make_app: Callable[..., Flask]) -> None:
    client = make_app(rate_limit_api="2 per minute").test_client()
    server = WireServer(client)
    other = WireServer(
        client, uuid="0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f", hostname="chat.other.test"
    )
    server.register()
    other.register()
    for _ in range(2):
        assert server.call("GET", "server/analytics/status").status_code == 200
    response = server.call("GET", "server/analytics/status")
    assert refusal(response)[:2] == (429, "RATE_LIMIT_HIT")
    assert response.get_json()["retry-after"] >= 1
    assert other.call("GET", "server/analytics/status").status_code == 200


@pytest.mark.sqlite_only
def test_a_body_in_chunks_is_not_cut_at_the_limit(make_app: Callable[..., Flask]) -> None:
    server = WireServer(make_app(max_upload_bytes=2000).test_client())
    server.register()
    body = b"realm_counts=[]&installation_counts=[]&version=" + b"8" * 2000
    response = server.call(
        "POST",
        "server/analytics",
        input_stream=BytesIO(body),
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
        content_type="application/x-www-form-urlencoded",
    )
    assert refusal(response)[:2] == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"data": "{", "content_type": "application/json"}, "body"),
        ({"data": "[]", "content_type": "application/json"}, "body"),
        ({"data": "[" * 100_000, "content_type": "application/json"}, "body"),
        ({"data": '{"a": NaN}', "content_type": "application/json"}, "body"),
        ({"data": '{"realms": 1, "realms": 2}', "content_type": "application/json"}, "realms"),
        ({"data": b'{"a": "\xff"}', "content_type": "application/json"}, "body"),
        ({"data": "x", "content_type": "text/plain"}, "Content-Type"),
        ({"data": {"realm_counts": "[]"}, "content_type": "multipart/form-data"}, "Content-Type"),
        ({"data": b"realm_counts=%ff"}, "realm_counts"),
        ({"data": b"realm_counts=[]&realm_counts=[]"}, "realm_counts"),
        ({"data": b"realm_counts=%00[]"}, "realm_counts"),
        ({"data": b"&".join(b"f%d=1" % n for n in range(101))}, "body"),
        ({"data": b"realm_counts=[]", "headers": {"Content-Encoding": "gzip"}}, "Content-Encoding"),
        ({"data": b""}, "realm_counts"),
    ],
)
def test_a_body_that_cannot_be_read(
    server: WireServer, options: dict[str, Any], names: str
) -> None:
    options.setdefault("content_type", "application/x-www-form-urlencoded")
    status, code, message = refusal(server.call("POST", "server/analytics", **options))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith(f"{names}:")


@pytest.mark.sqlite_only
def test_the_query_string_holds_fields_of_registrations_only(server: WireServer) -> None:
    response = server.call("POST", "server/analytics", query_string=load_fixture("two_table.json"))
    assert refusal(response)[:2] == (400, "BAD_REQUEST")


@pytest.mark.sqlite_only
def test_what_nobody_foresaw(
    server: WireServer, app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(views, "record_upload", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    response = server.upload()
    status, code, message = refusal(response)
    assert (status, code) == (500, "INTERNAL_ERROR")
    assert "secret" not in response.get_data(as_text=True)
    assert "logged" in message
    assert "a secret of the inside" in caplog.text


@pytest.mark.sqlite_only
def test_a_database_that_is_away(server: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT secret", {}, Exception("away"))

    monkeypatch.setattr(views, "record_upload", fail)
    response = server.upload()
    assert refusal(response)[:2] == (503, "INTERNAL_ERROR")
    assert response.headers["Retry-After"]


@pytest.mark.sqlite_only
def test_no_csrf_token_and_no_cookie(client: FlaskClient, app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    response = WireServer(client).register()
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
