"""The login of staff: one answer for everything that is wrong, a second factor, one session."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from app.clock import FixedClock
from app.domain.kinds import StaffRole
from app.services.context import CLI, Context
from app.services.staff_people import disable_staff
from app.web.sessions import session_cookie_name
from app.web.staff.half_logins import safe_next
from tests.support.client import CheckedClient
from tests.support.login import add_organization, begin_session
from tests.web.staff.people import (
    EMAIL,
    PASSWORD,
    add_person,
    audit_of,
    code_now,
    enter_password,
    give_factor,
    load_user,
)

ACCOUNT = "/support/account/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def cookie(client: CheckedClient, ctx: Context) -> str | None:
    found = client.get_cookie(session_cookie_name(ctx.settings))
    return found.value if found is not None else None


def test_in_and_out(client: CheckedClient, ctx: Context) -> None:
    person = add_person(ctx)
    assert client.get(ACCOUNT).location == "/support/login/?next=%2Fsupport%2Faccount%2F"
    before = client.get("/support/login/") and cookie(client, ctx)
    answer = enter_password(client, email=" Sam@Tallyport.test ", next_path=f"{ACCOUNT}?a=b")
    assert (answer.status_code, answer.location) == (303, f"{ACCOUNT}?a=b")
    assert cookie(client, ctx) != before
    page = client.get(ACCOUNT)
    assert "this one" in page.text and "127.0.0.1" in page.text
    # Who is logged in has no use for the login.
    assert client.get("/support/login/").status_code == 303
    old = cookie(client, ctx)
    assert client.submit(page, action="/support/logout/").location == "/support/login/"
    client.set_cookie(session_cookie_name(ctx.settings), old or "")
    assert client.get(ACCOUNT).status_code == 302
    after = {"door": "password", "factor": None}
    assert audit_of(ctx, "staff.logged_in") == [(f"staff:{person}", after, "127.0.0.1")]
    assert len(audit_of(ctx, "staff.logged_out")) == 1
    assert load_user(ctx, person).last_login_at == ctx.now()


@pytest.mark.sqlite_only
def test_one_answer_for_everything_that_is_wrong(client: CheckedClient, ctx: Context) -> None:
    add_person(ctx)
    gone = add_person(ctx, email="gone@tallyport.test")
    disable_staff(ctx, gone, actor=CLI)
    pages = set()
    for email, password in (
        (EMAIL, "wrong"),
        ("nobody@tallyport.test", PASSWORD),
        ("gone@tallyport.test", PASSWORD),
        ("gone@tallyport.test", "x" * 5000),
    ):
        page = enter_password(client, email=email, password=password)
        assert page.status_code == 200
        assert "do not let anybody in" in page.text and password not in page.text
        pages.add(re.sub(r'(?<=csrf_token" value=")[^"]+', "", page.text.replace(email, "")))
    assert len(pages) == 1
    reasons = [after for _, after, ip in audit_of(ctx, "staff.login_failed") if ip == "127.0.0.1"]
    assert [list(after.values()) for after in reasons] == [  # type: ignore[attr-defined]  # what JSON holds
        ["password"],
        ["unknown"],
        ["disabled"],
        ["disabled"],
    ]


@pytest.mark.sqlite_only
def test_failures_lock_the_login_for_longer_and_longer(
    client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    person = add_person(ctx)
    for _ in range(5):
        enter_password(client, password="wrong")
    # The right password does not help, and is told like a wrong one.
    assert "do not let anybody in" in enter_password(client).text
    assert load_user(ctx, person).failed_logins == 5
    clock.advance(minutes=1)
    enter_password(client, password="wrong")
    clock.advance(minutes=1, seconds=59)
    assert enter_password(client).status_code == 200
    clock.advance(seconds=1)
    assert enter_password(client).status_code == 303
    user = load_user(ctx, person)
    assert (user.failed_logins, user.locked_until) == (0, None)


@pytest.mark.sqlite_only
def test_attempts_are_limited_by_address_and_by_caller(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(rate_limit_staff_login="2 per hour")
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    for number, status in enumerate((200, 200, 429)):
        page = client.get("/support/login/")
        values = {"email": f"a{number}@x.test", "password": "x"}
        assert client.submit(page, values).status_code == status


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "path",
    [
        "https://evil.test/support/",
        "//evil.test/support/",
        "/support//evil.test",
        "/support/../realm/",
        "/supportive/",
        "/realm/x/",
        "/support/\\evil",
        "/support/\n",
        "/support/login/",
        "javascript:alert(1)",
        "http://[",
        "/support/" + "x" * 600,
        "",
    ],
)
def test_the_way_on_is_a_page_of_the_console(path: str) -> None:
    assert safe_next(path) is None
    assert safe_next("/support/overview/?month=2012-01") == "/support/overview/?month=2012-01"


@pytest.mark.sqlite_only
def test_a_foreign_way_on_leads_home(client: CheckedClient, ctx: Context) -> None:
    add_person(ctx)
    answer = enter_password(client, next_path="//evil.test/support/")
    assert answer.location.startswith("/support/")


def test_the_second_step(client: CheckedClient, ctx: Context, clock: FixedClock) -> None:
    person = add_person(ctx)
    give_factor(ctx, person, SECRET)
    answer = enter_password(client, next_path=ACCOUNT)
    assert answer.location == "/support/login/code/"
    # Half a login opens nothing.
    assert client.get(ACCOUNT).status_code == 302
    page = client.get(answer.location)
    wrong = "000000" if code_now(ctx, SECRET) != "000000" else "111111"
    for code in (wrong, "", "abc", code_now(ctx, SECRET, steps=2), code_now(ctx, SECRET, steps=-2)):
        assert client.submit(page, {"code": code}).status_code == 400
    assert load_user(ctx, person).failed_logins == 4
    code = code_now(ctx, SECRET, steps=-1)
    spaced = f" {code[:3]} {code[3:]}"
    assert client.submit(page, {"code": spaced}).location == ACCOUNT
    assert client.get(ACCOUNT).status_code == 200
    assert audit_of(ctx, "staff.logged_in")[-1][1] == {"door": "password", "factor": "totp"}
    assert load_user(ctx, person).failed_logins == 0
    # Each code is good once, and so is none before it.
    for step, status in ((-1, 400), (-1, 400), (0, 303)):
        client.delete_cookie(session_cookie_name(ctx.settings))
        page = client.get(enter_password(client).location)
        answer = client.submit(page, {"code": code_now(ctx, SECRET, steps=step)})
        assert answer.status_code == status


@pytest.mark.sqlite_only
def test_half_a_login_ends(client: CheckedClient, ctx: Context, clock: FixedClock) -> None:
    person = add_person(ctx)
    give_factor(ctx, person, SECRET)
    # Nothing was begun.
    assert client.get("/support/login/code/").location == "/support/login/"
    page = client.get(enter_password(client).location)
    clock.advance(minutes=11)
    assert client.submit(page, {"code": code_now(ctx, SECRET)}).location == "/support/login/"
    assert "took too long" in client.get("/support/login/").text
    # What the login stood on has changed.
    page = client.get(enter_password(client).location)
    give_factor(ctx, person, SECRET[::-1])
    assert client.submit(page, {"code": code_now(ctx, SECRET)}).location == "/support/login/"
    # Or the person is not wanted any more.
    add_person(ctx, StaffRole.ADMIN, email="ada@tallyport.test")
    page = client.get(enter_password(client).location)
    disable_staff(ctx, person, actor=CLI)
    assert client.submit(page, {"code": code_now(ctx, SECRET)}).location == "/support/login/"
    assert audit_of(ctx, "staff.logged_in") == []


@pytest.mark.sqlite_only
def test_wrong_codes_lock_the_login(client: CheckedClient, ctx: Context) -> None:
    give_factor(ctx, add_person(ctx), SECRET)
    page = client.get(enter_password(client).location)
    for _ in range(5):
        client.submit(page, {"code": "not it"})
    assert client.submit(page, {"code": code_now(ctx, SECRET)}).location == "/support/login/"
    assert enter_password(client).status_code == 200


@pytest.fixture
def strict_client(make_app: Callable[..., Flask]) -> CheckedClient:
    """A browser at a portal where a second factor is required."""
    client = make_app(staff_require_2fa=True).test_client()
    assert isinstance(client, CheckedClient)
    return client


def test_where_a_factor_is_required_it_is_set_up_first(
    strict_client: CheckedClient, clock: FixedClock
) -> None:
    client = strict_client
    ctx: Context = client.application.extensions["tallyport"]
    person = add_person(ctx)
    answer = enter_password(client, next_path="/support/account/password/")
    assert answer.location == "/support/login/second-factor/"
    assert client.get(ACCOUNT).status_code == 302
    page = client.get(answer.location)
    shown = page.text.partition('class="factor-secret">')[2].partition("<")[0].replace(" ", "")
    image = client.get("/support/login/second-factor/qr.svg")
    assert image.mimetype == "image/svg+xml" and b"<svg" in image.data
    assert "unsafe-inline" not in image.headers["Content-Security-Policy"]
    assert client.submit(page, {"code": "123"}).status_code == 400
    assert load_user(ctx, person).totp_confirmed_at is None
    codes = client.submit(page, {"code": code_now(ctx, shown)}, follow_redirects=True)
    listed = codes.text.partition('class="recovery-codes">')[2].partition("</ol>")[0]
    first = listed.partition("<code>")[2].partition("<")[0]
    assert listed.count("<code>") == 10 and len(first) == 19
    assert "/support/account/password/" in codes.text
    # They are shown once, and the secret is not kept as it is.
    assert "shown once" in client.get("/support/account/recovery-codes/").text
    assert shown not in str(load_user(ctx, person).totp_secret)
    assert client.get("/support/login/second-factor/qr.svg").status_code == 404
    # A recovery code lets its owner in, once.
    for status in (303, 400):
        client.delete_cookie(session_cookie_name(ctx.settings))
        page = client.get(enter_password(client).location)
        assert client.submit(page, {"code": first.upper()}).status_code == status
    assert audit_of(ctx, "staff.logged_in")[-1][1] == {"door": "password", "factor": "recovery"}
    # It cannot be taken away here.
    client.submit(page, {"code": code_now(ctx, shown, steps=1)})
    assert "is required here" in client.get(ACCOUNT).text
    assert client.get("/support/account/second-factor/remove/").status_code == 404


def test_a_session_ends_when_nobody_uses_it_and_in_any_case(
    client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    add_person(ctx)
    enter_password(client)
    clock.advance(minutes=59, seconds=59)
    assert client.get(ACCOUNT).status_code == 200
    clock.advance(minutes=59, seconds=59)
    assert client.get(ACCOUNT).status_code == 200
    page = client.get(ACCOUNT)
    clock.advance(hours=1)
    assert client.get(ACCOUNT).location.startswith("/support/login/")
    # What is still written into it does not bring it back.
    assert client.submit(page, action="end-others/").location == "/support/login/"
    assert "nothing was changed" in client.get("/support/login/").text
    enter_password(client, password="wrong")
    assert client.get(ACCOUNT).location.startswith("/support/login/")
    enter_password(client)
    for _ in range(15):
        clock.advance(minutes=30)
        assert client.get(ACCOUNT).status_code == 200
    clock.advance(minutes=29, seconds=59)
    assert client.get(ACCOUNT).status_code == 200
    clock.advance(seconds=1)
    assert client.get(ACCOUNT).location.startswith("/support/login/")


@pytest.mark.sqlite_only
def test_a_login_as_staff_ends_the_session_of_a_customer(
    client: CheckedClient, ctx: Context
) -> None:
    add_person(ctx)
    acme = add_organization(ctx)
    begin_session(client, ctx, acme)
    assert client.get(ACCOUNT).status_code == 404
    enter_password(client)
    assert client.get(ACCOUNT).status_code == 200
    assert client.get(acme.page("billing")).status_code == 404
