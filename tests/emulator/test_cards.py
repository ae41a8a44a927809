"""Cards on file and the hosted pages through which they are entered."""

from collections.abc import Callable
from typing import Any

import html5lib
import pytest
import requests
import stripe

from app.stripe_emulator.cards import CARDS
from tests.emulator.conftest import Shop

SUCCESS = "http://acme.localhost:5000/upgrade/done?session={CHECKOUT_SESSION_ID}"
GOOD = {"number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123", "name": "A. Admin"}


def session_for(shop: Shop, customer: str | None, **params: Any) -> Any:
    """A session in setup mode; untyped for the same reason as what the shop returns."""
    return shop.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "usd",
            "success_url": SUCCESS,
            "cancel_url": "http://acme.localhost:5000/upgrade",
            "metadata": {"purchase": "7"},
            **({"customer": customer} if customer else {}),
            **params,
        }
    )


def send(url: str, **form: str) -> requests.Response:
    """A form of a page; redirects are not followed, they lead to the portal."""
    return requests.post(url, data=form, allow_redirects=False, timeout=10)


def valid(response: requests.Response) -> str:
    """The text of a page that is valid HTML, without inline style or script, under a strict CSP."""
    html5lib.HTMLParser(strict=True).parse(response.text)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert "style=" not in response.text and "<script" not in response.text
    assert "Set-Cookie" not in response.headers
    assert "no real money" in response.text
    return response.text


def test_a_card_is_entered(shop: Shop) -> None:
    customer = shop.customer(card=None)
    session = session_for(shop, customer.id)
    assert (session.status, session.mode, session.ui_mode) == ("open", "setup", "hosted_page")
    page = requests.get(session.url, timeout=10)
    assert (
        "form-action 'self' http://acme.localhost:5000" in page.headers["Content-Security-Policy"]
    )
    text = valid(page)
    assert all(card.number in text for card in CARDS)
    answer = send(session.url, action="save", **GOOD)
    assert answer.status_code == 303
    assert answer.headers["Location"] == SUCCESS.replace("{CHECKOUT_SESSION_ID}", session.id)
    session = shop.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["setup_intent.payment_method"]}
    )
    method = session.setup_intent.payment_method
    assert (session.status, session.url, session.setup_intent.status) == (
        "complete",
        None,
        "succeeded",
    )
    assert (method.customer, method.card.last4, method.billing_details.name) == (
        customer.id,
        "4242",
        "A. Admin",
    )
    types = shop.event_types()
    assert types[-1] == "checkout.session.completed"
    assert {"payment_method.attached", "setup_intent.succeeded"} <= set(types)
    # Checkout does not make the card the default: that is the portal's decision.
    assert shop.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None


def test_a_second_click_is_taken_to_the_same_place(shop: Shop) -> None:
    customer = shop.customer(card=None)
    session = session_for(shop, customer.id)
    first, second = (send(session.url, action="save", **GOOD) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert len(shop.v1.customers.payment_methods.list(customer.id).data) == 1
    assert "This card is saved" in valid(requests.get(session_url(shop, session.id), timeout=10))


def session_url(shop: Shop, session_id: str) -> str:
    return f"{shop.url}/checkout/{session_id}"


def test_a_number_can_be_filled_in_without_javascript(shop: Shop) -> None:
    session = session_for(shop, shop.customer(card=None).id)
    answer = send(session.url, fill="4000000000000341", expiry="01 / 30", cvc="9", name="B")
    text = valid(answer)
    assert 'value="4000000000000341"' in text and 'value="01 / 30"' in text
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"number": ""}, "card number is invalid"),
        ({"number": "4111111111111111"}, "card number is invalid"),
        ({"number": "💳" * 30}, "card number is invalid"),
        ({"expiry": "12/11"}, "in the past"),
        ({"expiry": "13/40"}, "expiration date is invalid"),
        ({"expiry": "00/40"}, "expiration date is invalid"),
        ({"expiry": "1240"}, "expiration date is incomplete"),
        ({"expiry": "1/²"}, "expiration date is incomplete"),
        ({"expiry": "1/20400"}, "expiration date is invalid"),
        ({"cvc": "1"}, "security code is incomplete"),
        ({"cvc": "abc"}, "security code is incomplete"),
        ({"number": "4000000000000002"}, "Your card was declined"),
        ({"number": "4000000000000069"}, "Your card has expired"),
        ({"number": "4000000000009995"}, "insufficient funds"),
        ({"number": "4000000000000127"}, "security code is incorrect"),
        ({"number": "4000000000000119"}, "error occurred while processing"),
    ],
)
def test_a_card_that_is_not_taken(shop: Shop, typed: dict[str, str], words: str) -> None:
    customer = shop.customer(card=None)
    session = session_for(shop, customer.id)
    answer = send(session.url, action="save", **(GOOD | typed))
    assert answer.status_code == 402
    assert words.replace("'", "&#39;") in valid(answer)
    assert shop.v1.customers.payment_methods.list(customer.id).data == []
    assert send(session.url, action="save", **GOOD).status_code == 303


