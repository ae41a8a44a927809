"""An address is proven by a mailed link, and the person is created or confirmed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import LoginDoor
from app.models.mails import Mail
from app.models.people import EmailConfirmation, LoginLink
from app.services.audit import record_audit
from app.services.context import Context
from app.services.login_failures import (
    LoginRefused,
    add_failed_login,
    link_actor,
    record_failed_login,
)
from app.services.login_links import (
    CONFIRMATION_PURPOSE,
    HalfLogin,
    check_half_login,
    check_place,
    claim_place,
    load_link,
)
from app.services.login_people import confirm_person, find_person, host_of
from app.services.logs import log_event
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork, unit_of_work

CONFIRMATION_LIFE = timedelta(hours=24)
# The same form sent again within this time (a double click) sends no second mail.
REPEAT_STEP = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class SendConfirmation:
    """Send the mail that proves `email` for the login under way."""

    half: HalfLogin
    email: str


@dataclass(frozen=True, slots=True)
class SentConfirmation:
    """What the page after the form shows. `is_waiting`: our mail server has not taken it yet."""

    email: str
    host: str
    is_waiting: bool


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """What the page behind a mailed link shows before its button is pressed. `is_server`: the
    login is for a server, and not for an organization."""

    email: str
    host: str
    is_server: bool


def is_confirmation_recent(ctx: Context, session: Session, command: SendConfirmation) -> bool:
    """Whether the same mail was sent a moment ago, so that another would be a double click."""
    link = load_link(session, command.half.link_id)
    return _get_recent(session, link, command.email, now=ctx.now()) is not None


def send_confirmation(ctx: Context, command: SendConfirmation, *, ip: str | None) -> int:
    """Send a link to the address that was typed; returns the confirmation's id.

    A mail server that is down delays the mail and is no error (see `load_sent_confirmation`).
    Raises BillingError `login_already_known` when this person needs no confirmation any more, and
    those of `open_login_link`, after writing the failed login into the audit log.
    """
    try:
        with unit_of_work(ctx) as work:
            confirmation_id = _send(work, command, ip=ip)
            work.commit()
    except LoginRefused as error:
        record_failed_login(ctx, error, link_id=command.half.link_id, ip=ip)
        raise
    return confirmation_id


def load_sent_confirmation(session: Session, confirmation_id: int) -> SentConfirmation:
    """Where a confirmation went and whether it has left. Raises LoginRefused."""
    confirmation = session.get(EmailConfirmation, confirmation_id)
    if confirmation is None:
        raise LoginRefused("login_link_invalid")
    statement = select(Mail.sent_at).where(Mail.event_key == _event_key(confirmation_id))
    return SentConfirmation(
        email=confirmation.email,
        host=host_of(confirmation.login_link),
        is_waiting=session.scalars(statement).first() is None,
    )


def open_confirmation(ctx: Context, session: Session, key: str, *, ip: str | None) -> ConfirmPage:
    """What a mailed link asks to be confirmed; reads only, unless it fails.

    Raises LoginRefused `confirmation_invalid`, `confirmation_expired`, `confirmation_used`,
    `confirmation_completed` (of a server's login, which uses up its mails at its end) or those of `open_login_link` about the place, after writing the failed login into the audit log.
    """
    with _failures_recorded(ctx, key, ip=ip):
        confirmation = _find(ctx, session, key)
        _check(session, confirmation, ctx=ctx)
        link = confirmation.login_link
        is_server = link.door is not LoginDoor.PRODUCT
        return ConfirmPage(email=confirmation.email, host=host_of(link), is_server=is_server)


def confirm_email(ctx: Context, key: str, *, ip: str | None) -> HalfLogin:
    """The address is proven: create or confirm the person, unless another link has, and go on.

    Each mailed link of the product's door works once, those of a server until one login is
    completed. Raises as `open_confirmation`.
    """
    with _failures_recorded(ctx, key, ip=ip), unit_of_work(ctx) as work:
        claim_place(work, _find(ctx, work.session, key).login_link_id)
        confirmation = _find(ctx, work.session, key, lock=True)
        _check(work.session, confirmation, ctx=ctx)
        confirmation.used_at = work.now
        link = confirmation.login_link
        confirm_person(work, link, address=confirmation.email, actor=link_actor(link, ip=ip))
        half = HalfLogin(confirmation.login_link_id, confirmation.id)
        work.commit()
    log_event("login.confirmed", link=half.link_id, confirmation=half.confirmation_id)
    return half


@contextmanager
def _failures_recorded(ctx: Context, key: str, *, ip: str | None) -> Iterator[None]:
    """Write what is refused inside into the audit log, with the link that the key came from."""
    try:
        yield
    except LoginRefused as error:
        with unit_of_work(ctx) as work:
            known = _having_key(ctx, key).with_only_columns(EmailConfirmation.login_link_id)
            link_id = work.session.execute(known).scalar()
            add_failed_login(work, error, link_id=link_id, ip=ip)
            work.commit()
        log_event("login.failed", link=link_id, reason=error.code)
        raise


def _send(work: UnitOfWork, command: SendConfirmation, *, ip: str | None) -> int:
    login = check_half_login(work.session, command.half, now=work.now)
    if login.is_proven:
        raise BillingError("login_already_known")
    link = login.link
    # Whoever was removed gets no mail either, however the address is written.
    _check_person(work.session, link, command.email)
    recent = _get_recent(work.session, link, command.email, now=work.now)
    if recent is not None:
        return recent.id
    confirmation_id = _add_confirmation(work, link, command.email)
    record_audit(
        work,
        "login.confirmation_sent",
        actor=link_actor(link, ip=ip),
        server_id=link.server_id,
        organization_id=link.organization_id,
        after={"confirmation": confirmation_id},
    )
    return confirmation_id


def _add_confirmation(work: UnitOfWork, link: LoginLink, email: str) -> int:
    tokens = work.ctx.tokens
    key = tokens.new_secret()
    confirmation = EmailConfirmation(
        key_hash=tokens.hash_secret(CONFIRMATION_PURPOSE, key),
        login_link_id=link.id,
        email=email,
        created_at=work.now,
        expires_at=work.now + CONFIRMATION_LIFE,
    )
    work.session.add(confirmation)
    work.flush()
    base_url = work.ctx.settings.base_url
    is_server = link.door is not LoginDoor.PRODUCT
    record_mail(
        work,
        template="confirm_server_login" if is_server else "confirm_login",
        recipient=email,
        # No name: any server may register and choose it, and we would mail its text to strangers.
        params={"host": host_of(link), "expires_at": confirmation.expires_at},
        secret_params={"url": f"{base_url}/remote-billing-login/do-confirm/{key}"},
        event_key=_event_key(confirmation.id),
    )
    return confirmation.id


def _get_recent(
    session: Session, link: LoginLink, email: str, *, now: datetime
) -> EmailConfirmation | None:
    statement = (
        select(EmailConfirmation)
        .where(
            EmailConfirmation.login_link_id == link.id,
            EmailConfirmation.email == email,
            EmailConfirmation.used_at.is_(None),
            EmailConfirmation.created_at > now - REPEAT_STEP,
        )
        .order_by(EmailConfirmation.id.desc())
    )
    return session.scalars(statement).first()


def _having_key(ctx: Context, key: str) -> Select[EmailConfirmation]:
    hashes = ctx.tokens.hashes(CONFIRMATION_PURPOSE, key)
    return select(EmailConfirmation).where(EmailConfirmation.key_hash.in_(hashes))


def _find(ctx: Context, session: Session, key: str, *, lock: bool = False) -> EmailConfirmation:
    statement = _having_key(ctx, key)
    if lock:
        # What was read before the lock may be old by now.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(statement).first()
    if found is None:
        raise LoginRefused("confirmation_invalid")
    return found


def _check(session: Session, confirmation: EmailConfirmation, *, ctx: Context) -> None:
    link = confirmation.login_link
    if link.door is LoginDoor.SERVER_KEY:
        if link.completed_at is not None:
            raise LoginRefused("confirmation_completed", door=link.door)
    elif confirmation.used_at is not None:
        raise LoginRefused("confirmation_used", door=link.door)
    if ctx.now() >= confirmation.expires_at:
        raise LoginRefused("confirmation_expired", door=link.door)
    check_place(session, link, confirmation=confirmation)


def _check_person(session: Session, link: LoginLink, email: str) -> None:
    user = find_person(session, link, address=email)
    if user is not None and user.deactivated_at is not None:
        raise LoginRefused("login_user_deactivated", door=link.door)


def _event_key(confirmation_id: int) -> str:
    return f"login.confirmation:{confirmation_id}"
