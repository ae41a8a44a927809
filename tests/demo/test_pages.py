"""The pages under /demo/: where they exist, what they show, and what a caught mail may do."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clock import DemoClock
from app.demo.advance import advance, moving_alone
from app.demo.cast import CAST, NAMES
from app.demo.folder import DemoFolder, Ports
from app.demo.servers import make_own_server, make_servers
from app.gateways.mail import CatchingMailGateway
from app.sample_server.organizations import create_organization
from app.services.caught_mails import list_caught_mails
from app.services.context import Context
from app.services.outbox import record_mail
from app.services.unit_of_work import unit_of_work
from app.web.demo.mail_text import TextPart, split_links
from app.web.mails import build_renderer
from tests.conftest import START
from tests.support.client import CheckedClient

PATHS = ("/demo/", "/demo/mail/", "/demo/time/")
SECRETS = {
    "secret_keys": ("a-secret-of-production-with-more-than-32-characters",),
    "stripe_secret_key": "sk_test_1",
    "stripe_webhook_secret": "whsec_1",
    "mail_url": "smtp://127.0.0.1:9",
}


def browser(app: Flask) -> CheckedClient:
    """A client that checks every page."""
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    return client


@pytest.fixture
def catching(make_app: Callable[..., Flask]) -> Flask:
    """A portal that catches its mail."""
    app = make_app()
    return make_app(mailer=CatchingMailGateway(build_renderer(app)))


def send_mails(app: Flask, number: int) -> list[int]:
    """Send so many mails to the owner of Acme; their ids, oldest first."""
    ctx: Context = app.extensions["tallyport"]
    ids = []
    for index in range(number):
        with unit_of_work(ctx) as work:
            mail = record_mail(
                work,
                template="confirm_login",
                recipient=f"owner{index}@acme.test",
                params={"host": "acme.test", "expires_at": work.now},
                secret_params={"url": "http://localhost/remote-billing-login/do-confirm/key"},
                event_key=f"test:{index}",
            )
            ids.append(mail.id)
            work.commit()
    return ids


# --- where they exist ---


@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", [*PATHS, "/demo/mail/1/", "/demo/mail/1/html/"])
def test_there_are_none_in_production(path: str, make_app: Callable[..., Flask]) -> None:
    app = make_app(env="production", **SECRETS)
    assert browser(app).get(path).status_code == 404


@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", PATHS)
def test_only_this_machine_sees_them(path: str, client: CheckedClient) -> None:
    assert client.get(path).status_code == 200
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get(path, environ_overrides=elsewhere).status_code == 404


@pytest.mark.sqlite_only
def test_pages_of_the_portal_lead_there_in_a_demo_only(
    client: CheckedClient, make_app: Callable[..., Flask]
) -> None:
    assert 'href="/demo/"' in client.get("/").get_data(as_text=True)
    production = browser(make_app(env="production", **SECRETS))
    assert 'href="/demo/"' not in production.get("/").get_data(as_text=True)


# --- overview ---


@pytest.mark.sqlite_only
def test_without_customers_the_overview_says_how_they_are_made(client: CheckedClient) -> None:
    assert "make demo" in client.get("/demo/").get_data(as_text=True)


@pytest.fixture
def with_servers(demo_app: Flask, folder: DemoFolder) -> Flask:
    """Servers of all sample customers, as if they were registered."""
    ports = {name: 5010 + index for index, name in enumerate(NAMES)}
    for server in make_servers(folder, portal="http://127.0.0.1:9", ports=ports):
        with server.store.write() as connection:
            found = create_organization(
                connection, name=server.customer.name, title=server.customer.title
            )
            connection.execute(
                "INSERT INTO people (organization_id, uuid, email, full_name, role, is_bot, state,"
                " created) VALUES (?, ?, 'owner@x.test', ?, 100, 0, 'active', 0)",
                (found.id, server.customer.name, server.customer.owner),
            )
        server.store.save(registered=True)
    own = make_own_server(
        folder, portal="http://127.0.0.1:9", ports=Ports(5000, 5001, 5002, 5003, {})
    )
    with own.write() as connection:
        create_organization(connection, name="acme", title="Acme")
    return demo_app


@pytest.mark.sqlite_only
def test_the_overview_lists_the_customers(with_servers: Flask) -> None:
    page = browser(with_servers).get("/demo/").get_data(as_text=True)
    for customer in CAST:
        assert customer.title.replace("&", "&amp;") in page
        assert f"Open billing as {customer.owner}" in page
    assert "http://larkspur.localhost:5010" in page
    assert "http://acme.localhost:5002" in page


@pytest.mark.sqlite_only
def test_a_server_that_cannot_get_its_link_says_why(with_servers: Flask) -> None:
    client = browser(with_servers)
    page = client.submit(
        client.get("/demo/"), action="/larkspur/open/", follow_redirects=True
    ).get_data(as_text=True)
    assert "PORTAL_UNREACHABLE" in page


@pytest.mark.sqlite_only
def test_only_customers_are_opened_and_only_by_post(with_servers: Flask) -> None:
    client = FlaskClient(with_servers)
    assert client.get("/demo/customers/larkspur/open/").status_code == 405
    # Without the token of a form nothing happens.
    assert client.post("/demo/customers/larkspur/open/").status_code == 400
    with_servers.config["WTF_CSRF_ENABLED"] = False
    assert client.post("/demo/customers/nobody/open/").status_code == 404


# --- caught mail ---


def test_caught_mail_is_listed_newest_first(catching: Flask) -> None:
    client = browser(catching)
    assert "No mail yet" in client.get("/demo/mail/").get_data(as_text=True)
    ids = send_mails(catching, 3)
    page = client.get("/demo/mail/").get_data(as_text=True)
    places = [page.index(f"/demo/mail/{mail_id}/") for mail_id in ids]
    assert places == sorted(places, reverse=True)
    assert "owner2@acme.test" in page


def test_a_long_list_has_pages(catching: Flask) -> None:
    ids = send_mails(catching, 5)
    ctx: Context = catching.extensions["tallyport"]
    with unit_of_work(ctx) as work:
        first = list_caught_mails(work.session, page=1, per_page=2)
        last = list_caught_mails(work.session, page=3, per_page=2)
        beyond = list_caught_mails(work.session, page=9, per_page=2)
    assert [mail.id for mail in first.mails] == [ids[4], ids[3]]
    assert (first.newer, first.older, first.total) == (None, 2, 5)
    assert [mail.id for mail in last.mails] == [ids[0]]
    assert (last.newer, last.older) == (2, None)
    assert beyond.mails == ()


@pytest.mark.sqlite_only
@pytest.mark.parametrize("number", ["0", "-3", "x", "", "99999999999999999999999", "1.5"])
def test_any_page_number_has_an_answer(number: str, catching: Flask) -> None:
    assert browser(catching).get(f"/demo/mail/?page={number}").status_code == 200


def test_a_mail_shows_its_text_with_our_link_and_its_html_in_a_frame(catching: Flask) -> None:
    (mail_id,) = send_mails(catching, 1)
    response = browser(catching).get(f"/demo/mail/{mail_id}/")
    page = response.get_data(as_text=True)
    assert '<a href="http://localhost/remote-billing-login/do-confirm/key">' in page
    assert f'src="/demo/mail/{mail_id}/html/"' in page
    assert 'sandbox="allow-top-navigation-by-user-activation"' in page
    assert "frame-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.sqlite_only
def test_the_html_of_a_mail_may_be_framed_by_us_and_do_nothing(catching: Flask) -> None:
    (mail_id,) = send_mails(catching, 1)
    response = FlaskClient(catching).get(f"/demo/mail/{mail_id}/html/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "script" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "do-confirm/key" in response.get_data(as_text=True)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", ["/demo/mail/9/", "/demo/mail/9/html/", "/demo/mail/x/"])
def test_a_mail_that_is_not_there_is_not_found(path: str, catching: Flask) -> None:
    assert browser(catching).get(path).status_code == 404


@pytest.mark.sqlite_only
def test_mail_that_left_is_not_shown(client: CheckedClient, app: Flask) -> None:
    (mail_id,) = send_mails(app, 1)
    assert client.get(f"/demo/mail/{mail_id}/").status_code == 404


def test_only_links_to_our_own_portal_can_be_followed() -> None:
    text = (
        "See http://localhost:5000/a?b=1. And http://localhost:5000.evil.test/x "
        "or https://evil.test/http://localhost:5000/y, <http://localhost:5000/z>!"
    )
    parts = split_links(text, base_url="http://localhost:5000")
    assert "".join(part.text for part in parts) == text
    links = [part.url for part in parts if part.url]
    assert links == ["http://localhost:5000/a?b=1", "http://localhost:5000/z"]
    assert split_links("", base_url="http://localhost") == []
    assert split_links("no link", base_url="http://localhost") == [TextPart("no link")]


# --- time ---


@pytest.mark.sqlite_only
def test_without_a_clock_file_time_cannot_be_moved(client: CheckedClient) -> None:
    page = client.get("/demo/time/").get_data(as_text=True)
    assert "Time cannot be moved here" in page
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"amount": ""}, "Enter a whole number."),
        ({"amount": "0"}, "Time moves forward only"),
        ({"amount": "-1"}, "Time moves forward only"),
        ({"amount": "1.5"}, "Enter a whole number."),
        ({"amount": "99999999999"}, "Time moves forward only"),
        ({"amount": "37", "unit": "month"}, "at most three years"),
        ({"amount": "9999", "unit": "year"}, "at most three years"),
        ({"amount": "1", "unit": "fortnight"}, "Choose one of the options."),
    ],
)
def test_a_wrong_move_is_told_on_the_form(
    values: dict[str, str], message: str, demo_app: Flask, demo_clock: DemoClock
) -> None:
    client = browser(demo_app)
    page = client.get("/demo/time/")
    token = page.get_data(as_text=True).partition('name="csrf_token" value="')[2].partition('"')[0]
    response = client.post("/demo/time/", data={"unit": "day", "csrf_token": token} | values)
    assert response.status_code == 400
    assert message in response.get_data(as_text=True)
    assert demo_clock.now() == START


@pytest.mark.sqlite_only
def test_a_move_shows_how_far_it_is_and_what_came_of_it(
    demo_app: Flask, demo_ctx: Context, folder: DemoFolder
) -> None:
    client = browser(demo_app)
    advance(demo_ctx, START.replace(day=9), folder=folder)
    page = client.get("/demo/time/").get_data(as_text=True)
    assert "The last move" in page and "Nothing was due." in page and "It stands still." in page
    assert 'http-equiv="refresh"' not in page
    running = folder.move_file.read_text().replace('"done"', '"running"')
    folder.move_file.write_text(running)
    with moving_alone(folder):
        page = client.get("/demo/time/").get_data(as_text=True)
        assert "Day 7 of 7" in page and 'http-equiv="refresh"' in page
    page = client.get("/demo/time/").get_data(as_text=True)
    assert "The last move did not come to its end" in page


@pytest.mark.sqlite_only
def test_a_second_move_meanwhile_is_refused(demo_app: Flask, folder: DemoFolder) -> None:
    client = browser(demo_app)
    page = client.get("/demo/time/")
    token = page.get_data(as_text=True).partition('name="csrf_token" value="')[2].partition('"')[0]
    with moving_alone(folder):
        response = client.post(
            "/demo/time/",
            data={"amount": "1", "unit": "day", "csrf_token": token},
            follow_redirects=True,
        )
    assert "Time was not moved." in response.get_data(as_text=True)
