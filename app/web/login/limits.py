"""How many confirmation mails may be asked for, and how many keys of servers may be tried."""

from limits import RateLimitItem, parse_many
from werkzeug.exceptions import TooManyRequests

from app.domain.errors import BillingError
from app.extensions import caller_network, limiter
from app.services.logs import log_event
from app.web.context import get_context

_MAILS = "login-mail"
_SERVERS = "server-login"
# Who is counted: what kind of thing, and which.
Counted = tuple[str, str]


def count_login_mail(*, email: str, server_id: int) -> None:
    """Count one mail against all three limits, which all are `rate_limit_login_mail`.

    Raises BillingError `login_mail_limit` with the `minutes` to wait when one is used up; then
    nothing is counted.
    """
    ctx = get_context()
    # Addresses of people stay out of the storage of limits.
    address = ctx.tokens.hash_secret(_MAILS, email.lower())
    counted = (("address", address), ("server", str(server_id)), ("ip", caller_network()))
    seconds = _count(_MAILS, ctx.settings.rate_limit_login_mail, *counted)
    if seconds is not None:
        raise BillingError("login_mail_limit", minutes=-(-seconds // 60))


def count_server_login(*, server_uuid: str) -> None:
    """Count one attempt with a server's key by who calls and by the server, each against
    `rate_limit_server_login`. Beyond it, the error page of status 429 is the answer."""
    ctx = get_context()
    # The id may be anything that somebody typed, a key or a password among it.
    server = ctx.tokens.hash_secret(_SERVERS, server_uuid)
    counted = (("server", server), ("ip", caller_network()))
    seconds = _count(_SERVERS, ctx.settings.rate_limit_server_login, *counted)
    if seconds is not None:
        log_event("login.limited", seconds=seconds)
        raise TooManyRequests(retry_after=seconds)


def _count(namespace: str, limits: str, *counted: Counted) -> int | None:
    """Count once for each of `counted`, or, when a limit is used up, for none: then the seconds to
    wait, never less than one."""
    if not get_context().settings.rate_limits_enabled:
        return None
    pairs = [(item, who) for item in parse_many(limits) for who in counted]
    for item, who in pairs:
        if not limiter.limiter.test(item, namespace, *who):
            return _seconds_left(item, namespace, who)
    # Of many attempts at once each may have passed that look, so the count has the last word.
    over = [pair for pair in pairs if not limiter.limiter.hit(pair[0], namespace, *pair[1])]
    return max((_seconds_left(item, namespace, who) for item, who in over), default=None)


def _seconds_left(item: RateLimitItem, namespace: str, who: Counted) -> int:
    """Seconds until the window ends: at least one, at most the whole window, whatever the clock of
    a demo or a test says. Limits live on real time."""
    reset_at = limiter.limiter.get_window_stats(item, namespace, *who).reset_time
    left = int(reset_at) - int(get_context().clock.real_now().timestamp())
    return min(max(left, 1), item.get_expiry())
