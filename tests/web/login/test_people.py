"""Who becomes the owner, and whose address has to be confirmed anew."""

import threading
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.domain.kinds import BillingRole
from app.models import AuditEntry, BillingUser, LoginLink
from app.services.confirm_email import SendConfirmation, confirm_email, send_confirmation
from app.services.context import Context
from app.services.login_links import HalfLogin
from app.services.server_access import end_access_to_server
from app.services.unit_of_work import unit_of_work
from tests.support.client import CheckedClient
from tests.support.login import (
    KnownOrganization,
    add_organization,
    add_private_page,
    add_server,
    begin_session,
    finish_login,
    login_as,
    login_as_server,
    mailed_link,
    make_link,
)
from tests.support.mail import RecordingMailer
from tests.web.login.steps import new_browser, text_of

SECOND = UUID("7b0c6d52-7f3e-4f2b-8a36-0c6a4fbb1c02")
THIRD = UUID("2f1c6d52-7f3e-4f2b-8a36-0c6a4fbb1c03")


def roles(ctx: Context) -> dict[str, BillingRole]:
    with ctx.sessions() as session:
        found = session.execute(select(BillingUser.email, BillingUser.role)).all()
    return {row.email: row.role for row in found}


def switch_off(ctx: Context, email: str) -> None:
    with ctx.sessions() as session, session.begin():
        statement = update(BillingUser).where(BillingUser.email == email)
        session.execute(statement.values(deactivated_at=ctx.now()))


def hand_over(ctx: Context, acme: KnownOrganization) -> None:
    """What a transfer of the server's registration does to its people."""
    with unit_of_work(ctx) as work:
        work.claim_server(acme.server_id)
        end_access_to_server(work, acme.server_id)
        work.session.execute(update(BillingUser).values(email_confirmed_at=None))
        work.commit()


def newest_link(ctx: Context) -> HalfLogin:
    with ctx.sessions() as session:
        return HalfLogin(session.scalars(select(func.max(LoginLink.id))).one())


def actions(ctx: Context, *wanted: str) -> list[AuditEntry]:
    with ctx.sessions() as session:
        statement = select(AuditEntry).where(AuditEntry.action.in_(wanted))
        return list(session.scalars(statement.order_by(AuditEntry.id)))


# --- the owner ---


def test_the_first_person_of_each_place_owns_it(client: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx)
    acme = add_organization(ctx, server_id=server.id)
    login_as(client, ctx, acme)
    login_as(client, ctx, acme, email="second@acme.test", user_uuid=SECOND)
    login_as_server(client, ctx, server)
    assert roles(ctx) == {
        "iago@acme.test": BillingRole.OWNER,
        "second@acme.test": BillingRole.BILLING,
        "root@acme.test": BillingRole.OWNER,
    }
    entries = actions(ctx, "billing_user.created")
    assert [entry.after["role"] for entry in entries if entry.after] == [
        "owner",
        "billing",
        "owner",
    ]


def test_whoever_comes_after_an_owner_who_is_gone_becomes_it(
    client: CheckedClient, ctx: Context
) -> None:
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    login_as(client, ctx, acme, email="second@acme.test", user_uuid=SECOND)
    login_as(client, ctx, acme, email="third@acme.test", user_uuid=THIRD)
    switch_off(ctx, "iago@acme.test")
    # One who is known already, at the next login; nobody else after that.
    login_as(client, ctx, acme, email="third@acme.test", user_uuid=THIRD)
    login_as(client, ctx, acme, email="second@acme.test", user_uuid=SECOND)
    assert roles(ctx) == {
        "iago@acme.test": BillingRole.OWNER,
        "second@acme.test": BillingRole.BILLING,
        "third@acme.test": BillingRole.OWNER,
    }
    (entry,) = actions(ctx, "billing_user.became_owner")
    assert (entry.before, entry.organization_id) == ({"role": "billing"}, acme.id)


def test_a_newcomer_after_an_owner_who_is_gone(client: CheckedClient, ctx: Context) -> None:
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    switch_off(ctx, "iago@acme.test")
    login_as(client, ctx, acme, email="second@acme.test", user_uuid=SECOND)
    assert roles(ctx)["second@acme.test"] is BillingRole.OWNER


