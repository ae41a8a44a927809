"""Somebody who was invited by mail accepts, and is logged in."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domain.kinds import BillingRole
from app.models.people import BillingUser, Invitation
from app.models.registrations import Organization, Server
from app.services.audit import record_audit
from app.services.change_role import hand_over
from app.services.complete_login import CompletedLogin
from app.services.context import Context, billing_user_actor
from app.services.invitations import INVITATION_PURPOSE
from app.services.login_failures import LoginRefused
from app.services.logs import log_event
from app.services.mailed_sessions import (
    Browser,
    begin_mailed_session,
    check_mailed_place,
    failures_recorded,
    name_of,
    server_id_of,
)
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class InvitationPage:
    """What is shown before an invitation is accepted. `is_server`: it is about a server, and not
    about an organization."""

    email: str
    role: BillingRole
    host: str
    is_server: bool
    invited_by: str
    full_name: str


@dataclass(frozen=True, slots=True)
class AcceptInvitation:
    """What an invited person confirmed; `tos_version` is the version whose box was ticked."""

    key: str
    full_name: str
    tos_version: str


def open_invitation(ctx: Context, session: Session, key: str, *, ip: str | None) -> InvitationPage:
    """What a mailed invitation is about; reads only, unless it fails.

    Raises LoginRefused `invitation_over` for one that is unknown, used, withdrawn or too old, and
    those of `check_mailed_place`, after writing it into the audit log.
    """
    with _failures_recorded(ctx, key, ip=ip):
        invitation = _find(ctx, session, key)
        place = _check(ctx, session, invitation)
        inviter = session.get_one(BillingUser, invitation.invited_by)
        known = _find_person(session, invitation)
        return InvitationPage(
            email=invitation.email,
            role=invitation.role,
            host=name_of(place),
            is_server=invitation.server_id is not None,
            invited_by=inviter.full_name or inviter.email,
            full_name=known.full_name if known is not None else "",
        )


def accept_invitation(ctx: Context, command: AcceptInvitation, browser: Browser) -> CompletedLogin:
    """Make the invited person one of the people, once, and log them in.

    Somebody who was here before under that address is let in again. Who is invited as the owner
    takes the place of whoever invited. Raises as `open_invitation`, and BillingError
    `tos_not_accepted`.
    """
    with _failures_recorded(ctx, command.key, ip=browser.ip), unit_of_work(ctx) as work:
        # Its server first, so that a registration that changes hands meanwhile is seen.
        place = _place(work.session, _find(ctx, work.session, command.key))
        work.claim_server(server_id_of(place))
        invitation = _find(ctx, work.session, command.key, lock=True)
        work.session.refresh(place)
        place = _check(ctx, work.session, invitation)
        invitation.accepted_at = work.now
        user = _let_in(work, invitation, place, command, ip=browser.ip)
        completed = begin_mailed_session(
            work,
            user,
            place,
            browser,
            tos_version=command.tos_version,
            proof={"invitation": invitation.id},
        )
        work.commit()
    log_event("billing_user.invitation_accepted", billing_user=completed.billing_user_id)
    return completed


def _failures_recorded(ctx: Context, key: str, *, ip: str | None) -> AbstractContextManager[None]:
    def find_place(session: Session) -> Organization | Server | None:
        known = session.scalars(_having_key(ctx, key)).first()
        return _place(session, known) if known is not None else None

    return failures_recorded(ctx, find_place, ip=ip)


def _having_key(ctx: Context, key: str) -> Select[Invitation]:
    hashes = ctx.tokens.hashes(INVITATION_PURPOSE, key)
    return select(Invitation).where(Invitation.key_hash.in_(hashes))


def _find(ctx: Context, session: Session, key: str, *, lock: bool = False) -> Invitation:
    statement = _having_key(ctx, key)
    if lock:
        # What was read before the lock may be old by now.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(statement).first()
    if found is None:
        raise LoginRefused("invitation_over")
    return found


def _place(session: Session, invitation: Invitation) -> Organization | Server:
    if invitation.organization_id is not None:
        return session.get_one(Organization, invitation.organization_id)
    return session.get_one(Server, invitation.server_id)


def _check(ctx: Context, session: Session, invitation: Invitation) -> Organization | Server:
    is_over = (
        invitation.accepted_at is not None
        or invitation.withdrawn_at is not None
        or ctx.now() >= invitation.expires_at
    )
    inviter = session.get_one(BillingUser, invitation.invited_by)
    # Only the owner can make somebody else the owner.
    is_void = invitation.role is BillingRole.OWNER and (
        inviter.role is not BillingRole.OWNER or inviter.deactivated_at is not None
    )
    if is_over or is_void:
        raise LoginRefused("invitation_over")
    place = _place(session, invitation)
    check_mailed_place(place)
    return place


def _find_person(session: Session, invitation: Invitation) -> BillingUser | None:
    """Whoever has that address at the place, removed ones last."""
    if invitation.organization_id is not None:
        here = BillingUser.organization_id == invitation.organization_id
    else:
        here = BillingUser.server_id == invitation.server_id
    statement = select(BillingUser).where(here, func.lower(BillingUser.email) == invitation.email)
    return session.scalars(
        statement.order_by(BillingUser.deactivated_at.is_not(None), BillingUser.id)
    ).first()


def _let_in(
    work: UnitOfWork,
    invitation: Invitation,
    place: Organization | Server,
    command: AcceptInvitation,
    *,
    ip: str | None,
) -> BillingUser:
    user = _find_person(work.session, invitation)
    before = None
    if user is None:
        user = BillingUser(
            organization_id=invitation.organization_id,
            server_id=invitation.server_id,
            email=invitation.email,
            role=BillingRole.BILLING,
            created_at=work.now,
        )
        work.session.add(user)
    else:
        before = {"role": user.role.value, "is_removed": user.deactivated_at is not None}
    # Nobody stops being the owner by following an older mail.
    is_owner = before is not None and user.role is BillingRole.OWNER and not before["is_removed"]
    becomes_owner = invitation.role is BillingRole.OWNER and not is_owner
    if not is_owner:
        user.role = BillingRole.BILLING if becomes_owner else invitation.role
    user.full_name = command.full_name
    user.email_confirmed_at = work.now
    user.deactivated_at = None
    work.flush()
    known = billing_user_actor(user.id, email=user.email, full_name=user.full_name, ip=ip)
    server_id = server_id_of(place)
    record_audit(
        work,
        "billing_user.invitation_accepted",
        actor=known,
        server_id=server_id,
        organization_id=invitation.organization_id,
        before=before,
        after={"billing_user": user.id, "invitation": invitation.id, "role": user.role.value},
    )
    if becomes_owner:
        owner = work.session.get_one(BillingUser, invitation.invited_by)
        hand_over(work, owner, user, host=name_of(place), server_id=server_id, actor=known)
    return user
