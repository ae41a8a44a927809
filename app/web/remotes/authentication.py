"""HTTP Basic authentication of servers, and how often they may call."""

import base64
import binascii
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import current_app, request

from app.domain.errors import BillingError
from app.extensions import caller_network, limiter
from app.services.authenticate_server import authenticate_server
from app.settings import Settings
from app.web.access import api_server
from app.web.context import get_context, get_read_session
from app.web.remotes.values import read_server_uuid

View = Callable[..., Any]
LONGEST_SHOWN = 64


def for_server(view: View) -> View:
    """Hand the view the server that calls, once its key has proved to be right."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        uuid, key = read_credentials(request.headers.get("Authorization", ""))
        server = authenticate_server(
            get_read_session(), tokens=get_context().tokens, uuid=uuid, key=key
        )
        return view(server, *args, **kwargs)

    return api_server(limit_calls(guarded))


def read_credentials(header: str) -> tuple[str, str]:
    """UUID and key of a Basic Authorization header.

    Raises BillingError `server_unauthenticated` for anything else, and `server_credentials` for a
    name that no server has.
    """
    scheme, _, encoded = header.strip().partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    uuid, colon, key = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise BillingError("server_unauthenticated")
    try:
        return read_server_uuid(uuid, "Authorization"), key
    except BillingError:
        raise BillingError("server_credentials", uuid=uuid[:LONGEST_SHOWN]) from None


def limit_calls(view: View) -> View:
    """So many calls of one server from one address."""
    limited: View = limiter.limit(lambda: _settings().rate_limit_api, key_func=_caller)(view)
    return limited


def limit_registrations(view: View) -> View:
    """So many registrations from one address."""
    limited: View = limiter.limit(lambda: _settings().rate_limit_register)(view)
    return limited


def limit_transfers(view: View) -> View:
    """So many steps of transfers from one address, and so many from all addresses together: each
    may make us ask another host. Those that one address is refused do not count for all."""
    by_address = limiter.shared_limit(
        lambda: _settings().rate_limit_transfer_address, scope="transfer-address"
    )
    by_all = limiter.shared_limit(
        lambda: _settings().rate_limit_transfer, scope="transfer", key_func=lambda: "everybody"
    )
    limited: View = by_all(by_address(view))
    return limited


def _caller() -> str:
    """Who is counted. The address belongs to it: else a stranger could use up the calls of a
    server whose UUID he knows."""
    try:
        uuid, _ = read_credentials(request.headers.get("Authorization", ""))
    except BillingError:
        uuid = "nobody"
    return f"{uuid}@{caller_network()}"


def _settings() -> Settings:
    settings: Settings = current_app.config["TALLYPORT"]
    return settings
