"""What somebody of staff sees and changes of their own login."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.models.staff import StaffUser
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.staff_factor import (
    clean_code,
    confirm_secret,
    count_recovery_codes,
    forget_factor,
    matching_step,
    replace_recovery_codes,
)
from app.services.staff_passwords import password_matches
from app.services.staff_sessions import OpenSession, end_other_sessions, list_sessions
from app.services.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One's own login. `is_bound` says whether an account of the identity provider,
    if there is one, opens it;
    `factor_since` is None without a second factor."""

    email: str
    has_password: bool
    has_provider: bool
    is_bound: bool
    factor_since: datetime | None
    is_factor_required: bool
    codes_left: int
    sessions: list[OpenSession]


def load_account_page(
    ctx: Context, session: Session, staff_user_id: int, *, here: str
) -> AccountPage:
    """The page of whoever is logged in; `here` is the hash of this session."""
    user = session.get_one(StaffUser, staff_user_id)
    return AccountPage(
        email=user.email,
        has_password=user.password_hash is not None,
        has_provider=ctx.login_provider is not None,
        is_bound=user.oidc_subject is not None,
        factor_since=user.totp_confirmed_at,
        is_factor_required=ctx.settings.staff_require_2fa,
        codes_left=count_recovery_codes(session, staff_user_id),
        sessions=list_sessions(session, staff_user_id, here=here, now=ctx.now()),
    )


def has_password(session: Session, staff_user_id: int) -> bool:
    """Whether the person could log in by a password."""
    return session.get_one(StaffUser, staff_user_id).password_hash is not None


def check_own_password(
    ctx: Context, session: Session, staff_user_id: int, current: str | None
) -> None:
    """Before anything that decides who gets in, the person proves to be who they are. Whoever has
    no password (they come in through the provider) is not asked. Raises BillingError
    `staff_password_wrong`."""
    user = session.get_one(StaffUser, staff_user_id)
    if user.password_hash is None:
        return
    if not password_matches(ctx.settings, user.password_hash, current or ""):
        raise BillingError("staff_password_wrong")


def set_factor(
    ctx: Context, staff_user_id: int, *, sealed: str | None, code: str, here: str, actor: Actor
) -> list[str]:
    """Let the secret of the page count, once a code of it is right, in place of any before; every
    other session ends. Returns the new recovery codes. Raises BillingError `staff_code_wrong`."""
    step = matching_step(ctx, sealed, clean_code(code))
    if step is None or sealed is None:
        raise BillingError("staff_code_wrong")
    with unit_of_work(ctx) as work:
        user = work.session.get_one(StaffUser, staff_user_id, with_for_update=True)
        confirm_secret(work, user, sealed=sealed, step=step)
        codes = replace_recovery_codes(work, user)
        end_other_sessions(work, staff_user_id, here=here)
        record_audit(work, "staff.second_factor_set", actor=actor)
        work.commit()
    return codes


def remove_factor(ctx: Context, staff_user_id: int, *, actor: Actor) -> None:
    """Log in by the password alone from now on. Raises BillingError `staff_factor_needed` where a
    second factor is required."""
    if ctx.settings.staff_require_2fa:
        raise BillingError("staff_factor_needed")
    with unit_of_work(ctx) as work:
        user = work.session.get_one(StaffUser, staff_user_id, with_for_update=True)
        forget_factor(work, user)
        record_audit(work, "staff.second_factor_removed", actor=actor)
        work.commit()


def make_recovery_codes(ctx: Context, staff_user_id: int, *, actor: Actor) -> list[str]:
    """New recovery codes in place of those before. Raises BillingError `staff_no_factor` for who
    has nothing to recover from."""
    with unit_of_work(ctx) as work:
        user = work.session.get_one(StaffUser, staff_user_id, with_for_update=True)
        if user.totp_confirmed_at is None:
            raise BillingError("staff_no_factor")
        codes = replace_recovery_codes(work, user)
        record_audit(work, "staff.recovery_codes_made", actor=actor)
        work.commit()
    return codes
