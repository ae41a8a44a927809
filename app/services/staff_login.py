"""The login of staff: a password first, then the second factor, then a session.

Whoever comes by the identity provider (`staff_provider`) has proven everything there.

What is half finished gives access to nothing. Every attempt is in the audit log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.models.staff import StaffUser
from app.services.audit import record_audit
from app.services.browser_sessions import begin_staff_session, end_session
from app.services.context import Actor, Context, staff_actor
from app.services.logs import log_event
from app.services.staff_factor import (
    clean_code,
    confirm_secret,
    matching_step,
    replace_recovery_codes,
    use_code,
    use_recovery_code,
)
from app.services.staff_passwords import hash_password, is_outdated, password_matches
from app.services.unit_of_work import UnitOfWork, unit_of_work

# So many failures cost nothing; each one more locks the login for twice as long.
FREE_FAILURES = 5
LONGEST_LOCK = timedelta(hours=1)
# How long somebody may take from the password to the code.
HALF_LIFE = timedelta(minutes=10)
_HALF = "staff-half"
# How a login begins.
PASSWORD_DOOR, PROVIDER_DOOR = "password", "provider"


class NextStep(StrEnum):
    """What is still asked after the first proof."""

    NOTHING = "nothing"
    CODE = "code"
    ENROLL = "enroll"


@dataclass(frozen=True, slots=True)
class HalfStaff:
    """A login after its first step. `stamp` changes with the password and the second factor, so
    that what was begun before such a change leads nowhere; `door` is how it began, for the audit log."""

    staff_user_id: int
    stamp: str
    door: str


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a login comes from. `replaces` names the browser's session until now, which ends;
    `data` are the first values of the new one."""

    replaces: str | None
    data: Mapping[str, Any]
    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The new session's id, for the cookie only, and the recovery codes, to be shown once."""

    secret: str
    codes: list[str]


def check_password(
    ctx: Context, session: Session, *, email: str, password: str, ip: str | None
) -> HalfStaff:
    """The first step. Raises BillingError `staff_login_wrong` for an unknown address, a wrong
    password, somebody disabled and a login that is locked alike, after the same work."""
    address = email.strip().lower()
    user = session.scalars(select(StaffUser).where(StaffUser.email == address)).first()
    known_hash = user.password_hash if user is not None else None
    is_right = password_matches(ctx.settings, known_hash, password)
    reason = why_not(ctx, user) or (None if is_right else "password")
    if reason is not None or user is None:
        with unit_of_work(ctx) as work:
            counts = reason == "password"
            note_failure(work, user, reason or "unknown", ip=ip, counts=counts)
            work.commit()
        raise BillingError("staff_login_wrong")
    if known_hash is not None and is_outdated(ctx.settings, known_hash):
        return _with_newer_hash(ctx, user.id, password)
    return HalfStaff(user.id, stamp_of(ctx, user), PASSWORD_DOOR)


def why_not(ctx: Context, user: StaffUser | None, *, door: str = PASSWORD_DOOR) -> str | None:
    """Why this person may not go on with a login, as the audit log says it; None when they may.

    Failed passwords lock the door of passwords alone: otherwise anybody who knows an address could
    keep its person out of the provider's door, too."""
    if user is None:
        return "unknown"
    if user.disabled_at is not None:
        return "disabled"
    is_locked = user.locked_until is not None and ctx.now() < user.locked_until
    if is_locked and door == PASSWORD_DOOR:
        return "locked"
    return None


def next_step(ctx: Context, session: Session, half: HalfStaff) -> NextStep:
    """What the second step is. Raises BillingError `staff_login_over` when the login cannot go on."""
    user = session.get(StaffUser, half.staff_user_id, populate_existing=True)
    return _step(ctx, _checked(ctx, user, half), half)


def load_email(session: Session, half: HalfStaff) -> str:
    """Whose login it is."""
    statement = select(StaffUser.email).where(StaffUser.id == half.staff_user_id)
    return session.scalars(statement).one()


def finish_without_code(ctx: Context, half: HalfStaff, browser: Browser) -> str:
    """Begin the session of somebody of whom nothing more is asked; its id, for the cookie only.
    Raises BillingError `staff_login_over`."""
    with unit_of_work(ctx) as work:
        user = _claim(work, half)
        if _step(ctx, user, half) is not NextStep.NOTHING:
            raise BillingError("staff_login_over")
        secret = _begin(work, user, half, browser, factor=None)
        work.commit()
    return secret


def finish_with_code(ctx: Context, half: HalfStaff, code: str, browser: Browser) -> str:
    """Begin the session of somebody who proves the second factor, by the authenticator or by a
    recovery code; its id, for the cookie only.

    Raises BillingError `staff_code_wrong`, which counts as a failure, or `staff_login_over`.
    """
    with unit_of_work(ctx) as work:
        user = _claim(work, half)
        factor = None
        if use_code(work, user, code):
            factor = "totp"
        elif use_recovery_code(work, user, code):
            factor = "recovery"
        secret = None
        if factor is None:
            note_failure(work, user, "code", ip=browser.ip, counts=True)
        else:
            secret = _begin(work, user, half, browser, factor=factor)
        work.commit()
    if secret is None:
        raise BillingError("staff_code_wrong")
    return secret


