"""The pages of announcements, from nothing to one that was sent."""

from collections.abc import Iterator

from playwright.sync_api import Page

from app.services.customers import Payer
from tests.e2e.world import World

ANNOUNCEMENT_PAGES: dict[str, str | None] = {
    "support-announcements-none": "support.announcements",
    "support-announcement-new": "support.announcement_new",
    "support-announcement-refused": "support.announcement_new",
    "support-announcement-preview": "support.announcement_new",
    "support-announcement-sent": "support.announcement",
    "support-announcements": "support.announcements",
}


def announcements(page: Page, world: World, payer: Payer) -> Iterator[str]:
    """Written, refused, looked at and sent."""
    base = f"{world.portal_url}/support/announcements/"
    page.goto(base)
    yield "support-announcements-none"
    page.get_by_role("link", name="Write an announcement").click()
    yield "support-announcement-new"
    page.get_by_role("button", name="See what is sent").click()
    yield "support-announcement-refused"
    page.get_by_label("Subject").fill("Prices change in March")
    page.get_by_label("Text").fill("From March on Basic costs $4.00.\n\nNothing changes before.")
    page.get_by_label("Reason").fill("prices change in March")
    page.get_by_role("button", name="See what is sent").click()
    yield "support-announcement-preview"
    page.get_by_role("button", name="Send it now").click()
    page.wait_for_url(f"{base}*/")
    yield "support-announcement-sent"
    page.goto(base)
    yield "support-announcements"
