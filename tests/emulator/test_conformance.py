"""The emulator against the SDK's types, and the checks themselves against planted violations.

The answers of all other tests of this folder are checked when those tests end (see conftest); here
is what can be checked without a request, and the proof that a violation would be seen.
"""

import inspect
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import stripe
from stripe._api_version import _ApiVersion

from app.stripe_emulator import application, work
from app.stripe_emulator import params as grammar
from app.stripe_emulator.work import ROUTES, Route
from tests.emulator.conformance import (
    check_error,
    check_object,
    check_request,
    error_codes,
    find_operation,
    operations,
)
from tests.emulator.conftest import Exchange, Shop, check_all_events, check_exchange

VERSION = "2026-10-28.endive"

# The modules enter their routes into the table as the application imports them.
assert application.customers and len(ROUTES) > 40
ROUTE_IDS = [f"{route.method} {route.template}" for route in ROUTES]


def test_the_version_of_the_api_is_pinned() -> None:
    """An upgrade of the SDK must be read about, tried, and then written down here."""
    assert _ApiVersion.CURRENT == VERSION == work.API_VERSION


# --- the emulator's own tables --------------------------------------------------------------------


def samples(spec: grammar.Spec) -> list[Any]:
    """Values that the emulator accepts for a parameter: one at least, each of an enum's."""
    if isinstance(spec, grammar.Choice):
        return list(spec.options)
    if isinstance(spec, grammar.ListOf):
        return [[value] for value in samples(spec.item)]
    if isinstance(spec, grammar.Hash):
        full = {name: samples(inner)[0] for name, inner in spec.fields.items()}
        return [
            {**full, name: value} for name, inner in spec.fields.items() for value in samples(inner)
        ]
    simple: dict[type, list[Any]] = {
        grammar.Text: ["text"],
        grammar.Integer: ["7"],
        grammar.DecimalText: ["1.5"],
        grammar.Boolean: ["true", "false"],
        grammar.Metadata: [{"name": "value"}],
        grammar.Range: ["7", {"gte": "7"}, {"lt": "7"}],
    }
    return simple[type(spec)]


@pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)
def test_what_the_emulator_accepts_exists_in_the_sdk(route: Route) -> None:
    problems = check_accepted(route)
    assert problems == []


def check_accepted(route: Route) -> list[str]:
    """Parameters and enum values that the emulator takes and the SDK does not know."""
    path = route.template.replace("{id}", "id_1")
    if find_operation(route.method, path) is None:
        return [f"{route.method} {path}: the SDK has no such route"]
    full = {name: samples(spec)[0] for name, spec in route.fields.items()}
    problems: list[str] = []
    for name, spec in route.fields.items():
        for value in samples(spec):
            problems += check_request(route.method, path, {**full, name: value})
    return sorted(set(problems))


@pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)
def test_what_the_sdk_requires_the_emulator_requires(route: Route) -> None:
    """With the emulator's required parameters alone the SDK's types are satisfied."""
    path = route.template.replace("{id}", "id_1")
    needed = {name: samples(route.fields[name])[0] for name in route.required}
    assert check_request(route.method, path, needed) == []


def test_a_route_or_parameter_of_our_invention_is_seen() -> None:
    known = next(route for route in ROUTES if route.template == "/v1/customers")
    invented = Route("POST", "/v1/piggy_banks", {}, (), known.handler, known.pattern)
    assert check_accepted(invented)
    for fields in (
        {"nick_name": grammar.Text()},
        {"balance": grammar.Text()},
        {"tax_exempt": grammar.Choice(("none", "half"))},
        {"address": grammar.Hash({"planet": grammar.Text()})},
    ):
        planted = Route("POST", "/v1/customers", fields, (), known.handler, known.pattern)
        assert len(check_accepted(planted)) == 1, fields