def test_a_decline_is_an_event(shop: Shop) -> None:
    session = session_for(shop, shop.customer(card=None).id)
    send(session.url, action="save", **(GOOD | {"number": "4000000000000002"}))
    assert shop.event_types()[-1] == "setup_intent.setup_failed"
    intent = shop.v1.setup_intents.retrieve(session.setup_intent)
    assert intent.last_setup_error.code == "card_declined"


@pytest.mark.parametrize("number", ["4000002760003184", "4000002500003155"])
def test_three_d_secure_passed_and_failed(shop: Shop, number: str) -> None:
    customer = shop.customer(card=None)
    session = session_for(shop, customer.id)
    assert send(session.url, action="authenticate").status_code == 402
    page = valid(send(session.url, action="save", **(GOOD | {"number": number})))
    assert "Complete authentication" in page and "Card number" not in page
    assert "Complete authentication" in requests.get(session.url, timeout=10).text
    failed = send(session.url, action="fail_authentication")
    assert failed.status_code == 402 and "unable to authenticate" in failed.text
    assert "Card number" in valid(send(session.url, restart="1"))
    send(session.url, action="save", **(GOOD | {"number": number}))
    assert "Card number" in send(session.url, restart="1").text
    assert send(session.url, action="authenticate").status_code == 303
    method = shop.v1.customers.payment_methods.list(customer.id).data[0].id
    invoice = shop.open(customer.id, 4300)
    if number == "4000002500003155":
        # It was authenticated as it was set up, so the bank asks no more.
        assert shop.v1.invoices.pay(invoice.id, {"payment_method": method}).status == "paid"
    else:
        with pytest.raises(stripe.CardError) as caught:
            shop.v1.invoices.pay(invoice.id, {"payment_method": method, "off_session": True})
        assert caught.value.code == "invoice_payment_intent_requires_action"


def test_a_session_ends_after_a_day(shop: Shop, clock: Callable[[str], None]) -> None:
    session = session_for(shop, shop.customer(card=None).id)
    clock("2012-01-03T03:04:04Z")
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
    clock("2012-01-03T03:04:05Z")
    assert shop.v1.checkout.sessions.list({"status": "open"}).data == []
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert shop.event_types()[-1] == "checkout.session.expired"
    page = send(session_url(shop, session.id), action="save", **GOOD)
    assert page.status_code == 410 and "expired" in valid(page)


def test_a_session_can_be_ended(shop: Shop) -> None:
    session = session_for(shop, shop.customer(card=None).id)
    assert shop.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.checkout.sessions.expire(session.id)


def test_a_session_needs_sensible_parameters(shop: Shop) -> None:
    cases: tuple[dict[str, Any], ...] = (
        {"success_url": "javascript:alert(1)"},
        {"cancel_url": "/relative"},
        {"expires_at": 1},
        {"currency": ""},
        {"customer": "cus_none"},
        {"ui_mode": "embedded_page"},
    )
    for params in cases:
        name = next(iter(params))
        with pytest.raises(stripe.InvalidRequestError) as caught:
            session_for(shop, params.pop("customer", None), **params)
        assert caught.value.param == name


def test_a_session_without_a_customer(shop: Shop) -> None:
    session = session_for(shop, None, customer_email="new@acme.test")
    assert send(session.url, action="save", **GOOD).status_code == 303
    found = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert found.customer is None and found.customer_details.email == "new@acme.test"
    method = shop.v1.payment_methods.retrieve(found.setup_intent.payment_method)
    assert method.customer is None


