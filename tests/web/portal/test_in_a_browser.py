"""The customer's pages in a browser: for everybody, on small screens, with and without scripts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from app.web.sessions import session_cookie_name
from tests.support.browser import problems_of, served
from tests.support.client import CheckedClient
from tests.support.shop import Shop

pytestmark = pytest.mark.sqlite_only

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 800}
# Each color and each width once: together they are all that the style sheet tells apart.
LOOKS = [("dark", WIDE), ("light", NARROW)]
# What a browser says of a page with status 400 or 409, which is what these pages are meant to have.
MEANT = ("400 (BAD REQUEST)", "409 (CONFLICT)")


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The portal served on loopback."""
    with served(app) as where:
        yield where


@pytest.fixture
def open_page(chromium: Browser, address: str, shop: Shop) -> Iterator[Callable[..., Page]]:
    """Opens a page of the shop's organization, in `tab` when that is there; what the browser complains about fails the test."""
    contexts = []
    complaints: list[str] = []

    def note(text: str) -> None:
        if not text.endswith(MEANT):
            complaints.append(text)

    def open_it(name: str, query: str = "", *, tab: Page | None = None, **options: Any) -> Page:
        if tab is not None:
            tab.goto(f"{address}{shop.page(name)}{query}")
            return tab
        context = chromium.new_context(**({"viewport": WIDE} | options))
        contexts.append(context)
        shop.log_in()
        cookie = shop.client.get_cookie(session_cookie_name(shop.ctx.settings))
        assert cookie is not None
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": address}])
        page = context.new_page()
        page.on("console", lambda message: note(message.text))
        page.on("pageerror", lambda error: note(str(error)))
        page.goto(f"{address}{shop.page(name)}{query}")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def shop(
    app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments, client: CheckedClient
) -> Shop:
    return Shop(app, ctx, clock, payments, client)


def look_at(open_page: Callable[..., Page], axe_source: str, pages: list[tuple[str, str]]) -> None:
    for scheme, viewport in LOOKS:
        tab = None
        for name, query in pages:
            tab = open_page(name, query, tab=tab, color_scheme=scheme, viewport=viewport)
            assert problems_of(tab, axe_source) == [], (name, query, scheme, viewport)


def test_nobody_is_kept_out_before_a_plan(
    shop: Shop, open_page: Callable[..., Page], axe_source: str
) -> None:
    shop.open(23)
    pages = [("billing", ""), ("plans", ""), ("invoices", ""), ("upgrade", "")]
    wrong = ("upgrade", "?tier=business&management=manual&licenses=3")
    look_at(open_page, axe_source, [*pages, wrong])


def test_nobody_is_kept_out_of_a_running_plan(
    shop: Shop, open_page: Callable[..., Page], axe_source: str
) -> None:
    shop.open(18).buy(licenses=20).on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, 19, 20, 23)
    form = shop.get("plan/licenses")
    shop.client.submit(form, {"now-licenses": "24"}, action="/plan/licenses/")
    shop.has_card("declines").run_until("2012-02-02")
    pages = ["billing", "plans", "invoices", "invoices/2", "plan/end", "plan/licenses"]
    look_at(open_page, axe_source, [(name, "") for name in pages])
    shop.on("2012-02-05", uploads=False)
    look_at(open_page, axe_source, [("billing", ""), ("plans", ""), ("missing-data", "")])


def test_nobody_is_kept_out_of_a_payment_that_hangs(
    shop: Shop, open_page: Callable[..., Page], axe_source: str
) -> None:
    shop.open(18).has_card("requires_authentication")
    shop.pay()
    pages = ["upgrade", "upgrade/status/1", "billing", "invoices"]
    look_at(open_page, axe_source, [(name, "") for name in pages])


def test_the_price_follows_a_click(shop: Shop, open_page: Callable[..., Page]) -> None:
    shop.open(23).has_card()
    page = open_page("upgrade")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("$60.50 today and each month for a year")
    expect(page.get_by_label("Number of licenses")).to_be_hidden()
    page.get_by_text("Every year").click()
    expect(heading).to_contain_text("$726.00 today, then $966.00 each year")
    page.get_by_text("I choose the number").click()
    expect(page.get_by_label("Number of licenses")).to_have_value("23")

    # By the keyboard the shown price is out of date until the person asks for the new one.
    page.get_by_label("Number of licenses").fill("30")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Pay $726.00")).to_be_disabled()
    page.get_by_role("button", name="Show price").click()
    expect(heading).to_contain_text("Basic with 30 licenses: $1,020.00 today")
    page.get_by_role("button", name="Pay $1,020.00").click()
    expect(heading).to_contain_text("Basic, 23 people.")


def test_everything_works_without_scripts(shop: Shop, open_page: Callable[..., Page]) -> None:
    shop.open(23).has_card()
    page = open_page("plans", java_script_enabled=False)
    page.get_by_role("link", name="Choose Business").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Business with 25 licenses")
    page.get_by_label("Every year").check()
    page.get_by_role("button", name="Show price").click()
    expect(heading).to_contain_text("$1,760.00 today")
    page.get_by_role("button", name="Pay $1,760.00").click()
    expect(heading).to_contain_text("Business, 23 people.")
    page.get_by_role("link", name="End the plan…").click()
    page.get_by_role("button", name="End the plan").click()
    expect(heading).to_contain_text("It ends on 2 January 2013.")
    page.get_by_role("button", name="Undo").click()
    expect(heading).to_contain_text("Next charge: $2,000.00 on 2 January 2013.")
    page.get_by_role("link", name="Invoices").click()
    page.get_by_role("rowheader").get_by_role("link").first.click()
    page.get_by_text("Why?").first.click()
    expect(page.get_by_text("23 people: 1 owner, 22 members").first).to_be_visible()
