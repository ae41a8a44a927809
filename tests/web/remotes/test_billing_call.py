"""POST server/billing: the link by which a person of the product logs in."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.errors import BillingError
from app.models.audit import AuditEntry
from app.models.people import LoginLink
from app.services.authenticate_server import authenticate_server
from app.services.context import SYSTEM, Context
from app.services.create_billing_link import CreateBillingLink, create_billing_link
from app.services.unit_of_work import unit_of_work
from tests.support.login import IAGO
from tests.support.wire import WireServer, load_fixture, load_organization, realm, refusal


def links(ctx: Context) -> list[LoginLink]:
    with ctx.sessions() as session:
        return list(session.scalars(select(LoginLink).order_by(LoginLink.id)))


def test_the_literal_request(server: WireServer, ctx: Context) -> None:
    server.post("server/analytics", dict(load_fixture("three_table.json")))
    answer = server.post("server/billing", dict(load_fixture("billing.json"))).get_json()
    assert answer["result"] == "success"
    prefix = f"{ctx.settings.base_url}/remote-billing-login/"
    assert answer["billing_access_url"].startswith(prefix)
    token = answer["billing_access_url"].removeprefix(prefix)
    (link,) = links(ctx)
    nonce, signed_at = ctx.tokens.read("billing-link", token, max_age=timedelta(hours=2))
    assert (nonce, signed_at) == (link.nonce, ctx.now())
    assert (link.email, link.full_name) == ("iago@acme.test", "Iago")
    assert link.user_uuid == "0b4c2d1e-5f3a-4b6c-8d7e-9a0b1c2d3e4f"
    assert (link.uri_scheme, link.next_page) == ("https://", "upgrade")
    assert link.authenticated_at == ctx.now()
    assert link.expires_at == ctx.now() + timedelta(hours=2)
    assert link.completed_at is None
    # No name or address stands in the address.
    assert "iago" not in token.lower() and "acme" not in token.lower()


def test_scheme_and_page_are_optional(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm()])
    assert server.billing().status_code == 200
    assert server.billing(uri_scheme="http://", next_page="invoices").status_code == 200
    found = [(link.uri_scheme, link.next_page) for link in links(ctx)]
    assert found == [("https://", None), ("http://", "invoices")]


def test_a_json_body(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm()])
    server.as_json = True
    assert server.billing(next_page="plans").status_code == 200
    assert links(ctx)[0].next_page == "plans"


def test_every_call_makes_a_link_of_its_own(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm()])
    urls = {server.billing().get_json()["billing_access_url"] for _ in range(3)}
    assert len(urls) == 3 == len(links(ctx))


def test_the_audit_log_knows_without_naming_anybody(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm()])
    server.billing()
    with ctx.sessions() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert entry.action == "login_link.created"
    assert "iago" not in str((entry.actor, entry.before, entry.after))


def test_an_organization_that_was_never_uploaded(server: WireServer, ctx: Context) -> None:
    assert refusal(server.billing())[:2] == (403, "MISSING_REMOTE_REALM")
    # Known by its number alone is not known.
    server.upload(
        [
            {
                "id": 1,
                "realm": 2,
                "event_time": 1325473445.0,
                "backfilled": False,
                "extra_data": {},
                "event_type": 101,
            }
        ]
    )
    assert refusal(server.billing())[:2] == (403, "MISSING_REMOTE_REALM")
    server.upload([], [realm()])
    assert server.billing().status_code == 200
    assert len(links(ctx)) == 1


def test_an_organization_that_was_gone_or_deactivated(server: WireServer) -> None:
    server.upload([], [realm()])
    server.upload([], [])
    assert refusal(server.billing())[:2] == (403, "MISSING_REMOTE_REALM")
    server.upload([], [realm(deactivated=True)])
    assert refusal(server.billing())[:2] == (403, "MISSING_REMOTE_REALM")
    server.upload([], [realm()])
    assert server.billing().status_code == 200


def test_an_organization_of_another_server(
    server: WireServer, other_server: WireServer, ctx: Context
) -> None:
    server.upload([], [realm()])
    response = other_server.billing()
    assert refusal(response)[:2] == (403, "REMOTE_REALM_SERVER_MISMATCH_ERROR")
    # The UUID decides, not the number.
    other_server.upload([], [realm(2, uuid="5b1f4a3e-0d2c-4b6a-9e8f-7c6d5e4f3a2b")])
    assert refusal(other_server.billing())[1] == "REMOTE_REALM_SERVER_MISMATCH_ERROR"
    assert links(ctx) == []


def test_a_key_that_ended_while_the_call_was_on_its_way(server: WireServer, ctx: Context) -> None:
    server.upload(realms=[realm()])
    with unit_of_work(ctx) as work:
        caller = authenticate_server(
            work.session, tokens=ctx.tokens, uuid=server.uuid, key=server.key
        )
    organization = load_organization(ctx)
    assert server.register(new_org_key="n" * 64).status_code == 200
    command = CreateBillingLink(
        server_id=caller.id,
        key_hash=caller.key_hash,
        organization_uuid=str(organization.uuid),
        user_uuid=str(IAGO),
        email="iago@acme.test",
        full_name="Iago",
        uri_scheme="https://",
        next_page=None,
    )
    with pytest.raises(BillingError) as refused:
        create_billing_link(ctx, command, actor=SYSTEM)
    assert refused.value.code == "server_credentials"


def test_the_call_changes_nothing_of_the_organization(server: WireServer, ctx: Context) -> None:
    server.upload([], [realm()])
    assert server.billing(realm=realm(name="Another name", host="evil.test")).status_code == 200
    stored = load_organization(ctx)
    assert (stored.name, stored.host) == ("Organization 2", "r2.acme.test")


USER = {
    "uuid": "0b4c2d1e-5f3a-4b6c-8d7e-9a0b1c2d3e4f",
    "email": "iago@acme.test",
    "full_name": "Iago",
}


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("user", None, "user"),
        ("user", [], "user"),
        ("user", "x", "user"),
        ("user", {}, "user.uuid"),
        ("user", USER | {"uuid": "x"}, "user.uuid"),
        ("user", USER | {"uuid": USER["uuid"].upper()}, "user.uuid"),
        ("user", USER | {"email": "iago"}, "user.email"),
        ("user", USER | {"email": "a@b" + "c" * 252}, "user.email"),
        ("user", USER | {"email": "iago@acme.test\nBcc: x"}, "user.email"),
        ("user", USER | {"email": None}, "user.email"),
        ("user", USER | {"full_name": "n" * 201}, "user.full_name"),
        ("user", USER | {"full_name": "a\0"}, "user.full_name"),
        ("user", USER | {"full_name": 5}, "user.full_name"),
        ("realm", None, "realm"),
        ("realm", [realm()], "realm"),
        ("realm", realm(surprise=1), "realm.surprise"),
        ("realm", realm(uuid="x"), "realm.uuid"),
        ("realm", realm(host="https://x"), "realm.host"),
        ("uri_scheme", "ftp://", "uri_scheme"),
        ("uri_scheme", "javascript:", "uri_scheme"),
        ("uri_scheme", "https://evil.test/", "uri_scheme"),
        ("uri_scheme", "", "uri_scheme"),
        ("next_page", "https://evil.test", "next_page"),
        ("next_page", "//evil.test", "next_page"),
        ("next_page", "Billing", "next_page"),
        ("next_page", "", "next_page"),
    ],
)
def test_a_field_that_is_missing_or_malformed(
    server: WireServer, ctx: Context, name: str, value: Any, where: str
) -> None:
    server.upload([], [realm()])
    for as_json in (False, True):
        server.as_json = as_json
        status, code, message = refusal(server.billing(**{name: value}))
        assert (status, code) == (400, "BAD_REQUEST")
        assert message.startswith(where), message
    assert links(ctx) == []


@pytest.mark.sqlite_only
def test_nested_json_twice_encoded(server: WireServer) -> None:
    server.upload([], [realm()])
    server.as_json = True
    # In a JSON body nested values are real JSON, not texts of it.
    response = server.billing(realm=json.dumps(realm()))
    assert refusal(response)[2].startswith("realm")
