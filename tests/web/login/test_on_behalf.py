"""The link that our support makes for the contact of a server (login flow, "on behalf")."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.clock import FixedClock
from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import BillingRole, LoginDoor
from app.models import AuditEntry, BillingUser, BrowserSession, LoginLink, Server
from app.services.context import CLI, Context
from app.services.link_on_behalf import create_link_on_behalf
from app.services.login_links import LINK_PURPOSES
from tests.support.client import CheckedClient
from tests.support.login import (
    KnownServer,
    add_organization,
    add_server,
    finish_login,
    login_as_server,
    make_link,
)
from tests.support.mail import RecordingMailer
from tests.web.login.steps import (
    add_server_page,
    deactivate,
    hand_over,
    new_browser,
    private,
    remove_person,
    text_of,
)
from tests.web.login.test_refusals import ALTERATIONS, failures


def make(ctx: Context, server: KnownServer, *, next_page: str | None = None) -> str:
    """The path of a new link for the server's contact."""
    url = create_link_on_behalf(ctx, server.uuid, next_page=next_page, actor=CLI, reason="asked")
    return url.removeprefix(ctx.settings.base_url)


def open_link(client: CheckedClient, link: str) -> TestResponse:
    return client.get(link, follow_redirects=True)


def change_contact(ctx: Context, server: KnownServer, email: str = "new@acme.test") -> None:
    with ctx.sessions() as session, session.begin():
        statement = update(Server).where(Server.id == server.id)
        session.execute(statement.values(contact_email=email))


