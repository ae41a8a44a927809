"""What every page of a customer begins with, in one query."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import (
    BindParameter,
    Executable,
    and_,
    bindparam,
    case,
    exists,
    false,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased, lazyload

from app.domain.kinds import LIVE_STATUSES, CustomerKind, PurchaseStatus
from app.models.charges import Adjustment, OneOff
from app.models.customers import Customer
from app.models.plans import Plan, has_begun
from app.models.purchases import Purchase
from app.models.registrations import Organization, Server
from app.models.uploads import PendingAuditRow
from app.services.customers import Payer
from app.services.seats import is_stale


@dataclass(frozen=True, slots=True)
class Head:
    """The rows themselves: for the modules of this package, never for a template.

    `plan` is the live plan, else the one that ended last. `server_tier` is the tier of the live
    plan of the organization's server. `has_due_rows` says that uploaded rows of the future have
    become due and wait for the hourly run, `has_open_charges` that something beside the plan waits
    for its next invoice.
    """

    payer: Payer
    now: datetime
    server: Server
    organization: Organization | None
    customer: Customer | None
    plan: Plan | None
    purchase: Purchase | None
    server_tier: str | None
    has_due_rows: bool
    has_open_charges: bool = False

    @property
    def live_plan(self) -> Plan | None:
        """The plan that runs now."""
        if self.plan is not None and self.plan.status in LIVE_STATUSES:
            return self.plan
        return None

    @property
    def is_covered_by_server(self) -> bool:
        """Whether somebody else pays for this organization."""
        return self.live_plan is None and self.server_tier is not None

    @property
    def asks_to_be_sponsored(self) -> bool:
        """Whether a request for a sponsorship waits for staff."""
        return self.customer is not None and self.customer.sponsorship_pending

    @property
    def is_stale(self) -> bool:
        """Whether nobody can tell how many people there are."""
        return is_stale(self.server, now=self.now)

    @property
    def last_heard(self) -> datetime | None:
        """When the server last uploaded."""
        return self.server.last_audit_log_update


def load_head(session: Session, payer: Payer, *, now: datetime) -> Head:
    """Server, organization, customer, plan, open purchase and cover of `payer`."""
    values = {
        "server_id": payer.server_id,
        "organization_id": payer.organization_id,
        "now": now,
    }
    row = session.execute(_head_query(payer.kind), values).one()
    server, organization, customer, plan, purchase, server_tier, has_due, has_charges = row
    return Head(
        payer=payer,
        now=now,
        server=server,
        organization=organization,
        customer=customer,
        plan=plan,
        purchase=purchase,
        server_tier=server_tier,
        has_due_rows=bool(has_due),
        has_open_charges=bool(has_charges),
    )


# Building a statement costs more than running it, so each kind's is built once.
@cache
def _head_query(kind: CustomerKind) -> Executable:
    """The query of `load_head` with :server_id, :organization_id (None for a server) and :now."""
    of_server, server_plan = aliased(Customer), aliased(Plan)
    latest = aliased(Plan)
    server_id: BindParameter[int] = bindparam("server_id")
    organization_id: BindParameter[int] = bindparam("organization_id")
    latest_plan = (
        select(latest.id)
        .where(latest.customer_id == Customer.id, has_begun(latest))
        .order_by(case((latest.status.in_(LIVE_STATUSES), 0), else_=1), latest.id.desc())
        .limit(1)
        .correlate(Customer)
        .scalar_subquery()
    )
    due = exists().where(
        PendingAuditRow.server_id == Server.id, PendingAuditRow.due_at <= bindparam("now")
    )
    adjusted = exists().where(Adjustment.plan_id == Plan.id, Adjustment.invoice_id.is_(None))
    charged = exists().where(
        OneOff.customer_id == Customer.id, OneOff.invoice_id.is_(None), OneOff.canceled_at.is_(None)
    )
    is_organization = kind is CustomerKind.ORGANIZATION
    # The server's plan is somebody else's only for an organization.
    others = true() if is_organization else false()
    mine = (
        Customer.organization_id == organization_id
        if is_organization
        else Customer.server_id == server_id
    )
    return (
        select(
            *(Server, Organization, Customer, Plan, Purchase, server_plan.tier, due),
            or_(adjusted, charged),
        )
        .select_from(Server)
        .outerjoin(Organization, Organization.id == organization_id)
        .outerjoin(Customer, mine)
        .outerjoin(Plan, Plan.id == latest_plan)
        .outerjoin(
            Purchase,
            and_(Purchase.customer_id == Customer.id, Purchase.status == PurchaseStatus.OPEN),
        )
        .outerjoin(of_server, and_(of_server.server_id == Server.id, others))
        .outerjoin(
            server_plan,
            and_(
                server_plan.customer_id == of_server.id,
                server_plan.status.in_(LIVE_STATUSES),
            ),
        )
        .where(Server.id == server_id)
        .options(lazyload(Customer.server), lazyload(Customer.organization))
    )
