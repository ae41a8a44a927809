"""From stored rows to the values the pure rules take, in one place."""

from collections.abc import Iterable

from app.domain.discounts import NewCustomerTerms
from app.domain.invoicing import PlanTerms
from app.domain.ledger import Entry, LedgerRules
from app.models.customers import Customer
from app.models.plans import LedgerEntry, Plan


def new_customer_terms(plan: Plan) -> NewCustomerTerms:
    """The discount for new customers the plan began with."""
    return NewCustomerTerms(
        amount=plan.new_customer_amount,
        months_at_start=plan.new_customer_months_at_start,
        minimum=plan.new_customer_minimum,
    )


def ledger_rules(plan: Plan, customer: Customer) -> LedgerRules:
    """What decides the licenses of `plan`."""
    return LedgerRules(
        anchor=plan.billing_cycle_anchor,
        schedule=plan.schedule,
        management=plan.license_management,
        tier_minimum=plan.tier_minimum,
        customer_minimum=customer.minimum_licenses or 0,
        exempt=customer.exempt_from_license_number_check,
        new_customer=new_customer_terms(plan),
        ends_at=plan.ended_at or plan.end_date,
    )


def plan_terms(plan: Plan) -> PlanTerms:
    """What a per-license plan charges. Fixed prices are not sold yet."""
    assert plan.price_per_license is not None
    return PlanTerms(
        anchor=plan.billing_cycle_anchor,
        schedule=plan.schedule,
        price=plan.price_per_license,
        new_customer=new_customer_terms(plan),
        ends_at=plan.ended_at or plan.end_date,
    )


def to_entry(row: LedgerEntry) -> Entry:
    """A stored ledger row as the rules see it."""
    return Entry(
        event_time=row.event_time,
        is_renewal=row.is_renewal,
        licenses=row.licenses,
        licenses_at_next_renewal=row.licenses_at_next_renewal,
        order_id=row.order_id,
        people=row.people,
        audit_row_id=row.log_entry_id,
        actor=row.actor,
        id=row.id,
    )


def to_entries(rows: Iterable[LedgerEntry]) -> list[Entry]:
    """Several of them, in the order given."""
    return [to_entry(row) for row in rows]
