"""Whose pages somebody of staff sees as the customer does: kept in their session, for looking only."""

from flask import g, request, session

from app.domain.kinds import KIND_PROFILES, CustomerKind
from app.services.identity import CustomerRef
from app.services.see_as import load_seen_customer
from app.web.context import get_read_session
from app.web.sessions import current_staff

_SEEING = "seeing"
LOOKS = frozenset({"GET", "HEAD"})
# Where the payment provider leads a browser back to: not theirs to arrive at.
NOT_SEEN = frozenset({"plan.billing_card_return", "plan.billing_card_cancelled"})


def begin_seeing(kind: CustomerKind, uuid: str) -> None:
    """From now on, until it is stopped or the session ends."""
    session[_SEEING] = [kind.value, uuid]


def stop_seeing() -> str | None:
    """Stop; the UUID of whose pages it were."""
    held = session.pop(_SEEING, None)
    return str(held[1]) if held else None


def seen_on_this_page() -> CustomerRef | None:
    """The customer, when this is a page of exactly the one whose pages this person of staff looks
    at, and the request only looks."""
    if "seen_customer" not in g:
        g.seen_customer = _load()
    found: CustomerRef | None = g.seen_customer
    return found


def _load() -> CustomerRef | None:
    uuid = (request.view_args or {}).get("entity_uuid")
    if uuid is None or request.method not in LOOKS or request.endpoint in NOT_SEEN:
        return None
    if current_staff() is None:
        return None
    held = session.get(_SEEING)
    if held is None or held[1] != str(uuid):
        return None
    kind = CustomerKind(held[0])
    if not request.path.startswith(f"/{KIND_PROFILES[kind].url_prefix}/"):
        return None
    return load_seen_customer(get_read_session(), held[1])
