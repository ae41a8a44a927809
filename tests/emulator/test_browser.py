"""The emulator's pages in a real browser: forms, redirects under the CSP, accessibility."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.emulator.conftest import Shop


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh browser context that fails the test when a page breaks its own CSP."""
    context = chromium.new_context()
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [text for text in complaints if "Content Security Policy" in text] == []


@pytest.fixture
def portal() -> Iterator[str]:
    """Another site for the browser to come back to, as the portal is one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>Back</title><h1>Back at the portal</h1>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://acme.localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def accessible(page: Page, axe_source: str) -> None:
    """axe finds nothing to complain about."""
    page.evaluate(axe_source)
    result: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert [(item["id"], item["nodes"][0]["html"]) for item in result["violations"]] == []


def start(shop: Shop, page: Page, portal: str) -> str:
    customer: str = shop.customer(card=None).id
    session = shop.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "usd",
            "customer": customer,
            "success_url": portal + "/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": portal + "/upgrade",
        }
    )
    page.goto(session.url)
    return customer


def test_the_road_of_a_card(shop: Shop, page: Page, portal: str, axe_source: str) -> None:
    """Declined, then 3-D Secure failed, then a good card, entered by the Enter key."""
    customer = start(shop, page, portal)
    accessible(page, axe_source)
    page.get_by_role("button", name="Use 4000000000000002").click()
    expect(page.get_by_label("Card number")).to_have_value("4000000000000002")
    page.get_by_role("button", name="Save card").click()
    expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
    accessible(page, axe_source)
    page.get_by_label("Card number").fill("4000 0027 6000 3184")
    page.get_by_role("button", name="Save card").click()
    accessible(page, axe_source)
    page.get_by_role("button", name="Fail authentication").click()
    expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    page.get_by_label("Name on card").fill("A. Admin")
    page.get_by_label("Name on card").press("Enter")
    expect(page.get_by_role("heading")).to_have_text("Back at the portal")
    assert page.url.startswith(portal + "/done?session=cs_test_")
    assert len(shop.v1.customers.payment_methods.list(customer).data) == 1


def test_three_d_secure_leads_back_too(shop: Shop, page: Page, portal: str) -> None:
    start(shop, page, portal)
    page.get_by_label("Card number").fill("4000002500003155")
    page.get_by_role("button", name="Save card").click()
    page.get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_role("heading")).to_have_text("Back at the portal")


def test_cancel_leads_back(shop: Shop, page: Page, portal: str) -> None:
    start(shop, page, portal)
    page.get_by_role("link", name="Cancel and go back").click()
    expect(page.get_by_role("heading")).to_have_text("Back at the portal")
    assert page.url == portal + "/upgrade"


def test_an_invoice_is_paid(shop: Shop, page: Page, portal: str, axe_source: str) -> None:
    customer = shop.customer("pm_card_authenticationRequired").id
    invoice = shop.open(customer, 6300, -2000, metadata={"return_url": portal + "/billing"})
    page.goto(invoice.hosted_invoice_url)
    accessible(page, axe_source)
    page.get_by_role("button", name="Pay USD 43.00").click()
    accessible(page, axe_source)
    page.get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_text("Paid on 2012-01-02.")).to_be_visible()
    accessible(page, axe_source)
    page.get_by_role("link", name="Go back").click()
    expect(page.get_by_role("heading")).to_have_text("Back at the portal")


def test_the_other_pages(shop: Shop, page: Page, axe_source: str) -> None:
    customer = shop.customer().id
    shop.v1.customers.balance_transactions.create(customer, {"amount": -300, "currency": "usd"})
    shop.v1.invoices.pay(shop.open(customer, 4300).id)
    session = shop.v1.billing_portal.sessions.create({"customer": customer})
    page.goto(session.url)
    accessible(page, axe_source)
    page.goto(f"{shop.url}/emulator/")
    accessible(page, axe_source)
    page.get_by_role("button", name="Hold all").click()
    expect(page.get_by_role("button", name="Release all")).to_be_visible()
    page.get_by_role("link", name="customer.created").click()
    accessible(page, axe_source)
    page.goto(f"{shop.url}/nothing")
    accessible(page, axe_source)
