"""Customers and plans put straight into the database, for tests of what plans lead to."""

from datetime import datetime, timedelta
from typing import Any

from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    CustomerKind,
    LicenseManagement,
    PlanStatus,
    Schedule,
)
from app.models.customers import Customer
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Organization, Server
from app.services.context import Context
from app.services.unit_of_work import unit_of_work


def add_customer(ctx: Context, holder: Server | Organization) -> int:
    """A customer for a server or an organization; its id."""
    is_server = isinstance(holder, Server)
    with unit_of_work(ctx) as work:
        customer = Customer(
            kind=CustomerKind.SERVER if is_server else CustomerKind.ORGANIZATION,
            uuid=holder.uuid,
            display_name=holder.hostname if isinstance(holder, Server) else holder.name,
            server_id=holder.id if is_server else None,
            organization_id=None if is_server else holder.id,
            created_at=work.now,
        )
        work.session.add(customer)
        work.flush()
        customer_id = customer.id
        work.commit()
    return customer_id


def add_plan(
    ctx: Context,
    customer_id: int,
    *,
    tier: str = "basic",
    licenses: int = 10,
    anchor: datetime | None = None,
    **changes: Any,
) -> int:
    """A monthly automatic plan with its first ledger entry, from `anchor` (default: now) on."""
    with unit_of_work(ctx) as work:
        start = anchor or work.now
        values: dict[str, Any] = {
            "tier": tier,
            "status": PlanStatus.ACTIVE,
            "at_cycle_end": AtCycleEnd.RENEW,
            "schedule": Schedule.MONTHLY,
            "currency": "usd",
            "price_per_license": 350,
            "license_management": LicenseManagement.AUTOMATIC,
            "collection": Collection.CHARGE_AUTOMATICALLY,
            "billing_cycle_anchor": start,
            "next_invoice_date": start + timedelta(days=31),
            "invoiced_until": start,
            "created_at": work.now,
        }
        plan = Plan(customer_id=customer_id, **(values | changes))
        work.session.add(plan)
        work.flush()
        work.session.add(
            LedgerEntry(
                plan_id=plan.id,
                event_time=start,
                is_renewal=True,
                licenses=licenses,
                licenses_at_next_renewal=licenses,
                people=licenses,
                actor="system:test",
                recorded_at=work.now,
            )
        )
        plan_id = plan.id
        work.commit()
    return plan_id
