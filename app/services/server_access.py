"""Ending at once what people may do with the billing of a server and of its organizations."""

from sqlalchemy import or_, select, update

from app.domain.kinds import LoginDoor
from app.models.people import BillingUser, Invitation, LoginLink
from app.models.registrations import Organization
from app.models.sessions import BrowserSession
from app.services.invitations import end_invitations
from app.services.unit_of_work import UnitOfWork


def end_access_to_server(work: UnitOfWork, server_id: int) -> None:
    """Log out everybody of the server and of its organizations, and make their login links
    useless, mailed confirmations and invitations with them. The server must be claimed.

    For a registration that ends or changes hands: what was proven before then proves nothing.
    """
    organization_ids = select(Organization.id).where(Organization.server_id == server_id)
    people = select(BillingUser.id).where(
        or_(
            BillingUser.server_id == server_id,
            BillingUser.organization_id.in_(organization_ids),
        )
    )
    sessions = (
        update(BrowserSession)
        .where(BrowserSession.billing_user_id.in_(people), BrowserSession.revoked_at.is_(None))
        .values(revoked_at=work.now)
        .execution_options(synchronize_session=False)
    )
    work.session.execute(sessions)
    links = (
        update(LoginLink)
        # Used ones as well: another mail that was sent for one still proves an address.
        .where(LoginLink.server_id == server_id, LoginLink.revoked_at.is_(None))
        .values(revoked_at=work.now)
        .execution_options(synchronize_session=False)
    )
    work.session.execute(links)
    end_invitations(
        work,
        or_(Invitation.server_id == server_id, Invitation.organization_id.in_(organization_ids)),
    )


def end_logins_by_key(work: UnitOfWork, server_id: int) -> None:
    """End the logins that began with the key of the claimed server and are not completed yet.

    For a key that is replaced, maybe because somebody else had it: whoever is in by now proved an
    address and stays, and is removed by the owner.
    """
    begun = (
        update(LoginLink)
        .where(
            LoginLink.server_id == server_id,
            LoginLink.door == LoginDoor.SERVER_KEY,
            LoginLink.completed_at.is_(None),
            LoginLink.revoked_at.is_(None),
        )
        .values(revoked_at=work.now)
        .execution_options(synchronize_session=False)
    )
    work.session.execute(begun)
