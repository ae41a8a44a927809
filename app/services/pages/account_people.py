"""Who manages the billing of a customer: the list, and the page before somebody is removed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import BillingRole
from app.models.audit import AuditEntry
from app.models.people import BillingUser, Invitation, PersonalDetail
from app.services.billing_people import people_of
from app.services.identity import CustomerRef
from app.services.invitations import MOST_PENDING, invitations_of, is_pending
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list

# So many of the people removed last are named; the activity page has the others.
MOST_REMOVED = 10
BY_PERSON = "billing_user:"


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person. `last_login_at` is None for somebody who confirmed an address and never went
    on. `can_remove` says that whoever looks may remove this one."""

    id: int
    email: str
    full_name: str
    role: BillingRole
    since: datetime
    last_login_at: datetime | None
    wants_major_release_mails: bool
    wants_maintenance_mails: bool
    wants_renewal_mails: bool
    wants_usage_mails: bool
    wants_announcement_mails: bool
    is_you: bool
    can_remove: bool


@dataclass(frozen=True, slots=True)
class RemovedRow:
    """Somebody removed, when, and by whom: an address (None where it was erased), or support."""

    email: str
    full_name: str
    at: datetime
    by: str | None
    is_by_support: bool


@dataclass(frozen=True, slots=True)
class PendingRow:
    """Somebody who was invited and has not accepted."""

    id: int
    email: str
    role: BillingRole
    expires_at: datetime
    is_expired: bool


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of the people. `removed` are the last ones removed, `removed_total` counts all;
    only an owner is told of them, and of the invitations that are `pending`."""

    rows: tuple[PersonRow, ...]
    part: ListPart
    you: PersonRow
    is_owner: bool
    removed: tuple[RemovedRow, ...]
    removed_total: int
    pending: tuple[PendingRow, ...]


@dataclass(frozen=True, slots=True)
class RemovalPage:
    """Whom a confirmed form removes."""

    id: int
    email: str
    full_name: str
    last_login_at: datetime | None


@dataclass(frozen=True, slots=True)
class RolePage:
    """Whose role a form changes, and what it is now."""

    id: int
    email: str
    full_name: str
    role: BillingRole


def load_people_page(
    session: Session, ref: CustomerRef, *, number: int, now: datetime
) -> PeoplePage:
    """Page `number` (from 1) of the people of `ref`, owners first, then by how long they are
    there. Raises NotFoundError when whoever looks is not among them any more."""
    here, is_active = people_of(ref.payer), BillingUser.deactivated_at.is_(None)
    # Counted along, so that the lists that are mostly empty cost no query of their own.
    pending = select(func.count(Invitation.id)).where(invitations_of(ref.payer), is_pending())
    total, removed_total, pending_total = session.execute(
        select(
            func.count(BillingUser.id).filter(is_active),
            func.count(BillingUser.id).filter(~is_active),
            pending.scalar_subquery(),
        ).where(here)
    ).one()
    part = part_of_list(total, number=number)
    you = _load_you(session, ref)
    is_owner = you.role is BillingRole.OWNER
    found = session.scalars(
        select(BillingUser)
        .where(here, is_active)
        .order_by(case((BillingUser.role == BillingRole.OWNER, 0), else_=1), BillingUser.id)
        .offset(part.offset)
        .limit(PAGE_SIZE)
    )
    return PeoplePage(
        rows=tuple(_row(person, ref, is_owner=is_owner) for person in found),
        part=part,
        you=_row(you, ref, is_owner=is_owner),
        is_owner=is_owner,
        removed=_load_removed(session, ref) if is_owner and removed_total else (),
        removed_total=removed_total if is_owner else 0,
        pending=_load_pending(session, ref, now=now) if is_owner and pending_total else (),
    )


def load_removal_page(session: Session, ref: CustomerRef, person_id: int) -> RemovalPage:
    """Whom the owner is about to remove.

    Raises what `remove_person` raises, so that nobody is asked about what is refused anyway.
    """
    person = _load_colleague(session, ref, person_id)
    if person.id == ref.billing_user_id:
        raise BillingError("owner_stays")
    if person.deactivated_at is not None:
        raise BillingError("person_already_removed", email=person.email)
    return RemovalPage(
        id=person.id,
        email=person.email,
        full_name=person.full_name,
        last_login_at=person.last_login_at,
    )


def load_role_page(session: Session, ref: CustomerRef, person_id: int) -> RolePage:
    """Whose role the owner is about to change. Raises what `change_role` raises for anybody whose
    role cannot be changed."""
    person = _load_colleague(session, ref, person_id)
    if person.id == ref.billing_user_id:
        raise BillingError("owner_hands_over")
    if person.deactivated_at is not None:
        raise BillingError("person_already_removed", email=person.email)
    return RolePage(id=person.id, email=person.email, full_name=person.full_name, role=person.role)


def _load_colleague(session: Session, ref: CustomerRef, person_id: int) -> BillingUser:
    if _load_you(session, ref).role is not BillingRole.OWNER:
        raise NotFoundError("person")
    person = session.scalars(
        select(BillingUser).where(BillingUser.id == person_id, people_of(ref.payer))
    ).one_or_none()
    if person is None:
        raise NotFoundError("person")
    return person


def _load_you(session: Session, ref: CustomerRef) -> BillingUser:
    you = session.get(BillingUser, ref.billing_user_id)
    if you is None or you.deactivated_at is not None:
        raise NotFoundError("person")
    return you


def _row(person: BillingUser, ref: CustomerRef, *, is_owner: bool) -> PersonRow:
    is_you = person.id == ref.billing_user_id
    return PersonRow(
        id=person.id,
        email=person.email,
        full_name=person.full_name,
        role=person.role,
        since=person.created_at,
        last_login_at=person.last_login_at,
        wants_major_release_mails=person.wants_major_release_mails,
        wants_maintenance_mails=person.wants_maintenance_mails,
        wants_renewal_mails=person.wants_renewal_mails,
        wants_usage_mails=person.wants_usage_mails,
        wants_announcement_mails=person.wants_announcement_mails,
        is_you=is_you,
        can_remove=is_owner and not is_you,
    )


def _load_pending(session: Session, ref: CustomerRef, *, now: datetime) -> tuple[PendingRow, ...]:
    statement = select(Invitation).where(invitations_of(ref.payer), is_pending())
    found = session.scalars(statement.order_by(Invitation.id.desc()).limit(MOST_PENDING))
    return tuple(
        PendingRow(
            id=one.id,
            email=one.email,
            role=one.role,
            expires_at=one.expires_at,
            is_expired=now >= one.expires_at,
        )
        for one in found
    )


def _load_removed(session: Session, ref: CustomerRef) -> tuple[RemovedRow, ...]:
    """The last ones removed, each with the audit entry of that, which support may have left out."""
    statement = (
        select(
            BillingUser.email.label("email"),
            BillingUser.full_name,
            BillingUser.deactivated_at,
            AuditEntry.actor,
            PersonalDetail.email.label("by"),
        )
        .outerjoin(
            AuditEntry,
            and_(
                AuditEntry.action == "billing_user.removed",
                AuditEntry.server_id == ref.payer.server_id,
                AuditEntry.at == BillingUser.deactivated_at,
                AuditEntry.after["billing_user"].as_integer() == BillingUser.id,
            ),
        )
        .outerjoin(PersonalDetail, PersonalDetail.id == AuditEntry.personal_detail_id)
        .where(people_of(ref.payer), BillingUser.deactivated_at.is_not(None))
        .order_by(BillingUser.deactivated_at.desc(), BillingUser.id.desc())
        .limit(MOST_REMOVED)
    )
    return tuple(
        RemovedRow(
            email=email,
            full_name=full_name,
            at=at,
            by=by,
            is_by_support=actor is None or not actor.startswith(BY_PERSON),
        )
        for email, full_name, at, actor, by in session.execute(statement)
        if at is not None
    )
