"""Keys, parameters, errors, idempotency and planned failures of the API."""

import json
import threading
import time
from typing import Any

import pytest
import requests
import stripe
from hypothesis import given
from hypothesis import strategies as st

from app.stripe_emulator.server import Handle, start_in_thread
from app.stripe_emulator.work import API_VERSION, ROUTES
from tests.emulator.conftest import API_KEY, RecordingClient, Shop

PAY = "POST /v1/invoices/{id}/pay"


def post(url: str, path: str, data: Any = None, *, key: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    return requests.post(url + path, data=data, headers=headers, timeout=10)


def error(response: requests.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["error"]
    return found


# --- keys, headers, addresses ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer sk_live_abc", "Bearer sk_test_", "Basic !!!", "Basic c2tfbGl2ZV86", "Digest x"],
)
def test_only_test_keys_open_the_door(emulator: Handle, authorization: str) -> None:
    headers = {"Authorization": authorization}
    answer = requests.get(f"{emulator.url}/v1/customers", headers=headers, timeout=10)
    assert answer.status_code == 401 and error(answer)["type"] == "invalid_request_error"
    assert "sk_live_abc" not in answer.text


def test_basic_and_bearer_both_work(emulator: Handle) -> None:
    url = f"{emulator.url}/v1/customers"
    bearer = {"Authorization": f"Bearer {API_KEY}"}
    assert requests.get(url, auth=(API_KEY, ""), timeout=10).status_code == 200
    answer = requests.get(url, headers=bearer, timeout=10)
    assert answer.headers["Stripe-Version"] == API_VERSION
    assert answer.headers["Request-Id"].startswith("req_")
    other = requests.get(url, headers=bearer | {"Stripe-Version": "2024-06-20"}, timeout=10)
    assert other.headers["Stripe-Version"] == "2024-06-20"


def test_unknown_addresses_and_objects(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.invoices.retrieve("in_nothing")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert post(shop.url, "/v1/subscriptions").status_code == 404
    assert "Unrecognized request URL" in error(post(shop.url, "/v1/nothing/at/all"))["message"]


def test_strangers_and_other_sites_are_refused(emulator: Handle) -> None:
    answer = requests.get(f"{emulator.url}/emulator/", headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 403
    url = f"{emulator.url}/_control/reset"
    assert requests.post(url, headers={"Origin": "http://evil"}, timeout=10).status_code == 403
    assert requests.post(url, headers={"Origin": emulator.url}, timeout=10).status_code == 200


# --- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "data", "code", "param"),
    [
        ("/v1/customers", {"naem": "x"}, "parameter_unknown", "naem"),
        ("/v1/invoices", {}, "parameter_missing", "customer"),
        ("/v1/invoices", {"customer": "cus_none"}, "resource_missing", "customer"),
        ("/v1/customers", {"balance": "1.5"}, "parameter_invalid_integer", "balance"),
        ("/v1/customers", {"balance": "9" * 30}, "parameter_invalid_integer", "balance"),
        ("/v1/customers", {"balance": ""}, "parameter_invalid_empty", "balance"),
        ("/v1/customers", {"address": "x"}, None, "address"),
        ("/v1/customers", {"address[planet]": "x"}, "parameter_unknown", "address[planet]"),
        ("/v1/customers", {"name[first]": "x"}, None, "name"),
        ("/v1/customers", {"name": "x" * 300}, None, "name"),
        ("/v1/customers", {"metadata": "x"}, None, "metadata"),
        ("/v1/customers", {"metadata[" + "k" * 41 + "]": "x"}, None, "metadata[" + "k" * 41 + "]"),
        ("/v1/customers", {"preferred_locales": "en"}, None, "preferred_locales"),
        ("/v1/customers", {"tax_exempt": "perhaps"}, None, "tax_exempt"),
        ("/v1/customers", {"a[b": "x"}, None, "a[b"),
        ("/v1/customers", {"a[b][c][d][e][f][g][h][i]": "x"}, None, "a[b][c][d][e][f][g][h][i]"),
        ("/v1/customers", {"expand[]": "nothing"}, None, "expand"),
        ("/v1/checkout/sessions", {"mode": "payment"}, None, "mode"),
        ("/v1/invoices", {"customer": "c", "auto_advance": "yes"}, None, "auto_advance"),
        ("/v1/refunds", {}, "parameter_missing", "charge"),
        ("/v1/invoiceitems", {"customer": "c", "unit_amount_decimal": "a"}, None, None),
    ],
)
def test_parameters_that_do_not_fit(
    emulator: Handle, path: str, data: dict[str, str], code: str | None, param: str | None
) -> None:
    answer = post(emulator.url, path, data)
    assert answer.status_code == 400
    assert error(answer).get("code") == code
    if param is not None:
        assert error(answer)["param"] == param


def test_a_form_may_contradict_itself(emulator: Handle) -> None:
    for body in ("a=1&a[b]=2", "a[b]=2&a=1", "a[0]=1&a[x]=2", "=1", "[]=1"):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = requests.post(
            f"{emulator.url}/v1/customers",
            data=body,
            headers=headers | {"Authorization": f"Bearer {API_KEY}"},
            timeout=10,
        )
        assert answer.status_code == 400, body
    answer = requests.post(
        f"{emulator.url}/v1/customers",
        json={"name": "x"},
        headers={"Authorization": f"Bearer {API_KEY}"},
        timeout=10,
    )
    assert answer.status_code == 400


def test_both_cursors_and_unknown_cursors(shop: Shop) -> None:
    customer = shop.customer()
    for params, status in (
        ({"starting_after": customer.id, "ending_before": customer.id}, 400),
        ({"starting_after": "cus_none"}, 400),
        ({"limit": 0}, 400),
        ({"limit": 101}, 400),
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            shop.v1.customers.list(params)
        assert caught.value.http_status == status


def test_metadata_and_fields_can_be_cleared(shop: Shop) -> None:
    customer = shop.customer(card=None, metadata={"a": "1", "b": "2"})
    customer = shop.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}, "name": ""})
    assert (dict(customer.metadata.to_dict()), customer.name) == ({"b": "2", "c": "3"}, None)
    customer = shop.v1.customers.update(customer.id, {"metadata": ""})
    assert customer.metadata.to_dict() == {}


