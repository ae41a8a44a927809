"""The owner says what the others may do, or hands the ownership over."""

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import BillingRole
from app.models.audit import AuditEntry
from app.models.people import BillingUser
from app.services.audit import record_audit
from app.services.billing_people import load_person
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
        # The server's lock is the one that decides who becomes the owner, too.
        work.claim_server(ref.payer.server_id)
        owner = load_person(work, ref.payer, ref.billing_user_id)
        if owner.role is not BillingRole.OWNER or owner.deactivated_at is not None:
            raise NotFoundError("person")
        person = load_person(work, ref.payer, person_id)
        if person.id == owner.id:
            raise BillingError("owner_hands_over")
        if person.deactivated_at is not None:
            raise BillingError("person_already_removed", email=person.email)
        if person.role is role:
            raise BillingError("role_unchanged")
        if role is BillingRole.OWNER and person.email_confirmed_at is None:
            raise BillingError("person_unconfirmed", email=person.email)
        entry = _set_role(work, ref, person, role, actor=actor)
        told = [person]
        if role is BillingRole.OWNER:
            _set_role(work, ref, owner, BillingRole.BILLING, actor=actor)
            told.append(owner)
        work.flush()
        for one in told:
            record_mail(
                work,
                template="role_changed",
                recipient=one.email,
                params={"host": ref.host, "email": person.email, "role": role.value},
                event_key=f"billing_user.role_changed:{entry.id}:{one.id}",
            )
        email = person.email
        work.commit()
    log_event("billing_user.role_changed", billing_user=person_id, by=ref.billing_user_id)
    return email


def _set_role(
    work: UnitOfWork, ref: CustomerRef, person: BillingUser, role: BillingRole, *, actor: Actor
) -> AuditEntry:
    before, person.role = person.role, role
    return record_audit(
        work,
        "billing_user.role_changed",
        actor=actor,
        server_id=ref.payer.server_id,
        organization_id=ref.payer.organization_id,
        before={"role": before.value},
        after={"billing_user": person.id, "role": role.value},
    )
