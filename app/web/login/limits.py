"""How many confirmation mails may be asked for, and how many keys of servers may be tried."""

from werkzeug.exceptions import TooManyRequests

from app.domain.errors import BillingError
from app.extensions import caller_network
from app.services.logs import log_event
from app.web.attempts import count_attempt
from app.web.context import get_context

_MAILS = "login-mail"
_SERVERS = "server-login"


def count_login_mail(*, email: str, server_id: int | None) -> None:
    """Count one mail by its address, the server (None where none is known yet) and who calls, each
    against `rate_limit_login_mail`.

    Raises BillingError `login_mail_limit` with the `minutes` to wait when one is used up; then
    nothing is counted.
    """
    ctx = get_context()
    # Addresses of people stay out of the storage of limits.
    address = ctx.tokens.hash_secret(_MAILS, email.lower())
    counted = [("address", address), ("ip", caller_network())]
    if server_id is not None:
        counted.append(("server", str(server_id)))
    seconds = count_attempt(_MAILS, ctx.settings.rate_limit_login_mail, *counted)
    if seconds is not None:
        raise BillingError("login_mail_limit", minutes=-(-seconds // 60))


def count_server_login(*, server_uuid: str) -> None:
    """Count one attempt with a server's key by who calls and by the server, each against
    `rate_limit_server_login`. Beyond it, the error page of status 429 is the answer."""
    ctx = get_context()
    # The id may be anything that somebody typed, a key or a password among it.
    server = ctx.tokens.hash_secret(_SERVERS, server_uuid)
    counted = (("server", server), ("ip", caller_network()))
    seconds = count_attempt(_SERVERS, ctx.settings.rate_limit_server_login, *counted)
    if seconds is not None:
        log_event("login.limited", seconds=seconds)
        raise TooManyRequests(retry_after=seconds)
