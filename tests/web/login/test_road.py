"""The road from the product's link to a session (login flow, steps 4 to 10)."""

import re

from flask import Flask
from sqlalchemy import select

from app.clock import FixedClock
from app.models import AuditEntry, BillingUser, BrowserSession, EmailConfirmation, LoginLink
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.login import (
    IAGO,
    add_organization,
    add_private_page,
    login_as,
    mailed_link,
    make_link,
)
from tests.support.mail import RecordingMailer


def audit_actions(ctx: Context) -> list[str]:
    with ctx.sessions() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_the_first_visit_step_by_step(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)

    # 4. The token leaves the address at once, and without a Referer.
    answer = client.get(make_link(ctx, acme))
    assert answer.status_code == 302
    assert answer.location == "/remote-billing-login/confirm/"
    assert answer.headers["Referrer-Policy"] == "no-referrer"

    # 5. The address is filled in from the token.
    page = client.get(answer.location)
    assert page.headers["Referrer-Policy"] == "same-origin"
    text = page.get_data(as_text=True)
    assert "acme.test" in text and 'value="iago@acme.test"' in text

    # 6. Another address may be given; the mail goes there.
    answer = client.submit(page, {"email": "billing@acme.test"})
    assert answer.status_code == 303
    text = client.get(answer.location).get_data(as_text=True)
    assert "We sent a link to billing@acme.test" in text
    assert [mail.recipient for mail in mailer.outbox] == ["billing@acme.test"]

    # 7. Behind the link is one button; fetching the page does nothing.
    link = mailed_link(mailer)
    for _ in range(3):
        page = client.get(link)
        assert "billing@acme.test" in page.get_data(as_text=True)
    with ctx.sessions() as session:
        assert session.scalars(select(BillingUser)).all() == []

    # 8. The button creates the person.
    answer = client.submit(page)
    assert (answer.status_code, answer.location) == (303, "/remote-billing-login/complete/")
    with ctx.sessions() as session:
        user = session.scalars(select(BillingUser)).one()
        assert (user.email, user.user_uuid) == ("billing@acme.test", str(IAGO))
        assert user.last_login_at is None

    # 9. Who logs in where, the terms, and two questions.
    page = client.get(answer.location)
    text = page.get_data(as_text=True)
    assert "You are logging in to billing for acme.test" in text
    assert "billing@acme.test" in text and 'value="Iago"' in text
    values = {"full_name": "Iago of Venice", "accepts_tos": "y", "wants_maintenance_mails": "y"}
    assert client.get(acme.private()).status_code == 401, "nobody is logged in before the end"
    answer = client.submit(page, values)

    # 10. A session begins, and without a plan the plans are next.
    assert answer.status_code == 303
    assert answer.location in {acme.page("plans"), acme.page("billing")}
    assert client.get(acme.private()).json == {
        "organization": acme.uuid,
        "page": "billing",
        "actor": f"billing_user:{user.id}",
    }
    with ctx.sessions() as session:
        user = session.scalars(select(BillingUser)).one()
        assert user.full_name == "Iago of Venice"
        assert user.tos_version == ctx.catalog.brand.tos_version
        assert (user.wants_maintenance_mails, user.wants_major_release_mails) == (True, False)
        assert user.last_login_at == ctx.now()
    assert audit_actions(ctx) == [
        "login_link.created",
        "login.confirmation_sent",
        "billing_user.created",
        "login.succeeded",
    ]