def test_every_error_code_of_the_emulator_is_one_of_the_sdks() -> None:
    found: set[str] = set()
    for module in Path(inspect.getfile(work)).parent.glob("*.py"):
        found |= set(re.findall(r'\bcode="([a-z_]+)"', module.read_text()))
    assert len(found) > 10
    assert found - error_codes() == set()


# --- requests -------------------------------------------------------------------------------------


def test_the_sdks_routes_are_found() -> None:
    assert len(operations()) > 300
    fixed = find_operation("POST", "/v1/invoices/create_preview")
    assert fixed is not None and fixed.template == "/v1/invoices/create_preview"
    named = find_operation("post", "/v1/invoices/in_1/pay")
    assert named is not None and named.params.__name__ == "InvoicePayParams"
    assert find_operation("POST", "/v1/nothing") is None


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("POST", "/v1/invoices", {"customer": "cus_1", "auto_advance": False, "due_date": 7}),
        ("POST", "/v1/invoices", {"customer": "cus_1", "auto_advance": "false", "due_date": "7"}),
        ("POST", "/v1/invoices", {"metadata": {"a": "b"}, "collection_method": "send_invoice"}),
        ("POST", "/v1/invoices", {"metadata": "", "expand": ["customer"]}),
        ("POST", "/v1/invoices/in_1/add_lines", {"lines": [{"amount": "-7"}]}),
        ("POST", "/v1/invoiceitems", {"quantity": 18, "unit_amount_decimal": "3.5"}),
        ("POST", "/v1/invoiceitems", {"quantity": 18, "unit_amount_decimal": Decimal("3.5")}),
        ("GET", "/v1/invoices", {"created": {"gte": "7"}, "limit": "3"}),
        ("GET", "/v1/invoices", {"created": 7, "status": "open"}),
        ("DELETE", "/v1/invoices/in_1", {}),
    ],
)
def test_a_good_request_passes(method: str, path: str, params: dict[str, Any]) -> None:
    assert check_request(method, path, params) == []


@pytest.mark.parametrize(
    ("method", "path", "params", "word"),
    [
        ("POST", "/v1/invoices", {"custmer": "cus_1"}, "unknown parameter"),
        ("POST", "/v1/invoices", {"due_date": "soon"}, "is not int"),
        ("POST", "/v1/invoices", {"due_date": 7.5}, "is not int"),
        ("POST", "/v1/invoices", {"due_date": True}, "is not int"),
        ("POST", "/v1/invoices", {"auto_advance": "no"}, "is not bool"),
        ("POST", "/v1/invoices", {"auto_advance": 1}, "is not bool"),
        ("POST", "/v1/invoices", {"collection_method": "by_mail"}, "is not one of"),
        ("POST", "/v1/invoices", {"automatic_tax": {}}, "missing"),
        ("POST", "/v1/invoices", {"payment_settings": {"payment_method_types": ["gold"]}}, "gold"),
        ("POST", "/v1/invoices", {"metadata": {"a": 1}}, "is not str"),
        ("POST", "/v1/invoices", {"idempotency_key": "an option, not a parameter"}, "unknown"),
        ("POST", "/v1/invoices/in_1/add_lines", {}, "lines: missing"),
        ("POST", "/v1/invoices/in_1/add_lines", {"lines": {"amount": 1}}, "is not a list"),
        ("POST", "/v1/invoices/in_1/add_lines", {"lines": [{"amonut": 1}]}, "unknown parameter"),
        ("POST", "/v1/invoices/in_1/add_lines", {"lines": [{"period": {"start": 1}}]}, "missing"),
        ("POST", "/v1/invoiceitems", {"unit_amount": 7}, "unknown parameter"),
        ("POST", "/v1/invoiceitems", {"unit_amount_decimal": 3.5}, "is not Decimal"),
        ("POST", "/v1/invoiceitems", {"unit_amount_decimal": "3,5"}, "is not Decimal"),
        ("GET", "/v1/invoices", {"created": {"since": 7}}, "unknown parameter"),
        ("GET", "/v1/invoices", {"status": "overdue"}, "is not one of"),
        ("POST", "/v1/invoice", {}, "no such route"),
        ("PUT", "/v1/invoices", {}, "no such route"),
    ],
)
def test_a_bad_request_is_seen(method: str, path: str, params: dict[str, Any], word: str) -> None:
    problems = check_request(method, path, params)
    assert problems and word in problems[0]


