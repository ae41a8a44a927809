"""How somebody of staff comes to a password: by a link that works once, or by changing it."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.models.staff import StaffSetupLink, StaffUser
from app.services.audit import record_audit
from app.services.browser_sessions import revoke_staff_sessions
from app.services.context import Actor, Context, staff_actor
from app.services.outbox import record_mail
from app.services.staff_passwords import check_new_password, hash_password, password_matches
from app.services.staff_sessions import end_other_sessions
from app.services.unit_of_work import UnitOfWork, unit_of_work

LINK_LIFE = timedelta(hours=24)
_PURPOSE = "staff-setup"


def make_setup_link(work: UnitOfWork, user: StaffUser, *, mails: bool) -> str:
    """The address where this person chooses a password within 24 hours. Links made before for the
    same person end. It is mailed to the person when `mails`."""
    _end_links(work, user.id)
    key = work.ctx.tokens.new_secret()
    link = StaffSetupLink(
        staff_user_id=user.id,
        key_hash=work.ctx.tokens.hash_secret(_PURPOSE, key),
        created_at=work.now,
        expires_at=work.now + LINK_LIFE,
    )
    work.session.add(link)
    work.flush()
    url = f"{work.ctx.settings.base_url}/support/setup/{key}/"
    if mails:
        record_mail(
            work,
            template="staff_setup",
            recipient=user.email,
            params={"expires_at": link.expires_at},
            secret_params={"url": url},
            event_key=f"staff_setup:{link.id}",
        )
    return url


def load_setup_email(ctx: Context, session: Session, key: str) -> str:
    """The address of the person whose link it is. Raises BillingError `staff_setup_over`."""
    user = session.get_one(StaffUser, _load_link(ctx, session, key).staff_user_id)
    if user.disabled_at is not None:
        raise BillingError("staff_setup_over")
    return user.email


def choose_password(
    ctx: Context, session: Session, key: str, password: str, *, ip: str | None
) -> None:
    """Use a link up: the person has this password now, and no session from before.

    Raises BillingError `staff_setup_over` and those of `check_new_password`.
    """
    person = session.get_one(StaffUser, _load_link(ctx, session, key).staff_user_id)
    check_new_password(password, email=person.email, full_name=person.full_name)
    made = hash_password(ctx.settings, password)
    with unit_of_work(ctx) as work:
        link = _load_link(ctx, work.session, key)
        user = work.session.get_one(StaffUser, link.staff_user_id, with_for_update=True)
        if user.disabled_at is not None or not _end_links(work, user.id):
            raise BillingError("staff_setup_over")
        user.password_hash, user.failed_logins, user.locked_until = made, 0, None
        revoke_staff_sessions(work, staff_user_id=user.id)
        actor = staff_actor(user.id, email=user.email, full_name=user.full_name, ip=ip)
        record_audit(work, "staff.password_set", actor=actor, after={"by": "setup link"})
        work.commit()


def change_password(
    ctx: Context,
    session: Session,
    staff_user_id: int,
    *,
    current: str,
    new: str,
    here: str,
    actor: Actor,
) -> None:
    """Change one's own password; every session but this one (`here`, its hash) ends.

    Raises BillingError `staff_password_wrong` and those of `check_new_password`.
    """
    person = session.get_one(StaffUser, staff_user_id)
    if not password_matches(ctx.settings, person.password_hash, current):
        raise BillingError("staff_password_wrong")
    check_new_password(new, email=person.email, full_name=person.full_name)
    made = hash_password(ctx.settings, new)
    with unit_of_work(ctx) as work:
        user = work.session.get_one(StaffUser, staff_user_id, with_for_update=True)
        user.password_hash = made
        end_other_sessions(work, staff_user_id, here=here)
        record_audit(work, "staff.password_set", actor=actor, after={"by": "change"})
        work.commit()


def _load_link(ctx: Context, session: Session, key: str) -> StaffSetupLink:
    statement = select(StaffSetupLink).where(
        StaffSetupLink.key_hash.in_(ctx.tokens.hashes(_PURPOSE, key)),
        StaffSetupLink.used_at.is_(None),
        StaffSetupLink.expires_at > ctx.now(),
    )
    link = session.scalars(statement).first()
    if link is None:
        raise BillingError("staff_setup_over")
    return link


def _end_links(work: UnitOfWork, staff_user_id: int) -> bool:
    """No link of the person works any more; False when none did."""
    statement = (
        update(StaffSetupLink)
        .where(StaffSetupLink.staff_user_id == staff_user_id, StaffSetupLink.used_at.is_(None))
        .values(used_at=work.now)
        .returning(StaffSetupLink.id)
        .execution_options(synchronize_session=False)
    )
    return bool(work.session.execute(statement).all())