def test_a_later_visit_needs_no_mail(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    clock.advance(days=3)
    mailer.outbox.clear()
    answer = client.get(make_link(ctx, acme, next_page="invoices"))
    assert answer.location == "/remote-billing-login/complete/"
    page = client.get(answer.location)
    text = page.get_data(as_text=True)
    assert "accepts_tos" not in text and "wants_major_release_mails" not in text
    assert client.submit(page, {"full_name": "Iago"}).status_code == 303
    assert mailer.outbox == []


def test_the_mail_says_the_same_in_both_parts(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    login_as(client, ctx, add_organization(ctx))
    mail = mailer.outbox[-1]
    assert mail.subject == "Confirm your email address for billing of acme.test"
    sentences = [
        "Confirm your email address to log in to billing for acme.test.",
        "The link works once, until 3 January 2012, 03:04:05 UTC.",
        "You get this mail because somebody who is logged in at acme.test entered your address.",
        "support@",
    ]
    for part in (mail.text, mail.html):
        for sentence in sentences:
            assert sentence in part
        assert mailed_link(mailer) in part
    assert mail.html.count('class="button"') == 1
    assert "<img" not in mail.html, "nothing in it tells us who reads it"
    assert "Iago" not in mail.text + mail.html, "any server may choose the name"


def test_confirming_in_another_browser_goes_on_there(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    client.submit(client.get(make_link(ctx, acme), follow_redirects=True))
    phone = app.test_client()
    assert isinstance(phone, CheckedClient)
    page = phone.submit(phone.get(mailed_link(mailer)), follow_redirects=True)
    phone.submit(page, {"accepts_tos": "y"})
    assert phone.get(acme.private()).status_code == 200
    assert client.get(acme.private()).status_code == 401


def test_confirming_late_gives_a_fresh_two_hours(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    client.submit(client.get(make_link(ctx, acme), follow_redirects=True))
    clock.advance(hours=23, minutes=59)
    page = client.submit(client.get(mailed_link(mailer)), follow_redirects=True)
    clock.advance(minutes=10)
    client.submit(page, {"accepts_tos": "y"})
    clock.advance(hours=1, minutes=49, seconds=59)
    assert client.get(acme.private()).status_code == 200
    clock.advance(seconds=1)
    assert client.get(acme.private()).status_code == 302


def test_two_mails_of_one_person_both_work(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    acme = add_organization(ctx)
    page = client.get(make_link(ctx, acme), follow_redirects=True)
    client.submit(page)
    first = mailed_link(mailer)
    clock.advance(minutes=2)
    client.submit(client.get("/remote-billing-login/confirm/"))
    second = mailed_link(mailer)
    assert first != second
    page = client.submit(client.get(second), follow_redirects=True)
    client.submit(page, {"accepts_tos": "y"})
    # The person exists already; the mail that was not used still leads in.
    page = client.submit(client.get(first), follow_redirects=True)
    assert client.submit(page).status_code == 303
    with ctx.sessions() as session:
        assert len(session.scalars(select(BillingUser)).all()) == 1


def test_people_of_two_organizations_are_kept_apart(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    other = add_organization(ctx, host="other.test", name="Other", server_id=acme.server_id)
    login_as(client, ctx, acme)
    assert client.get(other.private()).status_code == 404
    # The same person there is another billing user, and that login takes the place of the first.
    login_as(client, ctx, other)
    assert client.get(other.private()).status_code == 200
    assert client.get(acme.private()).status_code == 404
    with ctx.sessions() as session:
        assert len(session.scalars(select(BillingUser)).all()) == 2
        assert len(session.scalars(select(BrowserSession)).all()) == 1


def test_tabs_may_be_in_different_logins(
    app: Flask, client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    other = add_organization(ctx, host="other.test", name="Other")
    one = client.get(make_link(ctx, acme), follow_redirects=True)
    two = client.get(make_link(ctx, other), follow_redirects=True)
    client.submit(one)
    client.submit(two)
    assert [mail.params["host"] for mail in mailer.outbox] == ["acme.test", "other.test"]


def test_terms_are_asked_again_only_when_they_changed_in_substance(
    client: CheckedClient, ctx: Context
) -> None:
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    for version, asked in (("1.7", False), ("0.9", True)):
        with ctx.sessions() as session, session.begin():
            session.scalars(select(BillingUser)).one().tos_version = version
        page = client.get(make_link(ctx, acme), follow_redirects=True)
        text = page.get_data(as_text=True)
        assert ("accepts_tos" in text, "New Terms of Service" in text) == (asked, asked)
    refused = client.submit(page)
    assert refused.status_code == 400
    assert "Tick the box to agree" in refused.get_data(as_text=True)
    assert client.submit(refused, {"accepts_tos": "y"}).status_code == 303


def test_terms_that_change_while_the_page_is_open_are_shown_again(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    acme = add_organization(ctx)
    client.submit(client.get(make_link(ctx, acme), follow_redirects=True))
    page = client.submit(client.get(mailed_link(mailer)), follow_redirects=True)
    refused = client.submit(page, {"accepts_tos": "y", "tos_version": "0.9"})
    assert refused.status_code == 400
    assert "changed while this page was open" in refused.get_data(as_text=True)
    with ctx.sessions() as session:
        assert session.scalars(select(BillingUser)).one().tos_version is None
    assert client.submit(refused, {"accepts_tos": "y"}).status_code == 303


def test_what_was_typed_stays(client: CheckedClient, ctx: Context) -> None:
    page = client.get(make_link(ctx, add_organization(ctx)), follow_redirects=True)
    wrong = (
        "not an address",
        "a@b",
        "iago@acme.test, root@acme.test",
        "iago@acme.test\nBcc: x@y.test",
        f"{'i' * 250}@acme.test",
        # Our mail server could not pass it on to most others.
        "jürgen@acme.test",
        "",
    )
    for email in wrong:
        refused = client.submit(page, {"email": email})
        assert refused.status_code == 400
        text = refused.get_data(as_text=True)
        assert "There is a problem" in text
        if email and "\n" not in email:
            assert f'value="{email}"' in text
    assert client.submit(page, {"email": "  iago@acme.test "}).status_code == 303


def test_domains_of_other_scripts_get_their_mail(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    page = client.get(make_link(ctx, add_organization(ctx)), follow_redirects=True)
    assert client.submit(page, {"email": "iago@bücher.test"}).status_code == 303
    assert mailer.outbox[-1].recipient == "iago@xn--bcher-kva.test"


def test_names_are_checked(client: CheckedClient, ctx: Context, mailer: RecordingMailer) -> None:
    acme = add_organization(ctx)
    client.submit(client.get(make_link(ctx, acme), follow_redirects=True))
    page = client.submit(client.get(mailed_link(mailer)), follow_redirects=True)
    for name in ("", "   ", "\x00", "x" * 201):
        refused = client.submit(page, {"full_name": name, "accepts_tos": "y"})
        assert refused.status_code == 400, name
    answer = client.submit(
        page, {"full_name": "\x00<b>Ia\u00f1o\n &amp;</b>\x1b", "accepts_tos": "y"}
    )
    assert answer.status_code == 303
    with ctx.sessions() as session:
        assert session.scalars(select(BillingUser)).one().full_name == "<b>Ia\u00f1o &amp;</b>"


def test_forms_that_are_sent_twice_do_the_same_once(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer
) -> None:
    acme = add_organization(ctx)
    page = client.get(make_link(ctx, acme), follow_redirects=True)
    answers = [client.submit(page) for _ in range(2)]
    assert [answer.location for answer in answers] == ["/remote-billing-login/sent/"] * 2
    assert len(mailer.outbox) == 1

    page = client.get(mailed_link(mailer))
    answers = [client.submit(page) for _ in range(2)]
    assert [answer.location for answer in answers] == ["/remote-billing-login/complete/"] * 2

    page = client.get("/remote-billing-login/complete/")
    answers = [client.submit(page, {"accepts_tos": "y"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert all(re.match(rf"/realm/{acme.uuid}/", answer.location) for answer in answers)
    with ctx.sessions() as session:
        assert len(session.scalars(select(BillingUser)).all()) == 1
        assert len(session.scalars(select(BrowserSession)).all()) == 1
        assert len(session.scalars(select(EmailConfirmation)).all()) == 1
        assert len(session.scalars(select(LoginLink)).all()) == 1


def test_a_mail_server_that_is_down_is_told(
    client: CheckedClient, ctx: Context, mailer: RecordingMailer, clock: FixedClock
) -> None:
    from app.services.deliver_mail import deliver_due_mails

    mailer.failing = True
    page = client.get(make_link(ctx, add_organization(ctx)), follow_redirects=True)
    text = client.submit(page, follow_redirects=True).get_data(as_text=True)
    assert "will be sent to iago@acme.test a little later" in text
    assert "Our mail service does not answer right now" in text
    mailer.failing = False
    clock.advance(minutes=1)
    assert deliver_due_mails(ctx).sent == 1
    text = client.get("/remote-billing-login/sent/").get_data(as_text=True)
    assert "We sent a link to iago@acme.test" in text
    assert client.submit(client.get(mailed_link(mailer))).status_code == 303


def test_next_page_leads_to_what_an_organization_has(client: CheckedClient, ctx: Context) -> None:
    acme = add_organization(ctx)
    # Only a server can be deactivated.
    for next_page, leads_to in (("deactivate", "billing"), ("sponsorship", "sponsorship")):
        answer = login_as(client, ctx, acme, next_page=next_page)
        assert answer.location == acme.page(leads_to)


def test_pages_for_everybody(client: CheckedClient, ctx: Context) -> None:
    assert "gear menu" in client.get("/").get_data(as_text=True)
    assert "Version 1.0" in client.get("/terms/").get_data(as_text=True)
    with ctx.sessions() as session:
        assert session.scalars(select(BrowserSession)).all() == [], "nothing had to be kept"


def test_the_start_leads_the_logged_in_to_billing(client: CheckedClient, ctx: Context) -> None:
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    assert client.get("/").location == acme.page("billing")
    assert client.get("/remote-billing-login/complete/").location == acme.page("billing")
