"""Staff look at a customer's pages as the customer sees them: whose, and that it is written down."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.kinds import BillingRole, CustomerKind
from app.models.customers import Customer
from app.models.people import BillingUser
from app.models.registrations import Organization, Server
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import load_payer
from app.services.identity import CustomerRef
from app.services.unit_of_work import unit_of_work

# Of nobody: a customer whose people never came in has pages, too.
NOBODY = 0


def begin_to_see(ctx: Context, uuid: str, *, actor: Actor) -> tuple[CustomerKind, str]:
    """Write down that this person of staff looks now; the kind and UUID of whose pages it are.
    Raises NotFoundError."""
    with unit_of_work(ctx) as work:
        payer = load_payer(work.session, uuid=uuid)
        customer = select(Customer.id).where(Customer.uuid == uuid)
        record_audit(
            work,
            "staff.saw_as_customer",
            actor=actor,
            customer_id=work.session.scalars(customer).first(),
            server_id=payer.server_id,
            organization_id=payer.organization_id,
        )
        work.commit()
    return payer.kind, payer.uuid


def load_seen_customer(session: Session, uuid: str) -> CustomerRef:
    """The customer as its owner sees it, or whoever else manages its billing the longest. Raises
    NotFoundError."""
    payer = load_payer(session, uuid=uuid)
    is_organization = payer.organization_id is not None
    place = (
        select(Organization.host).where(Organization.id == payer.organization_id)
        if is_organization
        else select(Server.hostname).where(Server.id == payer.server_id)
    )
    people = select(BillingUser.id, BillingUser.role).where(BillingUser.deactivated_at.is_(None))
    people = (
        people.where(BillingUser.organization_id == payer.organization_id)
        if is_organization
        else people.where(BillingUser.server_id == payer.server_id)
    )
    found = session.execute(people.order_by(BillingUser.id)).all()
    owner = next((row.id for row in found if row.role is BillingRole.OWNER), None)
    return CustomerRef(
        payer=payer,
        host=session.scalars(place).one() or payer.display_name,
        customer_id=session.scalars(select(Customer.id).where(Customer.uuid == uuid)).first(),
        billing_user_id=owner or next((row.id for row in found), NOBODY),
    )
