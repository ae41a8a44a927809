"""The people of a customer, the mails they got and the notes of staff, for staff."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.domain.kinds import BillingRole
from app.models.mails import Mail
from app.models.people import BillingUser, Invitation
from app.models.staff import StaffNote, StaffUser
from app.services.billing_people import people_of
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list
from app.services.pages.staff_customer_frame import CustomerFrame

# Invitations that are listed, newest first.
MOST_INVITATIONS = 25


class InvitationState(StrEnum):
    """What became of an invitation."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class MailState(StrEnum):
    """Where a mail stands."""

    SENT = "sent"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class StaffPersonRow:
    """One person who manages the billing, or did."""

    email: str
    full_name: str
    role: BillingRole
    since: datetime
    is_confirmed: bool
    last_login_at: datetime | None
    deactivated_at: datetime | None


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """Somebody who was asked to join."""

    email: str
    role: BillingRole
    created_at: datetime
    expires_at: datetime
    state: InvitationState


@dataclass(frozen=True, slots=True)
class StaffPeoplePage:
    """One page of the people; those who were removed stand at the end."""

    frame: CustomerFrame
    rows: tuple[StaffPersonRow, ...]
    part: ListPart
    invitations: tuple[InvitationRow, ...]


@dataclass(frozen=True, slots=True)
class MailRow:
    """One mail of the outbox. `subject` and the body (`has_body`) are known only where mail is
    caught instead of sent."""

    id: int
    template: str
    subject: str | None
    recipient: str
    state: MailState
    created_at: datetime
    sent_at: datetime | None
    next_attempt_at: datetime
    attempts: int
    error: str | None
    has_body: bool


@dataclass(frozen=True, slots=True)
class StaffMailsPage:
    """One page of the mails, newest first; `failed` counts those that never arrived."""

    frame: CustomerFrame
    rows: tuple[MailRow, ...]
    part: ListPart
    failed: int


@dataclass(frozen=True, slots=True)
class NoteRow:
    """What somebody of staff wrote down."""

    id: int
    text: str
    at: datetime
    author: str | None


@dataclass(frozen=True, slots=True)
class NotesPage:
    """One page of the notes, newest first."""

    frame: CustomerFrame
    rows: tuple[NoteRow, ...]
    part: ListPart


def load_staff_people_page(
    session: Session, frame: CustomerFrame, *, number: int, now: datetime
) -> StaffPeoplePage:
    """Page `number` (from 1) of the people, those who are still there first."""
    mine = people_of(frame.payer)
    total = session.scalar(select(func.count(BillingUser.id)).where(mine)) or 0
    part = part_of_list(total, number=number)
    found = session.scalars(
        select(BillingUser)
        .where(mine)
        .order_by(BillingUser.deactivated_at.is_not(None), BillingUser.id)
        .offset(part.offset)
        .limit(PAGE_SIZE)
    )
    return StaffPeoplePage(
        frame=frame,
        rows=tuple(
            StaffPersonRow(
                email=person.email,
                full_name=person.full_name,
                role=person.role,
                since=person.created_at,
                is_confirmed=person.email_confirmed_at is not None,
                last_login_at=person.last_login_at,
                deactivated_at=person.deactivated_at,
            )
            for person in found
        ),
        part=part,
        invitations=_load_invitations(session, frame, now=now),
    )


def _load_invitations(
    session: Session, frame: CustomerFrame, *, now: datetime
) -> tuple[InvitationRow, ...]:
    mine = (
        Invitation.organization_id == frame.payer.organization_id
        if frame.payer.organization_id is not None
        else Invitation.server_id == frame.payer.server_id
    )
    found = session.scalars(
        select(Invitation).where(mine).order_by(Invitation.id.desc()).limit(MOST_INVITATIONS)
    )
    return tuple(
        InvitationRow(
            email=one.email,
            role=one.role,
            created_at=one.created_at,
            expires_at=one.expires_at,
            state=_state_of_invitation(one, now=now),
        )
        for one in found
    )


def _state_of_invitation(invitation: Invitation, *, now: datetime) -> InvitationState:
    if invitation.accepted_at is not None:
        return InvitationState.ACCEPTED
    if invitation.withdrawn_at is not None:
        return InvitationState.WITHDRAWN
    return InvitationState.OPEN if now < invitation.expires_at else InvitationState.EXPIRED


def load_staff_mails_page(session: Session, frame: CustomerFrame, *, number: int) -> StaffMailsPage:
    """Page `number` (from 1) of the mails about the customer and to its people."""
    people = select(BillingUser.id).where(people_of(frame.payer))
    mine = or_(Mail.customer_id == (frame.customer_id or 0), Mail.billing_user_id.in_(people))
    total, failed = session.execute(
        select(func.count(Mail.id), func.count(Mail.id).filter(Mail.failed_at.is_not(None))).where(
            mine
        )
    ).one()
    part = part_of_list(total, number=number)
    found = session.execute(
        select(
            Mail.id,
            Mail.template,
            Mail.caught_subject,
            Mail.recipient,
            Mail.created_at,
            Mail.sent_at,
            Mail.failed_at,
            Mail.next_attempt_at,
            Mail.attempts,
            Mail.last_error,
        )
        .where(mine)
        .order_by(Mail.id.desc())
        .offset(part.offset)
        .limit(PAGE_SIZE)
    )
    rows = tuple(
        MailRow(
            id=row.id,
            template=row.template,
            subject=row.caught_subject,
            recipient=row.recipient,
            state=_state_of_mail(row),
            created_at=row.created_at,
            sent_at=row.sent_at,
            next_attempt_at=row.next_attempt_at,
            attempts=row.attempts,
            error=row.last_error,
            has_body=row.caught_subject is not None,
        )
        for row in found
    )
    return StaffMailsPage(frame=frame, rows=rows, part=part, failed=failed)


def _state_of_mail(row: Any) -> MailState:
    if row.failed_at is not None:
        return MailState.FAILED
    return MailState.SENT if row.sent_at is not None else MailState.WAITING


def load_notes_page(session: Session, frame: CustomerFrame, *, number: int) -> NotesPage:
    """Page `number` (from 1) of the notes that were not removed."""
    mine = (StaffNote.customer_id == (frame.customer_id or 0)) & StaffNote.removed_at.is_(None)
    part = part_of_list(
        session.scalar(select(func.count(StaffNote.id)).where(mine)) or 0, number=number
    )
    found = session.execute(
        select(StaffNote, StaffUser.full_name, StaffUser.email)
        .outerjoin(StaffUser, StaffUser.id == StaffNote.staff_user_id)
        .where(mine)
        .order_by(StaffNote.id.desc())
        .offset(part.offset)
        .limit(PAGE_SIZE)
    )
    rows = tuple(
        NoteRow(id=note.id, text=note.text, at=note.created_at, author=name or email)
        for note, name, email in found
    )
    return NotesPage(frame=frame, rows=rows, part=part)