def finish_with_enrollment(
    ctx: Context, half: HalfStaff, code: str, browser: Browser, *, sealed: str | None
) -> Enrolled:
    """Begin the session of somebody who sets the second factor up now, with the secret of the
    page. Raises BillingError `staff_code_wrong` or `staff_login_over`."""
    step = matching_step(ctx, sealed, clean_code(code))
    with unit_of_work(ctx) as work:
        user = _claim(work, half)
        if _step(ctx, user, half) is not NextStep.ENROLL:
            raise BillingError("staff_login_over")
        if step is None or sealed is None:
            raise BillingError("staff_code_wrong")
        confirm_secret(work, user, sealed=sealed, step=step)
        codes = replace_recovery_codes(work, user)
        record_audit(work, "staff.second_factor_set", actor=_actor(user, browser.ip))
        secret = _begin(work, user, half, browser, factor="totp")
        work.commit()
    return Enrolled(secret, codes)


def stamp_of(ctx: Context, user: StaffUser) -> str:
    """What a half-finished login of this person carries."""
    facts = f"{user.id}:{user.password_hash}:{user.totp_secret}:{user.oidc_subject}"
    return ctx.tokens.hash_secret(_HALF, facts)


def note_failure(
    work: UnitOfWork, user: StaffUser | None, reason: str, *, ip: str | None, counts: bool
) -> None:
    """Write a failed login into the audit log; one that `counts` may lock the login for a while."""
    actor = Actor("stranger", ip=ip) if user is None else _actor(user, ip)
    record_audit(work, "staff.login_failed", actor=actor, after={"reason": reason})
    if user is not None and counts:
        _count_failure(work, user.id)
    known = user.id if user is not None else None
    work.after_commit(lambda: log_event("staff.login_failed", staff=known, reason=reason))


def _count_failure(work: UnitOfWork, staff_user_id: int) -> None:
    one_more = (
        update(StaffUser)
        .where(StaffUser.id == staff_user_id)
        .values(failed_logins=StaffUser.failed_logins + 1)
        .returning(StaffUser.failed_logins)
        .execution_options(synchronize_session=False)
    )
    failures = work.session.scalars(one_more).one()
    if failures >= FREE_FAILURES:
        # The exponent is bounded, since the lock is.
        doubled = timedelta(minutes=2 ** min(failures - FREE_FAILURES, 10))
        until = work.now + min(doubled, LONGEST_LOCK)
        lock = update(StaffUser).where(StaffUser.id == staff_user_id).values(locked_until=until)
        work.session.execute(lock.execution_options(synchronize_session=False))


def _with_newer_hash(ctx: Context, staff_user_id: int, password: str) -> HalfStaff:
    newer = hash_password(ctx.settings, password)
    with unit_of_work(ctx) as work:
        user = work.session.get_one(StaffUser, staff_user_id, with_for_update=True)
        user.password_hash = newer
        half = HalfStaff(user.id, stamp_of(ctx, user), PASSWORD_DOOR)
        work.commit()
    return half


def _step(ctx: Context, user: StaffUser, half: HalfStaff) -> NextStep:
    if half.door == PROVIDER_DOOR:
        # Whether one factor is enough is decided there.
        return NextStep.NOTHING
    if user.totp_confirmed_at is not None:
        return NextStep.CODE
    return NextStep.ENROLL if ctx.settings.staff_require_2fa else NextStep.NOTHING


def _claim(work: UnitOfWork, half: HalfStaff) -> StaffUser:
    """The person, locked for this unit of work. Raises BillingError `staff_login_over`."""
    user = work.session.get(StaffUser, half.staff_user_id, with_for_update=True)
    return _checked(work.ctx, user, half)


def _checked(ctx: Context, user: StaffUser | None, half: HalfStaff) -> StaffUser:
    if user is None or why_not(ctx, user, door=half.door) is not None:
        raise BillingError("staff_login_over")
    if stamp_of(ctx, user) != half.stamp:
        raise BillingError("staff_login_over")
    return user


def _begin(
    work: UnitOfWork, user: StaffUser, half: HalfStaff, browser: Browser, *, factor: str | None
) -> str:
    if browser.replaces is not None:
        end_session(work, browser.replaces)
    user.last_login_at = work.now
    if half.door == PASSWORD_DOOR:
        # The other door says nothing about who has been guessing passwords.
        user.failed_logins, user.locked_until = 0, None
    after = {"door": half.door, "factor": factor}
    record_audit(work, "staff.logged_in", actor=_actor(user, browser.ip), after=after)
    staff_user_id = user.id
    work.after_commit(lambda: log_event("staff.logged_in", staff=staff_user_id))
    return begin_staff_session(
        work,
        staff_user_id=user.id,
        ip=browser.ip,
        user_agent=browser.user_agent,
        data=browser.data,
    )


def _actor(user: StaffUser, ip: str | None) -> Actor:
    return staff_actor(user.id, email=user.email, full_name=user.full_name, ip=ip)
