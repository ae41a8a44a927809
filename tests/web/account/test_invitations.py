"""The owner invites people by mail, who accept, and come back by mail."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.domain.kinds import BillingRole
from app.models.mails import Mail
from app.models.people import BillingUser, Invitation, MailLogin
from app.models.registrations import Server
from app.services.server_access import end_access_to_server
from app.services.unit_of_work import unit_of_work
from app.web.logging import mask_tokens
from tests.support.client import CheckedClient
from tests.support.login import (
    add_organization,
    begin_server_session,
    begin_session,
    load_known_server,
    login_as,
)
from tests.support.mail import RecordingMailer, SentMail
from tests.support.shop import Shop, headline, words
from tests.web.account.test_people import audited

ZOE = "zoe@acme.test"


def outbox(shop: Shop) -> list[SentMail]:
    assert isinstance(shop.ctx.mailer, RecordingMailer)
    return shop.ctx.mailer.outbox


def links(shop: Shop) -> list[str]:
    """The paths of the mailed links in the last mail."""
    found = re.findall(r"http://\S+?(/(?:invitation|login/by-mail)/\S+)", outbox(shop)[-1].text)
    return [str(path) for path in found]


def invite(shop: Shop, email: str = ZOE, role: str = "billing") -> TestResponse:
    page = shop.get("people")
    return shop.client.submit(page, {"email": email, "role": role}, action="/people/invite/")


def accept(browser: CheckedClient, path: str, name: str = "Zoe") -> TestResponse:
    return browser.submit(browser.get(path), {"full_name": name, "accepts_tos": "y"})


def ask_for_link(browser: CheckedClient, email: str = ZOE) -> TestResponse:
    answer = browser.submit(browser.get("/login/by-mail/"), {"email": email})
    return browser.get(answer.location)


def person(shop: Shop, email: str = ZOE) -> BillingUser:
    with shop.ctx.sessions() as session:
        return session.scalars(select(BillingUser).where(BillingUser.email == email)).one()


def token_of(page: TestResponse) -> str:
    return str(re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0])


def test_invited_accepted_and_back_by_mail(shop: Shop) -> None:
    shop.open()
    answer = invite(shop, "Zoe@Acme.test", "viewer")
    assert (answer.status_code, answer.location) == (303, shop.page("people"))
    said = words(shop.get("people"))
    assert "An invitation is on its way to zoe@acme.test." in said
    assert "zoe@acme.test Viewer 9 January 2012, 03:04:05 UTC Send again" in said
    mail = outbox(shop)[-1]
    assert mail.subject == "You are invited to billing for chat1.acme.test"
    assert mail.recipient == ZOE and "iago@acme.test invites you" in mail.text
    [path] = links(shop)
    with shop.ctx.sessions() as session:
        assert path not in str([row.params for row in session.scalars(select(Mail))])
        assert session.scalars(select(Invitation.key_hash)).one() not in path

    zoe = shop.another_browser()
    page = zoe.get(path)
    assert headline(page) == "Iago invites you to billing for chat1.acme.test"
    assert "You can see everything, and change nothing." in words(page)
    refused = zoe.submit(page, {"full_name": ""})
    assert refused.status_code == 400 and "Tick the box" in words(refused)
    answer = accept(zoe, path)
    assert (answer.status_code, answer.location) == (303, shop.page("plans"))
    known = person(shop)
    assert (known.role, known.user_uuid, known.full_name) == (BillingRole.VIEWER, None, "Zoe")
    assert known.email_confirmed_at and known.tos_accepted_at and known.last_login_at
    again = shop.another_browser().get(path)
    assert again.status_code == 400 and "cannot be used any more" in words(again)
    said = words(shop.get("activity"))
    assert "zoe@acme.test accepted an invitation" in said
    assert "Invited somebody by mail to look" in said

    # Two hours later the way leads to the login by mail, not to the product.
    shop.clock.set(shop.clock.now() + timedelta(hours=2))
    back = zoe.get(shop.page("billing"))
    assert back.status_code == 302 and back.location.startswith("/login/by-mail/?")
    assert "a link is on its way" in words(ask_for_link(zoe))
    [link] = links(shop)
    assert outbox(shop)[-1].subject == "Your login link to billing for chat1.acme.test"
    page = zoe.get(link)
    assert zoe.get(shop.page("billing")).status_code == 302, "looking logs nobody in"
    assert zoe.submit(page).location == shop.page("plans")
    assert zoe.get(shop.page("people")).status_code == 200
    assert zoe.submit(page).status_code == 400, "a link works once"
    doors = [(entry.after or {})["door"] for entry in audited(shop, "login.succeeded")]
    assert doors == ["mail", "mail"]

    # An admin with that address who comes through the product is the same person.
    uuid = uuid4()
    login_as(shop.another_browser(), shop.ctx, shop.organization, email=ZOE, user_uuid=uuid)
    joined = person(shop)
    assert (joined.id, joined.user_uuid, joined.role) == (known.id, str(uuid), BillingRole.VIEWER)


def test_invited_to_a_server_and_to_be_the_owner(shop: Shop) -> None:
    shop.open()
    server = load_known_server(shop.ctx, shop.organization.server_id)
    invite(shop)
    accept(zoe := shop.another_browser(), links(shop)[0])
    root = shop.another_browser()
    begin_server_session(root, shop.ctx, server)
    root.submit(
        root.get(server.page("people")), {"email": ZOE, "role": "owner"}, action="/people/invite/"
    )
    assert accept(zoe, links(shop)[0]).location.startswith(f"/server/{server.uuid}/")
    with shop.ctx.sessions() as session:
        here = session.scalars(select(BillingUser).where(BillingUser.server_id == server.id))
        roles = {one.email: one.role for one in here}
    assert roles == {ZOE: BillingRole.OWNER, "root@acme.test": BillingRole.BILLING}
    assert outbox(shop)[-1].subject.startswith("zoe@acme.test is the owner of billing")

    # One mail with a link for each; a session of a server leads back by mail, too.
    ask_for_link(zoe)
    hosts = [shop.organization.host, server.hostname]
    assert len(links(shop)) == 2 and all(host in outbox(shop)[-1].text for host in hosts)
    assert zoe.submit(zoe.get(links(shop)[0])).location.startswith("/realm/")
    assert zoe.submit(zoe.get(links(shop)[1])).location.startswith("/server/")
    shop.clock.set(shop.clock.now() + timedelta(hours=2))
    assert zoe.get(server.page("billing")).location.startswith("/login/by-mail/?")


@pytest.mark.sqlite_only
def test_what_the_owner_is_refused(shop: Shop) -> None:
    shop.open()
    assert "Enter an email address" in words(invite(shop, ""))
    assert "can receive mail" in words(invite(shop, "nobody"))
    refused = invite(shop, "IAGO@acme.test")
    assert refused.status_code == 400 and "iago@acme.test can log in" in words(refused)
    invite(shop)
    assert "has an invitation already" in words(invite(shop, "ZOE@acme.test"))
    with unit_of_work(shop.ctx) as work:
        first = work.session.scalars(select(Invitation)).one()
        first_id = first.id
        for number in range(49):
            another = Invitation(
                organization_id=first.organization_id,
                email=f"p{number}@acme.test",
                role=first.role,
                key_hash=str(number),
                invited_by=first.invited_by,
                created_at=work.now,
                expires_at=first.expires_at,
            )
            work.session.add(another)
        work.commit()
    assert "There are 50 invitations" in words(invite(shop, "one.more@acme.test"))

    # Others see nothing of it and may do nothing.
    ada = shop.another_browser()
    begin_session(ada, shop.ctx, shop.organization, email="ada@acme.test", user_uuid=uuid4())
    page = ada.get(shop.page("people"))
    assert ZOE not in words(page) and "/invite/" not in page.text
    invitation = f"people/invitations/{first_id}"
    for name in ("people/invite", f"{invitation}/resend", f"{invitation}/withdraw"):
        data = {"csrf_token": token_of(page), "email": "a@b.test", "role": "owner"}
        assert ada.post(shop.page(name), data=data).status_code == 404
    assert len(audited(shop, "billing_user.invited")) == 1
    other = add_organization(shop.ctx, host="other.test")
    begin_session(ada, shop.ctx, other, email="eve@other.test", user_uuid=uuid4())
    data = {"csrf_token": token_of(ada.get(other.page("people")))}
    answer = ada.post(other.page(f"{invitation}/withdraw"), data=data)
    assert answer.status_code == 404, "an invitation of another customer"


@pytest.mark.sqlite_only
def test_links_that_do_not_work_any_more(shop: Shop) -> None:
    shop.open()
    zoe = shop.another_browser()
    assert "cannot be used any more" in words(zoe.get("/invitation/nonsense/"))
    assert "cannot be used any more" in words(zoe.get("/login/by-mail/nonsense/"))
    invite(shop)
    [first] = links(shop)
    page = zoe.get(first)
    shop.client.submit(shop.get("people"), action="/resend/")
    [second] = links(shop)
    assert first != second and zoe.get(first).status_code == 400
    assert zoe.submit(page, {"full_name": "Zoe", "accepts_tos": "y"}).status_code == 400
    shop.client.submit(shop.get("people"), action="/withdraw/")
    assert "The invitation of zoe@acme.test is withdrawn." in words(shop.get("people"))
    assert zoe.get(second).status_code == 400
    assert len(audited(shop, "billing_user.invitation_withdrawn")) == 1

    # Too old; the next one for that address takes its place.
    invite(shop)
    shop.clock.set(shop.clock.now() + timedelta(days=7))
    shop.log_in()
    assert zoe.get(links(shop)[0]).status_code == 400
    assert "expired" in words(shop.get("people"))
    invite(shop, role="owner")
    [owner] = links(shop)
    assert shop.get("people").text.count("/withdraw/") == 1
    for role, status in ((BillingRole.BILLING, 400), (BillingRole.OWNER, 200)):
        with unit_of_work(shop.ctx) as work:
            work.session.execute(update(BillingUser).values(role=role))
            work.commit()
        assert zoe.get(owner).status_code == status, "only the owner makes another one"
    with unit_of_work(shop.ctx) as work:
        end_access_to_server(work, shop.organization.server_id)
        work.commit()
    assert zoe.get(owner).status_code == 400, "the registration changed hands"
    with shop.ctx.sessions() as session:
        assert ZOE not in session.scalars(select(BillingUser.email)).all()
    reasons = {(entry.after or {})["reason"] for entry in audited(shop, "login.failed")}
    assert reasons == {"invitation_over", "mail_login_over"}


@pytest.mark.sqlite_only
def test_who_was_removed_is_out_until_invited_again(shop: Shop) -> None:
    shop.open()
    zoe = shop.another_browser()
    invite(shop)
    accept(zoe, links(shop)[0])
    ask_for_link(zoe)
    [link] = links(shop)
    shop.client.submit(shop.get(f"people/{person(shop).id}/remove"), action="/remove/")
    assert zoe.get(link).status_code == 403
    mails = len(outbox(shop))
    assert "a link is on its way" in words(ask_for_link(zoe)), "the same words"
    assert len(outbox(shop)) == mails
    with pytest.raises(LookupError):
        # The last page has no form: it says no.
        login_as(shop.another_browser(), shop.ctx, shop.organization, email=ZOE, user_uuid=uuid4())
    refused = [(entry.after or {})["reason"] for entry in audited(shop, "login.failed")]
    assert refused[:2] == ["login_user_deactivated", "mail_login_unknown"]
    assert refused[2:] and set(refused[2:]) == {"login_user_deactivated"}
    invite(shop, role="viewer")
    assert accept(zoe, links(shop)[0]).status_code == 303
    assert (person(shop).role, person(shop).deactivated_at) == (BillingRole.VIEWER, None)


@pytest.mark.sqlite_only
def test_who_gets_a_link_by_mail(shop: Shop) -> None:
    """Whoever was not invited comes through the product or with the key, which prove more."""
    shop.open()
    zoe = shop.another_browser()
    before = len(outbox(shop))
    for email in ("iago@acme.test", "nobody@acme.test"):
        assert "a link is on its way" in words(ask_for_link(zoe, email))
    assert len(outbox(shop)) == before
    invite(shop)
    accept(zoe, links(shop)[0])
    ask_for_link(zoe)
    page = zoe.get(links(shop)[0])
    shop.clock.set(shop.clock.now() + timedelta(minutes=15))
    assert zoe.submit(page).status_code == 400, "too old"
    ask_for_link(zoe)
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(BillingUser).values(tos_version="0.1"))
        work.commit()
    page = zoe.get(links(shop)[0])
    assert zoe.submit(page).status_code == 400, "new terms"
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Server).values(deactivated_at=work.now))
        work.commit()
    assert zoe.submit(page, {"accepts_tos": "y"}).status_code == 403
    with shop.ctx.sessions() as session:
        assert all(row.used_at is None for row in session.scalars(select(MailLogin)))


@pytest.mark.sqlite_only
def test_limits_and_logs(make_app: Callable[..., Flask]) -> None:
    app = make_app(rate_limit_invite="1 per hour", rate_limit_login_mail="1 per hour")
    ctx = app.extensions["tallyport"]
    organization = add_organization(ctx)
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    begin_session(client, ctx, organization)
    for email, status in (("a@acme.test", 303), ("b@acme.test", 429)):
        page = client.get(organization.page("people"))
        answer = client.submit(page, {"email": email}, action="/people/invite/")
        assert answer.status_code == status
    assert "You sent many invitations." in words(answer)
    for status in (303, 429):
        page = client.get("/login/by-mail/")
        assert client.submit(page, {"email": ZOE}).status_code == status
    for path in ("/invitation/s3cret/", "/login/by-mail/s3cret/"):
        assert mask_tokens(f"GET {path} 200") == f"GET {path.replace('s3cret', '[token]')} 200"
    assert mask_tokens("GET /login/by-mail/sent/ 200") == "GET /login/by-mail/sent/ 200"
