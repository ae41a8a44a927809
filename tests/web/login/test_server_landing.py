"""Where the login of a server leads, and when an organization is the place to log in."""

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.clock import FixedClock
from app.domain.kinds import CustomerKind
from app.models import LoginLink, Organization
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.login import (
    KEY,
    add_organization,
    add_server,
    enter_key,
    finish_login,
    load_known_server,
    login_as_server,
    mailed_link,
)
from tests.support.mail import RecordingMailer
from tests.web.login.plans import add_plan
from tests.web.login.steps import add_server_page, private, text_of
from tests.web.login.test_refusals import failures


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
