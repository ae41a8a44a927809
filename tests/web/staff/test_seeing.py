"""Staff see a customer's pages as the customer does: only to look, only theirs, and it is noted."""

import re

import pytest
from flask import Flask

from app.clock import FixedClock
from app.domain.kinds import StaffRole
from app.services.context import Context
from app.web.sessions import session_cookie_name
from tests.support.client import CheckedClient
from tests.support.login import add_organization, add_server, begin_session
from tests.support.staff import begin_staff_session
from tests.web.staff.people import audit_of

PAGES = ("billing", "plans", "invoices", "usage", "people", "activity", "help", "sponsorship")


@pytest.mark.sqlite_only
def test_a_customer_is_seen_and_nothing_is_done(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    server = add_server(ctx)
    acme = add_organization(ctx, server_id=server.id)
    other = add_organization(ctx, host="other.test", name="Other")
    owner = app.test_client()
    begin_session(owner, ctx, acme)  # type: ignore[arg-type]  # the class of clients is set by the fixture
    person = begin_staff_session(client, ctx, StaffRole.READ_ONLY)
    # By the address alone nothing is seen.
    assert client.get(acme.page("billing")).status_code == 404
    console = client.get(f"/support/customers/{acme.uuid}/")
    answer = client.submit(console, action="/see/")
    assert (answer.status_code, answer.location) == (303, acme.page("billing"))
    noted = audit_of(ctx, "staff.saw_as_customer")
    assert [(actor, ip) for actor, _after, ip in noted] == [(f"staff:{person}", "127.0.0.1")]
    cookie = client.get_cookie(session_cookie_name(ctx.settings))
    for name in PAGES:
        page = client.get(acme.page(name))
        assert page.status_code == 200 and "You are looking as staff" in page.text, name
        assert "Log out" not in page.text and "acme.test" in page.text
    # Buttons that act say so and cannot be pressed; the last page, a form, has nothing else.
    assert "You can see, not change" in page.text
    assert re.findall(r'type="submit" (?!disabled)[^>]*>([^<]+)<', page.text) == ["Stop"]
    # Everything that acts is not there, for this customer and for any other.
    token = page.text.partition('csrf_token" value="')[2].partition('"')[0]
    for name in ("people/me", "help/ask", "sponsorship", "upgrade/confirm", "plan/end"):
        sent = client.post(acme.page(name), data={"csrf_token": token})
        assert sent.status_code in {404, 405}, name
    for path in (other.page("billing"), server.page("billing"), acme.page("card/return")):
        assert client.get(path).status_code == 404
    assert client.get(acme.page("billing").replace("/realm/", "/server/")).status_code == 404
    assert client.get_cookie(session_cookie_name(ctx.settings)) == cookie
    assert client.get("/support/account/").status_code == 200
    # The customer's own log says nothing of it, and the way out leads back.
    assert "saw" not in owner.get(acme.page("activity")).text
    stopped = client.submit(client.get(acme.page("billing")), action="/seeing/stop/")
    assert stopped.location == f"/support/customers/{acme.uuid}/"
    assert client.get(acme.page("billing")).status_code == 404
    # A server that nobody ever logged in for has its pages, too.
    client.submit(client.get(f"/support/customers/{server.uuid}/"), action="/see/")
    seen = client.get(server.page("plans"))
    assert seen.status_code == 200 and f"/server/{server.uuid}/invoices/" in seen.text
    # It ends with the session.
    clock.advance(hours=1)
    assert client.get(server.page("plans")).status_code == 401
    begin_staff_session(client, ctx, StaffRole.READ_ONLY)
    assert client.get(server.page("plans")).status_code == 404
