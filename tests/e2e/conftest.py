"""A browser in front of the whole world, on both databases."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.world import World, running_world
from tests.support.mail import SmtpServer


@pytest.fixture
def catches_mail() -> bool:
    """Whether mails stay on the demo's page of caught mail; a module may want that."""
    return False


@pytest.fixture
def trusts_anybody() -> bool:
    """Whether the browser goes to hosts of the tests by https; a module may want that."""
    return False


@pytest.fixture
def world(
    tmp_path: Path,
    database_url: str,
    smtp_server: SmtpServer,
    catches_mail: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """Portal, emulator, sample server and SMTP server at 2012-01-02 03:04:05."""
    # The emulator and the sample server read the clock file that the environment names.
    monkeypatch.setitem(os.environ, "TALLYPORT_CLOCK_FILE", str(tmp_path / "clock.json"))
    with running_world(
        tmp_path, database_url=database_url, smtp=smtp_server, catches_mail=catches_mail
    ) as running:
        yield running


@pytest.fixture
def page(
    chromium: Browser, world: World, request: pytest.FixtureRequest, trusts_anybody: bool
) -> Iterator[Page]:
    """One tab of a browser of its own. An error on the console or a blocked resource fails.

    It is closed before the world ends: otherwise what it still loads is cut off by our own doing.
    """
    context = chromium.new_context(
        viewport={"width": 1280, "height": 900}, ignore_https_errors=trusts_anybody
    )
    # Far longer than anything takes: other tests may keep the machine busy.
    context.set_default_timeout(30_000)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    if folder := os.environ.get("E2E_LAST_PAGE"):
        # For whoever looks for the reason of a failure: what the browser showed last.
        tab.screenshot(path=f"{folder}/last.png", full_page=True)
        Path(folder, "last.txt").write_text(f"{tab.url}\n{tab.inner_text('body')}")
    context.close()
    # A page that answers 4xx says so on the console; everything else is ours to mend.
    broken = request.node.get_closest_marker("breaks_pages") is not None
    expected = tuple(
        f"the server responded with a status of {n}" for n in ("45" if broken else "4")
    )
    ours = [text for text in complaints if not any(part in text for part in expected)]
    assert not ours, ours