def test_from_the_link_to_the_page_it_is_for(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    add_server_page(app)
    server = add_server(ctx, contact_email="Root@Acme.test")
    answer = client.get(make(ctx, server, next_page="deactivate"))
    assert (answer.status_code, answer.location) == (302, "/remote-billing-login/complete/")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    with ctx.sessions() as session:
        assert session.scalars(select(BillingUser)).all() == [], "looking creates nobody"

    # For which address and which server it is stands there before the button.
    page = client.get(answer.location)
    text = text_of(page)
    assert "Our support made this link for Root@Acme.test" in text
    assert "A login link for the contact of chat.acme.test" in text
    refused = client.submit(page, {"full_name": "Root"})
    assert refused.status_code == 400 and "Tick the box to agree" in text_of(refused)
    assert mailer.outbox == []
    answer = client.submit(refused, {"full_name": "Root", "accepts_tos": "y"})
    assert answer.status_code == 303
    built = {server.page("deactivate"), server.page("billing")}
    assert answer.location in built
    assert client.get(private(server)).status_code == 200
    with ctx.sessions() as session:
        user = session.scalars(select(BillingUser)).one()
        assert (user.email, user.role) == ("root@acme.test", BillingRole.OWNER)
        assert user.email_confirmed_at == user.last_login_at == ctx.now()
        created, *_, login = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert (created.action, created.actor) == ("login_link.created", "cli")
    assert created.after is not None and login.after is not None
    assert created.after["door"] == login.after["door"] == "on_behalf"
    assert (created.after["reason"], created.after["next_page"]) == ("asked", "deactivate")
    assert login.action == "login.succeeded"

    # The contact is told, whoever it was.
    mail = mailer.outbox[-1]
    assert (mail.template, mail.recipient) == ("login_on_behalf_used", "Root@Acme.test")
    assert mail.subject == "Somebody logged in to billing for the server chat.acme.test"
    for part in (mail.text, mail.html):
        assert "On 2 January 2012, 03:04:05 UTC, somebody logged in" in part
        assert "127.0.0.1" not in part


def test_somebody_who_has_logged_in_by_the_key_is_the_same_person(
    client: CheckedClient, ctx: Context
) -> None:
    server = add_server(ctx, contact_email="Root@acme.test")
    login_as_server(client, ctx, server, email="root@ACME.test")
    page = open_link(client, make(ctx, server))
    assert "accepts_tos" not in text_of(page) and 'value="Iago"' in text_of(page)
    assert finish_login(client, page).status_code == 303
    with ctx.sessions() as session:
        assert len(session.scalars(select(BillingUser)).all()) == 1


def test_a_contact_at_a_domain_of_another_script(client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx, contact_email="root@b\u00fccher.test")
    login_as_server(client, ctx, server, email="root@xn--bcher-kva.test")
    assert finish_login(client, open_link(client, make(ctx, server))).status_code == 303
    with ctx.sessions() as session:
        assert len(session.scalars(select(BillingUser)).all()) == 1


def test_a_link_that_was_forwarded(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    add_server_page(app)
    server = add_server(ctx)
    link = make(ctx, server)
    slow, late = new_browser(app), new_browser(app)
    slow_page = open_link(slow, link)
    assert finish_login(client, open_link(client, link)).status_code == 303
    for answer in (finish_login(slow, slow_page), slow.get(link), late.get(link)):
        assert answer.status_code == 400
        assert "This login link has been used" in text_of(answer)
        assert "Ask our support for another link" in text_of(answer)
    assert slow.get(private(server)).status_code == late.get(private(server)).status_code == 401
    assert [mail.template for mail in mailer.outbox] == ["login_on_behalf_used"]
    assert failures(ctx) == ["login_link_used"] * 3


def test_a_button_that_is_pressed_twice(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    page = open_link(client, make(ctx, add_server(ctx)))
    assert [finish_login(client, page).status_code for _ in range(2)] == [303, 303]
    with ctx.sessions() as session:
        assert len(session.scalars(select(BrowserSession)).all()) == 1
    assert len(mailer.outbox) == 1


def test_it_lives_for_a_day_and_the_session_for_two_hours(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    add_server_page(app)
    server = add_server(ctx)
    link, other = make(ctx, server), make(ctx, server)
    page = open_link(client, link)
    clock.advance(hours=23, minutes=59, seconds=59)
    assert finish_login(client, page).status_code == 303
    late = new_browser(app)
    late_page = open_link(late, other)
    clock.advance(seconds=1)
    for answer in (late.get(other), finish_login(late, late_page)):
        assert answer.status_code == 400
        assert "The link worked for 24 hours" in text_of(answer)
    clock.advance(hours=1, minutes=59, seconds=58)
    assert client.get(private(server)).status_code == 200
    clock.advance(seconds=1)
    assert client.get(private(server)).location == "/serverlogin/?next_page=billing"


@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_altered_token(client: CheckedClient, ctx: Context, name: str) -> None:
    path, _, token = make(ctx, add_server(ctx)).rpartition("/")
    answer = client.get(f"{path}/{ALTERATIONS[name](token)}")
    assert answer.status_code == 400
    assert "This link does not work" in text_of(answer)
    assert failures(ctx) == ["login_link_invalid"]


def test_a_token_of_one_door_is_refused_at_the_other(client: CheckedClient, ctx: Context) -> None:
    acme = add_organization(ctx)
    product = make_link(ctx, acme).rpartition("/")[2]
    on_behalf = make(ctx, add_server(ctx)).rpartition("/")[2]
    assert client.get(f"/remote-billing-login/server/{product}").status_code == 400
    assert client.get(f"/remote-billing-login/{on_behalf}").status_code == 400
    # Not even a signature for the other door makes a link of it.
    with ctx.sessions() as session:
        made = [(link.door, link.nonce) for link in session.scalars(select(LoginLink))]
    for door, nonce in made:
        for other in set(LINK_PURPOSES) - {door}:
            token = ctx.tokens.sign(LINK_PURPOSES[other], nonce)
            part = "server/" if other is LoginDoor.ON_BEHALF else ""
            assert client.get(f"/remote-billing-login/{part}{token}").status_code == 400
    assert set(failures(ctx)) == {"login_link_invalid"}


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (deactivate, "login_server_deactivated", "This server is no longer registered"),
        (hand_over, "login_link_revoked", "This login was ended"),
        (change_contact, "login_contact_changed", "This link was made for another address"),
        (remove_person, "login_user_deactivated", "You cannot log in"),
    ],
)
def test_what_changed_since_the_link_was_made(
    app: Flask,
    client: CheckedClient,
    ctx: Context,
    change: Callable[[Context, KnownServer], None],
    reason: str,
    words: str,
) -> None:
    server = add_server(ctx)
    login_as_server(new_browser(app), ctx, server)
    link = make(ctx, server)
    page = open_link(client, link)
    change(ctx, server)
    for answer in (
        client.get(link),
        client.get("/remote-billing-login/complete/"),
        finish_login(client, page),
    ):
        assert answer.status_code == 403
        assert words in text_of(answer)
    assert failures(ctx) == [reason] * 3
    with ctx.sessions() as session:
        of_person = select(BrowserSession.id).where(
            BrowserSession.billing_user_id.is_not(None), BrowserSession.revoked_at.is_(None)
        )
        assert len(session.scalars(of_person).all()) == (0 if change is hand_over else 1)


def test_a_contact_that_is_only_written_otherwise_is_the_same(
    client: CheckedClient, ctx: Context
) -> None:
    server = add_server(ctx)
    page = open_link(client, make(ctx, server))
    change_contact(ctx, server, "ROOT@acme.TEST")
    assert finish_login(client, page).status_code == 303


def test_the_command_prints_the_link(app: Flask, client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx)
    runner = app.test_cli_runner()

    def run(*arguments: str) -> tuple[int, str]:
        result = runner.invoke(args=["billing", "login-link", *arguments])
        return result.exit_code, result.output

    status, output = run(server.uuid.upper(), "--next-page", "deactivate", "--reason", "asked")
    assert status == 0, output
    url = output.strip()
    assert url.startswith("http://localhost/remote-billing-login/server/")
    page = open_link(client, url.removeprefix("http://localhost"))
    assert finish_login(client, page).status_code == 303
    with ctx.sessions() as session:
        assert session.scalars(select(LoginLink)).one().next_page == "deactivate"

    status, output = run(server.uuid, "--next-page", "nonsense")
    assert status == 2 and "nonsense" in output
    deactivate(ctx, server)
    for uuid, words in ((server.uuid, "deactivated"), ("nonsense", "does not exist")):
        status, output = run(uuid)
        assert status == 1 and words in output and "Traceback" not in output


def test_for_whom_no_link_is_made(ctx: Context) -> None:
    server = add_server(ctx)
    with pytest.raises(BillingError, match="field_not_choice"):
        make(ctx, server, next_page="//evil.test")
    with pytest.raises(NotFoundError):
        create_link_on_behalf(ctx, "nonsense", next_page=None, actor=CLI, reason="")
    deactivate(ctx, server)
    with pytest.raises(BillingError, match="server_deactivated"):
        make(ctx, server)
    with ctx.sessions() as session:
        assert session.scalars(select(LoginLink)).all() == []
