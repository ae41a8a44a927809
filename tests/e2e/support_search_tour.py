"""The pages of finding customers: the search and its states, saved views."""

from collections.abc import Iterator

from playwright.sync_api import Page, expect

from app.services.customers import Payer
from tests.e2e.world import World

SEARCH_PAGES: dict[str, str | None] = {
    "support-search": "support.search",
    "support-search-alike": "support.search",
    "support-search-nothing": "support.search",
    "support-search-filters": "support.search",
    "support-view-save": "support.save_search",
    "support-view-save-refused": "support.save_search",
    "support-view": "support.view",
}


def search(page: Page, world: World, payer: Payer) -> Iterator[str]:
    """From the keyboard to a result, to nothing, and to a view that is kept."""
    base = f"{world.portal_url}/support/"
    page.goto(base)
    yield "support-search"
    _by_keyboard(page, payer)
    typed = f"{payer.display_name[:3]}x{payer.display_name[3:]}"
    page.goto(f"{base}?q={typed}")
    yield "support-search-alike"
    page.goto(f"{base}?q=qqqzzz")
    yield "support-search-nothing"
    page.goto(f"{base}?q={payer.display_name}&tier=legacy&flag=ending_soon&flag=stale")
    yield "support-search-filters"
    page.goto(f"{base}?kind=organization")
    page.get_by_role("link", name="Save this view").click()
    yield "support-view-save"
    page.get_by_role("button", name="Save the view").click()
    yield "support-view-save-refused"
    page.get_by_label("Name of the view").fill("Organizations")
    page.get_by_role("button", name="Save the view").click()
    page.get_by_role("link", name="Change the view Organizations").click()
    yield "support-view"


def _by_keyboard(page: Page, payer: Payer) -> None:
    """A slash goes to the words, arrows go over what was found, enter opens it."""
    page.locator("body").click()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type(payer.uuid)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    results = page.locator("[data-result]")
    expect(results).to_have_count(1)
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    expect(results.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/support/customers/{payer.uuid}/")
