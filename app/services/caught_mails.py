"""The mails that were caught instead of sent, in demo and testing. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.domain.kinds import MailKind
from app.models.mails import Mail


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One line of the list."""

    id: int
    subject: str
    recipient: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class CaughtMailContent:
    """A mail as it was rendered, both parts."""

    mail: CaughtMail
    text: str
    html: str
    # For mails that can be stopped: whose they are, and of which kind.
    billing_user_id: int | None = None
    kind: MailKind | None = None


@dataclass(frozen=True, slots=True)
class CaughtMails:
    """A page of the list, newest first. `older` and `newer` are page numbers, None at the ends."""

    mails: tuple[CaughtMail, ...]
    total: int
    newer: int | None
    older: int | None


def list_caught_mails(session: Session, *, page: int, per_page: int = 50) -> CaughtMails:
    """The page of that number; the first one is 1. A page beyond the last is empty."""
    caught = Mail.caught_subject.is_not(None)
    total = session.scalar(select(func.count()).select_from(Mail).where(caught)) or 0
    rows = session.scalars(
        select(Mail)
        .where(caught)
        .order_by(Mail.id.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return CaughtMails(
        mails=tuple(_line(row) for row in rows),
        total=total,
        newer=page - 1 if page > 1 else None,
        older=page + 1 if page * per_page < total else None,
    )


def load_caught_mail(session: Session, mail_id: int) -> CaughtMailContent:
    """One mail. Raises NotFoundError when there is none, or when it was not caught."""
    row = session.scalars(
        select(Mail).where(Mail.id == mail_id, Mail.caught_subject.is_not(None))
    ).first()
    if row is None:
        raise NotFoundError("mail")
    return CaughtMailContent(
        _line(row),
        row.caught_text or "",
        row.caught_html or "",
        billing_user_id=row.billing_user_id,
        kind=row.kind,
    )


def _line(row: Mail) -> CaughtMail:
    return CaughtMail(
        id=row.id,
        subject=row.caught_subject or "",
        recipient=row.recipient,
        sent_at=row.sent_at or row.created_at,
    )
