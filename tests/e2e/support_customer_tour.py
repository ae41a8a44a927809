"""The pages of staff about one customer, for the tour of the console."""

from collections.abc import Iterator

from playwright.sync_api import Page

from app.services.customers import Payer
from tests.e2e.world import World

# By the address below the customer's own.
TABS = (
    "organizations",
    "billing",
    "ledger",
    "uploads",
    "people",
    "deals",
    "mails",
    "notes",
    "audit",
)
CUSTOMER_PAGES: dict[str, str | None] = {
    f"support-customer-{tab}": f"support.customer_{tab}" for tab in TABS
}


def customer_walk(page: Page, world: World, payer: Payer) -> Iterator[str]:
    """Every tab of a customer."""
    for tab in TABS:
        page.goto(f"{world.portal_url}/support/customers/{payer.uuid}/{tab}/")
        yield f"support-customer-{tab}"
