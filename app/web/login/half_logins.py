"""Logins under way, kept in the browser's session until they are completed.

Several tabs may each be in the middle of one, so each has a handle that its form carries along.
"""

from collections.abc import Iterator

from flask import session

from app.services.login_failures import LoginRefused
from app.services.login_links import HalfLogin
from app.web.context import get_context
from app.web.sessions import portal_session

_LOGINS = "logins"
_SENT = "sent"
_CONFIRMED = "confirmed"
_FINISHED = "finished"
_MOST = 5


def remember(half: HalfLogin) -> str:
    """Keep a login under way as the latest one; returns its handle.

    Whoever has this session may complete it now, so the session gets a new id.
    """
    handle = get_context().tokens.new_secret()[:16]
    others = [entry for entry in session.get(_LOGINS, []) if entry[1:] != _values(half)]
    session[_LOGINS] = [*others, [handle, *_values(half)]][-_MOST:]
    portal_session().renew()
    return handle


def load(handle: str | None) -> tuple[str, HalfLogin]:
    """The login of that handle, or the latest one. Raises LoginRefused when there is none."""
    for known, half in _known():
        if handle is None or handle == known:
            return known, half
    raise LoginRefused("login_not_begun")


def is_empty() -> bool:
    """Whether no login is under way in this browser."""
    return not session.get(_LOGINS)


def remember_sent(confirmation_id: int) -> None:
    """Note which mail the page after the form is about."""
    session[_SENT] = confirmation_id


def load_sent() -> int:
    """The mail that was asked for last. Raises LoginRefused when there was none."""
    if _SENT not in session:
        raise LoginRefused("login_not_begun")
    return int(session[_SENT])


def remember_confirmed(key: str, handle: str) -> None:
    """Note that this browser has used this mailed link, so that doing it twice is no error."""
    session[_CONFIRMED] = session.get(_CONFIRMED, {}) | {_hash(key): handle}


def find_confirmed(key: str) -> HalfLogin | None:
    """The login under way for which this browser used this mailed link, if there is one."""
    handle = session.get(_CONFIRMED, {}).get(_hash(key))
    return next((half for known, half in _known() if known == handle), None)


def values_after(handle: str) -> dict[str, object]:
    """The first values of the session that a completed login begins.

    The form's token stays good and the login is remembered as done, so that a form that was sent
    twice leads to the same place twice.
    """
    kept: dict[str, object] = {_FINISHED: handle}
    if "csrf_token" in session:
        kept["csrf_token"] = session["csrf_token"]
    return kept


def is_finished(handle: str | None) -> bool:
    """Whether the present session was begun by the login of that handle."""
    return handle is not None and session.get(_FINISHED) == handle


def _known() -> Iterator[tuple[str, HalfLogin]]:
    for handle, link_id, confirmation_id in reversed(session.get(_LOGINS, [])):
        yield handle, HalfLogin(link_id, confirmation_id)


def _values(half: HalfLogin) -> list[int | None]:
    return [half.link_id, half.confirmation_id]


def _hash(key: str) -> str:
    return get_context().tokens.hash_secret("confirmed-here", key)
