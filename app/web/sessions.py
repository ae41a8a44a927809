"""Server-side sessions: `flask.session` is a row, the cookie holds only its random id.

A visitor for whom nothing has to be kept gets neither row nor cookie. The row is read when
somebody first asks for a value or for the identity, and written only when something has changed.
"""

from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request, session
from flask.sessions import SessionInterface, SessionMixin
from flask_login import UserMixin
from sqlalchemy.orm import Session

from app.extensions import db, login_manager
from app.services.browser_sessions import (
    SEEN_STEP,
    STAFF_SEEN_STEP,
    SessionChanges,
    note_session_seen,
    session_id_hashes,
    store_session,
)
from app.services.identity import Identity, StaffIdentity, StoredSession, get_stored_session
from app.settings import Settings
from app.web.context import get_context

# Requests that no person's browser session has a say in.
SESSIONLESS_BLUEPRINTS = frozenset({"remotes", "webhooks", "health"})
# A session id has 43 characters; anything much longer is not one of ours.
LONGEST_ID = 64


class PortalSession(SessionMixin):
    """The values of one browser's session during one request."""

    # The Flask-Login and Flask-WTF extensions look at these.
    modified = True
    accessed = False
    permanent = False

    def __init__(self, secret: str | None) -> None:
        self.secret = secret
        self.renews = False
        self.is_replaced = False
        self._stored: StoredSession | None = None
        self._data: dict[str, Any] | None = None

    @property
    def stored(self) -> StoredSession | None:
        """The row behind this session as it was read, None when there is none (yet)."""
        self._load()
        return self._stored

    def changes(self) -> SessionChanges:
        """What this request did to the values."""
        if self._data is None:
            return SessionChanges(changed={})
        before = self._stored.data if self._stored is not None else {}
        changed = {
            name: value
            for name, value in self._data.items()
            if name not in before or before[name] != value
        }
        return SessionChanges(changed=changed, removed=frozenset(before) - frozenset(self._data))

    def renew(self) -> None:
        """Give the session a new id with the answer, since what it may do is about to grow."""
        self.renews = True

    def replace_by(self, secret: str | None) -> None:
        """Go on with another session (after a login), or with none (after a logout)."""
        self.secret, self.is_replaced, self.renews = secret, True, False
        self._stored, self._data = None, None

    def _load(self) -> dict[str, Any]:
        self.accessed = True
        if self._data is None:
            self._stored = _read(self.secret)
            # Lists in it may be changed in place, so this is a copy all the way down.
            self._data = _copy(self._stored.data) if self._stored is not None else {}
        return self._data

    def __getitem__(self, name: str) -> Any:
        return self._load()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._load()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._load()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())


class PortalSessionInterface(SessionInterface):
    """How Flask opens and saves our sessions."""

    def __init__(self, settings: Settings) -> None:
        self.cookie_name = session_cookie_name(settings)
        self.is_secure = settings.secure_cookies

    def open_session(self, app: Flask, request: Request) -> PortalSession:
        """The session of a request; nothing is read before it is needed."""
        secret = request.cookies.get(self.cookie_name)
        return PortalSession(secret if secret and len(secret) <= LONGEST_ID else None)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Keep what has changed, and tell the browser when its id has."""
        assert isinstance(session, PortalSession)
        if session.accessed:
            response.vary.add("Cookie")
        changes = session.changes()
        stored = session.stored if session.accessed else None
        secret = session.secret if session.is_replaced else None
        if changes.changed or changes.removed or (session.renews and stored is not None):
            known = stored.id_hash if stored is not None else None
            made = store_session(get_context(), changes, id_hash=known, renew=session.renews)
            secret = made or secret
        elif stored is not None and _is_news(stored):
            note_session_seen(get_context(), stored.id_hash)
        if secret is not None:
            # Neither Expires nor Max-Age: ages are checked here, not by the browser.
            response.set_cookie(
                self.cookie_name,
                secret,
                path="/",
                httponly=True,
                samesite="Lax",
                secure=self.is_secure,
            )
        elif session.is_replaced:
            response.delete_cookie(
                self.cookie_name, path="/", httponly=True, samesite="Lax", secure=self.is_secure
            )


class PageUser(UserMixin):
    """The logged-in person for Flask-Login's `current_user`."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.id = str(identity.billing_user_id)


def init_app(app: Flask) -> None:
    """Use our sessions, and let Flask-Login learn from them who is there."""
    settings = cast(Settings, app.config["TALLYPORT"])
    app.session_interface = PortalSessionInterface(settings)
    # The name is also what the test client and extensions ask Flask for.
    app.config["SESSION_COOKIE_NAME"] = session_cookie_name(settings)
    login_manager.session_protection = None
    login_manager.request_loader(_user_of_request)


def session_cookie_name(settings: Settings) -> str:
    """Portal, emulator and sample servers share a host in the demo, so the port is in the name."""
    base = urlsplit(settings.base_url)
    return f"tallyport_session_{base.port or (443 if base.scheme == 'https' else 80)}"


def portal_session() -> PortalSession:
    """The session of the present request, with what Flask's own interface does not know."""
    return cast(PortalSession, session._get_current_object())  # type: ignore[attr-defined]  # a proxy


def current_stored_session() -> StoredSession | None:
    """The row behind the present request's session, None when there is none."""
    return portal_session().stored


def current_identity() -> Identity | None:
    """Who is logged in; None when nobody is, the session is over, or the person may not any more."""
    stored = current_stored_session()
    if stored is None or stored.is_expired or stored.is_deactivated:
        return None
    return stored.identity


def current_staff() -> StaffIdentity | None:
    """Who of the vendor is logged in; None when nobody is, the session is over, or the person may
    not any more."""
    stored = current_stored_session()
    if stored is None or stored.is_expired or stored.is_deactivated:
        return None
    return stored.staff


def _is_news(stored: StoredSession) -> bool:
    """Whether it is time to write down that the session is in use."""
    if stored.is_expired or stored.is_deactivated:
        return False
    step = STAFF_SEEN_STEP if stored.staff is not None else SEEN_STEP
    return get_context().now() - stored.last_seen_at >= step


def _user_of_request(_request: Request) -> PageUser | None:
    identity = current_identity()
    return PageUser(identity) if identity is not None else None


def _read(secret: str | None) -> StoredSession | None:
    if secret is None or _needs_no_session():
        return None
    ctx = get_context()
    hashes = session_id_hashes(ctx.tokens, secret)
    # A session of its own, so that the request's one begins to read only with the view.
    with Session(db.engine) as reading:
        return get_stored_session(reading, id_hashes=hashes, now=ctx.now())


def _needs_no_session() -> bool:
    endpoint = request.endpoint or ""
    return request.blueprint in SESSIONLESS_BLUEPRINTS or endpoint.rpartition(".")[2] == "static"


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_copy(part) for part in value]
    return value