def test_of_two_first_persons_at_once_one_is_the_owner(
    ctx: Context, mailer: RecordingMailer
) -> None:
    acme = add_organization(ctx)
    keys = []
    for number in range(4):
        email = f"person-{number}@acme.test"
        make_link(ctx, acme, user_uuid=UUID(int=number), email=email)
        half = newest_link(ctx)
        send_confirmation(ctx, SendConfirmation(half, email), ip=None)
        keys.append(mailed_link(mailer).rpartition("/")[2])
    start = threading.Barrier(len(keys))

    def confirm(key: str) -> None:
        start.wait(10)
        confirm_email(ctx, key, ip=None)

    threads = [threading.Thread(target=confirm, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(roles(ctx).values()) == sorted([BillingRole.OWNER] + [BillingRole.BILLING] * 3)


# --- confirming again ---


def test_after_a_transfer_everybody_confirms_again(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    hand_over(ctx, acme)
    mailer.outbox.clear()
    assert client.get(acme.private()).status_code == 401

    answer = client.get(make_link(ctx, acme, email="somebody@evil.test"))
    assert answer.location == "/remote-billing-login/confirm/"
    assert client.get("/remote-billing-login/complete/").location == answer.location
    page = client.get(answer.location)
    assert "Please confirm your email address again" in text_of(page)
    assert 'value="iago@acme.test"' in text_of(page), "the address that we know"
    client.submit(page)
    assert [mail.recipient for mail in mailer.outbox] == ["iago@acme.test"]
    page = client.submit(client.get(mailed_link(mailer)), follow_redirects=True)
    assert "accepts_tos" not in text_of(page), "everything else is as it was"
    assert finish_login(client, page).status_code == 303
    assert client.get(acme.private()).status_code == 200
    assert roles(ctx) == {"iago@acme.test": BillingRole.OWNER}
    (entry,) = actions(ctx, "billing_user.email_confirmed")
    assert entry.after is not None and entry.after["is_other_address"] is False
    assert len(mailer.outbox) == 1
    # From now on no mail is needed again.
    assert client.get(make_link(ctx, acme)).location == "/remote-billing-login/complete/"


def test_another_address_replaces_the_old_one_which_is_told(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    hand_over(ctx, acme)
    page = client.get(make_link(ctx, acme), follow_redirects=True)
    client.submit(page, {"email": "new@acme.test"})
    with ctx.sessions() as session:
        assert session.scalars(select(BillingUser.email)).all() == ["iago@acme.test"]
    page = client.submit(client.get(mailed_link(mailer)), follow_redirects=True)
    assert finish_login(client, page).status_code == 303
    with ctx.sessions() as session:
        user = session.scalars(select(BillingUser)).one()
        assert (user.email, user.email_confirmed_at) == ("new@acme.test", ctx.now())
    (entry,) = actions(ctx, "billing_user.email_confirmed")
    assert entry.after is not None and entry.after["is_other_address"] is True
    told = mailer.outbox[-1]
    assert (told.template, told.recipient) == ("login_address_changed", "iago@acme.test")
    for part in (told.text, told.html):
        assert "your login to billing for acme.test has another email address" in part
        assert "new@acme.test" not in part, "whose it is, is nobody's business"


def test_what_was_begun_before_a_transfer_is_worth_nothing(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    acme = add_organization(ctx)
    login_as(new_browser(app), ctx, acme)
    page = client.get(make_link(ctx, acme), follow_redirects=True)
    hand_over(ctx, acme)
    answer = client.submit(page)
    assert answer.status_code == 403
    assert "This login was ended" in text_of(answer)
    assert "choose Billing" in text_of(answer)


def test_a_mail_of_a_link_that_was_used_before_the_transfer_is_worth_nothing(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    acme = add_organization(ctx)
    page = client.get(make_link(ctx, acme), follow_redirects=True)
    client.submit(page, {"email": "other@acme.test"})
    waiting = mailed_link(mailer)
    client.submit(page, {"email": "iago@acme.test"})
    page = client.submit(client.get(mailed_link(mailer)), follow_redirects=True)
    assert finish_login(client, page).status_code == 303
    hand_over(ctx, acme)
    assert client.get(waiting).status_code == 403


def test_a_server_s_people_confirm_at_every_login_anyway(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    server = add_server(ctx)
    login_as_server(client, ctx, server)
    with ctx.sessions() as session, session.begin():
        session.execute(update(BillingUser).values(email_confirmed_at=None))
    mailer.outbox.clear()
    login_as_server(client, ctx, server, email="Root@acme.test")
    with ctx.sessions() as session:
        user = session.scalars(select(BillingUser)).one()
        assert (user.email, user.email_confirmed_at) == ("root@acme.test", ctx.now())
    assert len(mailer.outbox) == 1


@pytest.mark.sqlite_only
def test_sessions_of_tests_have_owners_too(client: CheckedClient, ctx: Context) -> None:
    acme = add_organization(ctx)
    begin_session(client, ctx, acme)
    begin_session(client, ctx, acme, user_uuid=SECOND, email="second@acme.test")
    assert sorted(roles(ctx).values()) == [BillingRole.BILLING, BillingRole.OWNER]
