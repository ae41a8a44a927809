"""How many confirmation mails may be asked for, and how many keys of servers tried."""

import os
from collections.abc import Callable
from uuid import uuid4

import pytest
import redis
from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import limiter
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.login import KEY, KnownOrganization, add_organization, add_server, make_link
from tests.support.mail import RecordingMailer

pytestmark = pytest.mark.sqlite_only
LIMIT = "3 per hour"


@pytest.fixture(params=["memory", "redis"])
def limited_app(request: pytest.FixtureRequest, make_app: Callable[..., Flask]) -> Flask:
    """A portal with low limits, counted in its own memory or in a real Redis."""
    url = None
    if request.param == "redis":
        # The server is shared by all processes of a run; each has a database of its own in it.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        server = request.getfixturevalue("redis_url").rpartition("/")[0]
        url = f"{server}/{1 + int(worker) % 15}"
        redis.Redis.from_url(url).flushdb()
    return make_app(rate_limit_login_mail=LIMIT, rate_limit_server_login=LIMIT, redis_url=url)


def ask(
    app: Flask,
    organization: KnownOrganization,
    *,
    email: str,
    ip: str = "192.0.2.1",
) -> TestResponse:
    """A new person with a new browser asks for a mail to `email`."""
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    ctx: Context = app.extensions["tallyport"]
    link = make_link(ctx, organization, user_uuid=uuid4())
    environ = {"REMOTE_ADDR": ip}
    page = client.get(link, follow_redirects=True, environ_overrides=environ)
    return client.submit(page, {"email": email}, environ_overrides=environ)


def fresh_ip() -> str:
    """Another caller each time."""
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"


def new_organization(app: Flask, number: int = 0) -> KnownOrganization:
    """An organization on a server of its own."""
    ctx: Context = app.extensions["tallyport"]
    return add_organization(ctx, host=f"host-{number}.test")


def refused(answer: TestResponse) -> bool:
    if answer.status_code == 303:
        return False
    assert answer.status_code == 429
    text = answer.get_data(as_text=True)
    assert "Too many links were asked for. Please try again in" in text
    assert "There is a problem" in text
    return True


def test_one_address(limited_app: Flask, mailer: RecordingMailer) -> None:
    email = f"{uuid4().hex}@acme.test"
    answers = []
    for number in range(5):
        # Writing it in capitals does not make it another address.
        written = email.upper() if number % 2 else email
        organization = new_organization(limited_app, number)
        answers.append(refused(ask(limited_app, organization, email=written, ip=fresh_ip())))
    assert answers == [False, False, False, True, True]
    assert len(mailer.outbox) == 3


def test_one_caller(limited_app: Flask) -> None:
    ip = fresh_ip()
    answers = [
        refused(
            ask(
                limited_app,
                new_organization(limited_app, number),
                email=f"{uuid4().hex}@acme.test",
                ip=ip,
            )
        )
        for number in range(4)
    ]
    assert answers == [False, False, False, True]


def test_one_server(limited_app: Flask) -> None:
    organization = new_organization(limited_app)
    answers = [
        refused(ask(limited_app, organization, email=f"{uuid4().hex}@acme.test", ip=fresh_ip()))
        for _ in range(4)
    ]
    assert answers == [False, False, False, True]


def test_a_double_click_is_not_counted(limited_app: Flask, mailer: RecordingMailer) -> None:
    client = limited_app.test_client()
    assert isinstance(client, CheckedClient)
    ctx: Context = limited_app.extensions["tallyport"]
    page = client.get(make_link(ctx, new_organization(limited_app)), follow_redirects=True)
    for _ in range(6):
        environ = {"REMOTE_ADDR": fresh_ip()}
        email = {"email": "iago@acme.test"}
        assert client.submit(page, email, environ_overrides=environ).status_code == 303
    assert len(mailer.outbox) == 1


def try_key(app: Flask, uuid: str, key: str = KEY, *, ip: str | None = None) -> TestResponse:
    """A new browser sends the id and the key of a server."""
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    environ = {"REMOTE_ADDR": ip or fresh_ip()}
    typed = {"server_id": uuid, "server_key": key}
    return client.submit(client.get("/serverlogin/"), typed, environ_overrides=environ)