# --- answers --------------------------------------------------------------------------------------


@pytest.fixture
def invoice(shop: Shop) -> dict[str, Any]:
    """A paid invoice as it came over the wire, with its payment expanded."""
    made = shop.open(shop.customer().id, 4300)
    paid = shop.v1.invoices.pay(made.id, {"expand": ["payments.data.payment.payment_intent"]})
    found: dict[str, Any] = json.loads(paid.last_response.body)
    assert check_object(found) == []
    return found


def _set(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda value: value.pop("total"), "total: missing"),
        (lambda value: value["lines"]["data"][0].pop("amount"), "amount: missing"),
        (lambda value: value["lines"].pop("has_more"), "has_more: missing"),
        (_set("total", to="4300"), "is not int"),
        (_set("total", to=None), "is not int"),
        (_set("total", to=True), "is not int"),
        (_set("status", to="settled"), "is not one of"),
        (_set("paid", to=True), "unknown field"),
        (_set("metadata", to=[]), "is not an object"),
        (_set("metadata", to={"a": 1}), "is not str"),
        (_set("customer", to=7), "is not"),
        (_set("status_transitions", "paid_at", to="today"), "is not int"),
        (_set("lines", "data", 0, "period", to={"start": 1}), "end: missing"),
        (_set("lines", "data", 0, "quantity_decimal", to=1.5), "is not Decimal"),
        (_set("lines", "data", 0, "parent", "type", to="gift"), "is not one of"),
        (_set("payments", "data", 0, "payment", "payment_intent", "status", to="fine"), "fine"),
        (_set("payments", "object", to="page"), "page"),
        (_set("object", to="voice"), "no class"),
    ],
)
def test_a_bad_answer_is_seen(
    invoice: dict[str, Any], change: Callable[[Any], Any], word: str
) -> None:
    change(invoice)
    problems = check_object(invoice)
    assert problems and any(word in problem for problem in problems), problems


def test_a_bad_event_is_seen(shop: Shop) -> None:
    shop.customer(card=None)
    event = json.loads(shop.v1.events.list().last_response.body)["data"][0]
    assert check_object(event) == []
    assert check_object({**event, "type": "customer.was_born"})
    event["data"]["object"].pop("id")
    assert check_object(event)


def test_a_bad_error_is_seen() -> None:
    good = {"error": {"type": "card_error", "code": "card_declined", "message": "No."}}
    assert check_error(good) == []
    assert check_error({"error": {**good["error"], "type": "bank_error"}})
    assert check_error({"error": {**good["error"], "code": "no_mood"}})
    assert check_error({"error": {"message": "No."}})
    assert check_error({"error": {**good["error"], "excuse": "none"}})
    assert check_error({})


def test_the_check_at_the_end_of_each_test_would_see_it(
    shop: Shop, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customer(card=None)
    assert check_all_events(emulator) == []
    assert check_exchange(Exchange("get", "/v1/customers/x", 200, {"object": "customer"}, {}))
    assert check_exchange(Exchange("get", "/v1/customers/x", 404, {"error": "none"}, {}))
    with emulator.store.transaction() as tx:
        event = tx.select("event", work.rendering.Filters())[0]
        event["data"]["object"]["balance"] = "much"
        tx.save(event)
    assert check_all_events(emulator)
    with emulator.store.transaction() as tx:
        tx.delete(event["id"])


def test_the_emulators_answers_are_objects_of_the_sdk(shop: Shop) -> None:
    assert isinstance(shop.customer(card=None), stripe.Customer)
