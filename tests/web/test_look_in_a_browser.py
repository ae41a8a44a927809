"""The look in a browser: usable by everybody, light and dark, wide and narrow, with no scripts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from tests.support.browser import served
from tests.web.sample_pages import sample_blueprint

pytestmark = pytest.mark.sqlite_only

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 800}
LIGHT_GROUND = "rgb(246, 247, 249)"
DARK_GROUND = "rgb(17, 20, 24)"


@pytest.fixture
def address(make_app: Callable[..., Flask]) -> Iterator[str]:
    app = make_app()
    app.register_blueprint(sample_blueprint())
    with served(app) as where:
        yield where


@pytest.fixture
def open_page(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens a sample page in a fresh context; what the browser complains about fails the test."""
    contexts = []
    complaints: list[str] = []

    def open_it(path: str, **options: Any) -> Page:
        context = chromium.new_context(**({"viewport": WIDE} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}{path}")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def ground_of(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/sample/billing", "/sample/form", "/sample/flashes"])
def test_nothing_keeps_anybody_out(
    open_page: Callable[..., Page],
    axe_source: str,
    path: str,
    scheme: str,
    viewport: dict[str, int],
) -> None:
    page = open_page(path, viewport=viewport, color_scheme=scheme)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    page.evaluate(axe_source)
    result = page.evaluate("axe.run()")
    found = [
        f"{violation['id']}: {node['html']} {node['any'] and node['any'][0]['message']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
    assert found == []
    assert len(result["passes"]) > 20, "axe looked at hardly anything"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_system_decides_without_any_script(open_page: Callable[..., Page]) -> None:
    for scheme, ground in (("light", LIGHT_GROUND), ("dark", DARK_GROUND)):
        page = open_page("/sample/billing", color_scheme=scheme, java_script_enabled=False)
        assert page.locator("html[data-bs-theme]").count() == 0
        assert ground_of(page) == ground


def test_the_switch_pins_it_at_once_and_for_later(open_page: Callable[..., Page]) -> None:
    page = open_page("/sample/billing", color_scheme="light")
    page.evaluate("window.stayed = true")
    page.get_by_role("link", name="Dark").click()
    assert ground_of(page) == DARK_GROUND
    assert page.evaluate("window.stayed")
    page.reload()
    assert ground_of(page) == DARK_GROUND
    page.get_by_role("link", name="System").click()
    assert ground_of(page) == LIGHT_GROUND
    page.reload()
    assert ground_of(page) == LIGHT_GROUND


def test_the_switch_works_without_scripts(open_page: Callable[..., Page]) -> None:
    page = open_page("/sample/billing", java_script_enabled=False)
    page.get_by_role("link", name="Dark").click()
    assert page.url.endswith("/sample/billing")
    assert page.locator("html[data-bs-theme=dark]").count() == 1


def test_the_menu_closes_by_escape_and_by_a_click_beside(open_page: Callable[..., Page]) -> None:
    page = open_page("/sample/billing")
    button = page.get_by_text("Account", exact=True)
    leave = page.get_by_role("button", name="Log out")
    button.click()
    assert leave.is_visible()
    page.keyboard.press("Escape")
    assert not leave.is_visible()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    button.click()
    page.locator("h1").click()
    assert not leave.is_visible()


def test_the_menu_opens_without_scripts(open_page: Callable[..., Page]) -> None:
    page = open_page("/sample/billing", java_script_enabled=False)
    page.get_by_text("Account", exact=True).click()
    assert page.get_by_role("button", name="Log out").is_visible()


def test_a_form_is_sent_once_however_often_it_is_clicked(open_page: Callable[..., Page]) -> None:
    page = open_page("/sample/form")
    sent: list[str | None] = []
    page.on(
        "request",
        lambda request: sent.append(request.post_data) if request.method == "POST" else None,
    )
    page.get_by_role("button", name="Continue").dblclick()
    page.wait_for_selector(".error-summary")
    assert len(sent) == 1
    assert "go=1" in str(sent[0])


def test_the_summary_of_errors_takes_the_focus_and_leads_to_the_field(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("/sample/form")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_selector(".error-summary")
    page.wait_for_function("document.activeElement.className === 'error-summary'")
    page.get_by_role("link", name="“Full name” is missing.").click()
    assert page.evaluate("document.activeElement.id") == "full_name"


def test_keyboards_reach_the_content_first(open_page: Callable[..., Page]) -> None:
    page = open_page("/sample/billing")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_rows_are_stacked_where_it_is_narrow(open_page: Callable[..., Page]) -> None:
    page = open_page("/sample/billing", viewport=NARROW)
    label = "getComputedStyle(document.querySelector('table.lines td'), '::before').content"
    assert page.evaluate(label) == '"Quantity"'
    width = "document.querySelector('table.lines {}').getBoundingClientRect().width"
    assert page.evaluate(width.format("td")) > 250
    # The head is still there to be read aloud, but takes no room.
    assert page.evaluate(width.format("thead")) <= 1
