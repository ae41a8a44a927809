"""Logins that cannot go on: each gets a page that says why, and nothing is created."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.clock import FixedClock
from app.models import (
    AuditEntry,
    BillingUser,
    BrowserSession,
    EmailConfirmation,
    LoginLink,
    Organization,
    Server,
)
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.login import (
    KnownOrganization,
    add_organization,
    add_private_page,
    login_as,
    mailed_link,
    make_link,
)
from tests.support.mail import RecordingMailer

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _sibling(letter: str) -> str:
    """The letter whose bits differ from this one only where no byte ends: a decoder would not
    tell them apart at the end of a signature."""
    return LETTERS[LETTERS.index(letter) ^ 1]


ALTERATIONS: dict[str, Callable[[str], str]] = {
    "the last letter": lambda token: token[:-1] + _sibling(token[-1]),
    "one letter": lambda token: token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1],
    "no signature": lambda token: token.rpartition(".")[0],
    "nothing signed": lambda token: ".".join(["", *token.split(".")[1:]]),
    "nonsense": lambda _token: "nonsense",
    "dots": lambda _token: "...",
    "too long": lambda token: token + "A" * 5000,
    "not ASCII": lambda token: token + "%C3%A9%00",
    "twice": lambda token: token + token,
}


def failures(ctx: Context) -> list[str]:
    """The reasons of the refused logins in the audit log, each with its time and address."""
    with ctx.sessions() as session:
        found = []
        statement = select(AuditEntry).where(AuditEntry.action == "login.failed")
        for entry in session.scalars(statement.order_by(AuditEntry.id)):
            assert entry.after is not None and entry.personal_detail is not None
            assert entry.personal_detail.ip == "127.0.0.1"
            assert entry.at == ctx.now()
            found.append(entry.after["reason"])
        return found


def nothing_was_created(ctx: Context) -> bool:
    with ctx.sessions() as session:
        return not any(
            session.scalars(select(table)).all() for table in (BillingUser, EmailConfirmation)
        )


@pytest.mark.parametrize("name", ALTERATIONS)
@pytest.mark.sqlite_only
def test_an_altered_token(client: CheckedClient, ctx: Context, name: str) -> None:
    path, _, token = make_link(ctx, add_organization(ctx)).rpartition("/")
    answer = client.get(f"{path}/{ALTERATIONS[name](token)}")
    assert answer.status_code == 400
    assert "This link does not work" in answer.get_data(as_text=True)
    assert failures(ctx) == ["login_link_invalid"]
    assert nothing_was_created(ctx)


@pytest.mark.sqlite_only
def test_a_token_of_another_purpose(client: CheckedClient, ctx: Context) -> None:
    add_organization(ctx)
    with ctx.sessions() as session:
        assert session.scalars(select(LoginLink)).all() == []
    for value in ("nonce", 7, None, ["nonce"], {"nonce": "x"}):
        for purpose in ("billing-link", "purchase-quote"):
            token = ctx.tokens.sign(purpose, value)
            assert client.get(f"/remote-billing-login/{token}").status_code == 400
    assert set(failures(ctx)) == {"login_link_invalid"}


def test_a_token_that_another_key_signed(
    client: CheckedClient, ctx: Context, make_app: Callable[..., Flask]
) -> None:
    acme = add_organization(ctx)
    other = make_app(secret_keys=("another-key-with-more-than-thirty-two-characters",))
    link = make_link(other.extensions["tallyport"], acme)
    assert client.get(link).status_code == 400


def test_a_link_works_for_two_hours(client: CheckedClient, ctx: Context, clock: FixedClock) -> None:
    acme = add_organization(ctx)
    link = make_link(ctx, acme)
    clock.advance(hours=1, minutes=59, seconds=59)
    page = client.get(link, follow_redirects=True)
    assert page.status_code == 200
    clock.advance(seconds=1)
    for answer in (client.get(link), client.submit(page)):
        assert answer.status_code == 400
        assert "This login link has expired" in answer.get_data(as_text=True)
    assert failures(ctx) == ["login_link_expired"] * 2
    assert nothing_was_created(ctx)


def test_a_link_completes_one_login(app: Flask, client: CheckedClient, ctx: Context) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    link = make_link(ctx, acme)
    # Two browsers have it open; the first to finish has the login.
    slow = app.test_client()
    assert isinstance(slow, CheckedClient)
    slow_page = slow.get(link, follow_redirects=True)
    assert client.submit(client.get(link, follow_redirects=True)).status_code == 303
    for answer in (slow.submit(slow_page), slow.get(link), client.get(link)):
        assert answer.status_code == 400
        assert "This login link has been used" in answer.get_data(as_text=True)
    assert slow.get(acme.private()).status_code == 401
    assert client.get(acme.private()).status_code == 200
    assert failures(ctx) == ["login_link_used"] * 3


def move_to_another_server(ctx: Context, acme: KnownOrganization) -> None:
    other = add_organization(ctx, host="elsewhere.test")
    with ctx.sessions() as session, session.begin():
        statement = update(Organization).where(Organization.id == acme.id)
        session.execute(statement.values(server_id=other.server_id, remote_realm_id=99))


def deactivate_server(ctx: Context, acme: KnownOrganization) -> None:
    with ctx.sessions() as session, session.begin():
        statement = update(Server).where(Server.id == acme.server_id)
        session.execute(statement.values(deactivated_at=ctx.now()))


def deactivate_user(ctx: Context, acme: KnownOrganization) -> None:
    with ctx.sessions() as session, session.begin():
        statement = update(BillingUser).where(BillingUser.organization_id == acme.id)
        session.execute(statement.values(deactivated_at=ctx.now()))


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (move_to_another_server, "login_link_moved", "This organization has moved"),
        (deactivate_server, "login_server_deactivated", "This server is no longer registered"),
        (deactivate_user, "login_user_deactivated", "You cannot log in"),
    ],
)
def test_what_changed_since_the_link_was_made(
    client: CheckedClient,
    ctx: Context,
    mailer: RecordingMailer,
    change: Callable[[Context, KnownOrganization], None],
    reason: str,
    words: str,
) -> None:
    acme = add_organization(ctx)
    client.submit(client.get(make_link(ctx, acme), follow_redirects=True))
    waiting = mailed_link(mailer)
    waiting_page = client.get(waiting)
    login_as(client, ctx, acme, email="second@acme.test")
    link = make_link(ctx, acme)
    page = client.get(link, follow_redirects=True)
    change(ctx, acme)
    for answer in (
        client.get(link),
        client.get("/remote-billing-login/complete/"),
        client.submit(page),
        client.get(waiting),
        client.submit(waiting_page),
    ):
        assert answer.status_code == 403
        assert words in answer.get_data(as_text=True)
    assert failures(ctx) == [reason] * 5


def test_a_mailed_link_works_once_and_for_a_day(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    acme = add_organization(ctx)
    client.submit(client.get(make_link(ctx, acme), follow_redirects=True))
    link = mailed_link(mailer)
    page = client.get(link)
    client.submit(page)
    stranger = app.test_client()
    assert isinstance(stranger, CheckedClient)
    used = stranger.get(link)
    assert used.status_code == 400
    assert "has been used" in used.get_data(as_text=True)
    assert "choose Billing" in used.get_data(as_text=True)

    clock.advance(minutes=5)
    other = add_organization(ctx, host="other.test")
    client.submit(client.get(make_link(ctx, other), follow_redirects=True))
    link = mailed_link(mailer)
    clock.advance(hours=23, minutes=59, seconds=59)
    page = client.get(link)
    assert page.status_code == 200
    clock.advance(seconds=1)
    for answer in (client.get(link), client.submit(page)):
        assert answer.status_code == 400
        assert "This confirmation link has expired" in answer.get_data(as_text=True)


@pytest.mark.parametrize("key", ["nonsense", "A" * 43, "A" * 5000, "%00", "%F0%9F%92%A5"])
def test_a_mailed_link_that_was_altered(client: CheckedClient, ctx: Context, key: str) -> None:
    answer = client.get(f"/remote-billing-login/do-confirm/{key}")
    assert answer.status_code == 400
    assert failures(ctx) == ["confirmation_invalid"]


def test_a_confirmed_login_must_be_finished_within_two_hours(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    client.submit(client.get(make_link(ctx, add_organization(ctx)), follow_redirects=True))
    page = client.submit(client.get(mailed_link(mailer)), follow_redirects=True)
    clock.advance(hours=2)
    answer = client.submit(page, {"accepts_tos": "y"})
    assert answer.status_code == 400
    with ctx.sessions() as session:
        user_of_session = select(BrowserSession.billing_user_id)
        assert session.scalars(user_of_session).all() == [None]


@pytest.mark.parametrize("step", ["confirm", "complete", "sent"])
@pytest.mark.sqlite_only
def test_a_step_without_a_login(client: CheckedClient, step: str) -> None:
    answer = client.get(f"/remote-billing-login/{step}/")
    assert answer.status_code == 400
    assert "There is no login to continue here" in answer.get_data(as_text=True)


def test_the_last_step_before_the_address_is_confirmed(client: CheckedClient, ctx: Context) -> None:
    client.get(make_link(ctx, add_organization(ctx)))
    answer = client.get("/remote-billing-login/complete/")
    assert answer.location == "/remote-billing-login/confirm/"
    page = client.get(answer.location)
    fields = {"full_name": "Iago", "accepts_tos": "y", "tos_version": "1.0"}
    text = page.get_data(as_text=True)
    signed = text.split('name="csrf_token" value="')[1].split('"')[0]
    answer = client.post("/remote-billing-login/complete/", data=fields | {"csrf_token": signed})
    assert answer.location == "/remote-billing-login/confirm/"
    assert nothing_was_created(ctx)


@pytest.mark.parametrize("handle", ["", "nonsense", "A" * 16, "\x00"])
def test_a_form_of_another_login(client: CheckedClient, ctx: Context, handle: str) -> None:
    page = client.get(make_link(ctx, add_organization(ctx)), follow_redirects=True)
    answer = client.submit(page, {"login": handle})
    assert answer.status_code == 400
    assert nothing_was_created(ctx)


def test_a_proxy_that_hands_on_whatever_it_is_told(make_app: Callable[..., Flask]) -> None:
    client = make_app(trusted_proxies=1).test_client()
    told = {"X-Forwarded-For": "x" * 500}
    assert client.get("/remote-billing-login/nonsense", headers=told).status_code == 400


@pytest.mark.sqlite_only
def test_forms_need_their_token(client: CheckedClient, ctx: Context) -> None:
    page = client.get(make_link(ctx, add_organization(ctx)), follow_redirects=True)
    for token in ("", "nonsense"):
        assert client.submit(page, {"csrf_token": token}).status_code == 400
    assert client.post("/logout/").status_code == 400
    assert nothing_was_created(ctx)
