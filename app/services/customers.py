"""Finding, and at need making, the customer row of an organization or server."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import LIVE_STATUSES, CustomerKind
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose billing it is: one organization or one server, whether a customer yet or not."""

    kind: CustomerKind
    uuid: str
    server_id: int
    organization_id: int | None
    display_name: str


def load_payer(session: Session, *, uuid: str) -> Payer:
    """The organization or server of that UUID. Raises NotFoundError."""
    organization = session.scalars(
        select(Organization).where(Organization.uuid == uuid)
    ).one_or_none()
    if organization is not None:
        return payer_of_organization(organization)
    server = session.scalars(select(Server).where(Server.uuid == uuid)).one_or_none()
    if server is None:
        raise NotFoundError("customer")
    return Payer(CustomerKind.SERVER, uuid, server.id, None, server.hostname)


def payer_of_organization(organization: Organization) -> Payer:
    """The payer that an organization is."""
    assert organization.uuid is not None  # only organizations with a UUID are shown or bought for
    name = organization.name or organization.host or organization.uuid
    return Payer(
        CustomerKind.ORGANIZATION, organization.uuid, organization.server_id, organization.id, name
    )


def get_customer(session: Session, payer: Payer) -> Customer | None:
    """The customer row of `payer`, if it ever needed one."""
    if payer.kind is CustomerKind.ORGANIZATION:
        condition = Customer.organization_id == payer.organization_id
    else:
        condition = Customer.server_id == payer.server_id
    return session.scalars(select(Customer).where(condition)).unique().one_or_none()


def claim_payer(work: UnitOfWork, payer: Payer) -> tuple[Server, Customer]:
    """Lock the server and the customer of `payer`, making the customer row if there is none.

    The server's lock comes first everywhere, so that nobody waits in a circle. Raises BillingError
    `organization_moved` when the organization is on another server by now.
    """
    server = work.claim_server(payer.server_id)
    if payer.organization_id is not None:
        home = select(Organization.server_id).where(Organization.id == payer.organization_id)
        if work.session.scalars(home).one() != server.id:
            # It went to another server since the page was looked up.
            raise BillingError("organization_moved")
    customer = get_customer(work.session, payer)
    if customer is None:
        customer = Customer(
            kind=payer.kind,
            uuid=payer.uuid,
            display_name=payer.display_name,
            server_id=payer.server_id if payer.kind is CustomerKind.SERVER else None,
            organization_id=payer.organization_id,
            created_at=work.now,
        )
        work.session.add(customer)
        work.flush()
    return server, work.claim_customer(customer.id)


def get_live_plan(session: Session, customer_id: int) -> Plan | None:
    """The plan that runs now; at most one, by a unique index."""
    return session.scalars(
        select(Plan).where(Plan.customer_id == customer_id, Plan.status.in_(LIVE_STATUSES))
    ).one_or_none()
