"""The portal in a browser: served on loopback, and looked at for what keeps people out."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from playwright.sync_api import Page
from werkzeug.serving import make_server


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The portal on a port of its own; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def problems_of(page: Page, axe_source: str) -> list[str]:
    """What axe finds with everything unfolded, and whether the page is wider than the screen."""
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    # The menu lies over the page when it is open.
    page.evaluate("for (const menu of document.querySelectorAll('.menu')) menu.open = false")
    page.evaluate(axe_source)
    # Without what is in order, which is most of what axe would tell.
    violations = page.evaluate(
        "axe.run({resultTypes: ['violations']}).then((found) => found.violations)"
    )
    found = [
        f"{violation['id']}: {node['html']}"
        for violation in violations
        for node in violation["nodes"]
    ]
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > page.viewport_size["width"]:  # type: ignore[index]  # contexts have a viewport here
        found.append(f"the page is {width} pixels wide")
    return found
