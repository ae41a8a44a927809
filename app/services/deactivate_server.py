"""A registration ends (billing rules, "Deactivation")."""

from sqlalchemy import or_, select

from app.domain.errors import BillingError
from app.domain.kinds import LIVE_STATUSES, AtCycleEnd, PlanStatus, TierKind
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.unit_of_work import UnitOfWork, unit_of_work


def deactivate_server(ctx: Context, server_id: int, *, actor: Actor) -> None:
    """Deactivate the registration of a server.

    Raises BillingError `deactivation_refused` while the server or one of its organizations has a
    paid or scheduled plan that is not set to end (naming it), and `server_deactivated` when it was
    done before. A bare legacy or community plan does not stand in the way.
    """
    with unit_of_work(ctx) as work:
        server = work.claim_server(server_id)
        if server.deactivated_at is not None:
            raise BillingError("server_deactivated")
        _refuse_while_paid(work, server)
        server.deactivated_at = work.now
        record_audit(
            work,
            "server.deactivated",
            actor=actor,
            server_id=server.id,
            before={"deactivated_at": None},
            after={"deactivated_at": work.now.isoformat()},
        )
        work.commit()


def _refuse_while_paid(work: UnitOfWork, server: Server) -> None:
    of_server = select(Organization.id).where(Organization.server_id == server.id)
    customer_ids = work.session.scalars(
        select(Customer.id).where(
            or_(Customer.server_id == server.id, Customer.organization_id.in_(of_server))
        )
    )
    # Claimed, so that no purchase starts a plan while we look.
    for customer in work.claim_customers(customer_ids):
        plans = work.session.scalars(
            select(Plan)
            .where(
                Plan.customer_id == customer.id,
                Plan.status.in_((*LIVE_STATUSES, PlanStatus.NEVER_STARTED)),
            )
            .order_by(Plan.id)
            .execution_options(populate_existing=True)
        )
        for plan in plans:
            if _stands_in_the_way(work, plan):
                tier = work.ctx.catalog.tiers.get(plan.tier)
                raise BillingError(
                    "deactivation_refused",
                    tier=plan.tier if tier is None else tier.title,
                    holder=customer.display_name,
                )


def _stands_in_the_way(work: UnitOfWork, plan: Plan) -> bool:
    if plan.at_cycle_end is AtCycleEnd.END:
        return False
    tier = work.ctx.catalog.tiers.get(plan.tier)
    # A plan outlives its tier in the catalogue; what was sold once was paid for.
    return tier is None or tier.kind in (TierKind.PAID, TierKind.FIXED)
