"""How many confirmation mails may be asked for: per address, per server and per caller."""

from flask_limiter import Limiter
from limits import RateLimitItem, parse_many

from app.domain.errors import BillingError
from app.extensions import limiter
from app.web.context import get_context

_NAMESPACE = "login-mail"


def count_login_mail(*, email: str, server_id: int, ip: str | None) -> None:
    """Count one mail against all three limits, which all are `rate_limit_login_mail`.

    Raises BillingError `login_mail_limit` with the `minutes` to wait when one is used up; then
    nothing is counted.
    """
    ctx = get_context()
    if not ctx.settings.rate_limits_enabled:
        return
    # Addresses of people stay out of the storage of limits.
    counted = (
        ("address", ctx.tokens.hash_secret(_NAMESPACE, email.lower())),
        ("server", str(server_id)),
        ("ip", ip or "unknown"),
    )
    limits = parse_many(ctx.settings.rate_limit_login_mail)
    for item in limits:
        for who in counted:
            if not limiter.limiter.test(item, _NAMESPACE, *who):
                raise BillingError("login_mail_limit", minutes=_minutes_left(limiter, item, who))
    for item in limits:
        for who in counted:
            limiter.limiter.hit(item, _NAMESPACE, *who)


def _minutes_left(limiter: Limiter, item: RateLimitItem, who: tuple[str, str]) -> int:
    """Minutes until the window ends, counted up: never less than one."""
    reset_at = limiter.limiter.get_window_stats(item, _NAMESPACE, *who).reset_time
    seconds = int(reset_at) - int(get_context().clock.real_now().timestamp())
    return max(1, -(-seconds // 60))
