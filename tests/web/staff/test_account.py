"""One's own account of the support console, and the people who have one."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.clock import FixedClock
from app.domain.kinds import StaffRole
from app.services.context import Context
from app.web.sessions import session_cookie_name
from tests.support.client import CheckedClient
from tests.support.mail import RecordingMailer
from tests.support.staff import begin_staff_session
from tests.web.staff.people import (
    EMAIL,
    PASSWORD,
    add_person,
    audit_of,
    code_now,
    enter_password,
    load_user,
    secret_of,
)

ACCOUNT = "/support/account/"
PEOPLE = "/support/staff/"
NEW_PASSWORD = "granite otter violin"


def setup_link(mailer: RecordingMailer) -> str:
    """The path of the link in the last mail."""
    return mailer.outbox[-1].text.partition("http://localhost")[2].split()[0]


def test_a_link_sets_a_password_once(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    begin_staff_session(client, ctx, StaffRole.ADMIN)
    page = client.get(f"{PEOPLE}new/")
    values = {"email": "New@Tallyport.test", "full_name": "Nia New", "role": "read_only"}
    assert "link" in client.submit(page, values, follow_redirects=True).text
    assert "has not chosen a password yet" in client.get(PEOPLE).text
    assert client.submit(page, values).status_code == 400
    assert client.submit(page, values | {"email": "no", "full_name": ""}).status_code == 400
    link = setup_link(mailer)
    client.delete_cookie(session_cookie_name(ctx.settings))
    page = client.get(link)
    assert "new@tallyport.test" in page.text
    for password, again in (("short", "short"), (NEW_PASSWORD, "another"), ("", "")):
        refused = client.submit(page, {"password": password, "again": again})
        assert refused.status_code == 400 and NEW_PASSWORD not in refused.text
    chosen = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
    assert client.submit(page, chosen).location == "/support/login/"
    assert client.submit(page, chosen).status_code == 410
    assert client.get(link).status_code == 410
    answer = enter_password(client, email="new@tallyport.test", password=NEW_PASSWORD)
    assert answer.status_code == 303
    # It is what it says: reading only.
    assert client.get(PEOPLE).status_code == 404
    assert audit_of(ctx, "staff.password_set")[0][1:] == ({"by": "setup link"}, "127.0.0.1")


@pytest.mark.sqlite_only
def test_links_end(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    person = add_person(ctx, email="gone@tallyport.test")
    begin_staff_session(client, ctx, StaffRole.ADMIN)
    links = []
    for _ in range(2):
        client.submit(client.get(f"{PEOPLE}{person}/reset/"))
        links.append(setup_link(mailer))
    # A newer link ends the older one, a day ends both, and so does being disabled.
    assert [client.get(link).status_code for link in links] == [410, 200]
    page = client.get(links[1])
    client.submit(client.get(f"{PEOPLE}{person}/disable/"))
    chosen = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
    assert client.submit(page, chosen).status_code == 410
    client.submit(client.get(f"{PEOPLE}{person}/"), action="/enable/")
    assert client.get(links[1]).status_code == 200
    clock.advance(hours=24)
    assert client.get(links[1]).status_code == 410
    assert client.get(f"/support/setup/{'x' * 43}/").status_code == 410


def test_sessions_are_listed_and_ended(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    add_person(ctx)
    others: list[Any] = [app.test_client() for _ in range(3)]
    for other in others:
        other.environ_base["HTTP_USER_AGENT"] = "Elsewhere/1.0 " + "x" * 300
        enter_password(other)
    clock.advance(minutes=10)
    enter_password(client)
    page = client.get(ACCOUNT)
    assert "4 browsers" in page.text and page.text.count("Elsewhere/1.0") == 3
    handle = page.text.rpartition("/sessions/")[0].rpartition("/sessions/")[2][:16]
    assert client.submit(page, action=f"{handle}/end/").status_code == 303
    assert sorted(other.get(ACCOUNT).status_code for other in others) == [200, 200, 302]
    assert client.submit(page, action=f"{handle}/end/").status_code == 404
    client.submit(page, action="end-others/")
    assert {other.get(ACCOUNT).status_code for other in others} == {302}
    assert "1 browser<" in client.get(ACCOUNT).text
    # Those that are over are not listed.
    enter_password(others[0])
    clock.advance(minutes=59)
    client.get(ACCOUNT)
    clock.advance(minutes=1)
    assert "1 browser<" in client.get(ACCOUNT).text
    # Somebody else's cannot be ended.
    begin_staff_session(others[1], ctx, StaffRole.ADMIN)
    theirs = others[1].get(ACCOUNT)
    mine = client.get(ACCOUNT).text.partition("/sessions/")[2][:16]
    token = {"csrf_token": theirs.text.partition('csrf_token" value="')[2].partition('"')[0]}
    assert others[1].post(f"{ACCOUNT}sessions/{mine}/end/", data=token).status_code == 404
    assert client.get(ACCOUNT).status_code == 200


@pytest.mark.sqlite_only
def test_changing_the_password_ends_other_sessions(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    add_person(ctx)
    other = app.test_client()
    enter_password(other)  # type: ignore[arg-type]  # the class of clients is set by the fixture
    enter_password(client)
    page = client.get(f"{ACCOUNT}password/")
    values = {"current": PASSWORD, "password": NEW_PASSWORD, "again": NEW_PASSWORD}
    for wrong in ({"current": "no"}, {"password": "password1234", "again": "password1234"}):
        assert client.submit(page, values | wrong).status_code == 400
    assert client.submit(page, values).location == ACCOUNT
    assert client.get(ACCOUNT).status_code == 200
    assert other.get(ACCOUNT).status_code == 302
    client.delete_cookie(session_cookie_name(ctx.settings))
    assert enter_password(client).status_code == 200
    assert enter_password(client, password=NEW_PASSWORD).status_code == 303


@pytest.mark.sqlite_only
def test_a_factor_is_set_replaced_and_removed(
    client: CheckedClient, ctx: Context, make_app: Callable[..., Flask]
) -> None:
    person = add_person(ctx)
    enter_password(client)
    assert client.get(f"{ACCOUNT}second-factor/confirm/").location.endswith("second-factor/")
    assert client.get(f"{ACCOUNT}second-factor/qr.svg").status_code == 404
    secrets: list[str] = []
    for _ in range(2):
        page = client.get(f"{ACCOUNT}second-factor/")
        assert client.submit(page, {"current": "no"}).status_code == 400
        confirm = client.submit(page, {"current": PASSWORD}, follow_redirects=True)
        shown = confirm.text.partition('class="factor-secret">')[2].partition("<")[0]
        assert client.get(f"{ACCOUNT}second-factor/qr.svg").status_code == 200
        # What counts until now goes on to count.
        assert secret_of(ctx, person) == (secrets[-1] if secrets else None)
        assert client.submit(confirm, {"code": "000"}).status_code == 400
        secrets.append(shown.replace(" ", ""))
        codes = client.submit(confirm, {"code": code_now(ctx, secrets[-1])}, follow_redirects=True)
        assert codes.text.count("<code>") == 10
        assert secret_of(ctx, person) == secrets[-1]
    # Keys rotate: what was encrypted under an old one is read, under a foreign one it is not.
    rotated = make_app(secret_keys=("k" * 40, ctx.settings.secret_keys[0]))
    assert secret_of(rotated.extensions["tallyport"], person) == secrets[-1]
    assert secret_of(make_app(secret_keys=("k" * 40,)).extensions["tallyport"], person) is None
    old = codes.text.partition("<code>")[2].partition("<")[0]
    page = client.get(f"{ACCOUNT}recovery-codes/new/")
    assert (
        client.submit(page, {"current": PASSWORD}, follow_redirects=True).text.count("<code>") == 10
    )
    client.delete_cookie(session_cookie_name(ctx.settings))
    page = client.get(enter_password(client).location)
    assert client.submit(page, {"code": old}).status_code == 400
    client.delete_cookie(session_cookie_name(ctx.settings))
    begin_staff_session(client, ctx, email=EMAIL)
    page = client.get(f"{ACCOUNT}second-factor/remove/")
    assert client.submit(page, {"current": "no"}).status_code == 400
    client.submit(page, {"current": PASSWORD})
    assert load_user(ctx, person).totp_confirmed_at is None
    page = client.get(f"{ACCOUNT}recovery-codes/new/")
    assert client.submit(page, {"current": PASSWORD}).status_code == 400
    # Who has no password is not asked for one.
    begin_staff_session(client, ctx, StaffRole.ADMIN)
    assert client.get(f"{ACCOUNT}password/").status_code == 404
    assert client.submit(client.get(f"{ACCOUNT}second-factor/")).status_code == 303


def test_somebody_administers_always(client: CheckedClient, ctx: Context, app: Flask) -> None:
    ada = begin_staff_session(client, ctx, StaffRole.ADMIN)
    for path, values in (("disable/", {}), ("", {"role": "support"})):
        refused = client.submit(client.get(f"{PEOPLE}{ada}/{path}"), values)
        assert refused.status_code == 400 and "Nobody else" in refused.text
    sam = add_person(ctx)
    other: Any = app.test_client()
    enter_password(other)
    assert other.get(PEOPLE).status_code == 404
    client.submit(client.get(f"{PEOPLE}{sam}/"), {"role": "admin"})
    # It counts from the next click on.
    assert "Sam Sato" in other.get(PEOPLE).text
    assert client.submit(client.get(f"{PEOPLE}{ada}/"), {"role": "support"}).location == ACCOUNT
    assert client.get(PEOPLE).status_code == 404
    assert other.submit(other.get(f"{PEOPLE}{ada}/disable/")).location == PEOPLE
    # A disabled person's sessions end now, and come back no more.
    assert client.get(ACCOUNT).status_code == 302
    assert other.submit(other.get(f"{PEOPLE}{sam}/disable/")).status_code == 400
    page = other.get(f"{PEOPLE}{ada}/")
    assert "disabled" in page.text
    assert other.submit(page, action="/enable/").location == PEOPLE
    assert client.get(ACCOUNT).status_code == 302
    assert other.get(f"{PEOPLE}999/").status_code == 404
    assert [after for _, after, _ in audit_of(ctx, "staff.role_changed")] == [
        {"staff": sam, "role": "admin"},
        {"staff": ada, "role": "support"},
    ]
