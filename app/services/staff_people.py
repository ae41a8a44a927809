"""Who of the vendor may log in: adding, resetting, disabling people, and what each may do."""

from dataclasses import dataclass

from sqlalchemy import select

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import StaffRole
from app.models.staff import StaffUser
from app.services.audit import record_audit
from app.services.browser_sessions import revoke_staff_sessions
from app.services.context import Actor, Context
from app.services.staff_factor import forget_factor
from app.services.staff_passwords import check_new_password, hash_password
from app.services.staff_setup import make_setup_link
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class CreateStaff:
    """Somebody new. Without a password a link is made with which the person chooses one."""

    email: str
    full_name: str
    role: StaffRole
    password: str | None = None


@dataclass(frozen=True, slots=True)
class CreatedStaff:
    """Our id, and the address of the link, if one was made."""

    staff_user_id: int
    url: str | None


def create_staff(
    ctx: Context, command: CreateStaff, *, actor: Actor, mails: bool = False
) -> CreatedStaff:
    """Add somebody. Raises BillingError `staff_known` and those of `check_new_password`."""
    email = command.email.strip().lower()
    made = None
    if command.password is not None:
        check_new_password(command.password, email=email, full_name=command.full_name)
        made = hash_password(ctx.settings, command.password)
    with unit_of_work(ctx) as work:
        known = select(StaffUser.id).where(StaffUser.email == email)
        if work.session.scalars(known).first() is not None:
            raise BillingError("staff_known")
        user = StaffUser(
            email=email,
            full_name=command.full_name,
            role=command.role,
            password_hash=made,
            created_at=work.now,
        )
        work.session.add(user)
        work.flush()
        after = {"staff": user.id, "role": command.role.value}
        record_audit(work, "staff.created", actor=actor, after=after)
        url = None if made else make_setup_link(work, user, mails=mails)
        created = CreatedStaff(user.id, url)
        work.commit()
    return created


def find_staff(ctx: Context, email: str) -> int:
    """Our id of the person with that address. Raises NotFoundError."""
    with unit_of_work(ctx) as work:
        statement = select(StaffUser.id).where(StaffUser.email == email.strip().lower())
        found = work.session.scalars(statement).first()
    if found is None:
        raise NotFoundError("staff")
    return found


def reset_staff(ctx: Context, staff_user_id: int, *, actor: Actor, mails: bool = False) -> str:
    """Take password, second factor, the provider's account and sessions away; the person chooses a new password by the
    link that is returned. Raises NotFoundError, or BillingError `staff_disabled`."""
    with unit_of_work(ctx) as work:
        user = _claim(work, staff_user_id)
        if user.disabled_at is not None:
            raise BillingError("staff_disabled")
        user.password_hash, user.failed_logins, user.locked_until = None, 0, None
        user.oidc_issuer = user.oidc_subject = None
        forget_factor(work, user)
        revoke_staff_sessions(work, staff_user_id=user.id)
        url = make_setup_link(work, user, mails=mails)
        record_audit(work, "staff.reset", actor=actor, after={"staff": user.id})
        work.commit()
    return url


def unbind_provider(ctx: Context, staff_user_id: int, *, actor: Actor) -> None:
    """Forget which of the provider's accounts somebody comes in with, and end their sessions, since
    nothing tells which of them it opened. Nothing happens to who has none. Raises NotFoundError."""
    with unit_of_work(ctx) as work:
        user = _claim(work, staff_user_id)
        if user.oidc_subject is None:
            return
        user.oidc_issuer = user.oidc_subject = None
        revoke_staff_sessions(work, staff_user_id=user.id)
        record_audit(work, "staff.provider_unbound", actor=actor, after={"staff": user.id})
        work.commit()


def disable_staff(ctx: Context, staff_user_id: int, *, actor: Actor) -> None:
    """Let somebody in no more, and end their sessions. Nothing happens to who is disabled already.
    Raises NotFoundError, or BillingError `staff_last_admin`."""
    with unit_of_work(ctx) as work:
        user = _claim(work, staff_user_id)
        if user.disabled_at is not None:
            return
        _check_others_administer(work, user)
        user.disabled_at = work.now
        revoke_staff_sessions(work, staff_user_id=user.id)
        record_audit(work, "staff.disabled", actor=actor, after={"staff": user.id})
        work.commit()


def enable_staff(ctx: Context, staff_user_id: int, *, actor: Actor) -> None:
    """Let somebody in again, with the password and the second factor they had. Raises
    NotFoundError."""
    with unit_of_work(ctx) as work:
        user = _claim(work, staff_user_id)
        if user.disabled_at is None:
            return
        user.disabled_at, user.failed_logins, user.locked_until = None, 0, None
        record_audit(work, "staff.enabled", actor=actor, after={"staff": user.id})
        work.commit()


def change_role(ctx: Context, staff_user_id: int, role: StaffRole, *, actor: Actor) -> None:
    """Let somebody do more, or less; it counts from their next click on. Raises NotFoundError, or
    BillingError `staff_last_admin`."""
    with unit_of_work(ctx) as work:
        user = _claim(work, staff_user_id)
        before = user.role
        if before is role:
            return
        if role is not StaffRole.ADMIN:
            _check_others_administer(work, user)
        user.role = role
        record_audit(
            work,
            "staff.role_changed",
            actor=actor,
            before={"staff": user.id, "role": before.value},
            after={"staff": user.id, "role": role.value},
        )
        work.commit()


def _claim(work: UnitOfWork, staff_user_id: int) -> StaffUser:
    """The person, after every administrator has been locked: two of them may want to remove each
    other at the same time."""
    administrators = select(StaffUser.id).where(StaffUser.role == StaffRole.ADMIN)
    work.session.execute(administrators.order_by(StaffUser.id).with_for_update()).all()
    user = work.session.get(StaffUser, staff_user_id, with_for_update=True)
    if user is None:
        raise NotFoundError("staff")
    return user


def _check_others_administer(work: UnitOfWork, user: StaffUser) -> None:
    if user.role is not StaffRole.ADMIN or user.disabled_at is not None:
        return
    others = select(StaffUser.id).where(
        StaffUser.role == StaffRole.ADMIN,
        StaffUser.disabled_at.is_(None),
        StaffUser.id != user.id,
    )
    if work.session.scalars(others.limit(1)).first() is None:
        raise BillingError("staff_last_admin")
