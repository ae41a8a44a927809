"""POST server/register."""

import base64
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.models.audit import AuditEntry
from app.models.people import PersonalDetail
from app.services.context import Context
from tests.support.wire import BASE, FIXTURES, LITERAL_SERVER, WireServer, load_server, refusal

ANOTHER = "9c1f4f6e-2f0d-4a83-8f1a-0d9a5b7c6e5d"


def audit_actions(ctx: Context) -> list[str]:
    with ctx.sessions() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_the_literal_request_of_a_2x_client(client: FlaskClient, ctx: Context) -> None:
    query = (FIXTURES / "register_2x.txt").read_text().strip()
    response = client.post(f"{BASE}/server/register?{query}")
    assert response.status_code == 200
    assert response.get_json() == {"result": "success", "msg": "", "created": True}
    assert response.headers["Cache-Control"] == "no-store"
    stored = load_server(ctx)
    assert stored.hostname == "chat.acme.test"
    assert stored.contact_email == "root@acme.test"
    assert "0123456789abcdef" not in stored.key_hash


def test_a_form_and_then_the_same_again(client: FlaskClient, ctx: Context) -> None:
    server = WireServer(client)
    assert server.register().get_json() == {"result": "success", "msg": "", "created": True}
    assert server.register().get_json() == {"result": "success", "msg": "", "created": False}
    assert audit_actions(ctx) == ["server.registered"]


def test_the_neutral_names_and_a_json_body(client: FlaskClient, ctx: Context) -> None:
    fields = {
        "server_id": LITERAL_SERVER,
        "server_key": "k" * 64,
        "hostname": "Chat.Acme.test:8443",
        "contact_email": "root@acme.test",
    }
    response = client.post(f"{BASE}/server/register", json=fields)
    assert response.get_json()["created"] is True
    assert load_server(ctx).hostname == "chat.acme.test:8443"


def test_later_calls_update_hostname_and_contact(server: WireServer, ctx: Context) -> None:
    server.register(hostname="new.acme.test", contact_email="admin@acme.test")
    stored = load_server(ctx)
    assert (stored.hostname, stored.contact_email) == ("new.acme.test", "admin@acme.test")
    assert audit_actions(ctx) == [
        "server.registered",
        "server.hostname_changed",
        "server.contact_changed",
    ]


def test_addresses_of_people_stay_out_of_the_audit_log(server: WireServer, ctx: Context) -> None:
    server.register(contact_email="admin@acme.test")
    with ctx.sessions() as session:
        for entry in session.scalars(select(AuditEntry)):
            assert "@" not in str((entry.actor, entry.before, entry.after))
        found = set(session.scalars(select(PersonalDetail.email)))
    assert found == {"root@acme.test", "admin@acme.test"}


def test_the_key_is_rotated(server: WireServer, ctx: Context) -> None:
    assert server.register(new_org_key="n" * 64).status_code == 200
    assert server.call("GET", "server/analytics/status").status_code == 401
    server.key = "n" * 64
    assert server.last_ids() == (0, 0, 0)
    assert server.register(new_server_key="m" * 64).status_code == 200
    server.key = "m" * 64
    assert server.last_ids() == (0, 0, 0)
    assert audit_actions(ctx).count("server.key_rotated") == 2


def test_a_first_call_may_bring_the_new_key(client: FlaskClient) -> None:
    server = WireServer(client)
    assert server.register(new_org_key="n" * 64).get_json()["created"] is True
    server.key = "n" * 64
    assert server.last_ids() == (0, 0, 0)


def test_a_known_uuid_with_a_wrong_key(server: WireServer, ctx: Context) -> None:
    server.key = "w" * 64
    response = server.register(hostname="stolen.acme.test", new_org_key="n" * 64)
    status, code, _ = refusal(response)
    assert (status, code) == (400, "INVALID_ZULIP_SERVER")
    assert response.get_json()["role"] == LITERAL_SERVER
    assert load_server(ctx).hostname == "chat.acme.test"


def test_a_hostname_that_is_held(server: WireServer, client: FlaskClient) -> None:
    for hostname in ("chat.acme.test", "CHAT.acme.TEST"):
        newcomer = WireServer(client, uuid=ANOTHER, hostname=hostname)
        status, code, message = refusal(newcomer.register())
        assert (status, code) == (400, "HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR")
        assert "chat.acme.test" in message


def test_a_known_server_may_not_take_a_held_hostname(
    server: WireServer, other_server: WireServer, ctx: Context
) -> None:
    response = other_server.register(hostname="chat.acme.test", new_org_key="n" * 64)
    assert refusal(response)[1] == "HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR"
    # Nothing is half done: neither the hostname nor the key.
    assert other_server.last_ids() == (0, 0, 0)
    assert load_server(ctx, other_server.uuid).hostname == "chat.other.test"


def test_a_deactivated_registration(server: WireServer) -> None:
    assert server.call("POST", "server/deactivate").status_code == 200
    assert refusal(server.register())[:2] == (401, "REMOTE_SERVER_DEACTIVATED")


