"""Wrong turns at the door of a server's id and key."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import FixedClock
from app.models import AuditEntry, BillingUser, BrowserSession, EmailConfirmation, LoginLink, Server
from app.services.context import CLI, Context
from app.services.link_on_behalf import create_link_on_behalf
from tests.support.client import CheckedClient
from tests.support.login import (
    KEY,
    KnownServer,
    add_organization,
    add_server,
    enter_key,
    finish_login,
    login_as_server,
    mailed_link,
    make_link,
)
from tests.support.mail import RecordingMailer
from tests.web.login.steps import (
    add_server_page,
    ask_for_mail,
    deactivate,
    hand_over,
    new_browser,
    nobody_was_created,
    private,
    remove_person,
    rotate_key,
    text_of,
)
from tests.web.login.test_refusals import failures

WRONG = "We know no server with this id and this key."


@pytest.mark.parametrize(
    ("server_id", "key"),
    [
        (None, "x" * 64),
        (None, KEY[:-1]),
        (None, KEY + "x"),
        (None, KEY.upper()),
        ("0a0e4f0e-8f5d-4b0c-9d8a-0d5f3c3f1a99", KEY),
        ("nonsense", KEY),
        ("x" * 5000, "y" * 20_000),
        ("' OR 1=1 --", "é\u202e"),
        ("0" * 36, "0" * 64),
    ],
    ids=[
        "other key",
        "key too short",
        "key too long",
        "key in capitals",
        "unknown server",
        "no id at all",
        "very long",
        "strange letters",
        "zeros",
    ],
)
def test_a_wrong_id_and_a_wrong_key_are_told_alike(
    client: CheckedClient, ctx: Context, server_id: str | None, key: str
) -> None:
    server = add_server(ctx)
    page = client.get("/serverlogin/")
    answer = client.submit(page, {"server_id": server_id or server.uuid, "server_key": key})
    assert answer.status_code == 200
    assert WRONG in text_of(answer)
    assert key not in text_of(answer), "a key never goes back into a page"
    assert failures(ctx) == ["server_login_wrong"]
    with ctx.sessions() as session:
        assert session.scalars(select(LoginLink)).all() == []
        entry = session.scalars(select(AuditEntry)).one()
        # The people of a server can see who tried its key; nobody else is told anything.
        assert entry.server_id == (server.id if server_id is None else None)
        assert key not in str(entry.after)


def test_what_was_pasted_with_spaces_counts(client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx)
    page = client.get("/serverlogin/")
    typed = {"server_id": f"  {server.uuid.upper()}\n", "server_key": f"\t{KEY} \x00"}
    assert client.submit(page, typed).status_code == 303


@pytest.mark.parametrize("missing", ["server_id", "server_key"])
@pytest.mark.sqlite_only
def test_an_empty_field_is_said_beside_it(
    client: CheckedClient, ctx: Context, missing: str
) -> None:
    server = add_server(ctx)
    typed = {"server_id": server.uuid, "server_key": KEY} | {missing: "  "}
    answer = client.submit(client.get("/serverlogin/"), typed)
    assert answer.status_code == 400
    assert "There is a problem" in text_of(answer) and KEY not in text_of(answer)
    assert failures(ctx) == []


@pytest.mark.sqlite_only
def test_the_form_needs_its_token(client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx)
    typed = {"server_id": server.uuid, "server_key": KEY}
    assert client.post("/serverlogin/", data=typed).status_code == 400
    with ctx.sessions() as session:
        assert session.scalars(select(LoginLink)).all() == []


def test_deactivated_is_told_only_after_the_right_key(client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx)
    deactivate(ctx, server)
    answer = enter_key(client, server, "x" * 64)
    assert answer.status_code == 200 and WRONG in text_of(answer)
    answer = enter_key(client, server)
    assert answer.status_code == 403
    assert "This server is no longer registered" in text_of(answer)
    assert "Only our support can switch the registration on again" in text_of(answer)
    assert failures(ctx) == ["server_login_wrong", "login_server_deactivated"]


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (deactivate, "login_server_deactivated", "This server is no longer registered"),
        (hand_over, "login_link_revoked", "This login was ended"),
        (rotate_key, "login_link_revoked", "This login was ended"),
        (remove_person, "login_user_deactivated", "You cannot log in"),
    ],
)
def test_what_changed_between_the_steps(
    app: Flask,
    client: CheckedClient,
    ctx: Context,
    mailer: RecordingMailer,
    change: Callable[[Context, KnownServer], None],
    reason: str,
    words: str,
) -> None:
    server = add_server(ctx)
    login_as_server(new_browser(app), ctx, server)
    ask_for_mail(client, server)
    mailed_page = client.get(mailed_link(mailer))
    last_page = client.submit(mailed_page, follow_redirects=True)
    waiting = new_browser(app)
    email_page = waiting.get(enter_key(waiting, server).location)
    change(ctx, server)
    answers = [
        client.get(mailed_link(mailer)),
        client.submit(mailed_page),
        client.get("/remote-billing-login/complete/"),
        client.submit(last_page),
        waiting.submit(email_page, {"email": "Root@acme.test"}),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert words in text_of(answer)
    assert failures(ctx) == [reason] * 5
    assert len(mailer.outbox) == 2
    with ctx.sessions() as session:
        known = select(BillingUser.id)
        assert len(session.scalars(known).all()) == 1


def test_a_new_key_ends_no_login_that_did_not_need_the_old_one(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    server = add_server(ctx)
    add_server_page(app)
    organization = add_organization(ctx, server_id=server.id)
    login_as_server(client, ctx, server)
    from_the_product = make_link(ctx, organization)
    on_behalf = create_link_on_behalf(ctx, server.uuid, next_page=None, actor=CLI, reason="asked")
    rotate_key(ctx, server)
    assert client.get(private(server)).status_code == 200, "a session is a proven address"
    for link in (from_the_product, on_behalf.removeprefix(ctx.settings.base_url)):
        assert new_browser(app).get(link).status_code == 302
    # With the new key a login begins anew.
    login_as_server(new_browser(app), ctx, server, "n" * 64)


def test_a_removed_person_stays_out_however_the_address_is_written(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    server = add_server(ctx)
    login_as_server(client, ctx, server)
    remove_person(ctx, server)
    mailer.outbox.clear()
    for email in ("root@acme.test", "ROOT@acme.test", "Root@ACME.test"):
        page = client.get(enter_key(client, server).location)
        answer = client.submit(page, {"email": email})
        assert answer.status_code == 403
        assert "Your access to billing has been switched off" in text_of(answer)
    assert mailer.outbox == [], "there is nothing to confirm"


def test_each_step_ends_in_time(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    add_server_page(app)
    server = add_server(ctx)
    page = client.get(enter_key(client, server).location)
    clock.advance(hours=1, minutes=59, seconds=59)
    client.submit(page, {"email": "root@acme.test"})
    link = mailed_link(mailer)
    # Two hours after the key no other mail can be asked for, but the mail that came counts.
    clock.advance(seconds=1)
    answer = client.submit(page, {"email": "other@acme.test"})
    assert answer.status_code == 400
    assert "This login link has expired" in text_of(answer)
    assert "/serverlogin/" in text_of(answer)
    clock.advance(hours=20)
    last_page = client.submit(client.get(link), follow_redirects=True)
    clock.advance(hours=2)
    assert finish_login(client, last_page).status_code == 400, "two hours after the button"
    # As long as nobody has logged in, the mail may be used again.
    clock.advance(hours=1)
    last_page = client.submit(client.get(link), follow_redirects=True)
    clock.advance(minutes=59)
    assert finish_login(client, last_page).status_code == 303
    clock.advance(hours=1)
    assert client.get(private(server)).status_code == 200
    clock.advance(minutes=1)
    assert client.get(private(server)).status_code == 302, "two hours after the button"


def test_a_mail_is_good_for_a_day(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    ask_for_mail(client, add_server(ctx))
    page = client.get(mailed_link(mailer))
    clock.advance(hours=24)
    for answer in (client.get(mailed_link(mailer)), client.submit(page)):
        assert answer.status_code == 400
        assert "This confirmation link has expired" in text_of(answer)
    assert nobody_was_created(ctx)


def test_nothing_of_the_key_is_kept(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server = add_server(ctx)
    enter_key(client, server, "wrong-" + KEY[6:])
    login_as_server(client, ctx, server)
    assert KEY[6:] not in caplog.text
    with ctx.sessions() as session:
        for table in (AuditEntry, BrowserSession, EmailConfirmation, LoginLink, Server):
            for row in session.scalars(select(table)):
                kept = [getattr(row, column.name) for column in table.__table__.columns]
                assert KEY[6:] not in str(kept)
