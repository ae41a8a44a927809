"""From stored rows to the values the pure rules take, in one place."""

from collections.abc import Iterable
from datetime import datetime

from app.domain.discounts import NewCustomerTerms
from app.domain.invoicing import PlanTerms
from app.domain.kinds import LineKind
from app.domain.ledger import Entry, LedgerRules
from app.models.customers import Customer
from app.models.plans import LedgerEntry, Plan


def new_customer_terms(plan: Plan) -> NewCustomerTerms:
    """The discount for new customers the plan began with."""
    return NewCustomerTerms(
        amount=plan.new_customer_amount,
        months_at_start=plan.new_customer_months_at_start,
        minimum=plan.new_customer_minimum,
        kind=plan.promo_kind,
        percent=plan.promo_percent,
    )


def is_complimentary(plan: Plan) -> bool:
    """Whether the plan costs nothing, as legacy and sponsored ones do: it has an agreed end and is
    never invoiced."""
    return plan.fixed_price is None and plan.price_per_license == 0


def has_agreed_end(plan: Plan) -> bool:
    """Whether the end of the plan was agreed when it began: it cost nothing, or a fixed price."""
    return plan.fixed_price is not None or is_complimentary(plan)


def begins_at(plan: Plan) -> datetime:
    """When the plan began: its free trial, or what is paid for."""
    return plan.trial_start or plan.billing_cycle_anchor


def ends_at(plan: Plan) -> datetime | None:
    """When the plan ended, or is going to; None while it renews."""
    return plan.ended_at or plan.end_date


def ledger_rules(plan: Plan, customer: Customer, next_plan: Plan | None = None) -> LedgerRules:
    """What decides the licenses of `plan`; `next_plan` is the one that follows it, if one does."""
    return LedgerRules(
        anchor=plan.billing_cycle_anchor,
        schedule=plan.schedule,
        management=plan.license_management,
        tier_minimum=plan.tier_minimum,
        customer_minimum=customer.minimum_licenses or 0,
        exempt=customer.exempt_from_license_number_check,
        new_customer=new_customer_terms(plan),
        ends_at=ends_at(plan),
        trial_start=plan.trial_start,
        fixed=plan.fixed_price is not None,
        next_rules=None if next_plan is None else ledger_rules(next_plan, customer),
        discounted=plan.discounted_price is not None,
        discounted_until=plan.discount_ends_at,
        managed_since=plan.management_since,
    )


def plan_terms(plan: Plan) -> PlanTerms:
    """What a plan charges."""
    return PlanTerms(
        anchor=plan.billing_cycle_anchor,
        schedule=plan.schedule,
        price=plan.price_per_license or 0,
        new_customer=new_customer_terms(plan),
        ends_at=ends_at(plan),
        discounted_price=plan.discounted_price,
        discount_ends_at=plan.discount_ends_at,
        fixed_price=plan.fixed_price,
        first_kind=LineKind.RENEWAL if plan.trial_start is None else LineKind.FIRST,
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