def test_keys_of_one_server(limited_app: Flask) -> None:
    ctx: Context = limited_app.extensions["tallyport"]
    server, other = add_server(ctx), add_server(ctx, hostname="other.test")
    for uuid in (server.uuid, server.uuid.upper(), f" {server.uuid}"):
        assert try_key(limited_app, uuid, "x" * 64).status_code == 200
    refused = try_key(limited_app, server.uuid)
    assert refused.status_code == 429
    assert "Too many requests" in refused.get_data(as_text=True)
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert KEY not in refused.get_data(as_text=True)
    assert try_key(limited_app, other.uuid).status_code == 303


def test_keys_that_are_tried_at_once(limited_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx: Context = limited_app.extensions["tallyport"]
    server = add_server(ctx)
    with limited_app.app_context():
        # As it is for attempts of which each looked before any other was counted.
        monkeypatch.setattr(limiter.limiter, "test", lambda *_: True)
    answers = [try_key(limited_app, server.uuid, "x" * 64).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]


def test_keys_from_one_address(limited_app: Flask) -> None:
    ctx: Context = limited_app.extensions["tallyport"]
    server = add_server(ctx)
    ip = fresh_ip()
    answers = [try_key(limited_app, str(uuid4()), ip=ip).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert try_key(limited_app, server.uuid, ip=ip).status_code == 429
    assert try_key(limited_app, server.uuid).status_code == 303


@pytest.mark.parametrize(
    ("addresses", "counted_as_one"),
    [
        # Whoever has an IPv6 address has all of its network.
        ([f"2001:db8:5:{{net}}::{number}" for number in range(4)], True),
        ([f"2001:db8:{number}:{{net}}::1" for number in range(4)], False),
        # Portals that listen on both see IPv4 callers so; they have nothing in common.
        ([f"::ffff:198.51.100.{number}" for number in range(4)], False),
        ([f"198.51.100.{number}" for number in range(10, 14)], False),
    ],
)
def test_neighbors_within_an_ipv6_network_are_one_caller(
    limited_app: Flask, addresses: list[str], counted_as_one: bool
) -> None:
    net = uuid4().hex[:4]
    answers = [
        try_key(limited_app, str(uuid4()), ip=address.format(net=net)).status_code
        for address in addresses
    ]
    assert answers == [200, 200, 200, 429 if counted_as_one else 200]


def test_mails_for_a_server_are_limited_too(limited_app: Flask, mailer: RecordingMailer) -> None:
    ctx: Context = limited_app.extensions["tallyport"]
    server = add_server(ctx)
    client = limited_app.test_client()
    assert isinstance(client, CheckedClient)
    environ = {"REMOTE_ADDR": fresh_ip()}
    typed = {"server_id": server.uuid, "server_key": KEY}
    answer = client.submit(client.get("/serverlogin/"), typed, environ_overrides=environ)
    page = client.get(answer.location)
    answers = [
        refused(
            client.submit(
                page,
                {"email": f"{uuid4().hex}@acme.test"},
                environ_overrides={"REMOTE_ADDR": fresh_ip()},
            )
        )
        for _ in range(4)
    ]
    assert answers == [False, False, False, True]
    assert len(mailer.outbox) == 3


def test_movers_do_not_use_up_each_others_mails(limited_app: Flask) -> None:
    def move(email: str) -> int:
        client = limited_app.test_client()
        assert isinstance(client, CheckedClient)
        environ = {"REMOTE_ADDR": fresh_ip()}
        typed = {"server_id": str(uuid4()), "server_key": KEY, "organization_id": str(uuid4())}
        page = client.get("/realm-transfer/")
        sent = client.submit(page, typed | {"email": email}, environ_overrides=environ)
        return sent.status_code

    strangers = [move(f"{uuid4().hex}@acme.test") for _ in range(5)]
    assert 429 not in strangers
    email = f"{uuid4().hex}@acme.test"
    assert [move(email) == 429 for _ in range(4)] == [False, False, False, True]
