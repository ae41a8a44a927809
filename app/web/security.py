"""Security headers, the one host that the portal answers for, and the one kind of form.

The policy allows no inline style or script at all. Forms may lead to the payment provider's pages,
since browsers hold a POST's redirect against `form-action` too; in demo and testing the Stripe
emulator stands for the provider.
"""

import re
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, request

from app.settings import Settings

STRIPE_PAGES = (
    "https://checkout.stripe.com",
    "https://billing.stripe.com",
    "https://invoice.stripe.com",
)
# Whose calls carry bodies of other kinds than forms of pages; their views read them by themselves.
PROGRAMS = frozenset({"remotes", "webhooks"})
FORM = "application/x-www-form-urlencoded"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HSTS = "max-age=31536000; includeSubDomains"
_ISOLATED = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "frame-ancestors 'self'; base-uri 'none'; sandbox allow-top-navigation-by-user-activation"
)
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)


def add_to_policy(directive: str, *sources: str) -> None:
    """Let this one answer have `sources` in `directive` ("form-action", "https://chat.example").

    A source that replaces 'none' does so. ValueError when a source is neither an origin nor
    'self': whatever came from outside must not write the policy.
    """
    for source in sources:
        if source != "'self'" and not _ORIGIN.fullmatch(source):
            raise ValueError(f"not an origin: {source!r}")
    additions: dict[str, tuple[str, ...]] = g.setdefault("policy_additions", {})
    additions[directive] = additions.get(directive, ()) + sources


def allow_frames_of_ours() -> None:
    """This page shows another page of ours in a frame (the demo's caught mails)."""
    add_to_policy("frame-src", "'self'")


def isolate(response: Response) -> Response:
    """Serve a document that carries its own styles (a caught mail) for a frame of a page of ours.

    It runs nothing and fetches nothing; its links open in place of the page around it.
    """
    response.headers["Content-Security-Policy"] = _ISOLATED
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def origin_of(url: str | None) -> str | None:
    """Scheme, host and port of an address; None when it has none that a policy may name."""
    parts = urlsplit(url or "")
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin if _ORIGIN.fullmatch(origin) else None


def form_targets(settings: Settings) -> tuple[str, ...]:
    """Where forms may lead besides our own pages."""
    if not settings.is_demo_like:
        return STRIPE_PAGES
    ours = (origin_of(settings.emulator_url), origin_of(settings.stripe_api_base))
    return STRIPE_PAGES + tuple(dict.fromkeys(origin for origin in ours if origin))


def init_app(app: Flask) -> None:
    """Send the headers with every answer; refuse foreign hosts in production, and what is no form."""
    settings: Settings = app.config["TALLYPORT"]
    base = urlsplit(settings.base_url)
    policy: dict[str, tuple[str, ...]] = {
        "default-src": ("'none'",),
        "script-src": ("'self'",),
        "style-src": ("'self'",),
        "img-src": ("'self'", "data:"),
        "font-src": ("'self'",),
        "form-action": ("'self'", *form_targets(settings)),
        "frame-ancestors": ("'none'",),
        "base-uri": ("'none'",),
    }

    @app.before_request
    def check_host() -> None:
        # A forged Host would otherwise end up in the addresses of mails and redirects.
        # Load balancers ask for our health by address.
        foreign = request.host.lower() != base.netloc.lower() and request.blueprint != "health"
        if foreign and not settings.is_demo_like:
            g.foreign_host = True
            abort(400)

    @app.before_request
    def check_referrer() -> None:
        # Whoever reads it takes it apart, and some addresses cannot be.
        try:
            urlsplit(request.referrer or "")
        except ValueError:
            abort(400)

    @app.before_request
    def check_kind_of_form() -> None:
        # The form library would also take files and JSON, and put values into fields that are no
        # texts. No page of ours sends such.
        is_page = request.endpoint is not None and request.blueprint not in PROGRAMS
        if is_page and request.method == "POST" and request.mimetype not in {"", FORM}:
            abort(415)

    @app.after_request
    def add_headers(response: Response) -> Response:
        additions = g.get("policy_additions", {})
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        # The login's first redirect sends no-referrer. Pages need same-origin: under https
        # Flask-WTF refuses a POST without a Referer.
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Content-Security-Policy", _policy_text(policy, additions))
        response.headers.setdefault("X-Frame-Options", "DENY")
        if base.scheme == "https":
            response.headers.setdefault("Strict-Transport-Security", _HSTS)
        # Only what says otherwise (stylesheets, scripts) may be kept by browsers and proxies.
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _policy_text(policy: dict[str, tuple[str, ...]], additions: dict[str, tuple[str, ...]]) -> str:
    merged = dict(policy)
    for directive, sources in additions.items():
        kept = tuple(source for source in merged.get(directive, ()) if source != "'none'")
        merged[directive] = tuple(dict.fromkeys(kept + sources))
    return "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in merged.items())
