"""Answering what customers asked for help about, from the queue of staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import HelpStatus
from app.models.customers import Customer
from app.models.people import BillingUser
from app.models.registrations import Organization, Server
from app.models.staff import HelpRequest
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork, unit_of_work

LONGEST_ANSWER = 5_000


@dataclass(frozen=True, slots=True)
class HelpView:
    """One request: who asks about what, and what was answered."""

    id: int
    uuid: str
    name: str
    host: str
    page: str | None
    message: str
    asked_by: str | None
    asked_at: datetime
    is_open: bool
    answer: str | None


def load_help_request(session: Session, request_id: int) -> HelpView:
    """One request. Raises NotFoundError."""
    row = session.get(HelpRequest, request_id)
    if row is None:
        raise NotFoundError("help_request")
    server = session.get_one(Server, row.server_id)
    organization = session.get(Organization, row.organization_id) if row.organization_id else None
    person = session.get(BillingUser, row.billing_user_id) if row.billing_user_id else None
    asked_by = None
    if person is not None:
        asked_by = f"{person.full_name} <{person.email}>" if person.full_name else person.email
    return HelpView(
        id=row.id,
        uuid=(organization.uuid if organization is not None else None) or server.uuid,
        name=(organization.name or organization.host) if organization else server.hostname,
        host=organization.host if organization is not None else server.hostname,
        page=row.page,
        message=row.message,
        asked_by=asked_by,
        asked_at=row.created_at,
        is_open=row.status is HelpStatus.OPEN,
        answer=row.answer,
    )


def close_help_request(
    ctx: Context, request_id: int, *, answer: str, staff_user_id: int, actor: Actor
) -> None:
    """Close a request; the person gets the answer by mail.

    Raises NotFoundError, BillingError `help_request_closed`, `help_answer_empty`,
    `help_answer_too_long`.
    """
    said = answer.strip()
    if not said:
        raise BillingError("help_answer_empty")
    if len(said) > LONGEST_ANSWER:
        raise BillingError("help_answer_too_long", maximum=LONGEST_ANSWER)
    with unit_of_work(ctx) as work:
        _close(work, request_id, said, staff_user_id=staff_user_id, actor=actor)
        work.commit()


def close_several(
    ctx: Context, request_ids: Sequence[int], *, answer: str, staff_user_id: int, actor: Actor
) -> int:
    """Close several requests with one answer; returns how many of them were open. Raises as
    `close_help_request` does about the answer."""
    closed = 0
    for request_id in request_ids:
        try:
            close_help_request(
                ctx, request_id, answer=answer, staff_user_id=staff_user_id, actor=actor
            )
        except NotFoundError:
            continue
        except BillingError as error:
            if error.code != "help_request_closed":
                raise
            continue
        closed += 1
    return closed


def _close(
    work: UnitOfWork, request_id: int, answer: str, *, staff_user_id: int, actor: Actor
) -> None:
    row = work.session.get(HelpRequest, request_id)
    if row is None:
        raise NotFoundError("help_request")
    # The server's lock keeps two people from answering at once.
    server = work.claim_server(row.server_id)
    work.session.refresh(row)
    if row.status is not HelpStatus.OPEN:
        raise BillingError("help_request_closed")
    row.status, row.closed_at, row.closed_by, row.answer = (
        HelpStatus.CLOSED,
        work.now,
        staff_user_id,
        answer,
    )
    organization = (
        work.session.get_one(Organization, row.organization_id) if row.organization_id else None
    )
    record_audit(
        work,
        "help.answered",
        actor=actor,
        customer_id=_customer_id(work.session, row),
        server_id=row.server_id,
        organization_id=row.organization_id,
        after={"request": row.id},
    )
    person = work.session.get(BillingUser, row.billing_user_id) if row.billing_user_id else None
    if person is None:
        return
    paragraphs = [" ".join(part.split()) for part in answer.replace("\r\n", "\n").split("\n\n")]
    record_mail(
        work,
        template="help_answered",
        recipient=person.email,
        params={
            "host": organization.host if organization is not None else server.hostname,
            "paragraphs": [part for part in paragraphs if part],
            "asked_at": row.created_at,
        },
        event_key=f"help.answered:{row.id}",
    )


def _customer_id(session: Session, row: HelpRequest) -> int | None:
    place = (
        Customer.organization_id == row.organization_id
        if row.organization_id is not None
        else Customer.server_id == row.server_id
    )
    return session.scalar(select(Customer.id).where(place))
