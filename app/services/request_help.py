"""A customer asks staff for help from its own pages; staff see it in a queue, and are mailed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import HelpStatus
from app.models.staff import HelpRequest
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import get_customer
from app.services.identity import CustomerRef
from app.services.outbox import record_mail
from app.services.unit_of_work import unit_of_work

LONGEST_MESSAGE = 4000
# How many of the last requests a customer sees.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A request of this customer, and what was answered."""

    message: str
    created_at: datetime
    is_open: bool
    answer: str | None
    closed_at: datetime | None


def request_help(
    ctx: Context, ref: CustomerRef, message: str, *, page: str | None, actor: Actor
) -> int:
    """Put a message into the queue of staff and mail them; returns our id of the request.

    The message stays out of the audit log: it may name people. Raises BillingError
    `help_message_missing` or `help_message_too_long`.
    """
    said = message.strip()
    if not said:
        raise BillingError("help_message_missing")
    if len(said) > LONGEST_MESSAGE:
        raise BillingError("help_message_too_long", maximum=LONGEST_MESSAGE)
    with unit_of_work(ctx) as work:
        customer = get_customer(work.session, ref.payer)
        request = HelpRequest(
            server_id=ref.payer.server_id,
            organization_id=ref.payer.organization_id,
            billing_user_id=ref.billing_user_id,
            page=page,
            message=said,
            status=HelpStatus.OPEN,
            created_at=work.now,
        )
        work.session.add(request)
        work.flush()
        request_id = request.id
        record_audit(
            work,
            "help.requested",
            actor=actor,
            customer_id=customer.id if customer is not None else None,
            server_id=ref.payer.server_id,
            organization_id=ref.payer.organization_id,
            after={"request": request_id, "page": page},
        )
        record_mail(
            work,
            template="staff_help_requested",
            recipient=ctx.catalog.brand.support_email,
            params={
                "customer": ref.payer.display_name,
                "host": ref.host,
                "uuid": ref.uuid,
                "url": f"{ctx.settings.base_url}/support/customers/{ref.uuid}/",
                "message": said,
                "asked_by": actor.email or "",
                "reply_to": actor.email,
            },
            event_key=f"help.requested:{request_id}",
        )
        work.commit()
    return request_id


def load_own_requests(session: Session, ref: CustomerRef) -> tuple[OwnRequest, ...]:
    """The last requests of this customer, newest first."""
    query = (
        select(HelpRequest)
        .where(
            HelpRequest.server_id == ref.payer.server_id,
            HelpRequest.organization_id == ref.payer.organization_id
            if ref.payer.organization_id is not None
            else HelpRequest.organization_id.is_(None),
        )
        .order_by(HelpRequest.id.desc())
        .limit(SHOWN)
    )
    return tuple(
        OwnRequest(
            message=row.message,
            created_at=row.created_at,
            is_open=row.status is HelpStatus.OPEN,
            answer=row.answer,
            closed_at=row.closed_at,
        )
        for row in session.scalars(query)
    )
