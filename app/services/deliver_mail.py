"""Sending what the outbox holds: one mail after its commit, or all that are due."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, null, or_, select, update

from app.gateways.mail import MailError, RenderedMail
from app.models.mails import Mail
from app.services.context import Context
from app.services.leases import take_leases
from app.services.logs import log_event
from app.services.mail_choices import unsubscribe_address
from app.services.mail_params import decode_params
from app.services.unit_of_work import UnitOfWork, is_transaction_open, unit_of_work

log = logging.getLogger("tallyport.mail")

LEASE = timedelta(minutes=5)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=4)
# With the waits above the last attempt is made about a day after the first.
MAX_ATTEMPTS = 13


class DeliveryOutcome(StrEnum):
    """What became of one attempt to send a mail."""

    SENT = "sent"
    # Not sent; it is tried again later.
    POSTPONED = "postponed"
    # Not sent, and nobody will try again.
    FAILED = "failed"
    # Nothing was tried: sent before, not due, or in other hands.
    NOT_DUE = "not_due"


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """What `deliver_due_mails` did, in mails."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A mail taken out of its row, to be sent outside of any transaction."""

    mail_id: int
    template: str
    params: dict[str, Any]
    recipient: str
    message_id: str
    # Where its person stops mails of this kind; None for mails that always go.
    unsubscribe_url: str | None


def deliver_mail(ctx: Context, mail_id: int) -> DeliveryOutcome:
    """Try to send one mail, if it is due and free.

    A mail that the mail server does not take stays in the outbox for a later attempt. Any other
    error (a broken template) counts as an attempt too and is raised.
    """
    if is_transaction_open():
        raise RuntimeError("no mail is sent inside a transaction")
    with unit_of_work(ctx) as work:
        this_one = [Mail.id == mail_id, *_is_due(work)]
        if not take_leases(work, Mail, due=this_one, limit=1, lasting=LEASE):
            return DeliveryOutcome.NOT_DUE
        parcel = _take_out(work, mail_id)
        work.commit()
    try:
        rendered = ctx.mailer.send(
            parcel.template,
            parcel.params,
            recipient=parcel.recipient,
            message_id=parcel.message_id,
            unsubscribe_url=parcel.unsubscribe_url,
            # Whom staff answer, for mails that somebody caused.
            reply_to=parcel.params.get("reply_to"),
        )
    except MailError as error:
        return _record_refusal(ctx, mail_id, reason=str(error), is_final=error.permanent)
    except Exception as error:
        # The text of an unknown error may hold addresses; its kind says enough for the row.
        _record_refusal(ctx, mail_id, reason=type(error).__name__, is_final=False)
        raise
    _record_sent(ctx, mail_id, rendered)
    return DeliveryOutcome.SENT


def deliver_due_mails(ctx: Context, *, limit: int = 1000) -> DeliveryCounts:
    """Try to send up to `limit` mails that are due; called by `flask billing deliver`.

    One mail that cannot be sent does not stop the others.
    """
    counts = dict.fromkeys(DeliveryOutcome, 0)
    with unit_of_work(ctx) as work:
        _wipe_leftover_secrets(work)
        due = select(Mail.id).where(*_is_due(work)).order_by(Mail.id).limit(limit)
        mail_ids = list(work.session.scalars(due))
        work.commit()
    for mail_id in mail_ids:
        try:
            counts[deliver_mail(ctx, mail_id)] += 1
        except Exception:
            log.exception("mail.failed", extra={"fields": {"mail": mail_id}})
            counts[DeliveryOutcome.POSTPONED] += 1
    return DeliveryCounts(
        sent=counts[DeliveryOutcome.SENT],
        postponed=counts[DeliveryOutcome.POSTPONED],
        failed=counts[DeliveryOutcome.FAILED],
    )


def _is_due(work: UnitOfWork) -> Sequence[ColumnElement[bool]]:
    return (
        Mail.sent_at.is_(None),
        Mail.failed_at.is_(None),
        Mail.next_attempt_at <= work.now,
    )


def _take_out(work: UnitOfWork, mail_id: int) -> _Parcel:
    mail = work.session.get_one(Mail, mail_id, populate_existing=True)
    mail.attempts += 1
    if not mail.about_money:
        # Marked before it leaves: should we die on the way, it is lost rather than sent twice.
        mail.sent_at = work.now
    host = urlsplit(work.ctx.settings.base_url).hostname or "localhost"
    unsubscribe_url = None
    if mail.kind is not None and mail.billing_user_id is not None:
        unsubscribe_url = unsubscribe_address(work.ctx, mail.billing_user_id, mail.kind)
    params = decode_params(mail.params) | decode_params(mail.secret_params or {})
    return _Parcel(
        mail_id=mail.id,
        template=mail.template,
        params=params | {"unsubscribe_url": unsubscribe_url, "mail_kind": mail.kind},
        recipient=mail.recipient,
        # The same at every attempt, so that a mail box can tell a second copy.
        message_id=f"<mail-{mail.id}-{int(mail.created_at.timestamp())}@{host}>",
        unsubscribe_url=unsubscribe_url,
    )


def _record_sent(ctx: Context, mail_id: int, rendered: RenderedMail) -> None:
    with unit_of_work(ctx) as work:
        mail = work.session.get_one(Mail, mail_id)
        mail.sent_at = work.now
        mail.last_error = None
        if ctx.mailer.catches:
            mail.caught_subject = rendered.subject[:300]
            mail.caught_text = rendered.text
            mail.caught_html = rendered.html
        _let_go(mail)
        work.commit()
    log_event("mail.sent", mail=mail_id, template=mail.template)


def _record_refusal(ctx: Context, mail_id: int, *, reason: str, is_final: bool) -> DeliveryOutcome:
    with unit_of_work(ctx) as work:
        mail = work.session.get_one(Mail, mail_id)
        mail.sent_at = None
        mail.last_error = reason[:500]
        gives_up = is_final or mail.attempts >= MAX_ATTEMPTS
        if gives_up:
            mail.failed_at = work.now
            _let_go(mail)
        else:
            mail.next_attempt_at = work.now + _wait(mail.attempts)
            mail.claimed_by = None
            mail.claimed_until = None
        work.commit()
    outcome = DeliveryOutcome.FAILED if gives_up else DeliveryOutcome.POSTPONED
    log_event("mail.refused", mail=mail_id, template=mail.template, outcome=outcome, why=reason)
    return outcome


def _let_go(mail: Mail) -> None:
    """What is left of a mail that nobody will send again: no lease, no secret."""
    mail.claimed_by = None
    mail.claimed_until = None
    # A plain None would be stored as JSON's null.
    mail.secret_params = null()


def _wait(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time."""
    return min(FIRST_WAIT * (1 << (attempts - 1)), LONGEST_WAIT)


def _wipe_leftover_secrets(work: UnitOfWork) -> None:
    """Take the secrets out of mails whose run died after they were marked as sent."""
    now = work.ctx.clock.real_now()
    statement = (
        update(Mail)
        .where(
            or_(Mail.sent_at.is_not(None), Mail.failed_at.is_not(None)),
            Mail.secret_params.is_not(None),
            or_(Mail.claimed_until.is_(None), Mail.claimed_until <= now),
        )
        .values(secret_params=null())
        .execution_options(synchronize_session=False)
    )
    work.session.execute(statement)
