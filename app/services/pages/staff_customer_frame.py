"""What every page of staff about one customer begins with: whose it is."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.kinds import CustomerKind
from app.models.customers import Customer
from app.models.registrations import Organization, Server
from app.services.customers import Payer, load_payer


@dataclass(frozen=True, slots=True)
class CustomerFrame:
    """An organization or a server, customer or not: `customer_id` is None for one that never
    bought anything and was never promised anything. `stripe_customer_id` names it at the provider.
    """

    payer: Payer
    host: str
    hostname: str
    server_uuid: str
    customer_id: int | None
    stripe_customer_id: str | None

    @property
    def name(self) -> str:
        """What staff call it."""
        return self.payer.display_name

    @property
    def uuid(self) -> str:
        """The UUID in the addresses of its pages."""
        return self.payer.uuid

    @property
    def is_server(self) -> bool:
        """Whether it is a server, whose organizations are listed."""
        return self.payer.kind is CustomerKind.SERVER


def load_frame(session: Session, uuid: str) -> CustomerFrame:
    """The organization or server of that UUID. Raises NotFoundError."""
    payer = load_payer(session, uuid=uuid)
    row = session.execute(
        select(
            Server.hostname,
            Server.uuid,
            Organization.host,
            Customer.id,
            Customer.stripe_customer_id,
        )
        .select_from(Server)
        .outerjoin(Organization, Organization.id == payer.organization_id)
        .outerjoin(Customer, Customer.uuid == payer.uuid)
        .where(Server.id == payer.server_id)
    ).one()
    hostname, server_uuid, host, customer_id, stripe_customer_id = row
    return CustomerFrame(
        payer=payer,
        host=host or hostname,
        hostname=hostname,
        server_uuid=server_uuid,
        customer_id=customer_id,
        stripe_customer_id=stripe_customer_id,
    )
