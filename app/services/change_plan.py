"""What a customer changes about a running plan: end it, keep it, set the number of licenses."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.calendar import cycle_at
from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, LicenseManagement
from app.domain.ledger import Entry, entry_at
from app.domain.transitions import Change, decide_transition
from app.models.customers import Customer
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer, get_live_plan
from app.services.ledger import sync_server_ledgers
from app.services.plan_ledger import load_entries
from app.services.plan_life import apply_change
from app.services.plan_rules import ledger_rules, to_entries
from app.services.quote import MOST_LICENSES, count_payer_people
from app.services.unit_of_work import UnitOfWork, unit_of_work


def end_plan_at_cycle_end(ctx: Context, payer: Payer, *, actor: Actor) -> datetime:
    """Let the plan end when its cycle does; returns that instant. Can be taken back until then.

    Raises BillingError `no_plan` or `transition_refused`.
    """
    with unit_of_work(ctx) as work:
        _, customer, plan = _claim_plan(work, payer)
        apply_change(plan, Change.END_AT_CYCLE_END)
        plan.end_date = cycle_at(plan.billing_cycle_anchor, plan.schedule, work.now).end
        _audit(work, "plan.set_to_end", plan, customer, actor, end=plan.end_date.isoformat())
        work.commit()
        return plan.end_date


def keep_plan(ctx: Context, payer: Payer, *, actor: Actor) -> None:
    """Take an instructed end back. Raises BillingError `no_plan` or `transition_refused`."""
    with unit_of_work(ctx) as work:
        _, customer, plan = _claim_plan(work, payer)
        if plan.end_date is not None and plan.end_date <= work.now:
            raise BillingError("plan_has_ended")
        apply_change(plan, Change.KEEP)
        plan.end_date = None
        _audit(work, "plan.kept", plan, customer, actor)
        work.commit()


def change_licenses_now(ctx: Context, payer: Payer, *, licenses: int, actor: Actor) -> None:
    """Raise the licenses of a manual plan now, and with them the number at renewal.

    The difference is on the next invoice. Raises BillingError `not_manual`, `licenses_not_raised`,
    `too_few_licenses`, `too_many_licenses`, `contact_support_for_more`, `no_plan`,
    `transition_refused`.
    """
    with unit_of_work(ctx) as work:
        server, customer, plan = _claim_plan(work, payer)
        current = _get_current(work.session, plan, work.now)
        people = _check_licenses(work, plan, customer, payer, licenses)
        if licenses <= current.licenses:
            raise BillingError("licenses_not_raised", licenses=current.licenses)
        at_renewal = max(licenses, current.licenses_at_next_renewal)
        _append(work, server, plan, (licenses, at_renewal), people, actor)
        _audit(work, "plan.licenses_raised", plan, customer, actor, licenses=licenses)
        work.commit()


def change_licenses_at_renewal(ctx: Context, payer: Payer, *, licenses: int, actor: Actor) -> None:
    """Set the licenses a manual plan renews with. Raises as `change_licenses_now`, and
    `licenses_unchanged`, and `plan_is_ending` since there will be no renewal."""
    with unit_of_work(ctx) as work:
        server, customer, plan = _claim_plan(work, payer)
        if plan.at_cycle_end is AtCycleEnd.END:
            raise BillingError("plan_is_ending")
        current = _get_current(work.session, plan, work.now)
        people = _check_licenses(work, plan, customer, payer, licenses)
        if licenses == current.licenses_at_next_renewal:
            raise BillingError("licenses_unchanged", licenses=licenses)
        _append(work, server, plan, (current.licenses, licenses), people, actor)
        _audit(work, "plan.licenses_at_renewal_set", plan, customer, actor, licenses=licenses)
        work.commit()


def _claim_plan(work: UnitOfWork, payer: Payer) -> tuple[Server, Customer, Plan]:
    """Lock the payer, bring its ledger up to now, and return its live plan."""
    server, customer = claim_payer(work, payer)
    sync_server_ledgers(work, server, as_of=work.now)
    plan = get_live_plan(work.session, customer.id)
    if plan is None:
        raise BillingError("no_plan")
    return server, customer, plan


def _check_licenses(
    work: UnitOfWork, plan: Plan, customer: Customer, payer: Payer, licenses: int
) -> int:
    """Refuse a number that is too small or absurd; returns the people counted now."""
    if plan.license_management is not LicenseManagement.MANUAL:
        raise BillingError("not_manual")
    decide_transition(plan.status, plan.at_cycle_end, Change.CHANGE_LICENSES)
    people = count_payer_people(work.session, payer, now=work.now).people
    rules = ledger_rules(plan, customer)
    cycle = cycle_at(plan.billing_cycle_anchor, plan.schedule, work.now)
    least = 1 if rules.exempt else max(people, rules.minimum_during(cycle))
    if licenses < least:
        raise BillingError("too_few_licenses", minimum=least, people=people)
    if licenses > MOST_LICENSES:
        raise BillingError("too_many_licenses", maximum=MOST_LICENSES)
    most = work.ctx.settings.max_invoice_amount
    if plan.price_per_license is not None and licenses * plan.price_per_license > most:
        raise BillingError("contact_support_for_more", total=most, currency=plan.currency)
    return people


def _get_current(session: Session, plan: Plan, now: datetime) -> Entry:
    current = entry_at(to_entries(load_entries(session, plan_id=plan.id)), now)
    assert current is not None  # every plan has a first entry
    return current


def _append(
    work: UnitOfWork,
    server: Server,
    plan: Plan,
    pair: tuple[int, int],
    people: int,
    actor: Actor,
) -> None:
    work.session.add(
        LedgerEntry(
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
    )


def _audit(
    work: UnitOfWork, action: str, plan: Plan, customer: Customer, actor: Actor, **after: object
) -> None:
    record_audit(
        work, action, actor=actor, customer_id=customer.id, after={"plan": plan.id, **after}
    )
