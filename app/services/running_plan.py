"""What every change of a running plan begins and ends with: claim it, read it, write it down."""

from app.domain.errors import BillingError
from app.domain.ledger import Entry, entry_at
from app.models.customers import Customer
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.customers import Payer, claim_payer, get_live_plan
from app.services.ledger import sync_server_ledgers
from app.services.plan_ledger import get_next_plan, load_entries
from app.services.plan_life import cancel_scheduled_plan
from app.services.plan_rules import has_agreed_end, to_entries
from app.services.unit_of_work import UnitOfWork

RunningPlan = tuple[Server, Customer, Plan]


def claim_running_plan(work: UnitOfWork, payer: Payer) -> RunningPlan:
    """Lock the payer, bring its ledger up to now, and return its live plan.

    Raises BillingError `no_plan`.
    """
    server, customer = claim_payer(work, payer)
    sync_server_ledgers(work, server, as_of=work.now)
    plan = get_live_plan(work.session, customer.id)
    if plan is None:
        raise BillingError("no_plan")
    return server, customer, plan


def refuse_agreed_plan(plan: Plan) -> None:
    """Raises BillingError `plan_is_agreed` for a plan whose price and end staff agreed: only they
    change it."""
    if has_agreed_end(plan):
        raise BillingError("plan_is_agreed", ends_at=plan.end_date)


def get_current_entry(work: UnitOfWork, plan: Plan) -> Entry:
    """The entry in force now."""
    current = entry_at(to_entries(load_entries(work.session, plan_id=plan.id)), work.now)
    assert current is not None  # every plan has a first entry
    return current


def append_entry(
    work: UnitOfWork,
    server: Server,
    plan: Plan,
    pair: tuple[int, int],
    *,
    people: int,
    actor: Actor,
    is_renewal: bool = False,
) -> LedgerEntry:
    """Write down what a person decided, after everything that is known of this second."""
    entry = LedgerEntry(
        plan_id=plan.id,
        event_time=work.now,
        is_renewal=is_renewal,
        licenses=pair[0],
        licenses_at_next_renewal=pair[1],
        people=people,
        order_id=server.last_audit_order,
        actor=actor.name,
        recorded_at=work.now,
    )
    work.session.add(entry)
    work.flush()
    return entry


def give_up_next_plan(work: UnitOfWork, plan: Plan, *, actor: Actor) -> None:
    """Cancel the plan that was to follow, if there is one."""
    following = get_next_plan(work.session, plan)
    if following is not None:
        cancel_scheduled_plan(work, following, actor=actor)
    plan.next_plan_id = None
    work.flush()


def audit_change(
    work: UnitOfWork, action: str, plan: Plan, actor: Actor, *, reason: str = "", **after: object
) -> None:
    """One audit entry about a change of `plan`; `reason` where staff gave one."""
    if reason:
        after["reason"] = reason
    record_audit(
        work, action, actor=actor, customer_id=plan.customer_id, after={"plan": plan.id, **after}
    )
