"""The OpenAPI document is valid, whole, and says of the code what the code does."""

import re
from collections.abc import Callable, Hashable, Iterator
from typing import Any, cast

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.datastructures import Headers

import app as tallyport
from app.web.openapi.calls import CALLS
from app.web.openapi.shapes import FORM, JSON, Call
from app.web.remotes.bodies import Fields
from app.web.remotes.errors import ANSWERS, BAD_REQUEST, HTTP_CODES
from tests.support.api_contract import Contract
from tests.support.wire import BASE, FIXTURES, LITERAL_SERVER, WireServer, load_fixture

pytestmark = pytest.mark.sqlite_only

DOCUMENT = "/api/v1/openapi.json"


def test_it_is_valid(contract: Contract) -> None:
    document = cast(dict[Hashable, Any], contract.document)
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_it_has_every_route_and_no_other(app: Flask, contract: Contract) -> None:
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("remotes.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(contract.operations) == routes


def test_each_call_is_told_of_its_own_view(app: Flask) -> None:
    by_endpoint = {rule.endpoint: rule.rule for rule in app.url_map.iter_rules()}
    for call in CALLS:
        assert by_endpoint[call.endpoint] == call.path


def test_who_must_show_a_key(app: Flask, contract: Contract) -> None:
    for call in CALLS:
        operation = contract.operations[call.method.upper(), call.path]
        is_open = operation.get("security") == []
        access = vars(app.view_functions[call.endpoint])["__access__"]
        assert is_open == (access == "public"), call.endpoint


def test_every_code_that_can_be_sent_is_told(contract: Contract) -> None:
    sent = {answer.code for answer in ANSWERS.values()} | set(HTTP_CODES.values())
    sent |= {BAD_REQUEST.code, "INTERNAL_ERROR"}
    error = contract.document["components"]["schemas"]["Error"]
    assert set(error["properties"]["code"]["enum"]) == sent
    assert {row["code"] for row in contract.document["x-error-codes"]} == sent


def test_statuses_of_the_table_are_those_of_the_calls(contract: Contract) -> None:
    told = {
        (row["code"], status)
        for row in contract.document["x-error-codes"]
        for status in row["statuses"]
    }
    seen = {
        (example["value"]["code"], int(status))
        for operation in contract.operations.values()
        for status, response in operation["responses"].items()
        if status != "200"
        for example in contract.resolve(response)["content"][JSON]["examples"].values()
    }
    assert told - seen == {("NOT_FOUND", 404), ("METHOD_NOT_ALLOWED", 405)}
    assert seen <= told


# --- fields ---


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, ...]]:
    """The names, each with its aliases, that the code has asked a request for."""
    names: set[tuple[str, ...]] = set()

    def watch(method: str) -> None:
        original: Callable[..., Any] = getattr(Fields, method)

        def note(self: Fields, name: str, *others: Any) -> Any:
            names.add((name, *(other for other in others if isinstance(other, str))))
            return original(self, name, *others)

        monkeypatch.setattr(Fields, method, note)

    for method in ("text", "optional_text", "nested", "optional_nested"):
        watch(method)
    return names


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation_id)
def test_the_fields_are_those_that_the_code_reads(
    client: FlaskClient, asked: set[tuple[str, ...]], call: Call
) -> None:
    server = WireServer(client, key="0123456789abcdef" * 4)
    server.register()
    server.post("server/analytics", load_fixture("three_table.json"))
    asked.clear()
    example = next(iter(call.examples.values()))
    options = {"query_string": example.fields} if call.method == "get" else {"json": example.fields}
    server.call(call.method.upper(), call.path.removeprefix(f"{BASE}/"), **options)
    told = {(field.name, *([field.alias] if field.alias else [])) for field in call.fields}
    assert asked == told


# --- examples ---


def bodies(contract: Contract) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    for (_, path), operation in contract.operations.items():
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            for example in content["examples"].values():
                yield path, media, content["schema"], example["value"]


def test_examples_of_requests_keep_their_schemas(contract: Contract) -> None:
    seen = 0
    for path, media, schema, value in bodies(contract):
        assert contract.schema_problems(schema, value) == [], (path, media)
        assert set(value) <= set(schema["properties"]), (path, media)
        for name, text in value.items():
            nested = schema["properties"][name].get("contentSchema")
            if media == FORM and nested is not None:
                # OpenAPI leaves the inside of a text to whoever reads it.
                assert contract.schema_problems(nested, msgspec.json.decode(text)) == []
        seen += 1
    assert seen >= 14


