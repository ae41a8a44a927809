"""The end of every login: one link, one session (login flow, steps 9 and 10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update

from app.domain.errors import BillingError
from app.domain.kinds import LoginDoor
from app.models.people import BillingUser, LoginLink
from app.services.audit import record_audit
from app.services.browser_sessions import begin_identity_session, end_session
from app.services.context import Context, billing_user_actor
from app.services.landing import decide_landing
from app.services.login_failures import LoginRefused, link_actor, record_failed_login
from app.services.login_links import HalfLogin, OpenLogin, check_half_login, claim_place
from app.services.login_people import confirm_person, ensure_owner, host_of
from app.services.logs import log_event
from app.services.move_plan import move_plan_at_login
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork, unit_of_work

URI_SCHEMES = frozenset({"http://", "https://"})


@dataclass(frozen=True, slots=True)
class CompleteLogin:
    """What a person confirmed. `tos_version` is the version whose box was ticked, None when the
    form had no box; the two wishes are None when they were not asked."""

    half: HalfLogin
    full_name: str
    tos_version: str | None
    wants_major_release_mails: bool | None
    wants_maintenance_mails: bool | None


@dataclass(frozen=True, slots=True)
class CompletedLogin:
    """The new session's id, for the cookie only, and the page to go to."""

    secret: str
    billing_user_id: int
    page: str


def complete_login(
    ctx: Context,
    command: CompleteLogin,
    *,
    replaces: str | None,
    session_data: Mapping[str, Any],
    ip: str | None,
) -> CompletedLogin:
    """Log a person in. `replaces` names the browser's session until now, which ends here;
    `session_data` are the first values of the new one.

    Raises LoginRefused `login_email_first` before the first confirmation and those of
    `open_login_link`, and BillingError `tos_not_accepted`; each refusal is in the audit log.
    """
    try:
        with unit_of_work(ctx) as work:
            completed = _log_in(work, command, replaces=replaces, data=session_data, ip=ip)
            work.commit()
    except BillingError as error:
        record_failed_login(ctx, error, link_id=command.half.link_id, ip=ip)
        raise
    log_event("login.succeeded", billing_user=completed.billing_user_id)
    return completed


def way_back(link: LoginLink) -> str | None:
    """The product's own billing page of the organization that a link came from.

    Built from what the organization registered and never from a request. None when the host that
    it registered cannot be the host of an address, and for a server, whose people come back by
    our own door.
    """
    if link.organization is None:
        return None
    host = link.organization.host
    fits = host and not any(mark in host for mark in "/?#@\\ ")
    if link.uri_scheme not in URI_SCHEMES or not fits:
        return None
    return f"{link.uri_scheme}{host}/self-hosted-billing/"


def _log_in(
    work: UnitOfWork,
    command: CompleteLogin,
    *,
    replaces: str | None,
    data: Mapping[str, Any],
    ip: str | None,
) -> CompletedLogin:
    claim_place(work, command.half.link_id)
    login = check_half_login(work.session, command.half, now=work.now)
    link, actor = login.link, link_actor(login.link, ip=ip)
    _check(work, login, command)
    _use_up(work, login, replaces=replaces)
    user = login.user
    if user is None or link.door is LoginDoor.ON_BEHALF:
        user = confirm_person(work, link, address=login.address, actor=actor)
    ensure_owner(work, link, user, actor=actor)
    _apply(work, user, command)
    known = billing_user_actor(user.id, email=user.email, full_name=user.full_name, ip=ip)
    if link.organization is not None:
        move_plan_at_login(work, link.organization, actor=known)
    secret = begin_identity_session(
        work,
        billing_user_id=user.id,
        authenticated_at=_authenticated_at(work, login),
        way_back=way_back(link),
        data=data,
    )
    record_audit(
        work,
        "login.succeeded",
        actor=known,
        server_id=link.server_id,
        organization_id=link.organization_id,
        after={
            "door": link.door.value,
            "link": link.id,
            "confirmation": command.half.confirmation_id,
        },
    )
    if link.door is LoginDoor.ON_BEHALF:
        _tell_the_contact(work, link)
    place, catalog = link.organization or link.server, work.ctx.catalog
    page = decide_landing(work.session, place, next_page=link.next_page, catalog=catalog)
    return CompletedLogin(secret=secret, billing_user_id=user.id, page=page)


def _check(work: UnitOfWork, login: OpenLogin, command: CompleteLogin) -> None:
    if not login.is_proven:
        raise LoginRefused("login_email_first", door=login.link.door)
    accepted = command.tos_version or (login.user.tos_version if login.user is not None else None)
    if accepted is None or int(accepted.split(".")[0]) < work.ctx.catalog.tos_major_version:
        raise BillingError("tos_not_accepted")


def _use_up(work: UnitOfWork, login: OpenLogin, *, replaces: str | None) -> None:
    """Make sure that no second login comes of the same link, not even of two requests at once.

    The row of the half-finished login is the last word: whoever deletes it has the login.
    """
    link = login.link
    if replaces is None or not end_session(work, replaces):
        raise LoginRefused("login_link_used", door=link.door)
    statement = (
        update(LoginLink)
        .where(LoginLink.id == link.id, LoginLink.completed_at.is_(None))
        .values(completed_at=work.now)
        .returning(LoginLink.id)
        .execution_options(synchronize_session=False)
    )
    is_first = work.session.execute(statement).first() is not None
    # Through the product's door a confirmed address is a proof of its own; the link may have been
    # used by another window.
    counts_alone = link.door is LoginDoor.PRODUCT and login.confirmation is not None
    if not is_first and not counts_alone:
        raise LoginRefused("login_link_used", door=link.door)


def _apply(work: UnitOfWork, user: BillingUser, command: CompleteLogin) -> None:
    user.full_name = command.full_name
    user.last_login_at = work.now
    if command.tos_version is not None and command.tos_version != user.tos_version:
        user.tos_version = command.tos_version
        user.tos_accepted_at = work.now
    if command.wants_major_release_mails is not None:
        user.wants_major_release_mails = command.wants_major_release_mails
    if command.wants_maintenance_mails is not None:
        user.wants_maintenance_mails = command.wants_maintenance_mails


def _authenticated_at(work: UnitOfWork, login: OpenLogin) -> datetime:
    if login.confirmation is not None:
        assert login.confirmation.used_at is not None, "an unused one was refused before"
        return login.confirmation.used_at
    if login.link.door is LoginDoor.ON_BEHALF:
        # Such a link lives longer than a session; having it is the proof, and that is now.
        return work.now
    return login.link.authenticated_at


def _tell_the_contact(work: UnitOfWork, link: LoginLink) -> None:
    """A link on behalf may have been forwarded: the contact learns of its use in any case."""
    record_mail(
        work,
        template="login_on_behalf_used",
        recipient=link.email,
        params={"host": host_of(link), "used_at": work.now},
        event_key=f"login_link.used:{link.id}",
    )
