"""Makes the pictures of docs/screenshots/ by walking the tours: `make screenshots`.

Every page at 1280 and 390 pixels, and some in the dark. The three of the README are kept in git;
the others are for whoever wants to look at them. `--only NAME` takes one, `--dark` all in the dark
too, `--folder PATH` puts them elsewhere.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.conftest import CHROMIUM_OPTIONS
from tests.e2e.tour import CATCH_MAIL, KEPT, PAGES, TOURS
from tests.e2e.world import World, running_world
from tests.support.databases import migrate
from tests.support.mail import running_smtp_server
from tests.support.provision import CHROMIUM

FOLDER = Path(__file__).parent.parent.parent / "docs" / "screenshots"
SIZES: dict[str, ViewportSize] = {
    "1280": {"width": 1280, "height": 900},
    "390": {"width": 390, "height": 844},
}
# Pages that show every part there is; they are taken in the dark as well.
DARK = frozenset(
    {"billing", "plans", "upgrade", "invoices", "usage", "people", "error-crash", "api"}
)


@dataclass
class Camera:
    """Takes one page at a time: the kept pictures, and all of them in their sizes and colors."""

    page: Page
    folder: Path
    only: str | None
    all_dark: bool
    taken: int = 0

    def take(self, name: str) -> None:
        """Take the page as it is now."""
        if self.only not in {None, name}:
            return
        if name in KEPT:
            self.page.screenshot(path=self.folder / f"{name}.png", full_page=True)
        is_dark = self.all_dark or name in DARK
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark") if is_dark else ("light",)
        for size, viewport in SIZES.items():
            self.page.set_viewport_size(viewport)
            for scheme in schemes:
                self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                path = self.folder / f"{name}-{size}-{scheme}.png"
                self.page.screenshot(path=path, full_page=True, animations="disabled")
                self.taken += 1
        self.page.set_viewport_size(SIZES["1280"])
        self.page.emulate_media(color_scheme="light", reduced_motion="no-preference")


@contextmanager
def _world(folder: Path, *, catches_mail: bool) -> Iterator[World]:
    os.environ["TALLYPORT_CLOCK_FILE"] = str(folder / "clock.json")
    database_url = f"sqlite:///{folder / 'portal.sqlite3'}"
    migrate(database_url)
    with (
        running_smtp_server() as smtp,
        running_world(
            folder, database_url=database_url, smtp=smtp, catches_mail=catches_mail
        ) as world,
    ):
        yield world


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", metavar="NAME", choices=sorted(PAGES), default=None)
    parser.add_argument("--dark", action="store_true", help="take all pages in the dark, too")
    parser.add_argument("--folder", metavar="PATH", type=Path, default=FOLDER)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    taken = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(CHROMIUM_OPTIONS)
        )
        for name, (tour, declared) in TOURS.items():
            if options.only is not None and options.only not in declared:
                continue
            with (
                tempfile.TemporaryDirectory() as scratch,
                _world(Path(scratch), catches_mail=name in CATCH_MAIL) as world,
            ):
                page = browser.new_page(viewport=SIZES["1280"])
                page.set_default_timeout(30_000)
                camera = Camera(page, options.folder, options.only, options.dark)
                for stop in tour(page, world):
                    camera.take(stop)
                page.close()
                taken += camera.taken
        browser.close()
    print(f"{taken} pictures in {options.folder}")


if __name__ == "__main__":
    main()
