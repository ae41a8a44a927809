"""The login of staff that is under way, kept in the browser's session. It gives access to nothing."""

from datetime import datetime
from urllib.parse import urlsplit

from flask import current_app, request, session, url_for

from app.domain.errors import BillingError
from app.services.staff_factor import new_sealed_secret
from app.services.staff_login import HALF_LIFE, Browser, HalfStaff
from app.web.context import get_context
from app.web.sessions import current_stored_session, portal_session

_HALF = "staff_half"
_NEXT = "staff_next"
_ENROLL = "staff_enroll"
_CODES = "staff_codes"
_CODES_PURPOSE = "staff-codes-shown"
LONGEST_NEXT = 500
CONSOLE = "/support/"
LOGIN = "/support/login/"


def safe_next(path: str | None) -> str | None:
    """`path` when it is a page of the console on this host, None otherwise."""
    if not path or len(path) > LONGEST_NEXT or not path.isascii() or not path.isprintable():
        return None
    try:
        parts = urlsplit(path)
    except ValueError:
        return None
    is_ours = not parts.scheme and not parts.netloc and path.startswith(CONSOLE)
    is_plain = "\\" not in path and ".." not in path and "//" not in parts.path
    return path if is_ours and is_plain and not path.startswith(LOGIN) else None


def home() -> str:
    """Where somebody who has logged in begins."""
    is_built = "support.search" in current_app.view_functions
    return url_for("support.search") if is_built else url_for("staff.sessions")


def remember(half: HalfStaff, *, next_path: str | None) -> None:
    """Keep a login after its first step. What this session may do grows, so it gets a new id."""
    at = get_context().now().isoformat()
    session[_HALF] = [half.staff_user_id, half.stamp, half.door, at]
    keep_wish(next_path)
    session.pop(_ENROLL, None)
    portal_session().renew()


def load() -> HalfStaff:
    """The login under way. Raises BillingError `staff_login_over` when there is none any more."""
    held = session.get(_HALF)
    if held is None:
        raise BillingError("staff_login_over")
    staff_user_id, stamp, door, at = held
    age = get_context().now() - datetime.fromisoformat(at)
    if abs(age) > HALF_LIFE:
        raise BillingError("staff_login_over")
    return HalfStaff(staff_user_id, stamp, door)


def forget() -> None:
    """The login under way leads nowhere any more."""
    for name in (_HALF, _ENROLL):
        session.pop(name, None)


def next_path() -> str:
    """Where the login leads: kept on our side of the browser, and looked at once more."""
    return wish() or home()


def wish() -> str | None:
    """The page that somebody wanted before the login; None for no one in particular."""
    return safe_next(session.get(_NEXT))


def keep_wish(path: str | None) -> None:
    """Keep that page until the login is over."""
    session[_NEXT] = safe_next(path)


def enrolling_secret(*, renew: bool = False) -> str:
    """The encrypted secret of the second factor that is being set up in this browser."""
    if renew or _ENROLL not in session:
        session[_ENROLL] = new_sealed_secret(get_context())
    return str(session[_ENROLL])


def get_enrolling_secret() -> str | None:
    """The same, None when nothing is being set up."""
    return session.get(_ENROLL)


def browser() -> Browser:
    """Where this request comes from, for the session that a login begins. The form's token stays
    good, so that what is open in another tab can be sent."""
    stored = current_stored_session()
    kept = {name: session[name] for name in ("csrf_token", _NEXT) if name in session}
    return Browser(
        replaces=stored.id_hash if stored is not None else None,
        data=kept,
        ip=request.remote_addr,
        user_agent=request.user_agent.string or None,
    )


def keep_codes(codes: list[str]) -> None:
    """Let the next page show these recovery codes, once."""
    session.pop(_ENROLL, None)
    session[_CODES] = get_context().tokens.encrypt(_CODES_PURPOSE, " ".join(codes))


def take_codes() -> list[str]:
    """The recovery codes to show now; none the second time."""
    sealed = session.pop(_CODES, None)
    found = get_context().tokens.decrypt(_CODES_PURPOSE, sealed) if sealed else None
    return found.split() if found else []
