"""Where the reader came from, as far as it is one of our own pages."""

from urllib.parse import urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException


def came_from() -> str | None:
    """Path and query of the page that the browser names as Referer.

    None unless it is of this host and can be fetched by GET: never an address elsewhere.
    """
    referrer = urlsplit(request.referrer or "")
    adapter = current_app.create_url_adapter(request)
    if referrer.netloc != request.host or adapter is None:
        return None
    try:
        adapter.match(referrer.path, method="GET")
    except HTTPException:
        return None
    query = f"?{referrer.query}" if referrer.query else ""
    return f"{referrer.path}{query}"