def test_customers_are_found_by_email(shop: Shop) -> None:
    wanted = shop.customer(card=None, email="one@acme.test")
    shop.customer(card=None, email="two@acme.test")
    found = shop.v1.customers.list({"email": "one@acme.test"})
    assert [customer.id for customer in found.data] == [wanted.id]
    assert len(list(shop.v1.customers.list({"limit": 1}).auto_paging_iter())) == 2


def test_expand_goes_four_levels_deep(shop: Shop) -> None:
    invoice = shop.open(shop.customer().id, 4300)
    path = "payments.data.payment.payment_intent"
    found = shop.v1.invoices.retrieve(invoice.id, {"expand": [path, "customer"]})
    assert found.payments.data[0].payment.payment_intent.amount == 4300
    assert found.customer.email == "a@acme.test"
    listed = shop.v1.invoices.list({"expand": ["data.customer"]})
    assert listed.data[0].customer.name == "Acme"
    for wrong in ("number", "customer.name", "lines.data.invoice", path + ".latest_charge"):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.invoices.retrieve(invoice.id, {"expand": [wrong]})


@given(
    data=st.dictionaries(
        st.one_of(
            st.sampled_from(["customer", "lines[0][amount]", "metadata[a]", "expand[]", "limit"]),
            st.text(max_size=12),
        ),
        st.text(max_size=20),
        max_size=4,
    ),
    route=st.integers(min_value=0, max_value=200),
)
def test_no_input_makes_it_fail(shared_emulator: Handle, data: dict[str, str], route: int) -> None:
    """Whatever comes in a form or a query, the answer is the API's, never a crash."""
    chosen = ROUTES[route % len(ROUTES)]
    path = chosen.template.replace("{id}", "x")
    send: dict[str, Any] = {"params": data} if chosen.method != "POST" else {"data": data}
    answer = requests.request(
        chosen.method, shared_emulator.url + path, auth=(API_KEY, ""), timeout=10, **send
    )
    assert answer.status_code in (200, 400, 404)


@pytest.fixture(scope="module")
def shared_emulator() -> Any:
    with start_in_thread(background=False) as handle:
        yield handle


# --- idempotency ----------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_answer(shop: Shop, recorder: RecordingClient) -> None:
    options = {"idempotency_key": "invoice-1:create:1"}
    first = shop.v1.customers.create({"name": "Acme"}, options)
    second = shop.v1.customers.create({"name": "Acme"}, options)
    assert first.id == second.id
    assert "Idempotent-Replayed" not in recorder.seen[-2].headers
    assert recorder.seen[-1].headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError) as caught:
        shop.v1.customers.create({"name": "Other"}, options)
    assert caught.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        shop.v1.invoices.create({"customer": first.id}, options)
    assert len(shop.state()["customers"]) == 1
    log = requests.get(f"{shop.url}/_control/requests", timeout=10).json()["requests"]
    assert [entry["replayed"] for entry in log] == [False, True, False, False]
    assert log[0]["route"] == "POST /v1/customers" and log[0]["params"] == {"name": "Acme"}


