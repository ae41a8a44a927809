"""Counting attempts against a limit by who makes them and what they are about, in real time."""

from limits import RateLimitItem, parse_many

from app.extensions import limiter
from app.web.context import get_context

# Who is counted: what kind of thing, and which.
Counted = tuple[str, str]


def count_attempt(namespace: str, limits: str, *counted: Counted) -> int | None:
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


def seconds_to_wait(namespace: str, limits: str, *counted: Counted) -> int | None:
    """Seconds until one more attempt would be counted; None when it would be now. Counts nothing."""
    if not get_context().settings.rate_limits_enabled:
        return None
    waits = [
        _seconds_left(item, namespace, who)
        for item in parse_many(limits)
        for who in counted
        if not limiter.limiter.test(item, namespace, *who)
    ]
    return max(waits, default=None)
