"""How often passwords and codes of staff may be tried."""

from werkzeug.exceptions import TooManyRequests

from app.extensions import caller_network
from app.services.logs import log_event
from app.web.attempts import count_attempt
from app.web.context import get_context

_STAFF = "staff-login"
_PROVIDER = "staff-provider"


def count_staff_attempt(who: str) -> None:
    """Count one attempt by who calls and by whom it is about (an address or an id), each against
    `rate_limit_staff_login`. Beyond it, the error page of status 429 is the answer."""
    ctx = get_context()
    # Addresses of people stay out of the storage of limits.
    about = ctx.tokens.hash_secret(_STAFF, who.strip().lower())
    counted = (("about", about), ("ip", caller_network()))
    _refuse_after(count_attempt(_STAFF, ctx.settings.rate_limit_staff_login, *counted))


def count_provider_attempt() -> None:
    """Count one login by the identity provider, which begins without a word about whose it is, by
    who calls, apart from passwords: tries of those shut nobody out of the other door."""
    limit = get_context().settings.rate_limit_staff_login
    _refuse_after(count_attempt(_PROVIDER, limit, ("ip", caller_network())))


def _refuse_after(seconds: int | None) -> None:
    if seconds is not None:
        log_event("staff.login_limited", seconds=seconds)
        raise TooManyRequests(retry_after=seconds)