def test_a_decline_is_replayed_even_when_the_card_is_good_by_then(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")
    invoice = shop.open(customer.id, 4300)
    options = {"idempotency_key": "pay:1"}
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            shop.v1.invoices.pay(invoice.id, {}, options)
        assert caught.value.code == "card_declined"
        good = shop.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        settings = {"invoice_settings": {"default_payment_method": good.id}}
        shop.v1.customers.update(customer.id, settings)
    assert shop.event_types().count("invoice.payment_failed") == 1
    assert shop.v1.invoices.pay(invoice.id, {}, {"idempotency_key": "pay:2"}).status == "paid"


def test_refused_parameters_do_not_use_up_a_key(shop: Shop) -> None:
    options = {"idempotency_key": "k"}
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.customers.create({"naem": "Acme"}, options)
    assert shop.v1.customers.create({"name": "Acme"}, options).name == "Acme"


def test_a_refusal_by_the_state_of_things_is_kept(shop: Shop) -> None:
    invoice = shop.open(shop.customer().id, 4300)
    options = {"idempotency_key": "k"}
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            shop.v1.invoices.finalize_invoice(invoice.id, {}, options)
        assert caught.value.code == "invoice_not_editable"
    assert dict(caught.value.headers or {})["Idempotent-Replayed"] == "true"


def test_a_key_in_use_is_a_conflict(shop: Shop) -> None:
    shop.control("faults", route="POST /v1/customers", kind="slow", seconds=1)
    first: list[requests.Response] = []
    thread = threading.Thread(
        target=lambda: first.append(post(shop.url, "/v1/customers", {"name": "A"}, key="k"))
    )
    thread.start()
    deadline = time.monotonic() + 5
    second = post(shop.url, "/v1/customers", {"name": "A"}, key="k")
    while second.status_code == 200 and time.monotonic() < deadline and thread.is_alive():
        second = post(shop.url, "/v1/customers", {"name": "A"}, key="k")
    thread.join()
    assert sorted([first[0].status_code, second.status_code]) == [200, 409]
    conflict = error(second if second.status_code == 409 else first[0])
    assert conflict["code"] == "idempotency_key_in_use"
    again = post(shop.url, "/v1/customers", {"name": "A"}, key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(shop.state()["customers"]) == 1


# --- planned failures -----------------------------------------------------------------------------


def test_a_500_before_leaves_nothing_behind(shop: Shop) -> None:
    invoice = shop.open(shop.customer().id, 4300)
    shop.control("faults", route=PAY, kind="500_before")
    options = {"idempotency_key": "pay:1"}
    with pytest.raises(stripe.APIError):
        shop.v1.invoices.pay(invoice.id, {}, options)
    assert shop.v1.invoices.retrieve(invoice.id).status == "open"
    assert shop.v1.invoices.pay(invoice.id, {}, options).status == "paid"


def test_a_500_after_is_replayed_although_the_money_was_taken(shop: Shop) -> None:
    invoice = shop.open(shop.customer().id, 4300)
    shop.control("faults", route=PAY, kind="500_after")
    options = {"idempotency_key": "pay:1"}
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            shop.v1.invoices.pay(invoice.id, {}, options)
        assert caught.value.http_status == 500
    assert dict(caught.value.headers or {})["Idempotent-Replayed"] == "true"
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"
    assert shop.event_types().count("charge.succeeded") == 1


@pytest.mark.parametrize(
    ("kind", "done"),
    [("reset", True), ("timeout", True), ("reset_before", False), ("timeout_before", False)],
)
def test_a_lost_connection_may_come_before_or_after(shop: Shop, kind: str, done: bool) -> None:
    invoice = shop.open(shop.customer().id, 4300)
    shop.control("faults", route=PAY, kind=kind, seconds=1)
    options = {"idempotency_key": "pay:1"}
    with pytest.raises(stripe.APIConnectionError):
        shop.v1.invoices.pay(invoice.id, {}, options)
    assert (shop.v1.invoices.retrieve(invoice.id).status == "paid") is done
    assert shop.v1.invoices.pay(invoice.id, {}, options).status == "paid"
    assert shop.event_types().count("charge.succeeded") == 1


def test_too_many_requests(shop: Shop) -> None:
    shop.control("faults", route="POST /v1/customers", kind="429", times=2)
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            shop.v1.customers.create({"name": "A"})
    assert shop.v1.customers.create({"name": "A"}).name == "A"


def test_faults_are_validated_and_can_be_forgotten(shop: Shop) -> None:
    url = f"{shop.url}/_control/faults"
    for body in (
        {"route": "POST /v1/nothing", "kind": "500_after"},
        {"route": PAY, "kind": "flood"},
        {"route": PAY, "kind": "429", "times": -1},
        {"route": PAY, "kind": "429", "times": "many"},
        {"route": 7},
        {},
    ):
        assert requests.post(url, json=body, timeout=10).status_code == 400
    assert requests.post(url, data="[", timeout=10).status_code == 400
    # The SDK's own way of writing a route is the same route.
    shop.control("faults", route="POST /v1/invoices/{invoice}/pay", kind="429", times=5)
    assert requests.delete(url, timeout=10).status_code == 200
    invoice = shop.open(shop.customer().id, 4300)
    assert shop.v1.invoices.pay(invoice.id).status == "paid"


def test_a_bug_of_the_emulator_changes_nothing(
    shop: Shop, emulator: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.stripe_emulator import settlement

    invoice = shop.open(shop.customer().id, 4300)
    monkeypatch.setattr(settlement, "_mark_paid", lambda *args: json.loads("{"))
    with pytest.raises(stripe.APIError):
        shop.v1.invoices.pay(invoice.id, {}, {"idempotency_key": "k"})
    monkeypatch.undo()
    assert shop.v1.invoices.retrieve(invoice.id).status == "open"
    assert "charge.succeeded" not in shop.event_types()
