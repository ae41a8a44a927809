"""The end of every login: one link, one session (login flow, steps 9 and 10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update

from app.domain.errors import BillingError
from app.models.people import BillingUser, EmailConfirmation, LoginLink
from app.services.audit import record_audit
from app.services.browser_sessions import begin_identity_session, end_session
from app.services.context import Context, billing_user_actor
from app.services.landing import decide_landing
from app.services.login_links import (
    HalfLogin,
    LoginRefused,
    check_half_login,
    get_billing_user,
    record_failed_login,
)
from app.services.logs import log_event
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
    it registered cannot be the host of an address.
    """
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
    user, link = _check(work, command)
    _use_up(work, command.half, replaces=replaces)
    _apply(work, user, command)
    secret = begin_identity_session(
        work,
        billing_user_id=user.id,
        authenticated_at=_authenticated_at(work, command.half, link),
        way_back=way_back(link),
        data=data,
    )
    record_audit(
        work,
        "login.succeeded",
        actor=billing_user_actor(user.id, email=user.email, full_name=user.full_name, ip=ip),
        server_id=link.server_id,
        organization_id=link.organization_id,
        after={"link": link.id, "confirmation": command.half.confirmation_id},
    )
    catalog = work.ctx.catalog
    page = decide_landing(
        work.session, link.organization, next_page=link.next_page, catalog=catalog
    )
    return CompletedLogin(secret=secret, billing_user_id=user.id, page=page)


def _check(work: UnitOfWork, command: CompleteLogin) -> tuple[BillingUser, LoginLink]:
    link = check_half_login(work.session, command.half, now=work.now)
    user = get_billing_user(work.session, link)
    if user is None:
        raise LoginRefused("login_email_first")
    accepted = command.tos_version or user.tos_version
    if accepted is None or int(accepted.split(".")[0]) < work.ctx.catalog.tos_major_version:
        raise BillingError("tos_not_accepted")
    return user, link


def _use_up(work: UnitOfWork, half: HalfLogin, *, replaces: str | None) -> None:
    """Make sure that no second login comes of the same link, not even of two requests at once.

    The row of the half-finished login is the last word: whoever deletes it has the login.
    """
    if replaces is None or not end_session(work, replaces):
        raise LoginRefused("login_link_used")
    statement = (
        update(LoginLink)
        .where(LoginLink.id == half.link_id, LoginLink.completed_at.is_(None))
        .values(completed_at=work.now)
        .returning(LoginLink.id)
        .execution_options(synchronize_session=False)
    )
    is_first = work.session.execute(statement).first() is not None
    # A confirmed address is a proof of its own; the link may have been used by another window.
    if not is_first and half.confirmation_id is None:
        raise LoginRefused("login_link_used")


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


def _authenticated_at(work: UnitOfWork, half: HalfLogin, link: LoginLink) -> datetime:
    if half.confirmation_id is None:
        return link.authenticated_at
    confirmation = work.session.get_one(EmailConfirmation, half.confirmation_id)
    assert confirmation.used_at is not None, "an unused confirmation was refused before"
    return confirmation.used_at