def test_examples_of_answers_keep_their_schemas(contract: Contract) -> None:
    for (method, path), operation in contract.operations.items():
        for status, response in operation["responses"].items():
            described = contract.resolve(response)
            headers = Headers(dict.fromkeys(described.get("headers", {}), "1"))
            for name, example in described["content"][JSON]["examples"].items():
                found = contract.answer_problems(
                    method, path, int(status), headers, example["value"]
                )
                assert found == [], (path, status, name)


def test_no_message_of_an_example_has_gaps(contract: Contract) -> None:
    for operation in contract.operations.values():
        for status, response in operation["responses"].items():
            if status != "200":
                for example in contract.resolve(response)["content"][JSON]["examples"].values():
                    assert example["value"]["msg"]
                    assert "%(" not in example["value"]["msg"]


def test_the_examples_are_the_protocols_literal_requests(contract: Contract) -> None:
    def form(path: str, name: str) -> dict[str, Any]:
        content = contract.operations["POST", f"{BASE}/{path}"]["requestBody"]["content"]
        return dict(content[FORM]["examples"][name]["value"])

    def read(fields: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in fields.items():
            try:
                found[name] = msgspec.json.decode(value)
            except msgspec.DecodeError:
                found[name] = value
        return found

    for path, name, fixture in (
        ("server/analytics", "two_table", "two_table.json"),
        ("server/analytics", "three_table", "three_table.json"),
        ("server/billing", "upgrade", "billing.json"),
    ):
        assert read(form(path, name)) == read(load_fixture(fixture))
    line = (FIXTURES / "register_2x.txt").read_text().strip()
    sent = dict(pair.split("=") for pair in line.replace("%40", "@").split("&"))
    assert form("server/register", "register") == sent


# --- how it is served ---


def test_it_is_open_and_may_be_kept(client: FlaskClient) -> None:
    response = client.get(DOCUMENT)
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert "Set-Cookie" not in response.headers
    again = client.get(DOCUMENT, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert client.post(DOCUMENT).get_json()["code"] == "METHOD_NOT_ALLOWED"


def test_it_tells_what_this_portal_is_set_to(make_app: Callable[..., Flask]) -> None:
    client = make_app(
        base_url="https://billing.vendor.test",
        max_upload_bytes=12345,
        rate_limit_register="7 per hour",
        rate_limit_api="8 per hour",
        rate_limit_transfer="9 per hour",
        rate_limit_transfer_address="3 per hour",
    ).test_client()
    document = client.get(DOCUMENT).get_json()
    assert document["info"]["version"] == tallyport.__version__
    assert document["servers"] == [{"url": "https://billing.vendor.test"}]
    link = document["paths"][f"{BASE}/server/billing"]["post"]["responses"]["200"]
    url = link["content"][JSON]["examples"]["upgrade"]["value"]["billing_access_url"]
    assert url.startswith("https://billing.vendor.test/remote-billing-login/")
    assert "12345 bytes" in document["components"]["responses"]["PayloadTooLarge"]["description"]

    def limit(method: str, path: str) -> str:
        operation = document["paths"][f"{BASE}/{path}"][method]
        return str(operation["responses"]["429"]["description"])

    assert "7 per hour for one address" in limit("post", "server/register")
    assert "8 per hour for one server" in limit("get", "server/entitlement")
    for path in ("transfer", "verify_challenge"):
        told = limit("post", f"server/register/{path}")
        assert "3 per hour for one address, 9 per hour for all together" in told


def test_it_tells_what_the_host_serves(contract: Contract) -> None:
    operation = contract.operations["POST", f"{BASE}/server/register/verify_challenge"]
    (address,) = operation["callbacks"]["verify"]
    assert re.sub(r"\{[^}]*#/(\w+)\}", r"<\1>", address) == (
        "https://<hostname>/api/v1/zulip-services/verify/<access_token>/"
    )
    served = operation["callbacks"]["verify"][address]["get"]["responses"]["200"]
    assert served["content"][JSON]["schema"]["required"] == ["verification_secret"]


def test_what_is_not_built_is_not_promised(client: FlaskClient) -> None:
    text = client.get(DOCUMENT).get_data(as_text=True)
    assert "seat-secret" not in text
    assert "%(" not in text
    assert LITERAL_SERVER in text
