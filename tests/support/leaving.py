"""What stands in the way of a server that leaves, and what does not: for its page and the API."""

from typing import Any
from uuid import uuid4

from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    LicenseManagement,
    PlanStatus,
    PurchaseStatus,
    Schedule,
)
from app.models.purchases import Purchase
from app.models.registrations import Organization, Server
from app.services.context import Context
from app.services.unit_of_work import unit_of_work

# Plans as `add_plan` takes them.
BLOCKING: list[dict[str, Any]] = [
    {},
    {"tier": "business"},
    {"status": PlanStatus.TRIAL},
    {"status": PlanStatus.NEVER_STARTED},
    # A fixed price that begins later ends by itself, but only after it was charged.
    {"status": PlanStatus.NEVER_STARTED, "at_cycle_end": AtCycleEnd.END},
    {"status": PlanStatus.TRIAL, "at_cycle_end": AtCycleEnd.SWITCH_SCHEDULE},
    {"at_cycle_end": AtCycleEnd.SWITCH_SCHEDULE},
    {"at_cycle_end": AtCycleEnd.SWITCH_TIER},
    {"tier": "gold"},
]
HARMLESS: list[dict[str, Any]] = [
    {"at_cycle_end": AtCycleEnd.END},
    {"status": PlanStatus.TRIAL, "at_cycle_end": AtCycleEnd.END},
    # A fixed price is for a year and ends by itself.
    {
        "tier": "enterprise",
        "price_per_license": None,
        "fixed_price": 1_200_000,
        "at_cycle_end": AtCycleEnd.END,
    },
    {"status": PlanStatus.ENDED},
    {"tier": "legacy", "price_per_license": 0},
    {"tier": "community", "price_per_license": 0},
]


def name_of(holder: Server | Organization) -> str:
    """What its customer is called."""
    return holder.hostname if isinstance(holder, Server) else holder.name


def add_purchase(
    ctx: Context, customer_id: int, *, status: PurchaseStatus = PurchaseStatus.OPEN
) -> int:
    """A purchase of Basic for 18 people that has got so far; returns its id."""
    with unit_of_work(ctx) as work:
        purchase = Purchase(
            customer_id=customer_id,
            status=status,
            tier="basic",
            schedule=Schedule.MONTHLY,
            license_management=LicenseManagement.AUTOMATIC,
            collection=Collection.CHARGE_AUTOMATICALLY,
            licenses=18,
            currency="usd",
            price_per_license=350,
            tier_minimum=1,
            people=18,
            quote={"total": 6300},
            form_nonce=uuid4().hex,
            anchor=work.now,
            created_at=work.now,
            actor="billing_user:1",
        )
        work.session.add(purchase)
        work.flush()
        purchase_id = purchase.id
        work.commit()
    return purchase_id
