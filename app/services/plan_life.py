"""How a plan moves through its life: it ends, its trial is over, the plan that follows begins.

Only these functions and `apply_change` set a plan's status and standing instruction; what may
happen is decided by app/domain/transitions.py. Rules: docs/rules/transitions.md.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import BEFORE, cycle_at, cycle_number
from app.domain.kinds import Collection, EndReason, InvoiceStatus, PromoKind
from app.domain.ledger import RENEWAL_ACTOR, entry_at
from app.domain.transitions import Change, decide_transition
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.models.metrics import PlanEnd
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import SYSTEM, Actor
from app.services.plan_ledger import ONE_SECOND, get_counted_organization_ids, load_entries
from app.services.plan_rules import is_complimentary, ledger_rules, to_entries
from app.services.seats import count_people
from app.services.unit_of_work import UnitOfWork


def apply_change(plan: Plan, change: Change) -> None:
    """Set status and standing instruction as the table says.

    Raises BillingError `transition_refused`.
    """
    plan.status, plan.at_cycle_end = decide_transition(plan.status, plan.at_cycle_end, change)


def end_plan(
    work: UnitOfWork,
    plan: Plan,
    *,
    at: datetime,
    change: Change,
    reason: EndReason,
    actor: Actor = SYSTEM,
) -> None:
    """The plan ends at `at`, through one of the changes that end a plan.

    It stays due until its closing invoice has been made, which is at once when it ends inside a
    cycle; one that costs nothing has none. Raises BillingError `transition_refused`.
    """
    before = {"status": plan.status.value, "at_cycle_end": plan.at_cycle_end.value}
    apply_change(plan, change)
    plan.ended_at, plan.ended_reason = at, reason
    # Whoever asked before now was told that it runs, and is told the same for ever.
    work.session.add(PlanEnd(plan_id=plan.id, counts_from=max(at, work.now)))
    if is_complimentary(plan):
        plan.next_invoice_date = None
    elif plan.next_invoice_date is not None and plan.next_invoice_date > at:
        plan.next_invoice_date = at
    work.flush()
    record_audit(
        work,
        "plan.ended",
        actor=actor,
        customer_id=plan.customer_id,
        before=before,
        after={"plan": plan.id, "ended_at": at.isoformat(), "reason": reason.value},
    )


def end_trial(work: UnitOfWork, plan: Plan) -> None:
    """The free trial is over: the plan turns active, or ends where that was asked for or where the
    invoice that was sent for it has not been paid."""
    at = plan.billing_cycle_anchor
    if plan.end_date is not None and plan.end_date <= at:
        if not is_paid_ahead(work.session, plan):
            # What was asked for; ended by whoever ends plans at their date.
            return
        # It was paid for after that: what was paid for is not cut off.
        plan.end_date = end_if_set_now(work.session, plan, now=at - ONE_SECOND)
    if is_unpaid_trial(work, plan):
        end_plan(work, plan, at=at, change=Change.GO_UNPAID, reason=EndReason.UNPAID)
        # Nothing was used that could be billed.
        plan.next_invoice_date = None
        return
    apply_change(plan, Change.TURN_ACTIVE)
    work.flush()
    record_audit(
        work,
        "plan.trial_ended",
        actor=SYSTEM,
        customer_id=plan.customer_id,
        after={"plan": plan.id, "status": plan.status.value, "at": at.isoformat()},
    )


def is_unpaid_trial(work: UnitOfWork, plan: Plan) -> bool:
    """Whether the first cycle after a trial was invoiced ahead and is not paid."""
    is_sent = plan.collection is Collection.SEND_INVOICE and plan.trial_start is not None
    return is_sent and not is_paid_ahead(work.session, plan)


def is_paid_ahead(session: Session, plan: Plan) -> bool:
    """Whether the first cycle of a plan was invoiced during its free trial, and is paid."""
    if plan.collection is not Collection.SEND_INVOICE or plan.trial_start is None:
        return False
    paid = select(Invoice.id).join(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
    paid = paid.where(
        InvoiceLine.plan_id == plan.id,
        InvoiceLine.period_start == plan.billing_cycle_anchor,
        Invoice.status == InvoiceStatus.PAID,
    )
    return session.scalars(paid.limit(1)).first() is not None


def end_if_set_now(session: Session, plan: Plan, *, now: datetime) -> datetime:
    """When the plan ends if it is set to end at `now`: with its cycle, a free trial with itself,
    but not before the end of what was paid for."""
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, now)
    if cycle.index == BEFORE and is_paid_ahead(session, plan):
        cycle = cycle_number(plan.billing_cycle_anchor, plan.schedule, 0)
    return cycle.end


def activate_plan(
    work: UnitOfWork, following: Plan, *, after: Plan, customer: Customer, server: Server
) -> None:
    """The scheduled plan begins where `after` ended: its first entry is a renewal with the number
    that the ledger of the plan before ends with, at least what its own rules ask for.

    It is due at its anchor, and so invoiced as a renewal in the same run.
    """
    at = following.billing_cycle_anchor
    apply_change(following, Change.ACTIVATE)
    if following.promo_kind is PromoKind.NEW_CUSTOMER and following.new_customer_months_at_start:
        # What is left now; the plan before may have used some since this one was scheduled.
        if customer.new_customer_months_left is None:
            customer.new_customer_months_left = following.new_customer_months_at_start
        following.new_customer_months_at_start = min(
            following.new_customer_months_at_start, customer.new_customer_months_left
        )
    rules = ledger_rules(following, customer)
    counted = get_counted_organization_ids(work.session, customer, server)
    # Whoever comes in the very second of the boundary belongs to the new plan, after its renewal.
    before = at - ONE_SECOND
    people = sum(count_people(work.session, organization_ids=counted, at=before).values())
    needed = rules.needed(people, cycle_number(at, following.schedule, BEFORE))
    last = entry_at(to_entries(load_entries(work.session, plan_id=after.id)), at)
    assert last is not None  # every plan has a first entry
    if rules.automatic:
        licenses = needed
    elif rules.exempt:
        licenses = last.licenses_at_next_renewal
    else:
        licenses = max(last.licenses_at_next_renewal, needed)
    entry = LedgerEntry(
        plan_id=following.id,
        event_time=at,
        is_renewal=True,
        licenses=licenses,
        licenses_at_next_renewal=licenses,
        people=people,
        order_id=0,
        actor=RENEWAL_ACTOR,
        recorded_at=work.now,
    )
    work.session.add(entry)
    following.next_invoice_date = at
    work.flush()
    record_audit(
        work,
        "plan.started",
        actor=SYSTEM,
        customer_id=customer.id,
        after={
            "plan": following.id,
            "tier": following.tier,
            "schedule": following.schedule.value,
            "licenses": licenses,
            "anchor": at.isoformat(),
            "after": after.id,
        },
    )


def cancel_scheduled_plan(work: UnitOfWork, scheduled: Plan, *, actor: Actor) -> None:
    """A scheduled plan is given up before it began. Raises BillingError `transition_refused`."""
    apply_change(scheduled, Change.CANCEL)
    scheduled.ended_at, scheduled.ended_reason = work.now, EndReason.CANCELED
    work.flush()
    record_audit(
        work,
        "plan.schedule_canceled",
        actor=actor,
        customer_id=scheduled.customer_id,
        after={"plan": scheduled.id, "tier": scheduled.tier},
    )
