"""The login of staff by an identity provider: who gets in, who does not, and what stays behind."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flask import Flask

from app.clock import FixedClock
from app.domain.kinds import StaffRole
from app.models.staff import StaffUser
from app.services.context import CLI, Context
from app.services.staff_people import reset_staff
from app.services.unit_of_work import unit_of_work
from app.web.logging import mask_tokens
from tests.conftest import START
from tests.support.client import CheckedClient
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.support.staff import begin_staff_session
from tests.web.staff.people import (
    EMAIL,
    add_person,
    audit_of,
    enter_password,
    give_factor,
    load_user,
)

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

ACCOUNT = "/support/account/"
LOGIN = "/support/login/"
BEGIN = f"{LOGIN}provider/"
RETURN = f"{BEGIN}return/"
EPOCH = int(START.timestamp())


@pytest.fixture
def settings_overrides(provider_settings: dict[str, Any]) -> dict[str, Any]:
    # The provider answers for the second factor.
    return provider_settings | {"staff_require_2fa": True}


def new_client(app: Flask) -> CheckedClient:
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    return client


def begin(client: CheckedClient, *, next_path: str | None = None) -> str:
    """The button on the page of the login; returns where the browser is sent."""
    query = {"next": next_path} if next_path is not None else {}
    page = client.get(LOGIN, query_string=query)
    assert "Log in with Acme Login" in page.text
    answer = client.submit(page, action=BEGIN)
    assert answer.status_code == 200, answer.text
    address = answer.headers["Refresh"].removeprefix("0; url=")
    assert f'href="{address.replace("&", "&amp;")}"' in answer.text
    return address


def come_back(client: CheckedClient, address: str) -> "TestResponse":
    """The page after the provider, and its button."""
    page = client.get(address.removeprefix("http://localhost"))
    assert page.status_code == 200, page.text
    return client.submit(page)


def walk(client: CheckedClient, provider: Provider, **options: Any) -> "TestResponse":
    """All of it; the last answer as it came."""
    return come_back(client, provider.authorize(begin(client, **options)))


def test_in_by_the_provider(client: CheckedClient, ctx: Context, provider: Provider) -> None:
    person = add_person(ctx)
    provider.email = "Sam@Tallyport.TEST"
    answer = walk(client, provider, next_path=f"{ACCOUNT}?a=b")
    assert (answer.status_code, answer.location) == (303, f"{ACCOUNT}?a=b")
    page = client.get(ACCOUNT)
    assert "An account of the single sign-on opens your login" in page.text
    user = load_user(ctx, person)
    assert (user.oidc_issuer, user.oidc_subject) == (provider.issuer, "00u1")
    assert user.last_login_at == ctx.now()
    who = f"staff:{person}"
    after = {"door": "provider", "factor": None}
    assert audit_of(ctx, "staff.logged_in") == [(who, after, "127.0.0.1")]
    bound = {"staff": person, "issuer": provider.issuer}
    assert audit_of(ctx, "staff.provider_bound") == [(who, bound, "127.0.0.1")]
    # Who is logged in has no use for any of it.
    assert client.get(RETURN).location == "/support/"
    login = client.get(LOGIN)
    assert login.status_code == 303
    client.submit(page, action="/support/logout/")
    # From now on the account counts, whatever becomes of the address.
    provider.email, provider.email_verified = "new@elsewhere.test", False
    assert walk(client, provider).location == "/support/"
    assert len(audit_of(ctx, "staff.provider_bound")) == 1
    keys = [place for place in provider.requests if place != "/token"]
    assert keys == ["/.well-known/openid-configuration", "/keys"], "both are kept"


def change(ctx: Context, staff_user_id: int, **values: object) -> None:
    with unit_of_work(ctx) as work:
        user = work.session.get_one(StaffUser, staff_user_id)
        for name, value in values.items():
            setattr(user, name, value)
        work.commit()


def test_an_account_is_forgotten_by_an_administrator(
    client: CheckedClient, app: Flask, ctx: Context, provider: Provider
) -> None:
    person = add_person(ctx)
    address = provider.authorize(begin(client))
    other = new_client(app)
    assert walk(other, provider).status_code == 303
    admin = new_client(app)
    begin_staff_session(admin, ctx, StaffRole.ADMIN)
    assert "Single sign-on" in admin.get("/support/staff/").text
    path = f"/support/staff/{person}/"
    assert f"{path}unbind/" in admin.get(path).text
    admin.submit(admin.get(f"{path}unbind/"), action=f"{path}unbind/")
    assert load_user(ctx, person).oidc_subject is None
    assert other.get(ACCOUNT).status_code == 302, "its sessions are over"
    assert [after for _, after, _ in audit_of(ctx, "staff.provider_unbound")] == [{"staff": person}]
    assert admin.get(f"{path}unbind/").status_code == 404
    assert f"{path}unbind/" not in admin.get(path).text
    # Another account with the address takes its place; resetting the login forgets it, too.
    provider.subject = "00u2"
    assert come_back(client, address).status_code == 303
    assert load_user(ctx, person).oidc_subject == "00u2"
    reset_staff(ctx, person, actor=CLI)
    assert load_user(ctx, person).oidc_subject is None


# Why the audit log says so; what the provider says of the person; what is in our row.
REFUSED: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("disabled", {}, {"disabled_at": START}),
    ("unknown", {"email": "somebody@tallyport.test"}, {}),
    # The small form of that letter's capital is an s.
    ("unknown", {"email": "\N{LATIN SMALL LETTER LONG S}am@tallyport.test"}, {}),
    ("unverified", {"email_verified": False}, {}),
    ("unverified", {"email_verified": "true"}, {}),
    ("unverified", {"email": None}, {}),
    ("bound", {}, {"oidc_issuer": "https://login.localhost", "oidc_subject": "another"}),
    ("disabled", {"email": None}, {"disabled_at": START, "oidc_subject": "mine"}),
]


@pytest.mark.sqlite_only
def test_one_answer_for_whomever_it_does_not_let_in(
    app: Flask, ctx: Context, provider: Provider
) -> None:
    pages = set()
    person = add_person(ctx)
    for number, (reason, said, row) in enumerate(REFUSED):
        provider.email, provider.email_verified = EMAIL, True
        provider.subject = str(row.get("oidc_subject")) if "email" in said else f"sub{number}"
        provider.__dict__.update(said)
        issuer = provider.issuer if row.get("oidc_subject") == "mine" else None
        empty = {"disabled_at": None, "oidc_issuer": issuer, "oidc_subject": None}
        change(ctx, person, **(empty | row))
        client = new_client(app)
        answer = walk(client, provider, next_path=ACCOUNT)
        assert answer.status_code == 403
        assert f'href="{LOGIN}?next=/support/account/"' in answer.text
        pages.add(re.sub(r'(?<=csrf_token" value=")[^"]+', "", answer.text))
        assert client.get(ACCOUNT).status_code == 302
        assert audit_of(ctx, "staff.login_failed")[-1][1] == {"reason": f"provider: {reason}"}
        user = load_user(ctx, person)
        assert (user.failed_logins, user.oidc_subject) == (0, row.get("oidc_subject"))
    assert len(pages) == 1
    assert "lets nobody in here" in pages.pop()


def test_guessed_passwords_shut_nobody_out_of_the_other_door(
    client: CheckedClient, ctx: Context, provider: Provider
) -> None:
    person = add_person(ctx)
    give_factor(ctx, person, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    for _ in range(5):
        enter_password(client, password="wrong")
    locked = load_user(ctx, person).locked_until
    assert walk(client, provider).status_code == 303
    assert client.get(ACCOUNT).status_code == 200
    user = load_user(ctx, person)
    assert (user.failed_logins, user.locked_until) == (5, locked), "the guessing goes on"


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("staff_provider_unproven", {"claims": {"nonce": "other"}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"nonce": None}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"aud": "another"}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"aud": [CLIENT_ID, "another"]}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"azp": "another"}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"iss": "https://evil.test"}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"exp": EPOCH - 61}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"iat": EPOCH + 120}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"exp": None}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"exp": "soon"}}, "does not prove"),
    ("staff_provider_unproven", {"claims": {"sub": None}}, "does not prove"),
    ("staff_provider_broken", {"claims": {"sub": "a\0b"}}, "cannot be used"),
    ("staff_provider_broken", {"claims": {"sub": "x" * 256}}, "cannot be used"),
    ("staff_provider_unproven", {"bad": "none"}, "does not prove"),
    ("staff_provider_unproven", {"bad": "secret"}, "does not prove"),
    ("staff_provider_unproven", {"bad": "public"}, "does not prove"),
    ("staff_provider_unproven", {"bad": "foreign", "algorithm": "ES256"}, "does not prove"),
    ("staff_provider_unproven", {"header": {"kid": "unknown"}}, "does not prove"),
    ("staff_provider_refused", {"bad": "token:400"}, "did not let"),
    ("staff_provider_unreachable", {"bad": "token:500"}, "does not answer"),
    ("staff_provider_unreachable", {"bad": "token:302"}, "does not answer"),
    ("staff_provider_unreachable", {"bad": "token:text"}, "does not answer"),
    ("staff_provider_unreachable", {"bad": "token:large"}, "does not answer"),
    ("staff_provider_broken", {"bad": 'token:{"id_token": 7}'}, "cannot be used"),
    ("staff_provider_unproven", {"bad": 'token:{"id_token": "a.b.c"}'}, "does not prove"),
    ("staff_provider_unreachable", {"bad": "keys:500"}, "does not answer"),
    ("staff_provider_broken", {"bad": 'keys:{"keys": {}}'}, "cannot be used"),
]


@pytest.mark.sqlite_only
def test_what_proves_nothing(
    app: Flask, ctx: Context, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    person = add_person(ctx)
    client = new_client(app)
    for code, wrong, words in reversed(BROKEN):
        address = provider.authorize(begin(client))
        provider.__dict__.update(wrong)
        answer = come_back(client, address)
        provider.__dict__.update(claims={}, header={}, bad=None, algorithm="RS256")
        assert answer.status_code in {400, 503} and words in answer.text, wrong
        assert "Traceback" not in answer.text and CLIENT_SECRET not in answer.text
        assert client.get(ACCOUNT).status_code == 302
        assert audit_of(ctx, "staff.login_failed")[-1][1] == {"reason": code}, wrong
    assert load_user(ctx, person).oidc_subject is None
    assert CLIENT_SECRET not in caplog.text and "code-" not in caplog.text
    assert walk(client, provider).status_code == 303


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "wrong",
    [
        {"document": {"issuer": "https://login.localhost"}},
        {"document": {"token_endpoint": "http://login.localhost/token"}},
        {"document": {"jwks_uri": None}},
        {"document": {"authorization_endpoint": "https://a@login.localhost/"}},
        {"document": {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}},
        {"bad": "openid-configuration:404"},
        {"bad": "openid-configuration:large"},
        {"bad": "openid-configuration:[]"},
    ],
    ids=str,
)
def test_a_provider_that_cannot_be_used_leaves_the_password(
    client: CheckedClient, ctx: Context, provider: Provider, wrong: dict[str, Any]
) -> None:
    person = add_person(ctx)
    provider.__dict__.update(wrong)
    page = client.get(LOGIN, query_string={"next": ACCOUNT})
    assert provider.requests == [], "the page of the login asks nobody"
    answer = client.submit(page, action=BEGIN)
    assert answer.status_code == 503 and "You are not logged in" in answer.text
    # What was wrong is not kept.
    provider.__dict__.update(document={}, bad=None)
    assert walk(client, provider).status_code == 303
    assert load_user(ctx, person).oidc_subject == "00u1"


@pytest.mark.sqlite_only
def test_a_secret_in_the_form_and_a_token_for_several(
    client: CheckedClient, ctx: Context, provider: Provider
) -> None:
    add_person(ctx)
    provider.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    provider.claims = {"aud": ["another", CLIENT_ID], "azp": CLIENT_ID}
    provider.header = {"kid": None}
    assert walk(client, provider).status_code == 303


@pytest.mark.sqlite_only
def test_a_login_comes_back_once_soon_and_to_its_own_browser(
    app: Flask, client: CheckedClient, ctx: Context, provider: Provider, clock: FixedClock
) -> None:
    add_person(ctx)

    def refused(path: str, *, by: CheckedClient = client) -> bool:
        page = by.get(path.removeprefix("http://localhost"))
        return page.status_code == 400 and "You are not logged in" in page.text

    address = provider.authorize(begin(client, next_path=ACCOUNT))
    for wrong in (
        RETURN,
        f"{RETURN}?code=a",
        f"{RETURN}?code=a&state=b",
        f"{RETURN}?code=a&state=%C3%A9",
        f"{address}&iss=https%3A%2F%2Fevil.test",
        f"{RETURN}?{urlsplit(address).query.partition('&')[2]}",
        f"{RETURN}?code={'x' * 5000}&state={parse_qs(urlsplit(address).query)['state'][0]}",
    ):
        assert refused(wrong), wrong
    assert refused(address, by=new_client(app)), "it was begun elsewhere"
    # A second one takes the place of the first.
    second = provider.authorize(begin(client))
    assert refused(address)
    clock.advance(minutes=10)
    page = client.get(second.removeprefix("http://localhost"))
    assert page.status_code == 200
    clock.advance(seconds=1)
    assert refused(second)
    assert "took too long" in client.submit(page).text
    # What is wrong once is over.
    third = provider.authorize(begin(client))
    page = client.get(third.removeprefix("http://localhost"))
    assert client.submit(page, {"state": "other"}).status_code == 400
    assert client.submit(page).status_code == 400
    fourth = provider.authorize(begin(client))
    page = client.get(f"{fourth}&iss={quote(provider.issuer)}".removeprefix("http://localhost"))
    assert client.submit(page).status_code == 303
    client.submit(client.get(ACCOUNT), action="/support/logout/")
    assert client.submit(page).status_code == 400
    # Two belonged to a login and brought no code; what belongs to none is not worth a line.
    failed = [after for _actor, after, _ip in audit_of(ctx, "staff.login_failed")]
    assert failed == [{"reason": "staff_provider_refused"}] * 2


@pytest.mark.sqlite_only
def test_whoever_says_no_there_is_told_so(
    client: CheckedClient, ctx: Context, provider: Provider
) -> None:
    state = parse_qs(urlsplit(begin(client, next_path=ACCOUNT)).query)["state"][0]
    page = client.get(f"{RETURN}?error=access_denied&state={state}&error_description=%3Cb%3E")
    assert page.status_code == 400
    assert "did not let this login go on" in page.text and "<b>" not in page.text
    assert audit_of(ctx, "staff.login_failed") == [
        ("stranger", {"reason": "staff_provider_refused"}, "127.0.0.1")
    ]
    assert f'href="{LOGIN}?next=/support/account/"' in page.text


@pytest.mark.sqlite_only
def test_logins_by_the_provider_are_limited_apart(
    make_app: Callable[..., Flask], provider: Provider
) -> None:
    client = new_client(make_app(rate_limit_staff_login="2 per hour"))
    page = client.get(LOGIN)
    for status in (200, 200, 429):
        assert client.submit(page, action=BEGIN).status_code == status
    assert enter_password(client).status_code == 200


@pytest.mark.sqlite_only
def test_without_a_provider_there_is_no_such_page(make_app: Callable[..., Flask]) -> None:
    names = ("issuer", "client_id", "client_secret")
    client = new_client(make_app(**{f"staff_oidc_{name}": None for name in names}))
    page = client.get(LOGIN)
    assert BEGIN not in page.text
    found = re.search(r'csrf_token" value="([^"]+)', page.text)
    assert found is not None
    token = {"csrf_token": found[1]}
    for answer in (client.post(BEGIN, data=token), client.post(RETURN, data=token)):
        assert answer.status_code == 404
    assert client.get(RETURN).status_code == 404


def test_the_code_is_in_no_log() -> None:
    line = f'GET {RETURN}?code=a&state=b HTTP/1.1" 200'
    assert mask_tokens(line) == f'GET {RETURN}?[token] HTTP/1.1" 200'
