"""Headers on every answer, and the one host that production answers for."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, make_response

from app.web.access import public
from app.web.security import add_to_policy, allow_frames_of_ours, isolate, origin_of
from tests.support.client import CheckedClient
from tests.web.sample_pages import sample_blueprint

pytestmark = pytest.mark.sqlite_only

PRODUCTION: dict[str, Any] = {
    "env": "production",
    "secret_keys": ("k" * 40,),
    "stripe_secret_key": "sk_test_production",
    "stripe_webhook_secret": "whsec_production",
    "mail_url": "smtp://127.0.0.1:2525",
    "base_url": "https://billing.example",
}


def policy_of(answer: Any) -> dict[str, str]:
    parts = answer.headers["Content-Security-Policy"].split("; ")
    return {name: sources for name, _, sources in (part.partition(" ") for part in parts)}


def planted() -> Blueprint:
    blueprint = Blueprint("planted", __name__)

    @blueprint.get("/planted/frames")
    @public
    def frames() -> dict[str, str]:
        allow_frames_of_ours()
        add_to_policy("form-action", "https://chat.example:8443")
        return {}

    @blueprint.get("/planted/framed")
    @public
    def framed() -> Any:
        return isolate(make_response({}))

    @blueprint.get("/planted/own")
    @public
    def own() -> Any:
        answer = make_response({})
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["Cache-Control"] = "public, max-age=60"
        return answer

    return blueprint


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> CheckedClient:
    app = make_app(emulator_url="http://127.0.0.1:12111", stripe_api_base="http://127.0.0.1:12112")
    app.register_blueprint(sample_blueprint())
    app.register_blueprint(planted())
    made = app.test_client()
    assert isinstance(made, CheckedClient)
    return made


def test_the_policy_allows_nothing_inline_and_nothing_foreign(client: CheckedClient) -> None:
    policy = policy_of(client.get("/sample/form"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "form-action": "'self' https://checkout.stripe.com https://billing.stripe.com "
        "https://invoice.stripe.com http://127.0.0.1:12111 http://127.0.0.1:12112",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }


@pytest.mark.parametrize("path", ["/sample/form", "/nowhere", "/healthz", "/brand.css"])
def test_every_answer_carries_the_headers(client: CheckedClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers
    kept = "public, max-age=300" if path == "/brand.css" else "no-store"
    assert headers["Cache-Control"] == kept


def test_one_answer_may_have_more(client: CheckedClient) -> None:
    frames = policy_of(client.get("/planted/frames"))
    assert frames["frame-src"] == "'self'"
    assert frames["frame-ancestors"] == "'none'"
    assert frames["form-action"].endswith(" https://chat.example:8443")
    assert "frame-src" not in policy_of(client.get("/sample/form"))


def test_a_caught_mail_is_isolated(client: CheckedClient) -> None:
    framed = client.get("/planted/framed")
    policy = policy_of(framed)
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'unsafe-inline'"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["sandbox"] == "allow-top-navigation-by-user-activation"
    assert "script-src" not in policy
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_an_answers_own_headers_stay(client: CheckedClient) -> None:
    headers = client.get("/planted/own").headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "source", ["https://a.example; script-src *", "*", "https://a.example/path", "'unsafe-inline'"]
)
def test_what_came_from_outside_cannot_write_the_policy(app: Flask, source: str) -> None:
    with app.test_request_context("/"), pytest.raises(ValueError, match="not an origin"):
        add_to_policy("form-action", source)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://chat.example:8443/self-hosted-billing/", "https://chat.example:8443"),
        ("http://acme.localhost:5002", "http://acme.localhost:5002"),
        ("http://[::1]:80/x", "http://[::1]:80"),
        ("https://user:pass@chat.example/", None),
        ("https://chat.example;x/", None),
        ("javascript:alert(1)", None),
        ("", None),
        (None, None),
    ],
)
def test_origins_of_addresses(url: str | None, origin: str | None) -> None:
    assert origin_of(url) == origin


# --- production ---


@pytest.fixture
def production(make_app: Callable[..., Flask]) -> Any:
    return make_app(**PRODUCTION).test_client()


def test_production_is_https_only_and_lets_forms_lead_to_stripe_alone(production: Any) -> None:
    answer = production.get("/nowhere", base_url="https://billing.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "127.0.0.1" not in answer.headers["Content-Security-Policy"]


def test_production_answers_for_its_own_host_only(production: Any) -> None:
    assert production.get("/brand.css", base_url="https://billing.example").status_code == 200
    assert production.get("/brand.css", base_url="https://BILLING.example").status_code == 200
    foreign = production.get("/brand.css", base_url="https://evil.example")
    assert foreign.status_code == 400
    assert "We do not answer at this address" in foreign.text
    assert production.get("/healthz", base_url="http://10.0.0.7:8000").status_code == 200


@pytest.mark.parametrize("host", ["", "a b", "evil.example\\@billing.example", "[::1", "ü.example"])
def test_unreadable_hosts_are_refused(production: Any, host: str) -> None:
    assert production.get("/brand.css", headers={"Host": host}).status_code == 400
