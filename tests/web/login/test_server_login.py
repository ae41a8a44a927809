"""The door of a server's id and key, `/serverlogin/` (login flow)."""

from flask import Flask
from sqlalchemy import select

from app.clock import FixedClock
from app.domain.kinds import BillingRole, LoginDoor
from app.models import AuditEntry, BillingUser, BrowserSession, LoginLink
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.login import (
    KEY,
    add_organization,
    add_server,
    enter_key,
    finish_login,
    login_as,
    login_as_server,
    mailed_link,
)
from tests.support.mail import RecordingMailer
from tests.web.login.steps import (
    add_server_page,
    ask_for_mail,
    new_browser,
    nobody_was_created,
    private,
    text_of,
)


def test_the_first_login_step_by_step(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    add_server_page(app)
    server = add_server(ctx)

    page = client.get("/serverlogin/")
    assert "Log in with the id and key of your server" in text_of(page)
    answer = client.submit(page, {"server_id": server.uuid, "server_key": KEY})
    assert (answer.status_code, answer.location) == (303, "/remote-billing-login/confirm/")

    # The half-finished session gives access to nothing, and does not know the key.
    assert client.get(private(server)).status_code == 401
    assert client.get("/remote-billing-login/complete/").location == answer.location
    with ctx.sessions() as session:
        row = session.scalars(select(BrowserSession)).one()
        link = session.scalars(select(LoginLink)).one()
        assert (link.door, link.email, row.billing_user_id) == (LoginDoor.SERVER_KEY, "", None)
        assert KEY not in str(row.data)

    page = client.get(answer.location)
    assert "The key shows that you run the server chat.acme.test" in text_of(page)
    assert KEY not in text_of(page) and 'value=""' in text_of(page)
    text = text_of(client.submit(page, {"email": "Root@Acme.test"}, follow_redirects=True))
    assert "We sent a link to Root@acme.test" in text
    assert mailer.outbox[-1].recipient == "Root@acme.test"

    page = client.get(mailed_link(mailer))
    assert "log in to billing for the server chat.acme.test" in text_of(page)
    assert nobody_was_created(ctx)
    page = client.submit(page, follow_redirects=True)
    text = text_of(page)
    assert "You are logging in to billing for chat.acme.test" in text
    assert "root@acme.test" in text and "wants_maintenance_mails" in text
    answer = client.submit(
        page, {"full_name": "Root", "accepts_tos": "y", "wants_maintenance_mails": "y"}
    )
    assert (answer.status_code, answer.location) == (303, server.page("plans"))

    with ctx.sessions() as session:
        user = session.scalars(select(BillingUser)).one()
        assert (user.server_id, user.organization_id) == (server.id, None)
        assert (user.email, user.full_name, user.user_uuid) == ("root@acme.test", "Root", None)
        assert (user.role, user.wants_maintenance_mails) == (BillingRole.OWNER, True)
        assert user.email_confirmed_at == user.last_login_at == ctx.now()
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == [
        "login_link.created",
        "login.confirmation_sent",
        "billing_user.created",
        "login.succeeded",
    ]
    assert client.get(private(server)).json == {
        "server": server.uuid,
        "page": "billing",
        "actor": f"billing_user:{user.id}",
    }


def test_the_mail_says_the_same_in_both_parts(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    ask_for_mail(client, add_server(ctx))
    mail = mailer.outbox[-1]
    assert mail.subject == "Confirm your email address to log in for the server chat.acme.test"
    for part in (mail.text, mail.html):
        assert "The link works for one login, until 3 January 2012, 03:04:05 UTC." in part
        assert "somebody who has the key of the server chat.acme.test" in part
        assert mailed_link(mailer) in part
        assert KEY not in part


def test_every_login_sends_a_mail_and_asks_no_more_than_needed(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    server = add_server(ctx)
    login_as_server(client, ctx, server)
    clock.advance(days=1)
    # The same person, however the address is written.
    ask_for_mail(client, server, "ROOT@ACME.TEST")
    page = client.submit(client.get(mailed_link(mailer)), follow_redirects=True)
    assert "accepts_tos" not in text_of(page) and "wants_major" not in text_of(page)
    assert 'value="Iago"' in text_of(page)
    assert finish_login(client, page).status_code == 303
    with ctx.sessions() as session:
        user = session.scalars(select(BillingUser)).one()
        assert user.last_login_at == user.email_confirmed_at == ctx.now()
    assert len(mailer.outbox) == 2
    # Another address is another person, who is not the owner.
    login_as_server(client, ctx, server, email="second@acme.test")
    with ctx.sessions() as session:
        found = session.execute(select(BillingUser.email, BillingUser.role)).all()
    assert {(row.email, row.role) for row in found} == {
        ("root@acme.test", BillingRole.OWNER),
        ("second@acme.test", BillingRole.BILLING),
    }


def test_the_mailed_link_works_until_a_login_is_completed(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    add_server_page(app)
    server = add_server(ctx)
    ask_for_mail(client, server)
    link = mailed_link(mailer)
    page = client.get(link)
    answers = [client.submit(page) for _ in range(2)]
    assert {answer.location for answer in answers} == {"/remote-billing-login/complete/"}
    assert client.get(link).location == "/remote-billing-login/complete/"
    # The mail may be opened elsewhere, even when the button was pressed here before.
    phone = new_browser(app)
    last_page = phone.submit(phone.get(link), follow_redirects=True)
    slow_page = client.get("/remote-billing-login/complete/")
    assert finish_login(phone, last_page).status_code == 303
    assert phone.get(private(server)).status_code == 200

    assert client.get(private(server)).status_code == 401
    used = finish_login(client, slow_page)
    assert used.status_code == 400
    assert "This login link has been used" in text_of(used)
    assert "Log in again with the id and the key of your server" in text_of(used)
    for browser in (client, phone, new_browser(app)):
        answer = browser.get(link)
        assert answer.status_code == 400
        assert "It works until somebody has logged in with it" in text_of(answer)
    assert client.submit(page).status_code == 400
    with ctx.sessions() as session:
        assert len(session.scalars(select(BillingUser)).all()) == 1


def test_one_entry_of_the_key_is_one_login_whatever_the_mails(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    server = add_server(ctx)
    page = client.get(enter_key(client, server).location)
    client.submit(page, {"email": "typo@acme.test"})
    first = mailed_link(mailer)
    client.submit(page, {"email": "root@acme.test"})
    second = mailed_link(mailer)
    assert finish_login(client, client.submit(client.get(second), follow_redirects=True))
    stranger = new_browser(app)
    assert stranger.get(first).status_code == 400
    with ctx.sessions() as session:
        assert session.scalars(select(BillingUser.email)).all() == ["root@acme.test"]


def test_tabs_may_be_in_different_logins(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    acme, other = add_server(ctx), add_server(ctx, hostname="other.test")
    one = client.get(enter_key(client, acme).location)
    two = client.get(enter_key(client, other).location)
    client.submit(one, {"email": "root@acme.test"})
    client.submit(two, {"email": "root@acme.test"})
    assert [mail.params["host"] for mail in mailer.outbox] == ["chat.acme.test", "other.test"]


def test_the_form_is_there_for_who_is_logged_in(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    add_server_page(app)
    server, other = add_server(ctx), add_server(ctx, hostname="other.test")
    login_as_server(client, ctx, server)
    assert client.get("/serverlogin/").status_code == 200
    login_as_server(client, ctx, other)
    assert client.get(private(other)).status_code == 200
    assert client.get(private(server)).status_code == 404, "one session holds one identity"


def test_a_server_and_an_organization_are_two_identities(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    add_server_page(app)
    server = add_server(ctx)
    acme = add_organization(ctx, server_id=server.id)
    login_as_server(client, ctx, server)
    assert client.get(acme.page("billing")).status_code == 404
    login_as(client, ctx, acme, email="root@acme.test")
    assert client.get(private(server)).status_code == 404
    with ctx.sessions() as session:
        assert len(session.scalars(select(BillingUser)).all()) == 2


def test_terms_that_changed_are_asked_again(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    server = add_server(ctx)
    login_as_server(client, ctx, server)
    with ctx.sessions() as session, session.begin():
        session.scalars(select(BillingUser)).one().tos_version = "0.9"
    ask_for_mail(client, server)
    page = client.submit(client.get(mailed_link(mailer)), follow_redirects=True)
    assert "New Terms of Service" in text_of(page)
    refused = client.submit(page)
    assert refused.status_code == 400 and "Tick the box to agree" in text_of(refused)
    assert client.submit(refused, {"accepts_tos": "y"}).status_code == 303
