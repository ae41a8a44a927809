"""Who may see a page: which host it belongs to, and which of the sample people is logged in."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec
from urllib.parse import urlsplit

from flask import abort, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from .organizations import get_organization
from .people import get_person, list_people
from .records import Organization, Person
from .store import Store

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

SERVER_HOSTS = ("localhost", "127.0.0.1", "[::1]")
ORGANIZATION_SUFFIX = ".localhost"
SESSION_PERSON = "person"


def store() -> Store:
    """Return the store of the running app."""
    found = current_app.extensions["sample_store"]
    assert isinstance(found, Store)  # Put there by create_app.
    return found


def organization() -> Organization:
    """Return the organization of the request's host; only for pages of organizations."""
    assert g.organization is not None  # The decorators below let nothing else through.
    return g.organization


def person() -> Person:
    """Return who is logged in; only for pages that ask for it."""
    assert g.person is not None  # As above.
    return g.person


def identify() -> ResponseReturnValue | None:
    """Find out the organization and the person of a request, before any view.

    The sample server answers this machine only, and only under its own names: a page elsewhere
    that resolves its name to this machine gets nothing.
    """
    g.organization = g.person = None
    if not is_loopback(request.remote_addr):
        abort(403)
    host = request.host.rpartition(":")[0] if _has_port(request.host) else request.host
    host = host.lower()
    if host in SERVER_HOSTS:
        return None
    if not host.endswith(ORGANIZATION_SUFFIX):
        abort(400)
    name = host.removesuffix(ORGANIZATION_SUFFIX)
    with store().read() as connection:
        found = get_organization(connection, name)
        if found is None:
            return render_template("unknown_organization.html"), 404
        g.organization = found
        person_id = session.get(SESSION_PERSON)
        if isinstance(person_id, int):
            someone = get_person(connection, found, person_id)
            # Somebody deactivated since is logged out at the next click.
            g.person = someone if someone is not None and someone.is_active else None
    if found.deactivated and request.endpoint != "static":
        return render_template("deactivated_organization.html"), 403
    return None


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]")


def is_loopback(address: str | None) -> bool:
    """Tell whether a peer's address is this machine's own."""
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def server_page(view: View[P]) -> View[P]:
    """Let a view be reached on the server's own host only."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.organization is not None:
            abort(404)
        return view(*args, **kwargs)

    return wrapped


def organization_page(view: View[P]) -> View[P]:
    """Let a view be reached on an organization's host, by anybody."""

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.organization is None:
            abort(404)
        return view(*args, **kwargs)

    return wrapped


def signed_in(view: View[P]) -> View[P]:
    """Ask for a login first, and come back to the page that was wanted."""

    @organization_page
    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.person is None:
            wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
            return redirect(url_for("organization.login", next=wanted))
        return view(*args, **kwargs)

    return wrapped


def billing_admin(view: View[P]) -> View[P]:
    """Let owners and admins through; others get a page that says whom to ask."""

    @signed_in
    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not person().is_billing_admin:
            with store().read() as connection:
                people, _ = list_people(connection, organization(), active_only=True, limit=20)
            admins = tuple(p for p in people if p.is_billing_admin)
            return render_template("not_for_you.html", admins=admins), 403
        return view(*args, **kwargs)

    return wrapped


def safe_path(text: str | None) -> str:
    """Return a path on this same host, else the front page: `next` is typed by anybody."""
    if not text or not text.startswith("/") or text[1:2] in ("/", "\\") or len(text) > 2000:
        return "/"
    if any(ord(character) <= 32 or ord(character) >= 127 for character in text):
        return "/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    return text if not parts.scheme and not parts.netloc else "/"
