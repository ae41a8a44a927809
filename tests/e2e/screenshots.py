"""Makes the pictures of docs/screenshots/ by walking the main road: `make screenshots`.

`python -m tests.e2e.screenshots --all FOLDER` takes every page on the way, at 1280 and 390 pixels,
light and dark, for whoever wants to look at them.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.conftest import CHROMIUM_OPTIONS
from tests.e2e import road
from tests.e2e.world import World, running_world
from tests.support.databases import migrate
from tests.support.mail import running_smtp_server
from tests.support.provision import CHROMIUM

KEPT = Path(__file__).parent.parent.parent / "docs" / "screenshots"
SIZES: dict[str, ViewportSize] = {
    "1280": {"width": 1280, "height": 900},
    "390": {"width": 390, "height": 844},
}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


class Camera:
    """Takes one page at a time: the kept pictures, and with `folder` all of them in all looks."""

    def __init__(self, page: Page, folder: Path | None) -> None:
        self.page = page
        self.folder = folder

    def take(self, name: str, *, keep: bool = False) -> None:
        """Take the page as it is now."""
        if keep:
            KEPT.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=KEPT / f"{name}.png", full_page=True)
        if self.folder is None:
            return
        for size, viewport in SIZES.items():
            self.page.set_viewport_size(viewport)
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)
                # Colors fade for a moment when the scheme changes.
                self.page.wait_for_timeout(300)
                path = self.folder / f"{name}-{size}-{scheme}.png"
                self.page.screenshot(path=path, full_page=True)
        self.page.set_viewport_size(SIZES["1280"])
        self.page.emulate_media(color_scheme="light")


def walk(page: Page, world: World, camera: Camera) -> None:
    """The main road, with a picture at each stop."""
    road.open_product(page, world)
    camera.take("product")
    road.click_billing(page, world)
    camera.take("confirm-email")
    page.get_by_role("button", name="Send link").click()
    camera.take("link-sent")
    page.goto(road.mailed_link(world))
    camera.take("confirm-address")
    page.get_by_role("button", name="Confirm").click()
    camera.take("confirm-login")
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()
    camera.take("plans")
    road.choose_basic_monthly(page)
    camera.take("upgrade-without-card")
    road.enter_card(page, world, road.DECLINED)
    road.pay(page, "$43.00")
    camera.take("upgrade-declined")
    road.enter_card(page, world, road.AUTHENTICATES)
    road.pay(page, "$43.00")
    page.wait_for_url(f"{world.emulator.url}/**")
    page.go_back()
    page.goto(page.url)
    camera.take("upgrade-unfinished")
    page.get_by_role("link", name="Go on with it").click()
    camera.take("payment-status")
    page.get_by_role("button", name="Start over").click()
    camera.take("payment-called-off")
    page.goto(page.url.split("/upgrade/")[0] + "/upgrade/")
    road.enter_card(page, world, road.GOOD)
    camera.take("upgrade", keep=True)
    road.pay(page, "$43.00")
    camera.take("billing-fresh")
    world.at("2012-01-04 03:04:05")
    road.open_product(page, world)
    page.goto(world.sample.organization_url("acme") + "/people/")
    page.get_by_role("button", name="Add people").click()
    world.upload()
    world.at("2012-01-12 03:04:05")
    world.upload()
    road.later_login(page, world)
    camera.take("billing", keep=True)
    page.get_by_role("link", name="End the plan").click()
    camera.take("end-plan")
    page.get_by_role("button", name="End").first.click()
    camera.take("billing-ending")
    page.get_by_role("button", name="Undo").first.click()
    world.at("2012-02-02 03:04:05")
    world.run_jobs()
    road.later_login(page, world)
    page.get_by_role("link", name="Invoices").click()
    camera.take("invoices")
    page.locator("main table a").first.click()
    page.locator("#lines details.why summary").first.click()
    camera.take("invoice", keep=True)
    page.get_by_role("link", name="Plans").click()
    camera.take("plans-subscribed")
    world.at("2012-02-06 03:04:05")
    page.goto(page.url)
    camera.take("session-over")


@contextmanager
def _world(folder: Path) -> Iterator[World]:
    os.environ["TALLYPORT_CLOCK_FILE"] = str(folder / "clock.json")
    database_url = f"sqlite:///{folder / 'portal.sqlite3'}"
    migrate(database_url)
    with (
        running_smtp_server() as smtp,
        running_world(folder, database_url=database_url, smtp=smtp) as world,
    ):
        yield world


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", type=Path, metavar="FOLDER", default=None)
    folder: Path | None = parser.parse_args().all
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        _world(Path(scratch)) as world,
        sync_playwright() as playwright,
    ):
        browser: Browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(CHROMIUM_OPTIONS)
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(10_000)
        walk(page, world, Camera(page, folder))
        browser.close()


if __name__ == "__main__":
    main()
