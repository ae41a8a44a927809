"""Customers made straight in the database, for tests that begin where registration ends."""

from datetime import timedelta
from uuid import uuid4

from app.domain.kinds import CustomerKind
from app.models.customers import Customer
from app.models.people import BillingUser
from app.models.registrations import Organization, Server
from app.services.context import Context
from app.services.unit_of_work import unit_of_work


def make_customer(
    ctx: Context, kind: CustomerKind = CustomerKind.ORGANIZATION, *, email: str | None = None
) -> int:
    """A customer on a server of its own; returns its id.

    `email` is the first person who manages its billing (of an organization), or the contact of the
    server.
    """
    name = uuid4().hex[:12]
    with unit_of_work(ctx) as work:
        server = Server(
            uuid=str(uuid4()),
            hostname=f"{name}.example.test",
            contact_email=email or "admin@example.test",
            key_hash="0" * 64,
            created_at=work.now,
            last_audit_log_update=work.now,
        )
        work.session.add(server)
        work.flush()
        customer = Customer(
            kind=kind, display_name=f"Acme {name}", created_at=work.now, uuid=server.uuid
        )
        if kind is CustomerKind.SERVER:
            customer.server_id = server.id
        else:
            organization = _organization(server, name, work.now - timedelta(days=1))
            work.session.add(organization)
            work.flush()
            customer.uuid = organization.uuid or ""
            customer.organization_id = organization.id
            if email is not None:
                work.session.add(
                    BillingUser(
                        organization_id=organization.id,
                        user_uuid=str(uuid4()),
                        email=email,
                        created_at=work.now,
                    )
                )
        work.session.add(customer)
        work.flush()
        customer_id = customer.id
        work.commit()
    return customer_id


def load_customer(ctx: Context, customer_id: int) -> Customer:
    """The row as it is now, free of any session."""
    with ctx.sessions() as session:
        customer = session.get_one(Customer, customer_id)
        session.expunge_all()
        return customer


def _organization(server: Server, name: str, created_at: object) -> Organization:
    return Organization(
        server_id=server.id,
        uuid=str(uuid4()),
        remote_realm_id=2,
        host=f"{name}.example.test",
        url=f"https://{name}.example.test",
        name=f"Acme {name}",
        authentication_methods={},
        created_at=created_at,
    )
