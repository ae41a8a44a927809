"""The person behind a login: known by the product's UUID, or by the address as a server's."""

from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.domain.kinds import BillingRole
from app.models.people import BillingUser, LoginLink
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.login_failures import LoginRefused
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork


def login_address(email: str) -> str:
    """An address as the people of a server are told apart by it: in lower case, its domain in
    ASCII. Two ways to write one address are one person."""
    try:
        found = validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        return email.lower()
    return (found.ascii_email or found.normalized).lower()


def find_person(session: Session, link: LoginLink, *, address: str) -> BillingUser | None:
    """The billing user that a login is for, None before the first visit.

    `address` tells the people of a server apart; through the product's door the UUID of the person
    does, whatever the address is.
    """
    if link.organization_id is not None:
        who = BillingUser.user_uuid == link.user_uuid
    else:
        who = BillingUser.email == login_address(address)
    return session.scalars(select(BillingUser).where(_of_place(link), who)).first()


def confirm_person(work: UnitOfWork, link: LoginLink, *, address: str, actor: Actor) -> BillingUser:
    """The person whose address is proven now, made at the first visit.

    The server must be claimed. A person whose address was in doubt (the registration changed
    hands) may have proven another one: it takes the place of the old one, which is told by mail.
    An address that was not in doubt stays as it is. Who was invited by mail to an organization and
    comes through the product for the first time stays the same person. Raises LoginRefused
    `login_user_deactivated` for one of those who was removed.
    """
    user = find_person(work.session, link, address=address)
    if user is None:
        user = _join_invited(work, link, address=address, actor=actor)
    if user is None:
        user = _add_person(work, link, address=address, actor=actor)
    elif user.email_confirmed_at is None:
        _confirm_again(work, link, user, address=address, actor=actor)
    elif link.organization_id is None:
        user.email_confirmed_at = work.now
    return user


def ensure_owner(work: UnitOfWork, link: LoginLink, user: BillingUser, *, actor: Actor) -> None:
    """Make `user` the owner of a place that has none who may log in, so that somebody can always
    remove the others. The server must be claimed: of two people at once, one becomes it. A viewer
    was let in to look, and becomes no owner by coming first."""
    if user.role is BillingRole.VIEWER or _has_owner(work.session, link):
        return
    before, user.role = user.role, BillingRole.OWNER
    work.flush()
    _record(
        work,
        "billing_user.became_owner",
        link=link,
        actor=actor,
        before={"role": before.value},
        after={"billing_user": user.id, "role": user.role.value},
    )


def _join_invited(
    work: UnitOfWork, link: LoginLink, *, address: str, actor: Actor
) -> BillingUser | None:
    """The person whom only the proven address was known of, with the product's UUID from now on."""
    if link.organization_id is None:
        return None
    statement = select(BillingUser).where(
        BillingUser.organization_id == link.organization_id,
        BillingUser.user_uuid.is_(None),
        func.lower(BillingUser.email) == login_address(address),
    )
    user = work.session.scalars(statement.with_for_update()).first()
    if user is None:
        return None
    if user.deactivated_at is not None:
        raise LoginRefused("login_user_deactivated", door=link.door)
    user.user_uuid, user.email_confirmed_at = link.user_uuid, work.now
    _record(
        work,
        "billing_user.email_confirmed",
        link=link,
        actor=actor,
        after={"billing_user": user.id, "is_other_address": False},
    )
    return user


def _add_person(work: UnitOfWork, link: LoginLink, *, address: str, actor: Actor) -> BillingUser:
    is_server = link.organization_id is None
    user = BillingUser(
        organization_id=link.organization_id,
        server_id=link.server_id if is_server else None,
        user_uuid=link.user_uuid,
        email=login_address(address) if is_server else address,
        full_name=link.full_name,
        role=BillingRole.BILLING if _has_owner(work.session, link) else BillingRole.OWNER,
        email_confirmed_at=work.now,
        created_at=work.now,
    )
    work.session.add(user)
    work.flush()
    after = {"billing_user": user.id, "role": user.role.value}
    _record(work, "billing_user.created", link=link, actor=actor, after=after)
    return user


def _confirm_again(
    work: UnitOfWork, link: LoginLink, user: BillingUser, *, address: str, actor: Actor
) -> None:
    old = user.email
    is_other = login_address(address) != login_address(old)
    user.email, user.email_confirmed_at = address, work.now
    if link.organization_id is None:
        user.email = login_address(address)
    _record(
        work,
        "billing_user.email_confirmed",
        link=link,
        actor=actor,
        after={"billing_user": user.id, "is_other_address": is_other},
    )
    if is_other:
        record_mail(
            work,
            template="login_address_changed",
            recipient=old,
            params={"host": host_of(link), "changed_at": work.now},
            event_key=f"billing_user.email_changed:{user.id}:{work.now.isoformat()}",
        )


def host_of(link: LoginLink) -> str:
    """The host of the organization or server that a link is for."""
    return link.server.hostname if link.organization is None else link.organization.host


def _has_owner(session: Session, link: LoginLink) -> bool:
    statement = select(BillingUser.id).where(
        _of_place(link),
        BillingUser.role == BillingRole.OWNER,
        BillingUser.deactivated_at.is_(None),
    )
    return session.scalars(statement).first() is not None


def _of_place(link: LoginLink) -> ColumnElement[bool]:
    if link.organization_id is not None:
        return BillingUser.organization_id == link.organization_id
    return BillingUser.server_id == link.server_id


def _record(
    work: UnitOfWork, action: str, *, link: LoginLink, actor: Actor, **changes: Any
) -> None:
    record_audit(
        work,
        action,
        actor=actor,
        server_id=link.server_id,
        organization_id=link.organization_id,
        **changes,
    )
