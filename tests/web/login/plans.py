"""Plans that decide where a login leads, stored as they are."""

from app.domain.kinds import Collection as Payment
from app.domain.kinds import CustomerKind, LicenseManagement, PlanStatus, Schedule
from app.models import Customer, Plan
from app.services.context import Context
from tests.support.login import KnownOrganization


def add_plan(
    ctx: Context,
    organization: KnownOrganization,
    *,
    kind: CustomerKind = CustomerKind.ORGANIZATION,
    tier: str = "basic",
    status: PlanStatus = PlanStatus.ACTIVE,
) -> None:
    """Give the organization, or the server that it is on, a plan."""
    with ctx.sessions() as session, session.begin():
        is_server = kind is CustomerKind.SERVER
        customer = Customer(
            kind=kind,
            uuid=f"{kind}-of-{organization.id}",
            display_name="Acme",
            server_id=organization.server_id if is_server else None,
            organization_id=None if is_server else organization.id,
            created_at=ctx.now(),
        )
        session.add(customer)
        session.flush()
        plan = Plan(
            customer_id=customer.id,
            tier=tier,
            status=status,
            schedule=Schedule.MONTHLY,
            currency="usd",
            price_per_license=350,
            license_management=LicenseManagement.AUTOMATIC,
            collection=Payment.CHARGE_AUTOMATICALLY,
            billing_cycle_anchor=ctx.now(),
            invoiced_until=ctx.now(),
            created_at=ctx.now(),
        )
        session.add(plan)
