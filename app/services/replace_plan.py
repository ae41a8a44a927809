"""Another plan at once in the place of the one that runs: what was paid and is not used comes back
as credit, and the new plan begins now with a cycle of its own.

Everything here is one transaction; `upgrade_tier` does what has to be done at the provider before
and after it. Rules: docs/rules/changes.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.calendar import BEFORE, cycle_number, month_boundary
from app.domain.errors import BillingError
from app.domain.invoicing import first_lines, total_of
from app.domain.kinds import (
    EndReason,
    LicenseManagement,
    LineKind,
    LineSource,
    PlanStatus,
    PromoKind,
)
from app.domain.transitions import Change
from app.models.charges import BalanceCredit
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.customers import Payer
from app.services.extra_charges import (
    keep_the_rest,
    load_open_charges,
    mark_charged,
    parts_of_charges,
)
from app.services.invoice_plan import compute_parts
from app.services.invoices import InvoiceDraft, InvoicePart, record_invoice
from app.services.next_terms import PlanChoice, check_terms, spec_of, terms_of
from app.services.plan_credit import (
    compute_credit,
    compute_unused_months,
    is_discount_paid,
)
from app.services.plan_factory import make_plan
from app.services.plan_ledger import load_entries
from app.services.plan_life import end_plan
from app.services.plan_rules import ledger_rules, new_customer_terms, plan_terms
from app.services.quote import count_payer_people
from app.services.running_plan import append_entry, get_current_entry, give_up_next_plan
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Replacement:
    """What took the place of a plan. Cents of `currency`: `credit` for what was paid, `total` of
    the invoice, of which credit is taken off at the provider. `terms` as they are signed."""

    plan_id: int
    invoice_id: int
    licenses: int
    currency: str
    credit: int
    total: int
    terms: Mapping[str, Any]

    @property
    def due(self) -> int:
        """What is left to pay, if there was no credit before."""
        return max(0, self.total - self.credit)


@dataclass(frozen=True, slots=True)
class Running:
    """A plan that runs, its customer, and who pays."""

    payer: Payer
    server: Server
    customer: Customer
    plan: Plan


def replace_plan(
    work: UnitOfWork,
    running: Running,
    choice: PlanChoice,
    *,
    actor: Actor,
    confirmed: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Replacement:
    """End the plan now and begin the chosen one, with one invoice: what the old one still has to
    close, and the first cycle of the new one.

    Server and customer must be claimed, the ledger brought up to now, and nothing of the old plan
    be due or unpaid. Raises BillingError `unknown_tier`, `change_outdated`,
    `contact_support_for_more`, `transition_refused`; MissingDataError.
    """
    plan, customer, now = running.plan, running.customer, work.now
    people = count_payer_people(work.session, running.payer, now=now).people
    chosen = get_current_entry(work, plan).licenses
    credit = compute_credit(work.session, plan, at=now)
    is_paid = is_discount_paid(work.session, plan, at=now)
    months = compute_unused_months(plan, at=now, is_paid=is_paid)
    spec = spec_of(
        work,
        running.payer,
        customer,
        plan,
        work.ctx.catalog.tiers[choice.tier],
        schedule=choice.schedule,
        starts_at=now,
        months_back=months,
    )
    check_terms(confirmed, plan, spec)
    terms = terms_of(plan, spec)
    is_new_customers = plan.promo_kind is PromoKind.NEW_CUSTOMER
    if is_new_customers and months and customer.new_customer_months_left is not None:
        customer.new_customer_months_left += months
    give_up_next_plan(work, plan, actor=actor)
    end_plan(work, plan, at=now, change=Change.REPLACE, reason=EndReason.REPLACED, actor=actor)
    parts = compute_parts(work.session, [plan], boundary=now)
    _close(work, plan)
    spec = replace(
        spec,
        status=PlanStatus.ACTIVE,
        invoiced_until=now,
        next_invoice_date=month_boundary(now, 1),
    )
    made = make_plan(work, customer, spec, actor=actor, reason=reason or "upgrade")
    entry = _begin(work, running, made, chosen=chosen, people=people, actor=actor)
    parts.append(_first_part(made, entry))
    invoice = _invoice(work, customer, plan, made, parts)
    if credit:
        _give(work, customer, plan, credit)
    _use_months(customer, made)
    _audit(work, plan, made, entry, credit, actor=actor, reason=reason)
    return Replacement(
        made.id, invoice.id, entry.licenses, made.currency, credit, invoice.total, terms
    )


def _close(work: UnitOfWork, plan: Plan) -> None:
    """Everything of the old plan has been billed; nothing of it is due any more."""
    entries = [row.id for row in load_entries(work.session, plan_id=plan.id)]
    plan.invoiced_through = max(entries, default=plan.invoiced_through or 0)
    plan.invoiced_until, plan.next_invoice_date = work.now, None
    plan.invoice_deferred_since = None
    work.flush()


def _begin(
    work: UnitOfWork, running: Running, made: Plan, *, chosen: int, people: int, actor: Actor
) -> LedgerEntry:
    """The first entry of the new plan: everyone who is there, or the number that was chosen."""
    rules = ledger_rules(made, running.customer)
    licenses = rules.needed(people, cycle_number(work.now, made.schedule, BEFORE))
    if made.license_management is LicenseManagement.MANUAL:
        licenses = chosen if rules.exempt else max(chosen, licenses)
    licenses = max(1, licenses)
    entry = append_entry(
        work,
        running.server,
        made,
        (licenses, licenses),
        people=people,
        actor=actor,
        is_renewal=True,
    )
    made.invoiced_through = entry.id
    return entry


def _first_part(made: Plan, entry: LedgerEntry) -> InvoicePart:
    lines = [
        replace(line, entry_ids=(entry.id,))
        for line in first_lines(plan_terms(made), licenses=entry.licenses)
    ]
    return InvoicePart(made.tier, lines, LineSource.PLAN, made.id, plan=made)


def _invoice(
    work: UnitOfWork, customer: Customer, plan: Plan, made: Plan, parts: list[InvoicePart]
) -> Invoice:
    # What waited for the next invoice of the old plan comes with this one.
    charges = load_open_charges(work.session, [plan, made], now=work.now)
    parts = [*parts, *parts_of_charges(work.ctx, charges, [plan, made])]
    parts += keep_the_rest(work, made, parts, boundary=work.now)
    most = work.ctx.settings.max_invoice_amount
    if sum(total_of(part.lines) for part in parts) > most:
        raise BillingError("contact_support_for_more", total=most, currency=made.currency)
    draft = InvoiceDraft(
        boundary=work.now,
        occasion=f"switch:{made.id}",
        currency=made.currency,
        collection=made.collection,
        parts=parts,
    )
    invoice = record_invoice(work, customer, draft, to_deliver=True)
    mark_charged(charges, invoice)
    return invoice


def _give(work: UnitOfWork, customer: Customer, plan: Plan, credit: int) -> None:
    tier = work.ctx.catalog.tiers.get(plan.tier)
    work.session.add(
        BalanceCredit(
            customer_id=customer.id,
            plan_id=plan.id,
            amount=credit,
            currency=plan.currency,
            description=work.ctx.describe_line(
                LineKind.CREDIT, tier_title=plan.tier if tier is None else tier.title
            ),
            created_at=work.now,
        )
    )


def _use_months(customer: Customer, made: Plan) -> None:
    """The first bill has used so many months of the discount for new customers."""
    promo = new_customer_terms(made)
    if promo.months_at_start and made.promo_kind is PromoKind.NEW_CUSTOMER:
        used = promo.months_used_by(0, made.schedule)
        customer.new_customer_months_left = promo.months_at_start - used


def _audit(
    work: UnitOfWork,
    plan: Plan,
    made: Plan,
    entry: LedgerEntry,
    credit: int,
    *,
    actor: Actor,
    reason: str,
) -> None:
    after: dict[str, Any] = {
        "plan": made.id,
        "tier": made.tier,
        "schedule": made.schedule.value,
        "licenses": entry.licenses,
        "anchor": made.billing_cycle_anchor.isoformat(),
        "credit": credit,
    }
    if reason:
        after["reason"] = reason
    record_audit(
        work,
        "plan.replaced",
        actor=actor,
        customer_id=plan.customer_id,
        before={"plan": plan.id, "tier": plan.tier, "schedule": plan.schedule.value},
        after=after,
    )
    work.flush()
