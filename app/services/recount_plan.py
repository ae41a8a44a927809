"""A ledger entry for what changes the licenses of an automatic plan and is no upload: a new
minimum, an exemption, a discount whose own minimum is gone."""

from app.domain.calendar import cycle_at
from app.domain.ledger import entry_at
from app.models.customers import Customer
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Server
from app.services.context import Actor
from app.services.customers import get_live_plan
from app.services.plan_ledger import get_counted_organization_ids, get_next_plan, load_entries
from app.services.plan_rules import ledger_rules, to_entries
from app.services.seats import count_people
from app.services.unit_of_work import UnitOfWork


def recount_plan(
    work: UnitOfWork, server: Server, customer: Customer, *, actor: Actor
) -> LedgerEntry | None:
    """Write down what the rules of the live plan ask for from now on, if it is not what the ledger
    says; None where nothing changes, as under manual management, where the chosen number stands.

    Server and customer must be claimed, and the ledger brought up to now by the rules before.
    """
    work.flush()
    plan = get_live_plan(work.session, customer.id)
    if plan is None:
        return None
    rules = ledger_rules(plan, customer, get_next_plan(work.session, plan))
    current = entry_at(to_entries(load_entries(work.session, plan_id=plan.id)), work.now)
    if not rules.automatic or current is None:
        return None
    counted = get_counted_organization_ids(work.session, customer, server)
    people = sum(count_people(work.session, organization_ids=counted, at=work.now).values())
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, work.now)
    needed = max(current.licenses, rules.needed(people, cycle))
    pair = (needed, rules.billable(people, cycle))
    if pair == current.pair:
        return None
    return _append(work, server, plan, pair, people, actor)


def _append(
    work: UnitOfWork,
    server: Server,
    plan: Plan,
    pair: tuple[int, int],
    people: int,
    actor: Actor,
) -> LedgerEntry:
    entry = LedgerEntry(
        plan_id=plan.id,
        event_time=work.now,
        is_renewal=False,
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
