"""How long a page may take: web servers give up on one after half a minute (gunicorn's default).

A purchase asks the payment provider several times. When the provider is slow, the page stops asking
in time to say so, and the delivery job finishes what was begun.
"""

from datetime import timedelta

from flask import Flask, g, has_request_context

from app.web.context import get_context

# A call that is begun then may take ten more seconds, which leaves some for the page itself.
ASKING = timedelta(seconds=15)


def init_app(app: Flask) -> None:
    """Note when each request begins."""

    @app.before_request
    def note_beginning() -> None:
        g.began_at = get_context().clock.real_now()


def has_page_time() -> bool:
    """Whether the present page may still ask somebody else; always outside of pages."""
    if not has_request_context() or "began_at" not in g:
        return True
    return bool(get_context().clock.real_now() - g.began_at < ASKING)
