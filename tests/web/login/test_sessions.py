"""Sessions: rows behind a cookie that holds only an id, and what becomes of them."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask import Flask, session
from flask_login import current_user
from sqlalchemy import func, select, update

from app.clock import FixedClock
from app.domain.kinds import CustomerKind
from app.models import AuditEntry, BillingUser, BrowserSession, Organization
from app.services.browser_sessions import begin_identity_session, purge_sessions, revoke_sessions
from app.services.context import Context
from app.services.identity import CustomerRef
from app.services.unit_of_work import unit_of_work
from app.web.access import billing_user, public
from tests.support.client import CheckedClient
from tests.support.login import (
    add_organization,
    add_private_page,
    add_server,
    begin_session,
    login_as,
    make_link,
)

COOKIE = "tallyport_session_80"
OTHER_PERSON = UUID("7b0c6d52-7f3e-4f2b-8a36-0c6a4fbb1c02")


def count_sessions(ctx: Context) -> int:
    with ctx.sessions() as stored:
        return stored.scalar(select(func.count()).select_from(BrowserSession)) or 0


def session_id(client: CheckedClient) -> str | None:
    cookie = client.get_cookie(COOKIE)
    return cookie.value if cookie is not None else None


def test_the_cookie_holds_only_an_id(client: CheckedClient, ctx: Context) -> None:
    answer = client.get(make_link(ctx, add_organization(ctx)))
    header = answer.headers["Set-Cookie"]
    name, _, rest = header.partition("=")
    secret, *attributes = [part.strip() for part in rest.split(";")]
    assert name == COOKIE, "the port of the portal's address is in it"
    assert len(secret) == 43
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]
    with ctx.sessions() as stored:
        row = stored.scalars(select(BrowserSession)).one()
        assert secret not in (row.id_hash, str(row.data))
        assert len(row.id_hash) == 64


@pytest.mark.sqlite_only
def test_the_cookie_is_for_https_where_the_portal_is(
    make_app: Callable[..., Flask], ctx: Context
) -> None:
    app = make_app(base_url="https://billing.test")
    link = make_link(app.extensions["tallyport"], add_organization(ctx))
    answer = app.test_client().get(link, base_url="https://billing.test")
    header = answer.headers["Set-Cookie"]
    assert header.startswith("tallyport_session_443=")
    assert "; Secure" in header and "Max-Age" not in header and "Expires" not in header


def test_strangers_get_no_session(client: CheckedClient, ctx: Context) -> None:
    for path in ("/", "/terms/", "/logged-out/", "/nowhere/", "/remote-billing-login/nonsense"):
        assert "Set-Cookie" not in client.get(path).headers
    assert "Set-Cookie" not in client.get("/api/v1/remotes/nowhere").headers
    assert count_sessions(ctx) == 0


@pytest.mark.parametrize("secret", ["nonsense", "A" * 43, "A" * 3000, "%00", '"', "é"])
def test_an_unknown_cookie_is_nobody(
    app: Flask, client: CheckedClient, ctx: Context, secret: str
) -> None:
    add_private_page(app)
    client.set_cookie(COOKIE, secret)
    assert client.get(add_organization(ctx).private()).status_code == 401
    assert client.get("/").status_code == 200


def test_the_id_is_new_at_every_step_that_gives_power(client: CheckedClient, ctx: Context) -> None:
    acme = add_organization(ctx)
    ids = []
    for _ in range(2):
        login_as(client, ctx, acme)
        ids.append(session_id(client))
        client.get(make_link(ctx, acme))
        ids.append(session_id(client))
    assert len(set(ids)) == 4
    stale = ids[0]
    assert stale is not None
    client.set_cookie(COOKIE, stale)
    assert client.get("/").status_code == 200, "the old id is worth nothing"


def test_a_page_that_changes_nothing_writes_nothing(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    begin_session(client, ctx, acme)

    def seen() -> object:
        with ctx.sessions() as stored:
            return stored.scalars(select(BrowserSession.last_seen_at)).one()

    begin = seen()
    clock.advance(minutes=9)
    answer = client.get(acme.private())
    assert "Set-Cookie" not in answer.headers and seen() == begin
    assert "Cookie" in answer.headers["Vary"]
    clock.advance(minutes=1)
    client.get(acme.private())
    assert seen() == ctx.now()


def test_after_two_hours_every_page_leads_back_to_the_product(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    add_private_page(app)
    acme = add_organization(ctx, host="chat.acme.test:8443")
    begin_session(client, ctx, acme)
    clock.advance(hours=1, minutes=59, seconds=59)
    assert client.get(acme.private()).status_code == 200
    clock.advance(seconds=1)
    back = "http://chat.acme.test:8443/self-hosted-billing/?next_page="
    pages = {"invoices": "invoices", "plans": "plans", "billing": "billing", "elsewhere": "billing"}
    for page, next_page in pages.items():
        answer = client.get(acme.private(page))
        assert (answer.status_code, answer.location) == (302, back + next_page)
    # Even when the address is another organization's: only the session says where back is.
    other = add_organization(ctx, host="other.test")
    assert client.get(other.private("usage")).location == f"{back}usage"
    clock.advance(days=29)
    assert client.get(acme.private()).status_code == 302
    assert client.get("/").status_code == 200, "the start shows the way in"


def test_the_way_back_has_the_scheme_of_the_link(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    page = client.get(make_link(ctx, acme, uri_scheme="https://"), follow_redirects=True)
    client.submit(page)
    clock.advance(hours=2)
    answer = client.get(acme.private("upgrade"))
    assert answer.location == "https://acme.test/self-hosted-billing/?next_page=upgrade"


@pytest.mark.parametrize("host", ["", "evil.test/path?", "a b", "acme.test@evil.test"])
@pytest.mark.sqlite_only
def test_a_host_that_is_none_is_no_way_back(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock, host: str
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    with ctx.sessions() as writing, writing.begin():
        writing.execute(update(Organization).values(host=host))
    login_as(client, ctx, acme)
    clock.advance(hours=2)
    assert client.get(acme.private()).location == "/?next_page=billing"


def test_a_login_may_begin_in_an_expired_session(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    clock.advance(hours=3)
    assert client.get(acme.private()).status_code == 302
    login_as(client, ctx, acme)
    assert client.get(acme.private()).status_code == 200
    assert count_sessions(ctx) == 1


@pytest.mark.sqlite_only
def test_without_a_session_a_page_explains_how_to_come_in(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    # Whoever knows no organization learns nothing: known and unknown look the same.
    answers = [client.get(acme.private()), client.get(f"/realm/{uuid4()}/billing/private/")]
    assert [answer.status_code for answer in answers] == [401, 401]
    texts = [answer.get_data(as_text=True) for answer in answers]
    assert texts[0] == texts[1] and "gear menu" in texts[0]
    assert "acme.test" not in texts[0]
    assert count_sessions(ctx) == 0


@pytest.mark.parametrize("page", ["billing", "deactivate", "people"])
@pytest.mark.sqlite_only
def test_without_a_session_a_page_of_a_server_leads_to_its_own_door(
    client: CheckedClient, ctx: Context, page: str
) -> None:
    server = add_server(ctx)
    # Whether there is such a server makes no difference.
    answers = [client.get(server.page(page)), client.get(f"/server/{uuid4()}/{page}/")]
    assert [answer.status_code for answer in answers] == [401, 401]
    texts = [answer.get_data(as_text=True) for answer in answers]
    assert texts[0] == texts[1] and server.hostname not in texts[0]
    # A page that logins do not lead to is named nowhere.
    door = "/serverlogin/" if page == "people" else f"/serverlogin/?next_page={page}"
    assert f'href="{door}"' in texts[0]
    assert client.get(door).status_code == 200
    # The start has no customer, and begins with the way of most.
    assert "gear menu" in client.get("/").get_data(as_text=True).split("/serverlogin/")[0]


def test_other_peoples_organizations_are_not_found(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    neighbor = add_organization(ctx, host="neighbor.test", server_id=acme.server_id)
    begin_session(client, ctx, acme)
    texts = set()
    for entity in (neighbor.uuid, str(uuid4())):
        answer = client.get(f"/realm/{entity}/billing/private/")
        assert answer.status_code == 404
        texts.add(answer.get_data(as_text=True))
    assert len(texts) == 1, "existing and missing look the same"
    assert client.get("/realm/nonsense/billing/private/").status_code == 404
    assert client.get(f"/server/{acme.uuid}/billing/private/").status_code == 404


def test_one_session_holds_one_person(app: Flask, client: CheckedClient, ctx: Context) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    login_as(client, ctx, acme, email="othello@acme.test", user_uuid=OTHER_PERSON)
    with ctx.sessions() as stored:
        owner = select(BillingUser.email).join(BrowserSession)
        assert stored.scalars(owner).all() == ["othello@acme.test"]


def test_logging_out_deletes_the_session(app: Flask, client: CheckedClient, ctx: Context) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    login_as(client, ctx, acme)
    page = client.get(make_link(ctx, acme), follow_redirects=True)
    secret = session_id(client)
    token = page.get_data(as_text=True).split('name="csrf_token" value="')[1].split('"')[0]
    answer = client.post("/logout/", data={"csrf_token": token})
    assert (answer.status_code, answer.location) == (303, "/logged-out/")
    assert count_sessions(ctx) == 0 and session_id(client) is None
    assert "You are logged out" in client.get(answer.location).get_data(as_text=True)
    assert secret is not None
    client.set_cookie(COOKIE, secret)
    assert client.get(acme.private()).status_code == 401, "the id itself is worth nothing now"
    with ctx.sessions() as stored:
        assert "login.ended" in stored.scalars(select(AuditEntry.action)).all()


def test_a_person_who_is_switched_off_is_out(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    begin_session(client, ctx, acme)
    with ctx.sessions() as writing, writing.begin():
        writing.execute(update(BillingUser).values(deactivated_at=ctx.now()))
    assert client.get("/").status_code == 200
    answer = client.get(acme.private())
    assert answer.status_code == 401
    assert "switched off" in answer.get_data(as_text=True)
    assert count_sessions(ctx) == 0
    assert "gear menu" in client.get(acme.private()).get_data(as_text=True)


def test_sessions_can_be_revoked(app: Flask, client: CheckedClient, ctx: Context) -> None:
    add_private_page(app)
    acme = add_organization(ctx)
    user_id = begin_session(client, ctx, acme)
    with unit_of_work(ctx) as work:
        revoke_sessions(work, billing_user_id=user_id)
        work.commit()
    assert client.get(acme.private()).status_code == 401


def test_old_sessions_are_purged(client: CheckedClient, ctx: Context, clock: FixedClock) -> None:
    begin_session(client, ctx, add_organization(ctx))
    clock.advance(days=29, hours=23)
    assert purge_sessions(ctx) == 0
    client.get(make_link(ctx, add_organization(ctx, host="other.test")))
    clock.advance(days=29)
    assert purge_sessions(ctx) == 0, "it was in use meanwhile"
    clock.advance(days=1)
    assert purge_sessions(ctx) == 1
    assert count_sessions(ctx) == 0


def test_two_tabs_do_not_overwrite_each_other(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    @public
    def write(name: str) -> dict[str, bool]:
        known = "first" in session
        if name == "outer":
            # Another request of the same browser comes and goes while this one is under way.
            inner = app.test_client()
            inner.set_cookie(COOKIE, session_id(client) or "")
            inner.get("/write/inner")
        session[name] = ["x"]
        return {"known": known}

    app.add_url_rule("/write/<string:name>", view_func=write, methods=["GET"])
    begin_session(client, ctx, add_organization(ctx))
    client.get("/write/first")
    client.get("/write/outer")
    with ctx.sessions() as stored:
        row = stored.scalars(select(BrowserSession)).one()
        assert {"first", "inner", "outer"} <= set(row.data)


def test_values_in_place_and_removals_are_kept(
    app: Flask, client: CheckedClient, ctx: Context
) -> None:
    @public
    def append() -> list[dict[str, int]]:
        session.setdefault("list", []).append({"n": 1})
        session.pop("gone", None)
        return list(session["list"])

    @public
    def fill() -> dict[str, str]:
        session["gone"] = 1
        return {}

    app.add_url_rule("/append", view_func=append)
    app.add_url_rule("/fill", view_func=fill)
    begin_session(client, ctx, add_organization(ctx))
    client.get("/fill")
    assert [len(client.get("/append").json or []) for _ in range(3)] == [1, 2, 3]
    with ctx.sessions() as stored:
        assert set(stored.scalars(select(BrowserSession)).one().data) == {"list"}


def test_flask_login_knows_who_is_there(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    @public
    def who() -> dict[str, object]:
        known = current_user.is_authenticated
        return {"id": current_user.get_id(), "known": known}

    app.add_url_rule("/who", view_func=who)
    assert client.get("/who").json == {"id": None, "known": False}
    user_id = begin_session(client, ctx, add_organization(ctx))
    assert client.get("/who").json == {"id": str(user_id), "known": True}
    clock.advance(hours=2)
    assert client.get("/who").json == {"id": None, "known": False}


def test_sessions_survive_a_change_of_keys(
    client: CheckedClient, ctx: Context, make_app: Callable[..., Flask]
) -> None:
    acme = add_organization(ctx)
    begin_session(client, ctx, acme)
    new = "a-new-key-with-more-than-thirty-two-characters-in-it"
    app = make_app(secret_keys=(new, *ctx.settings.secret_keys))
    add_private_page(app)
    later = app.test_client()
    later.set_cookie(COOKIE, session_id(client) or "")
    assert later.get(acme.private()).status_code == 200


def test_a_session_of_a_server_leads_back_to_its_own_login(
    app: Flask, client: CheckedClient, ctx: Context, clock: FixedClock
) -> None:
    @billing_user(CustomerKind.SERVER)
    def private(ref: CustomerRef, page: str) -> dict[str, str]:
        return {"server": ref.uuid, "page": page}

    rule = "/server/<uuid:entity_uuid>/<string:page>/private/"
    app.add_url_rule(rule, endpoint="server_page", view_func=private)
    add_private_page(app)
    acme = add_organization(ctx)
    with unit_of_work(ctx) as work:
        server = work.claim_server(acme.server_id)
        user = BillingUser(
            server_id=server.id, email="root@acme.test", full_name="", created_at=work.now
        )
        work.session.add(user)
        work.flush()
        secret = begin_identity_session(
            work, billing_user_id=user.id, authenticated_at=work.now, way_back=None, data={}
        )
        uuid = server.uuid
        work.commit()
    client.set_cookie(COOKIE, secret)
    address = f"/server/{uuid}/invoices/private/"
    assert client.get(address).json == {"server": uuid, "page": "invoices"}
    # The organizations of a server are not this person's, not even by the server's own UUID.
    assert client.get(acme.private()).status_code == 404
    assert client.get(f"/realm/{uuid}/billing/private/").status_code == 404
    clock.advance(hours=2)
    assert client.get(address).location == "/serverlogin/?next_page=invoices"
