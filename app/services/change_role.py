"""The owner says what the others may do, or hands the ownership over."""

from app.domain.errors import BillingError
from app.domain.kinds import BillingRole
from app.models.audit import AuditEntry
from app.models.people import BillingUser
from app.services.audit import record_audit
from app.services.billing_people import claim_owner, load_person
from app.services.context import Actor, Context
from app.services.identity import CustomerRef
from app.services.logs import log_event
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork, unit_of_work


def change_role(
    ctx: Context, ref: CustomerRef, person_id: int, role: BillingRole, *, actor: Actor
) -> str:
    """Give somebody another role, at the owner's wish; returns the address of that person.

    Who makes somebody else the owner goes on as one who manages billing, so an owner is always
    there. The person is told by mail; of a new owner, the former one too. Raises NotFoundError for
    somebody of another place, and for everybody when the one who asks is not the owner;
    BillingError `owner_hands_over` for the owners themselves, `person_already_removed`,
    `person_unconfirmed` for an owner whose address is not proven, `role_unchanged`.
    """
    with unit_of_work(ctx) as work:
        owner = claim_owner(work, ref)
        person = load_person(work, ref.payer, person_id)
        if person.id == owner.id:
            raise BillingError("owner_hands_over")
        if person.deactivated_at is not None:
            raise BillingError("person_already_removed", email=person.email)
        if person.role is role:
            raise BillingError("role_unchanged")
        if role is BillingRole.OWNER and person.email_confirmed_at is None:
            raise BillingError("person_unconfirmed", email=person.email)
        server_id = ref.payer.server_id
        if role is BillingRole.OWNER:
            hand_over(work, owner, person, host=ref.host, server_id=server_id, actor=actor)
        else:
            entry = _set_role(work, person, role, server_id=server_id, actor=actor)
            _tell(work, entry, person, [person], host=ref.host)
        email = person.email
        work.commit()
    log_event("billing_user.role_changed", billing_user=person_id, by=ref.billing_user_id)
    return email


def hand_over(
    work: UnitOfWork,
    owner: BillingUser,
    person: BillingUser,
    *,
    host: str,
    server_id: int,
    actor: Actor,
) -> None:
    """Make `person` the owner in the place of `owner`, who goes on as one who manages billing; both
    are told by mail. `server_id` is the place's server, which must be claimed."""
    entry = _set_role(work, person, BillingRole.OWNER, server_id=server_id, actor=actor)
    _set_role(work, owner, BillingRole.BILLING, server_id=server_id, actor=actor)
    _tell(work, entry, person, [person, owner], host=host)


def _tell(
    work: UnitOfWork,
    entry: AuditEntry,
    person: BillingUser,
    told: list[BillingUser],
    *,
    host: str,
) -> None:
    work.flush()
    for one in told:
        record_mail(
            work,
            template="role_changed",
            recipient=one.email,
            params={"host": host, "email": person.email, "role": person.role.value},
            event_key=f"billing_user.role_changed:{entry.id}:{one.id}",
        )


def _set_role(
    work: UnitOfWork, person: BillingUser, role: BillingRole, *, server_id: int, actor: Actor
) -> AuditEntry:
    before, person.role = person.role, role
    return record_audit(
        work,
        "billing_user.role_changed",
        actor=actor,
        server_id=server_id,
        organization_id=person.organization_id,
        before={"role": before.value},
        after={"billing_user": person.id, "role": role.value},
    )
