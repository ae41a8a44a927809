"""The door of a server's id and key, `/serverlogin/` (login flow)."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.clock import FixedClock
from app.domain.kinds import BillingRole, CustomerKind, LoginDoor
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
from app.services.identity import CustomerRef
from app.services.server_access import end_access_to_server
from app.services.unit_of_work import unit_of_work
from app.web.access import billing_user, current_actor
from tests.support.client import CheckedClient
from tests.support.login import (
    KEY,
    KnownServer,
    add_organization,
    add_server,
    enter_key,
    finish_login,
    load_known_server,
    login_as,
    login_as_server,
    mailed_link,
)
from tests.support.mail import RecordingMailer
from tests.web.login.plans import add_plan
from tests.web.login.test_refusals import failures

WRONG = "We know no server with this id and this key."


def text_of(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def add_server_page(app: Flask) -> None:
    """A page that only the people of a server may see: `private(server)`."""

    @billing_user(CustomerKind.SERVER)
    def private(ref: CustomerRef, page: str) -> dict[str, str]:
        return {"server": ref.uuid, "page": page, "actor": current_actor().name}

    rule = "/server/<uuid:entity_uuid>/<string:page>/private/"
    app.add_url_rule(rule, endpoint="server_page", view_func=private)


def private(server: KnownServer, page: str = "billing") -> str:
    return f"/server/{server.uuid}/{page}/private/"


def new_browser(app: Flask) -> CheckedClient:
    made = app.test_client()
    assert isinstance(made, CheckedClient)
    return made


def ask_for_mail(
    client: CheckedClient, server: KnownServer, email: str = "root@acme.test"
) -> TestResponse:
    """From the key to the page that says that a mail is on its way."""
    page = client.get(enter_key(client, server).location)
    return client.submit(page, {"email": email}, follow_redirects=True)


def nobody_was_created(ctx: Context) -> bool:
    with ctx.sessions() as session:
        return not session.scalars(select(BillingUser)).all()


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


@pytest.mark.parametrize(
    ("server_id", "key"),
    [
        (None, "x" * 64),
        (None, KEY[:-1]),
        (None, KEY + "x"),
        (None, KEY.upper()),
        (str(uuid4()), KEY),
        ("nonsense", KEY),
        ("x" * 5000, "y" * 100_000),
        ("' OR 1=1 --", "é\u202e"),
        ("0" * 36, "0" * 64),
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
def test_an_empty_field_is_said_beside_it(
    client: CheckedClient, ctx: Context, missing: str
) -> None:
    server = add_server(ctx)
    typed = {"server_id": server.uuid, "server_key": KEY} | {missing: "  "}
    answer = client.submit(client.get("/serverlogin/"), typed)
    assert answer.status_code == 400
    assert "There is a problem" in text_of(answer) and KEY not in text_of(answer)
    assert failures(ctx) == []


def test_the_form_needs_its_token(client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx)
    typed = {"server_id": server.uuid, "server_key": KEY}
    assert client.post("/serverlogin/", data=typed).status_code == 400
    with ctx.sessions() as session:
        assert session.scalars(select(LoginLink)).all() == []


def deactivate(ctx: Context, server: KnownServer) -> None:
    with ctx.sessions() as session, session.begin():
        statement = update(Server).where(Server.id == server.id)
        session.execute(statement.values(deactivated_at=ctx.now()))


def hand_over(ctx: Context, server: KnownServer) -> None:
    """What a transfer of the registration does to logins."""
    with unit_of_work(ctx) as work:
        work.claim_server(server.id)
        end_access_to_server(work, server.id)
        work.session.execute(update(BillingUser).values(email_confirmed_at=None))
        work.commit()


def remove_person(ctx: Context, _server: KnownServer) -> None:
    with ctx.sessions() as session, session.begin():
        session.execute(update(BillingUser).values(deactivated_at=ctx.now()))


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
    # What a form was refused for is told; only what ends a login is a failed one.
    assert set(failures(ctx)) == {reason}
    assert len(mailer.outbox) == 2
    with ctx.sessions() as session:
        known = select(BillingUser.id)
        assert len(session.scalars(known).all()) == 1


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


# --- where it leads ---


@pytest.mark.parametrize(
    "query",
    ["", "nonsense", "//evil.test", "https://evil.test/", "Billing", "billing/", "%00"],
)
def test_a_next_page_that_is_none(client: CheckedClient, ctx: Context, query: str) -> None:
    assert client.get(f"/serverlogin/?next_page={query}").status_code == 400
    page = client.get("/serverlogin/")
    server = add_server(ctx)
    token = text_of(page).split('name="csrf_token" value="')[1].split('"')[0]
    typed = {"server_id": server.uuid, "server_key": KEY, "csrf_token": token}
    assert client.post(f"/serverlogin/?next_page={query}", data=typed).status_code == 400
    with ctx.sessions() as session:
        assert session.scalars(select(LoginLink)).all() == []


def test_the_next_page_is_kept_through_a_wrong_key(client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx)
    refused = enter_key(client, server, "x" * 64, next_page="invoices")
    page = client.submit(refused, {"server_id": server.uuid, "server_key": KEY})
    client.submit(client.get(page.location), {"email": "root@acme.test"})
    assert isinstance(ctx.mailer, RecordingMailer)
    page = client.submit(client.get(mailed_link(ctx.mailer)), follow_redirects=True)
    assert finish_login(client, page).location == server.page("invoices")


def test_after_two_hours_the_way_back_is_this_door(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    add_server_page(app)
    server = add_server(ctx)
    login_as_server(client, ctx, server)
    clock.advance(hours=2)
    answer = client.get(private(server, "invoices"))
    assert answer.location == "/serverlogin/?next_page=invoices"
    assert client.get(answer.location).status_code == 200
    assert login_as_server(client, ctx, server, next_page="invoices").location == server.page(
        "invoices"
    )


def test_the_start_shows_the_door(client: CheckedClient) -> None:
    for path in ("/", "/logged-out/"):
        assert 'href="/serverlogin/"' in text_of(client.get(path))


# --- organizations that pay for themselves ---


def test_where_every_organization_has_its_own_plan(client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx)
    one = add_organization(ctx, host="one.test", server_id=server.id)
    two = add_organization(ctx, host="two.test", server_id=server.id)
    gone = add_organization(ctx, host="gone.test", server_id=server.id)
    add_plan(ctx, one)
    assert enter_key(client, server).status_code == 303, "gone and two have no plan"
    add_plan(ctx, two)
    assert enter_key(client, server).status_code == 303, "gone has no plan"
    leave(ctx, gone.id, "deactivated")
    refused = enter_key(client, server)
    assert refused.status_code == 403
    text = text_of(refused)
    assert "Log in from your organization" in text
    assert "at one.test and choose" in text and "at two.test and choose" in text
    assert "gone.test" not in text
    # A stranger learns none of it.
    assert "one.test" not in text_of(enter_key(client, server, "x" * 64))
    assert failures(ctx) == ["login_from_organization", "server_login_wrong"]
    # Whoever wants to unregister the server may come in all the same.
    assert 'href="/serverlogin/?next_page=deactivate"' in text
    assert enter_key(client, server, next_page="deactivate").status_code == 303


@pytest.mark.parametrize("how", ["deactivated", "is_system_bot_realm", "locally_deleted_at"])
def test_organizations_that_do_not_count(client: CheckedClient, ctx: Context, how: str) -> None:
    server = add_server(ctx)
    only = add_organization(ctx, host="only.test", server_id=server.id)
    add_plan(ctx, only)
    assert enter_key(client, server).status_code == 403
    other = add_organization(ctx, host="other.test", server_id=server.id)
    assert enter_key(client, server).status_code == 303
    leave(ctx, other.id, how)
    assert enter_key(client, server).status_code == 403
    leave(ctx, only.id, how)
    assert enter_key(client, server).status_code == 303, "there is none to log in from"


def test_a_server_with_a_plan_is_never_sent_away(client: CheckedClient, ctx: Context) -> None:
    acme = add_organization(ctx, host="one.test", server_id=add_server(ctx).id)
    add_plan(ctx, acme)
    add_plan(ctx, acme, kind=CustomerKind.SERVER)
    server = load_known_server(ctx, acme.server_id)
    assert login_as_server(client, ctx, server).location == server.page("billing")


def test_a_server_of_many_organizations(client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx)
    for number in range(13):
        add_plan(ctx, add_organization(ctx, host=f"host-{number:02}.test", server_id=server.id))
    text = text_of(enter_key(client, server))
    assert text.count("choose Billing in the gear menu") == 10
    assert "one of the other 3 organizations" in text


def leave(ctx: Context, organization_id: int, how: str) -> None:
    with ctx.sessions() as session, session.begin():
        value = ctx.now() if how == "locally_deleted_at" else True
        statement = update(Organization).where(Organization.id == organization_id)
        session.execute(statement.values({how: value}))


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