def test_attach_and_detach(shop: Shop) -> None:
    customer, other = shop.customer(), shop.customer(card=None)
    default = customer.invoice_settings.default_payment_method
    second = shop.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    listed = shop.v1.payment_methods.list({"customer": customer.id, "type": "card"})
    assert [method.id for method in listed.data] == [second.id, default]
    assert shop.v1.customers.payment_methods.retrieve(customer.id, default).id == default
    for call in (
        lambda: shop.v1.payment_methods.attach(default, {"customer": other.id}),
        lambda: shop.v1.customers.payment_methods.retrieve(other.id, default),
        lambda: shop.v1.customers.update(
            other.id, {"invoice_settings": {"default_payment_method": default}}
        ),
        lambda: shop.draft(other.id, default_payment_method=default),
        lambda: shop.v1.payment_methods.list(),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            call()
    assert shop.v1.payment_methods.attach(default, {"customer": customer.id}).id == default
    assert shop.v1.payment_methods.detach(default).customer is None
    assert shop.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    for call in (
        lambda: shop.v1.payment_methods.detach(default),
        lambda: shop.v1.payment_methods.attach(default, {"customer": customer.id}),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            call()
    with pytest.raises(stripe.CardError) as caught:
        shop.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    assert caught.value.code == "card_declined"


def test_the_billing_portal(shop: Shop) -> None:
    customer = shop.customer()
    paid = shop.open(customer.id, 4300)
    shop.v1.invoices.pay(paid.id)
    shop.draft(customer.id, 100)
    session = shop.v1.billing_portal.sessions.create(
        {"customer": customer.id, "return_url": "http://acme.localhost:5000/billing"}
    )
    text = valid(requests.get(session.url, timeout=10))
    assert "Visa ending in 4242" in text and paid.number in text
    assert 'href="http://acme.localhost:5000/billing"' in text
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.billing_portal.sessions.create(
            {"customer": customer.id, "return_url": "javascript:alert(1)"}
        )


def test_the_pages_show_the_balance(shop: Shop) -> None:
    customer = shop.customer()
    session = shop.v1.billing_portal.sessions.create({"customer": customer.id})
    dashboard = f"{shop.url}/emulator/"
    for url in (session.url, dashboard):
        assert "USD 7.00 credit" not in valid(requests.get(url, timeout=10))
    shop.v1.customers.balance_transactions.create(
        customer.id, {"amount": -1700, "currency": "usd", "description": "Unused <time>"}
    )
    invoice = shop.open(customer.id, 1000)
    for url in (session.url, dashboard):
        text = valid(requests.get(url, timeout=10))
        assert "USD 7.00 credit" in text and "Unused &lt;time&gt;" in text
        assert "USD 17.00</td>" in text and "USD -10.00</td>" in text
        assert "Applied to invoice" in text and f"<td>{invoice.number}</td>" in text
    shop.open(customer.id, 712)
    assert "USD 0.12 owed" in valid(requests.get(dashboard, timeout=10))


def test_the_hosted_invoice(shop: Shop) -> None:
    customer = shop.customer(card=None)
    back = "http://acme.localhost:5000/billing"
    invoice = shop.open(customer.id, 6300, -2000, metadata={"return_url": back})
    page = valid(requests.get(invoice.hosted_invoice_url, timeout=10))
    assert "USD 43.00" in page and "USD -20.00" in page and f'href="{back}"' in page
    filled = send(invoice.hosted_invoice_url, fill="4242424242424242", card="new")
    assert 'value="4242424242424242"' in valid(filled)
    refused = send(invoice.hosted_invoice_url, action="pay", card="pm_somebody_elses")
    assert refused.status_code == 402 and "Choose one of the cards" in valid(refused)
    declined = send(
        invoice.hosted_invoice_url,
        action="pay",
        card="new",
        **(GOOD | {"number": "4000000000000341"}),
    )
    assert declined.status_code == 402 and "declined" in valid(declined)
    assert send(invoice.hosted_invoice_url, action="nonsense").status_code == 303
    assert shop.v1.invoices.retrieve(invoice.id).status == "open"
    paid = send(invoice.hosted_invoice_url, action="pay", card="new", **GOOD)
    assert paid.status_code == 303
    page = valid(requests.get(invoice.hosted_invoice_url, timeout=10))
    assert "Paid on 2012-01-02" in page and "Pay with" not in page
    assert shop.event_types()[-3:] == [
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]
    assert send(invoice.hosted_invoice_url, action="pay", card="new", **GOOD).status_code == 303
    assert shop.event_types().count("charge.succeeded") == 1


def test_a_link_back_that_is_not_a_web_address_is_not_shown(shop: Shop) -> None:
    invoice = shop.open(
        shop.customer().id, 4300, metadata={"return_url": "javascript:alert(document.domain)"}
    )
    assert "javascript:" not in requests.get(invoice.hosted_invoice_url, timeout=10).text


def test_the_pdf(shop: Shop) -> None:
    customer = shop.customer(card=None, name="Ünïcode (Ltd.) 株式会社")
    invoice = shop.open(customer.id, *([100] * 60))
    answer = requests.get(invoice.invoice_pdf, timeout=10)
    assert answer.headers["Content-Type"] == "application/pdf"
    body = answer.content
    assert body.startswith(b"%PDF-1.4") and body.endswith(b"%%EOF\n")
    # The table at the end says where each object begins; a reader that trusts it must find them.
    start = int(body.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert body[start : start + 4] == b"xref"
    offsets = [int(line.split()[0]) for line in body[start:].split(b"\n")[3:] if b" n" in line]
    for number, offset in enumerate(offsets, start=1):
        assert body[offset:].startswith(f"{number} 0 obj".encode())
    assert b"/Count 2" in body and invoice.number.encode() in body
    assert "Ünïcode \\(Ltd.\\) ????".encode("cp1252") in body


def test_pages_that_are_not_there(shop: Shop) -> None:
    invoice = shop.open(shop.customer().id, 4300)
    wrong = invoice.hosted_invoice_url.rsplit("/", 1)[0]
    for address in (
        f"{shop.url}/checkout/cs_test_none",
        f"{shop.url}/portal/bps_none",
        f"{shop.url}/invoices/in_none/secret",
        f"{wrong}/guessed",
        f"{wrong}/geheim-ü",
        f"{wrong}/guessed/pdf",
        f"{shop.url}/emulator/events/evt_none",
        f"{shop.url}/elsewhere",
    ):
        answer = requests.get(address, timeout=10)
        assert answer.status_code == 404, address
        valid(answer)
