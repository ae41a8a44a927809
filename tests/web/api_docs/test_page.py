"""The page of the API: everything of the document, for everybody, on any screen."""

from collections.abc import Iterator
from html import unescape

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, expect

from app.web.api_docs.pages import with_code
from app.web.openapi.calls import CALLS
from tests.support.api_contract import Contract
from tests.support.browser import problems_of, served

pytestmark = pytest.mark.sqlite_only

REFERENCE = "/api/"
LOOKS = [("dark", {"width": 1280, "height": 900}), ("light", {"width": 390, "height": 800})]


def test_it_is_open_to_anyone(client: FlaskClient) -> None:
    response = client.get(REFERENCE)
    assert response.status_code == 200
    assert "/api/v1/openapi.json" in response.text


def test_its_address_without_the_slash_leads_there(client: FlaskClient) -> None:
    response = client.get("/api")
    assert (response.status_code, response.headers["Location"]) == (308, "http://localhost/api/")


def test_it_answers_wrong_methods_as_the_api_does(client: FlaskClient) -> None:
    assert client.post(REFERENCE).get_json()["code"] == "METHOD_NOT_ALLOWED"


def test_it_shows_all_of_the_document(client: FlaskClient, contract: Contract) -> None:
    page = unescape(client.get(REFERENCE).text)
    for (method, path), operation in contract.operations.items():
        assert f"{method} {path}" in page
        assert f'id="{operation["operationId"]}"' in page
        for example in operation["responses"]["200"]["content"]["application/json"]["examples"]:
            assert operation["summary"] in page, example
        for status, response in operation["responses"].items():
            if status != "200":
                content = contract.resolve(response)["content"]["application/json"]
                for example in content["examples"].values():
                    assert example["value"]["msg"] in page
    for name, schema in contract.document["components"]["schemas"].items():
        assert f'id="object-{name}"' in page
        for key in schema["properties"]:
            assert f"<code>{key}</code>" in page
    for row in contract.document["x-error-codes"]:
        assert f'id="code-{row["code"]}"' in page


def test_each_field_of_a_call_has_a_row(client: FlaskClient) -> None:
    root = html5lib.parse(client.get(REFERENCE).text, namespaceHTMLElements=False)
    sections = {each.get("id"): each for each in root.iter("section")}
    for call in CALLS:
        codes = ["".join(code.itertext()) for code in sections[call.operation_id].iter("code")]
        for field in (*call.fields, *call.answer):
            assert field.name in codes
            assert field.alias is None or field.alias in codes


def test_what_may_be_left_out_says_so(client: FlaskClient) -> None:
    root = html5lib.parse(client.get(REFERENCE).text, namespaceHTMLElements=False)
    (section,) = [each for each in root.iter("section") if each.get("id") == "post_register"]
    rows = [" ".join("".join(row.itertext()).split()) for row in section.iter("tr")]
    (name,) = [row for row in rows if row.startswith("zulip_org_id")]
    (new,) = [row for row in rows if row.startswith("new_org_key")]
    assert name.startswith("zulip_org_id or server_id text")
    assert new.startswith("new_org_key or new_server_key optional text")


def test_code_within_text_is_escaped() -> None:
    assert with_code("see `<b>` & go") == "see <code>&lt;b&gt;</code> &amp; go"


# --- in a browser ---


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    with served(app) as where:
        yield where


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS, ids=["wide", "narrow"])
def test_nobody_is_kept_out(
    chromium: Browser, address: str, axe_source: str, scheme: str, viewport: dict[str, int]
) -> None:
    context = chromium.new_context(color_scheme=scheme, viewport=viewport)  # type: ignore[arg-type]  # words of the table above
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{address}{REFERENCE}")
    assert problems_of(page, axe_source) == []
    # A link to a call leads to it.
    page.click('a[href="#post_billing"]')
    expect(page.locator("#post_billing-title")).to_be_in_viewport()
    context.close()
    assert complaints == []
