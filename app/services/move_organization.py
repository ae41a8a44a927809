"""An organization goes from one server to another with everything that is billed for it.

Login flow, "An organization known under another server". Why it is done so:
docs/decisions/0017-an-organization-moves.md.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update

from app.domain.errors import BillingError, NotFoundError
from app.domain.seats import ORGANIZATION_REACTIVATED
from app.models.deals import OrganizationMove
from app.models.people import BillingUser, Invitation, LoginLink
from app.models.registrations import Organization, Server
from app.models.sessions import BrowserSession
from app.models.uploads import AuditRow, PendingAuditRow
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.deactivation_rules import customers_of_server
from app.services.invitations import end_invitations
from app.services.ledger import sync_server_ledgers
from app.services.outbox import record_mail
from app.services.seats import load_seat_states
from app.services.unit_of_work import UnitOfWork
from app.services.upload_rows import EPOCH


@dataclass(frozen=True, slots=True)
class MovedOrganization:
    """What was done: the hosts of the organization and of both servers, and the people that count
    for the new one."""

    host: str
    from_host: str
    to_host: str
    people: int


def load_organization_id(work: UnitOfWork, *, uuid: str) -> int:
    """Our id of the organization with that UUID. Raises NotFoundError."""
    found = work.session.scalars(select(Organization.id).where(Organization.uuid == uuid)).first()
    if found is None:
        raise NotFoundError("organization")
    return found


def move_organization(
    work: UnitOfWork,
    organization_id: int,
    to_server_id: int,
    *,
    actor: Actor,
    reason: str | None = None,
    from_server_id: int | None = None,
) -> MovedOrganization:
    """Re-home an organization from this instant on: its people count for the old server until now
    and for the new one from now on, its own plan goes along.

    `from_server_id` is where it has to be still, None for wherever it is. Raises BillingError
    `organization_moved` when it is elsewhere by now, `organization_move_same`, or
    `server_deactivated` of the new server.
    """
    where = select(Organization.server_id).where(Organization.id == organization_id)
    old_id = work.session.scalars(where).one()
    if old_id == to_server_id:
        raise BillingError("organization_move_same")
    for server_id in sorted({old_id, to_server_id}):
        work.claim_server(server_id)
    fresh = select(Organization).where(Organization.id == organization_id)
    organization = work.session.scalars(fresh.execution_options(populate_existing=True)).one()
    if organization.server_id != old_id or from_server_id not in (None, old_id):
        raise BillingError("organization_moved")
    old, new = work.session.get_one(Server, old_id), work.session.get_one(Server, to_server_id)
    if new.deactivated_at is not None:
        raise BillingError("server_deactivated")
    for_both = [customers_of_server(each.id) for each in (old, new)]
    work.claim_customers(key for each in for_both for key in work.session.scalars(each))
    # What happened until now is counted for where it happened.
    for server in (old, new):
        sync_server_ledgers(work, server, as_of=work.now)
    _end_access(work, organization)
    _forget_future_rows(work, organization, old)
    move = _re_home(work, organization, old, new, actor=actor)
    _make_active(work, organization, new, move)
    for server in (old, new):
        sync_server_ledgers(work, server, as_of=work.now)
    _record(work, organization, old, new, move, actor=actor, reason=reason)
    _tell(work, organization, old, new, move)
    states = load_seat_states(work.session, organization_ids=[organization.id], at=work.now)
    people = sum(state.people(at=work.now) for state in states.values())
    return MovedOrganization(organization.host, old.hostname, new.hostname, people)


def _end_access(work: UnitOfWork, organization: Organization) -> None:
    """Everybody of the organization is logged out, links through the old server are useless, and
    addresses are proven anew: whoever has the new server's key can make links in anybody's name."""
    people = select(BillingUser.id).where(BillingUser.organization_id == organization.id)
    for statement in (
        update(BrowserSession)
        .where(BrowserSession.billing_user_id.in_(people), BrowserSession.revoked_at.is_(None))
        .values(revoked_at=work.now),
        update(LoginLink)
        .where(LoginLink.organization_id == organization.id, LoginLink.revoked_at.is_(None))
        .values(revoked_at=work.now),
        update(BillingUser)
        .where(BillingUser.organization_id == organization.id)
        .values(email_confirmed_at=None),
    ):
        work.session.execute(statement.execution_options(synchronize_session=False))
    end_invitations(work, Invitation.organization_id == organization.id)


def _forget_future_rows(work: UnitOfWork, organization: Organization, old: Server) -> None:
    """What the old server said about times to come is not its to say any more."""
    future = select(AuditRow.id).where(
        AuditRow.organization_id == organization.id,
        AuditRow.server_id == old.id,
        AuditRow.event_time > work.now,
    )
    ids = list(work.session.scalars(future))
    if ids:
        for statement in (
            delete(PendingAuditRow).where(PendingAuditRow.audit_row_id.in_(ids)),
            delete(AuditRow).where(AuditRow.id.in_(ids)),
        ):
            work.session.execute(statement.execution_options(synchronize_session=False))


def _re_home(
    work: UnitOfWork, organization: Organization, old: Server, new: Server, *, actor: Actor
) -> OrganizationMove:
    move = OrganizationMove(
        organization_id=organization.id,
        from_server_id=old.id,
        to_server_id=new.id,
        old_remote_realm_id=organization.remote_realm_id,
        gone_at=organization.locally_deleted_at,
        moved_at=work.now,
        actor=actor.name,
    )
    work.session.add(move)
    organization.server_id = new.id
    # The new server's next list says which number it has there; nobody has a negative one.
    organization.remote_realm_id = -organization.id
    organization.locally_deleted_at = None
    organization.deactivated = False
    work.flush()
    work.session.expire(organization, ["server"])
    return move


def _make_active(
    work: UnitOfWork, organization: Organization, new: Server, move: OrganizationMove
) -> None:
    """Servers switch an organization off when it is exported. That told about the old copy, so the
    move itself is the row that says it is active again."""
    state = load_seat_states(work.session, organization_ids=[organization.id], at=work.now)
    if state[organization.id].is_active:
        return
    work.session.add(
        AuditRow(
            server_id=new.id,
            id_epoch=new.id_epoch,
            organization_id=organization.id,
            remote_id=-move.id,
            event_type=ORGANIZATION_REACTIVATED,
            event_time=work.now,
            event_time_us=(work.now - EPOCH) // timedelta(microseconds=1),
            seats=None,
            received_at=work.now,
        )
    )
    work.flush()


def _record(
    work: UnitOfWork,
    organization: Organization,
    old: Server,
    new: Server,
    move: OrganizationMove,
    *,
    actor: Actor,
    reason: str | None,
) -> None:
    said = {} if reason is None else {"reason": reason}
    record_audit(
        work,
        "organization.moved",
        actor=actor,
        server_id=new.id,
        organization_id=organization.id,
        before={"server": old.uuid, "remote_realm_id": move.old_remote_realm_id},
        after={"server": new.uuid, "host": organization.host} | said,
    )
    # The old server's log has it as well; the organization's has one entry.
    record_audit(
        work,
        "organization.left",
        actor=actor,
        server_id=old.id,
        before={"organization": organization.uuid},
        after={"host": organization.host},
    )


def _tell(
    work: UnitOfWork,
    organization: Organization,
    old: Server,
    new: Server,
    move: OrganizationMove,
) -> None:
    """The people of the organization and the contacts of both servers, one mail to an address."""
    people = select(BillingUser.email).where(
        BillingUser.organization_id == organization.id, BillingUser.deactivated_at.is_(None)
    )
    addresses = {*work.session.scalars(people), old.contact_email, new.contact_email}
    for number, address in enumerate(sorted(addresses)):
        record_mail(
            work,
            template="organization_moved",
            recipient=address,
            params={
                "host": organization.host,
                "from_host": old.hostname,
                "to_host": new.hostname,
                "at": work.now,
            },
            event_key=f"organization.moved:{move.id}:{number}",
        )
