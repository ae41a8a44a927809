"""The login by the identity provider that is under way, kept in the browser's session: what it was
begun with comes back once, within ten minutes, to the same browser, or counts for nothing."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from flask import request, session

from app.domain.errors import BillingError
from app.gateways.oidc import LoginProvider, ProviderAttempt
from app.services.logs import log_event
from app.services.staff_login import HALF_LIFE
from app.services.staff_provider import note_provider_refusal
from app.web.context import get_context

_PROVIDER = "staff_provider"
LONGEST_CODE = 4096
_ERROR = re.compile(r"[a-z_]{1,40}")


def remember(attempt: ProviderAttempt) -> None:
    """Keep an attempt, in place of any before."""
    at = get_context().now().isoformat()
    session[_PROVIDER] = [attempt.state, attempt.nonce, attempt.verifier, at]


def check_return(provider: LoginProvider, query: Mapping[str, str]) -> None:
    """What the provider's answer says. Only a login that was called off over there leaves a trace,
    in the audit log.

    Raises BillingError `staff_provider_over` when it belongs to no login of this browser, and
    `staff_provider_refused` when the provider, or the person there, has said no.
    """
    _load(query.get("state"))
    # Providers that name themselves (RFC 9207) must be the one that was asked.
    if query.get("iss", provider.issuer) != provider.issuer:
        raise BillingError("staff_provider_over")
    if not 0 < len(query.get("code", "")) <= LONGEST_CODE:
        said = query.get("error", "")
        # Anybody may write anything into an address.
        log_event("staff.provider_refused", said=said if _ERROR.fullmatch(said) else "unclear")
        note_provider_refusal(get_context(), "staff_provider_refused", ip=request.remote_addr)
        raise BillingError("staff_provider_refused")


def take(state: str | None) -> ProviderAttempt:
    """The attempt that `state` belongs to; it is gone then. Raises BillingError
    `staff_provider_over`."""
    try:
        return _load(state)
    finally:
        session.pop(_PROVIDER, None)


def _load(state: str | None) -> ProviderAttempt:
    held = session.get(_PROVIDER)
    if held is None or not state:
        raise BillingError("staff_provider_over")
    known, nonce, verifier, at = held
    age = get_context().now() - datetime.fromisoformat(at)
    if abs(age) > HALF_LIFE or not hmac.compare_digest(known.encode(), state.encode()):
        raise BillingError("staff_provider_over")
    return ProviderAttempt(known, nonce, verifier)
