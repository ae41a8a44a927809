"""What the people who manage the billing of one organization or server do about themselves and
each other. Their first steps: who may come in at all is the login's business."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import BillingRole, CustomerKind
from app.models.people import BillingUser
from app.services.audit import record_audit
from app.services.browser_sessions import revoke_sessions
from app.services.context import Actor, Context
from app.services.customers import Payer
from app.services.identity import CustomerRef
from app.services.logs import log_event
from app.services.mail_choices import WANTS, wants
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class ChangeOwnDetails:
    """What a person says about themselves: the name, and which mails are welcome."""

    full_name: str
    wants_major_release_mails: bool
    wants_maintenance_mails: bool
    wants_renewal_mails: bool
    wants_usage_mails: bool
    wants_announcement_mails: bool


def people_of(payer: Payer) -> ColumnElement[bool]:
    """Which billing users are the people of `payer`, removed ones among them."""
    if payer.kind is CustomerKind.ORGANIZATION:
        return BillingUser.organization_id == payer.organization_id
    return BillingUser.server_id == payer.server_id


def remove_person(ctx: Context, ref: CustomerRef, person_id: int, *, actor: Actor) -> str:
    """Take billing away from somebody, at the owner's wish; returns the address removed.

    The person is logged out at once and stays refused at every login. Raises NotFoundError for
    somebody of another place, and for everybody when the one who asks is not the owner;
    BillingError `owner_stays` for the owners themselves, `person_already_removed` the second time.
    """
    with unit_of_work(ctx) as work:
        owner = claim_owner(work, ref)
        person = load_person(work, ref.payer, person_id)
        if person.id == owner.id:
            raise BillingError("owner_stays")
        if person.deactivated_at is not None:
            raise BillingError("person_already_removed", email=person.email)
        person.deactivated_at = work.now
        revoke_sessions(work, billing_user_id=person.id)
        record_audit(
            work,
            "billing_user.removed",
            actor=actor,
            server_id=ref.payer.server_id,
            organization_id=ref.payer.organization_id,
            after={"billing_user": person.id},
        )
        email = person.email
        work.commit()
    log_event("billing_user.removed", billing_user=person_id, by=ref.billing_user_id)
    return email


def change_own_details(
    ctx: Context, ref: CustomerRef, command: ChangeOwnDetails, *, actor: Actor
) -> bool:
    """Keep what a person says about themselves; False when it was so before.

    The audit entry says whether the name changed, never what it is. Raises NotFoundError when the
    person is not there any more.
    """
    with unit_of_work(ctx) as work:
        work.claim_server(ref.payer.server_id)
        person = load_person(work, ref.payer, ref.billing_user_id)
        before = _preferences(person)
        renamed = person.full_name != command.full_name
        person.full_name = command.full_name
        person.wants_major_release_mails = command.wants_major_release_mails
        person.wants_maintenance_mails = command.wants_maintenance_mails
        for column in WANTS.values():
            setattr(person, column, getattr(command, column))
        after = _preferences(person)
        if not renamed and before == after:
            return False
        record_audit(
            work,
            "billing_user.details_changed",
            actor=actor,
            server_id=ref.payer.server_id,
            organization_id=ref.payer.organization_id,
            before=before,
            after={**after, "billing_user": person.id, "renamed": renamed},
        )
        work.commit()
    return True


def claim_owner(work: UnitOfWork, ref: CustomerRef) -> BillingUser:
    """The one who asks, who has to be the owner, with the place's server claimed: its lock is the
    one that decides who becomes the owner, too. Raises NotFoundError for everybody else."""
    work.claim_server(ref.payer.server_id)
    owner = load_person(work, ref.payer, ref.billing_user_id)
    if owner.role is not BillingRole.OWNER or owner.deactivated_at is not None:
        raise NotFoundError("person")
    return owner


def load_person(work: UnitOfWork, payer: Payer, person_id: int) -> BillingUser:
    """One of the people of `payer`, locked. Raises NotFoundError for anybody else."""
    statement = select(BillingUser).where(BillingUser.id == person_id, people_of(payer))
    person = work.session.scalars(statement.with_for_update()).one_or_none()
    if person is None:
        raise NotFoundError("person")
    return person


def _preferences(person: BillingUser) -> dict[str, bool]:
    return {
        "major_release_mails": person.wants_major_release_mails,
        "maintenance_mails": person.wants_maintenance_mails,
        **{f"{kind.value}_mails": wants(person, kind) for kind in WANTS},
    }
