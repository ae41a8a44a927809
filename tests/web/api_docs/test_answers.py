"""The application does what its description says: its examples work, and what it really answers,
to success and to each error, is as described."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from app.domain.errors import BillingError
from app.web.openapi.calls import (
    ANALYTICS,
    BILLING,
    CALLS,
    DEACTIVATE,
    ENTITLEMENT,
    REGISTER,
    STATUS,
    TRANSFER,
    VERIFY_CHALLENGE,
)
from app.web.openapi.document import form_values
from app.web.openapi.shapes import Call
from app.web.remotes import transfer_views, views
from tests.support.api_contract import Contract, held_to_contract, load_contract
from tests.support.wire import BASE, LITERAL_SERVER, WireServer
from tests.web.api_docs.conftest import ProvingHost

pytestmark = pytest.mark.sqlite_only

KEY = "0123456789abcdef" * 4
NEW_KEY = "fedcba9876543210" * 4
# In the order of the page the examples tell a story: a server comes, uploads, asks, and goes.
STORY = [(call, name) for call in CALLS for name in call.examples]
# What is made anew each time.
DRAWN = {"billing_access_url", "verification_secret", "zulip_org_key"}


@dataclass
class Caller:
    """Sends what the description tells, in one of the two kinds of bodies."""

    client: FlaskClient
    media: str
    key: str = KEY
    uuid: str = LITERAL_SERVER

    def send(self, call: Call, fields: dict[str, Any], **options: Any) -> TestResponse:
        if call.is_authenticated:
            options.setdefault("auth", (self.uuid, self.key))
        if call.method == "get" or self.media == "query":
            options["query_string"] = fields
        elif self.media == "json":
            options["json"] = fields
        else:
            options["data"] = fields
        return self.client.open(call.path, method=call.method.upper(), **options)

    def example(self, call: Call, name: str) -> TestResponse:
        example = call.examples[name]
        known = {each.name: each for each in call.fields}
        fields = dict(example.fields) if self.media == "json" else form_values(example, known)
        return self.send(call, fields)


def problems(contract: Contract, call: Call, response: TestResponse) -> list[str]:
    return contract.answer_problems(
        call.method.upper(), call.path, response.status_code, response.headers, response.get_json()
    )


@pytest.mark.parametrize("media", ["form", "json"])
def test_examples_are_answered_as_they_say(
    client: FlaskClient, contract: Contract, host: ProvingHost, media: str
) -> None:
    caller = Caller(client, media)
    for call, name in STORY:
        response = caller.example(call, name)
        answer = response.get_json()
        assert response.status_code == 200, (name, answer)
        assert problems(contract, call, response) == []
        told = call.examples[name].answer
        for field_name in told:
            if field_name not in DRAWN:
                assert answer[field_name] == told[field_name], (name, field_name)
        if name == "rotate":
            caller.key = NEW_KEY
        elif name == "transfer":
            host.answer = answer
        elif name == "verify":
            caller.key = answer["zulip_org_key"]
            path = "/api/v1/zulip-services/verify/T6yYh0Ue2vQf1aN8s4Wd/"
            assert host.asked == [("chat.acme.test", path)]


def test_a_registration_in_the_query_string(client: FlaskClient, contract: Contract) -> None:
    caller = Caller(client, "query")
    for name in ("register", "update", "rotate"):
        assert problems(contract, REGISTER, caller.example(REGISTER, name)) == []


# --- refusals ---


def refuse(code: str, **params: object) -> Callable[..., Any]:
    def raise_it(*_: Any, **__: Any) -> Any:
        raise BillingError(code, **params)

    return raise_it


# What each view calls, so that any of its refusals can be had.
SERVICES = {
    REGISTER.endpoint: (views, "register_server"),
    TRANSFER.endpoint: (transfer_views, "start_transfer"),
    VERIFY_CHALLENGE.endpoint: (transfer_views, "finish_transfer"),
    STATUS.endpoint: (views, "load_accepted_ids"),
    ANALYTICS.endpoint: (views, "record_upload"),
    BILLING.endpoint: (views, "create_billing_link"),
    ENTITLEMENT.endpoint: (views, "load_entitlement_details"),
    DEACTIVATE.endpoint: (views, "deactivate_server"),
}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation_id)
def test_each_refusal_that_is_told_is_as_told(
    client: FlaskClient, contract: Contract, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    caller = Caller(client, "json")
    caller.example(REGISTER, "register")
    example = next(iter(call.examples))
    examples = {
        name: (int(status), told["value"])
        for status, response in contract.operations[call.method.upper(), call.path][
            "responses"
        ].items()
        if status != "200"
        for name, told in contract.resolve(response)["content"]["application/json"][
            "examples"
        ].items()
    }
    for refusal in call.refusals:
        monkeypatch.setattr(*SERVICES[call.endpoint], refuse(refusal.code, **refusal.params))
        response = caller.example(call, example)
        assert problems(contract, call, response) == []
        status, body = examples[refusal.code]
        assert (response.status_code, response.get_json()) == (status, body)


def test_the_services_refuse_by_the_codes_that_are_told(
    client: FlaskClient, contract: Contract, host: ProvingHost
) -> None:
    """The same without a hand in it: what is sent is wrong, and the code is among those told."""
    caller = Caller(client, "json")
    caller.example(REGISTER, "register")
    caller.example(ANALYTICS, "three_table")
    other = Caller(client, "json", key="o" * 64, uuid="0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f")
    registration = {
        "server_id": other.uuid,
        "server_key": other.key,
        "hostname": "chat.other.test",
        "contact_email": "root@other.test",
    }
    other.send(REGISTER, registration)
    upload = dict(ANALYTICS.examples["three_table"].fields)
    billing = dict(BILLING.examples["upgrade"].fields)
    unknown = "11111111-2222-4333-8444-555555555555"
    stranger = Caller(client, "json", key="x" * 64)
    secret = {"hostname": "chat.acme.test", "access_token": "t" * 16}
    caller.send(TRANSFER, {"hostname": "chat.acme.test"})
    got = [
        (REGISTER, other.send(REGISTER, registration | {"hostname": "chat.acme.test"})),
        (REGISTER, other.send(REGISTER, registration | {"server_key": "x" * 64})),
        (REGISTER, other.send(REGISTER, {"hostname": "chat.other.test"})),
        (REGISTER, other.send(REGISTER, registration | {"contact_email": "a@example.com"})),
        (STATUS, stranger.send(STATUS, {})),
        (STATUS, stranger.send(STATUS, {}, auth=None)),
        (ANALYTICS, caller.send(ANALYTICS, upload)),
        (ANALYTICS, caller.send(ANALYTICS, {})),
        (ANALYTICS, other.send(ANALYTICS, upload)),
        (ANALYTICS, other.send(ANALYTICS, upload | {"realms": [{"color": "red"}]})),
        (BILLING, other.send(BILLING, billing)),
        (BILLING, other.send(BILLING, billing | {"realm": billing["realm"] | {"uuid": unknown}})),
        (BILLING, caller.send(BILLING, billing | {"next_page": "https://evil.test"})),
        (ENTITLEMENT, other.send(ENTITLEMENT, {"realm_uuid": unknown})),
        (ENTITLEMENT, other.send(ENTITLEMENT, {"realm_uuid": billing["realm"]["uuid"]})),
        (ENTITLEMENT, other.send(ENTITLEMENT, {"realm_uuid": "ABC"})),
        (TRANSFER, caller.send(TRANSFER, {"hostname": "nobody.test"})),
        (TRANSFER, caller.send(TRANSFER, {"hostname": "https://chat.acme.test/"})),
        (VERIFY_CHALLENGE, caller.send(VERIFY_CHALLENGE, secret | {"access_token": "../x"})),
        (VERIFY_CHALLENGE, caller.send(VERIFY_CHALLENGE, secret)),
        (DEACTIVATE, other.send(DEACTIVATE, {})),
        (DEACTIVATE, other.send(DEACTIVATE, {})),
        (REGISTER, other.send(REGISTER, registration)),
    ]
    assert [response.status_code for _, response in got].count(200) == 1
    for call, response in got:
        assert problems(contract, call, response) == [], response.get_json()


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation_id)
def test_errors_of_http_are_as_told(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    app = make_app(
        max_upload_bytes=3000,
        rate_limit_register="4 per minute",
        rate_limit_api="4 per minute",
        rate_limit_transfer="4 per minute",
    )
    app.config["PROPAGATE_EXCEPTIONS"] = False
    contract = load_contract(app)
    caller = Caller(app.test_client(), "json")
    caller.example(REGISTER, "register")
    example = next(iter(call.examples))

    def fail(error: Exception) -> Callable[..., Any]:
        def raise_it(*_: Any, **__: Any) -> Any:
            raise error

        return raise_it

    statuses = []
    for error in (RuntimeError("inside"), OperationalError("SELECT", {}, Exception("away"))):
        monkeypatch.setattr(*SERVICES[call.endpoint], fail(error))
        response = caller.example(call, example)
        assert problems(contract, call, response) == []
        statuses.append(response.status_code)
    assert statuses == [500, 503]
    if call.method == "post" and call.fields:
        response = caller.send(call, {"hostname": "x" * 4000})
        assert response.status_code == 413
        assert problems(contract, call, response) == []
    for _ in range(4):
        response = caller.example(call, example)
    assert response.status_code == 429
    assert problems(contract, call, response) == []


@pytest.mark.parametrize("path", ["/api/v1/remotes/push/notify", "/api/v1/remotes/server/register"])
def test_errors_of_addresses_are_as_told(
    client: FlaskClient, contract: Contract, path: str
) -> None:
    response = client.get(path)
    found = contract.answer_problems(
        "GET", path, response.status_code, response.headers, response.get_json()
    )
    assert found == []


def test_the_contract_bites(client: FlaskClient, contract: Contract) -> None:
    """The check itself sees a status, a header, a code and a field that are not as told."""
    answer = {"result": "success", "msg": "", "created": True}
    path = REGISTER.path

    def found(status: int, body: object, **headers: str) -> list[str]:
        return contract.answer_problems("POST", path, status, Headers(headers), body)

    assert found(200, answer) == []
    assert found(200, answer | {"color": "red"}) == ["color is not described"]
    assert "created is not answered" in found(200, {"result": "success", "msg": ""})
    assert found(200, answer | {"created": 1})
    assert found(202, answer) == ["no 202 is described"]
    error = {"result": "error", "msg": "No.", "code": "BAD_REQUEST"}
    assert found(400, error) == []
    assert found(400, error | {"code": "NOT_FOUND"})
    assert found(400, error | {"code": "INVALID_ZULIP_SERVER"})
    limited = error | {"code": "RATE_LIMIT_HIT", "retry-after": 5}
    assert found(429, limited) == ["the header Retry-After is missing"]
    assert found(429, limited, **{"Retry-After": "5"}) == []


def test_what_is_not_told_is_seen_while_tests_run(
    app: Flask, client: FlaskClient, contract: Contract
) -> None:
    without = Contract(contract.document | {"paths": {}})
    with held_to_contract(app, without, BASE) as problems:
        WireServer(client).register()
    assert problems == [f"POST {BASE}/server/register 200 OK: no 200 is described"]
