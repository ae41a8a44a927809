"""Who calls: HTTP Basic with the server's UUID and key."""

import base64

import pytest
from flask.testing import FlaskClient

from app.domain.errors import BillingError
from app.gateways.tokens import TokenGateway
from app.services import authenticate_server as module
from tests.support.wire import BASE, LITERAL_SERVER, WireServer, refusal

CALLS = [
    ("GET", "server/analytics/status"),
    ("POST", "server/analytics"),
    ("POST", "server/billing"),
    ("POST", "server/deactivate"),
    ("GET", "server/entitlement"),
]


def basic(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return "Basic " + base64.b64encode(raw).decode()


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_asks_for_the_key(server: WireServer, method: str, path: str) -> None:
    for auth in (None, (server.uuid, "w" * 64), ("9c1f4f6e-2f0d-4a83-8f1a-0d9a5b7c6e5d", "k" * 64)):
        response = server.call(method, path, auth=auth)
        assert refusal(response)[:2] == (401, "INVALID_ZULIP_SERVER")
        assert response.headers["WWW-Authenticate"].startswith("Basic")
        assert response.get_json()["role"] == (auth[0] if auth else None)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_deactivated_server_is_told_after_the_right_key_only(
    server: WireServer, method: str, path: str
) -> None:
    server.call("POST", "server/deactivate")
    assert refusal(server.call(method, path))[:2] == (401, "REMOTE_SERVER_DEACTIVATED")
    wrong = server.call(method, path, auth=(server.uuid, "w" * 64))
    assert refusal(wrong)[:2] == (401, "INVALID_ZULIP_SERVER")


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + "A" * 5,
        "Bearer " + "k" * 64,
        basic("no colon"),
        basic(b"\xff\xfe:x"),
        basic(""),
        basic(":"),
        basic(f"{LITERAL_SERVER.upper()}:{'k' * 64}"),
        basic(f"{LITERAL_SERVER}\0:{'k' * 64}"),
        basic(f"{LITERAL_SERVER}:{'k' * 64}\n"),
        basic(f"{LITERAL_SERVER}:{'k' * 63}"),
        basic(f"{LITERAL_SERVER}:"),
        basic(f"{'x' * 5000}:y"),
        basic("\u2603:\ud7ff"),
    ],
)
def test_broken_headers(server: WireServer, client: FlaskClient, header: str) -> None:
    response = client.get(f"{BASE}/server/analytics/status", headers={"Authorization": header})
    assert refusal(response)[:2] == (401, "INVALID_ZULIP_SERVER")
    assert len(response.get_json()["role"] or "") <= 64


@pytest.mark.sqlite_only
def test_the_scheme_is_read_in_any_case(server: WireServer, client: FlaskClient) -> None:
    header = basic(f"{server.uuid}:{server.key}").replace("Basic", "bAsIc")
    response = client.get(f"{BASE}/server/analytics/status", headers={"Authorization": header})
    assert response.status_code == 200


@pytest.mark.sqlite_only
def test_an_unknown_uuid_costs_a_comparison_too(
    server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    matches = TokenGateway.matches

    def watch(self: TokenGateway, purpose: str, secret: str, *, stored_hash: str) -> bool:
        compared.append(purpose)
        return matches(self, purpose, secret, stored_hash=stored_hash)

    monkeypatch.setattr(TokenGateway, "matches", watch)
    server.call(
        "GET", "server/analytics/status", auth=("9c1f4f6e-2f0d-4a83-8f1a-0d9a5b7c6e5d", "k")
    )
    assert compared == [module.SERVER_KEY]


@pytest.mark.sqlite_only
def test_the_header_is_no_place_for_other_errors() -> None:
    from app.web.remotes.authentication import read_credentials

    with pytest.raises(BillingError) as refused:
        read_credentials("Digest username=x")
    assert refused.value.code == "server_unauthenticated"
