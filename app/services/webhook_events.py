"""Events of the payment provider: each stored once, then handled, again until that succeeds.

Only the type of an event and the id of its object are used. A handler asks the provider for the
object's present state, so that lost, repeated and reordered events all end the same.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError

from app.gateways.payments import PaymentsError, ProviderEvent, ProviderRejected
from app.models.webhooks import WebhookEvent
from app.services.apply_invoice_state import refresh_invoice
from app.services.card_setup import apply_card_setup
from app.services.context import Context
from app.services.leases import take_leases
from app.services.unit_of_work import UnitOfWork, unit_of_work

log = logging.getLogger(__name__)

# Longer than a handler takes with the provider at its slowest.
LEASE = timedelta(minutes=5)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
# The width of the column; no type that is handled is nearly as long.
MAX_TYPE = 64


HANDLERS: dict[str, Callable[[Context, str], object]] = {
    "checkout.session.completed": apply_card_setup,
    "invoice.paid": refresh_invoice,
    "invoice.payment_failed": refresh_invoice,
    "invoice.voided": refresh_invoice,
    "invoice.marked_uncollectible": refresh_invoice,
}


@dataclass(frozen=True, slots=True)
class EventCounts:
    """What `handle_due_events` did, in events."""

    handled: int = 0
    postponed: int = 0


def receive_event(ctx: Context, payload: bytes, *, signature: str) -> bool:
    """Take a delivered event; False when it is not signed by the provider or is no event.

    True means stored, so that the provider may forget it. It is handled right away, as far as that
    goes; what fails is repeated by `handle_due_events`.
    """
    try:
        event = ctx.payments.read_event(payload, signature=signature)
    except ProviderRejected as error:
        log.warning("webhook.refused code=%s", error.code)
        return False
    event_id = record_event(ctx, event)
    if event_id is not None:
        handle_event(ctx, event_id)
    return True


def record_event(ctx: Context, event: ProviderEvent) -> int | None:
    """Store an event unless it is stored already; returns its row's id if it is to be handled."""
    with unit_of_work(ctx) as work:
        is_handled_here = event.type in HANDLERS
        row = WebhookEvent(
            provider_event_id=event.id,
            event_type=event.type[:MAX_TYPE],
            object_id=event.object_id,
            api_version=event.api_version,
            received_at=work.now,
            handled_at=None if is_handled_here else work.now,
            next_attempt_at=work.now,
        )
        work.session.add(row)
        try:
            work.flush()
        except IntegrityError:
            # Delivered before: the unique provider_event_id has the last word.
            return None
        work.commit()
        log.info("webhook.received event=%s type=%s", row.id, row.event_type)
        return row.id if is_handled_here else None


def handle_event(ctx: Context, event_id: int) -> bool:
    """Handle one stored event if it is due and free; True when it is handled now.

    Never raises what its handler raises: that is noted in the row, with the time of the next
    attempt.
    """
    with unit_of_work(ctx) as work:
        this_one = [WebhookEvent.id == event_id, *_is_due(work)]
        if not take_leases(work, WebhookEvent, due=this_one, limit=1, lasting=LEASE):
            return False
        event = work.session.get_one(WebhookEvent, event_id, populate_existing=True)
        event.attempts += 1
        event_type, object_id = event.event_type, event.object_id
        work.commit()
    try:
        HANDLERS[event_type](ctx, object_id)
    except Exception as error:
        # Whatever it is, it must not keep the provider from being answered, nor other events from
        # being handled.
        log.exception("webhook.failed event=%s type=%s", event_id, event_type)
        _record_outcome(ctx, event_id, error)
        return False
    _record_outcome(ctx, event_id, None)
    return True


def handle_due_events(ctx: Context, *, limit: int = 1000) -> EventCounts:
    """Handle up to `limit` events that are due; called by `flask billing deliver`.

    An event that fails does not stop the others.
    """
    with unit_of_work(ctx) as work:
        due = select(WebhookEvent.id).where(*_is_due(work)).order_by(WebhookEvent.id).limit(limit)
        event_ids = list(work.session.scalars(due))
    handled = sum(handle_event(ctx, event_id) for event_id in event_ids)
    return EventCounts(handled=handled, postponed=len(event_ids) - handled)


def _is_due(work: UnitOfWork) -> list[ColumnElement[bool]]:
    return [WebhookEvent.handled_at.is_(None), WebhookEvent.next_attempt_at <= work.now]


def _record_outcome(ctx: Context, event_id: int, error: Exception | None) -> None:
    with unit_of_work(ctx) as work:
        event = work.session.get_one(WebhookEvent, event_id)
        if error is None:
            event.handled_at = work.now
            event.last_error = None
        else:
            event.last_error = _name_of(error)
            event.next_attempt_at = work.now + _wait(event.attempts)
        event.claimed_by = None
        event.claimed_until = None
        work.commit()


def _name_of(error: Exception) -> str:
    """The kind of an error and its code: its text may hold names and addresses."""
    code = getattr(error, "code", "") if isinstance(error, PaymentsError) else ""
    return f"{type(error).__name__} {code}".strip()


def _wait(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time."""
    return min(FIRST_WAIT * (1 << min(attempts - 1, 20)), LONGEST_WAIT)