def test_the_signing_key_is_kept(client: FlaskClient, ctx: Context) -> None:
    server = WireServer(client)
    key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert server.register(signing_public_key=key).status_code == 200
    assert load_server(ctx).signing_public_key == key
    url_safe = key.replace("/", "_").rstrip("=")
    assert server.register(signing_public_key=url_safe).status_code == 200
    assert audit_actions(ctx) == ["server.registered"]


def test_the_signing_key_is_changed_and_otherwise_left_alone(
    server: WireServer, ctx: Context
) -> None:
    assert load_server(ctx).signing_public_key is None
    first, second = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
    server.register(signing_public_key=first)
    server.register()
    assert load_server(ctx).signing_public_key == first
    server.register(signing_public_key=second)
    assert load_server(ctx).signing_public_key == second
    with ctx.sessions() as session:
        changes = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action == "server.signing_key_changed")
            .order_by(AuditEntry.id)
        ).all()
    assert [(entry.before, entry.after) for entry in changes] == [
        ({"signing_public_key": None}, {"signing_public_key": first}),
        ({"signing_public_key": first}, {"signing_public_key": second}),
    ]


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_signing_key_of_another_size(server: WireServer, ctx: Context, size: int) -> None:
    key = base64.b64encode(b"k" * size).decode()
    status, code, message = refusal(server.register(signing_public_key=key))
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith("signing_public_key")
    assert load_server(ctx).signing_public_key is None


WRONG: list[tuple[str, Any]] = [
    ("zulip_org_id", None),
    ("zulip_org_id", ""),
    ("zulip_org_id", LITERAL_SERVER.upper()),
    ("zulip_org_id", LITERAL_SERVER.replace("-", "")),
    ("zulip_org_id", "6cde5f7a-1f7e-1978-9716-49f69ebfc9fe"),
    ("zulip_org_id", "{6cde5f7a-1f7e-4978-9716-49f69ebfc9fe}"),
    ("zulip_org_id", "../" * 12),
    ("zulip_org_key", None),
    ("zulip_org_key", "k" * 63),
    ("zulip_org_key", "k" * 65),
    ("zulip_org_key", "é" * 64),
    ("zulip_org_key", "k" * 63 + "\n"),
    ("hostname", None),
    ("hostname", ""),
    ("hostname", "h" * 129),
    ("hostname", "https://chat.acme.test"),
    ("hostname", "chat.acme.test/"),
    ("hostname", "chat.acme.test?x"),
    ("hostname", "chat.acme.test#x"),
    ("hostname", "root@chat.acme.test"),
    ("hostname", "chat acme.test"),
    ("hostname", "chat..acme.test"),
    ("hostname", "chat.acme.test:"),
    ("hostname", "chat.acme.test:0"),
    ("hostname", "chat.acme.test:65536"),
    ("hostname", "[::1"),
    ("hostname", "[:::]"),
    ("hostname", "chat.acme.test\n"),
    ("contact_email", None),
    ("contact_email", "root"),
    ("contact_email", "root@"),
    ("contact_email", "root@acme test"),
    ("contact_email", "root@example.com"),
    ("contact_email", "root@EXAMPLE.com"),
    ("contact_email", "root@mailinator.com"),
    ("contact_email", "root@acme.test\nBcc: x@acme.test"),
    ("contact_email", "r" * 250 + "@acme.test"),
    ("new_org_key", "n" * 63),
    ("new_org_key", ""),
    ("signing_public_key", "short"),
    ("signing_public_key", "!" * 44),
]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_field_that_is_missing_or_malformed(client: FlaskClient, name: str, value: Any) -> None:
    response = WireServer(client).register(**{name: value})
    status, code, message = refusal(response)
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith(name)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "hostname", ["localhost", "10.0.0.1:9991", "[2001:db8::1]:443", "a_b.acme.test", "x" * 63]
)
def test_hostnames_that_are_right(client: FlaskClient, hostname: str) -> None:
    assert WireServer(client).register(hostname=hostname).status_code == 200


@pytest.mark.sqlite_only
def test_a_field_given_twice(client: FlaskClient) -> None:
    query = (FIXTURES / "register_2x.txt").read_text().strip()
    address = f"{BASE}/server/register?{query}"
    for response in (
        client.post(f"{address}&hostname=other.test"),
        client.post(address, data={"hostname": "other.test"}),
        client.post(f"{address}&server_id={LITERAL_SERVER}"),
    ):
        assert refusal(response)[:2] == (400, "BAD_REQUEST")


@pytest.mark.sqlite_only
def test_a_mail_server_is_asked_for_when_that_is_on(
    make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dns.resolver

    asked = []

    def resolve(self: Any, name: Any, kind: str = "A", *_: Any, **__: Any) -> Any:
        asked.append((str(name), kind))
        raise dns.resolver.NXDOMAIN

    monkeypatch.setattr(dns.resolver.Resolver, "resolve", resolve)
    client = make_app(check_email_deliverability=True).test_client()
    response = WireServer(client).register(contact_email="root@acme-nowhere.org")
    assert refusal(response)[2].startswith("contact_email: the domain")
    assert ("acme-nowhere.org", "MX") in asked
