"""A stand-in for Stripe: its API, its hosted pages and its webhooks, for the demo and for tests.

It is a program of its own that happens to live in this repository: it imports nothing of the rest
of `app`, listens on loopback only, and knows no real money. The real SDK talks to it over HTTP.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_emulator(
    store: str = ":memory:",
    *,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    background: bool = True,
) -> "Flask":
    """The emulator as a WSGI application.

    `store` is the path of its SQLite file, or ":memory:". Without a webhook address (now or by the
    control API) events are stored and not sent. With `background=False` they are sent only when the
    control API says drain.
    """
    # Imported here, so that importing a leaf such as the clock does not pull in Flask.
    from app.stripe_emulator.application import build

    return build(
        store, webhook_url=webhook_url, webhook_secret=webhook_secret, background=background
    )
