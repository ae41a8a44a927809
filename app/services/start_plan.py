"""A paid purchase becomes a plan."""

from sqlalchemy import select

from app.domain.calendar import month_boundary
from app.domain.invoicing import growth_lines
from app.domain.kinds import AtCycleEnd, InvoiceStatus, LineSource, PlanStatus, PurchaseStatus
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.models.plans import LedgerEntry, Plan
from app.models.purchases import Purchase
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import SYSTEM
from app.services.customers import get_live_plan
from app.services.invoices import InvoiceDraft, link_entries, load_billed, record_invoice
from app.services.plan_ledger import ONE_SECOND, PlanSync, load_entries
from app.services.plan_rules import new_customer_terms, plan_terms, to_entries
from app.services.unit_of_work import UnitOfWork


def start_plan(
    work: UnitOfWork,
    *,
    server: Server,
    customer: Customer,
    purchase: Purchase,
    invoice: Invoice,
) -> Plan | None:
    """Start the plan of a purchase whose invoice is paid; None when it has started already.

    Server and customer must be claimed. The anchor is the confirmation's instant. People who came
    between page and payment are billed at once by a second invoice; if some left, what was
    confirmed stays and staff find a note in the audit log.
    """
    if purchase.plan_id is not None or invoice.status is not InvoiceStatus.PAID:
        return None
    if get_live_plan(work.session, customer.id) is not None:
        # Two bought at once and both payments went through: money without a plan is for staff.
        record_audit(
            work,
            "purchase.paid_without_plan",
            actor=SYSTEM,
            customer_id=customer.id,
            after={"purchase": purchase.id, "invoice": invoice.id},
        )
        return None
    plan = _add_plan(work, customer, purchase)
    _add_first_entry(work, server, plan, purchase, invoice)
    purchase.plan_id = plan.id
    purchase.status = PurchaseStatus.COMPLETED
    purchase.closed_at = work.now
    purchase.claimed_by = purchase.claimed_until = None
    invoice.plan_id = plan.id
    used = new_customer_terms(plan).months_used_by(0, plan.schedule)
    customer.new_customer_months_left = purchase.new_customer_months - used
    work.flush()
    sync = PlanSync(work, plan, customer, server)
    sync.begin(as_of=work.now)
    _bill_growth(work, customer, plan, purchase)
    record_audit(
        work,
        "plan.started",
        actor=SYSTEM,
        customer_id=customer.id,
        after={
            "plan": plan.id,
            "tier": plan.tier,
            "schedule": plan.schedule.value,
            "licenses": purchase.licenses,
            "anchor": plan.billing_cycle_anchor.isoformat(),
        },
    )
    return plan


def _add_plan(work: UnitOfWork, customer: Customer, purchase: Purchase) -> Plan:
    anchor = purchase.anchor
    plan = Plan(
        customer_id=customer.id,
        tier=purchase.tier,
        status=PlanStatus.ACTIVE,
        at_cycle_end=AtCycleEnd.RENEW,
        schedule=purchase.schedule,
        currency=purchase.currency,
        price_per_license=purchase.price_per_license,
        tier_minimum=purchase.tier_minimum,
        new_customer_months_at_start=purchase.new_customer_months,
        new_customer_amount=purchase.new_customer_amount,
        new_customer_minimum=purchase.new_customer_minimum,
        license_management=purchase.license_management,
        collection=purchase.collection,
        billing_cycle_anchor=anchor,
        next_invoice_date=month_boundary(anchor, 1),
        invoiced_until=anchor,
        created_at=work.now,
    )
    work.session.add(plan)
    work.flush()
    return plan


def _add_first_entry(
    work: UnitOfWork, server: Server, plan: Plan, purchase: Purchase, invoice: Invoice
) -> None:
    entry = LedgerEntry(
        plan_id=plan.id,
        event_time=plan.billing_cycle_anchor,
        is_renewal=True,
        licenses=purchase.licenses,
        licenses_at_next_renewal=purchase.licenses,
        people=purchase.people,
        # Rows of the very second up to this one were counted by the purchase.
        order_id=purchase.known_remote_id,
        actor=purchase.actor,
        recorded_at=work.now,
    )
    work.session.add(entry)
    work.flush()
    plan.invoiced_through = entry.id
    lines = work.session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id))
    for line in lines.all():
        link_entries(work.session, line, [entry.id])


def _bill_growth(work: UnitOfWork, customer: Customer, plan: Plan, purchase: Purchase) -> None:
    entries = to_entries(load_entries(work.session, plan_id=plan.id))
    billed = load_billed(work.session, plan)
    # A payment may be learnt of late; what came after the first month is for the cycle's invoices.
    assert plan.next_invoice_date is not None
    at = min(work.now, plan.next_invoice_date - ONE_SECOND)
    lines = growth_lines(plan_terms(plan), entries=entries, billed=billed, at=at)
    if lines:
        draft = InvoiceDraft(
            boundary=work.now,
            occasion=f"growth:{purchase.id}",
            currency=plan.currency,
            collection=plan.collection,
            tier=plan.tier,
            lines=lines,
            # Named after the purchase, so that a later bill of the same second has its own name.
            source_kind=LineSource.PURCHASE,
            source_id=purchase.id,
            plan=plan,
            purchase=purchase,
        )
        record_invoice(work, customer, draft, to_deliver=True)
        billed_ids = [entry_id for line in lines for entry_id in line.entry_ids]
        plan.invoiced_through = max(billed_ids)
    people, shown = entries[-1].people, int(purchase.quote["people"])
    if people is not None and people < shown:
        record_audit(
            work,
            "purchase.people_fell",
            actor=SYSTEM,
            customer_id=customer.id,
            before={"people": shown},
            after={"people": people, "licenses": purchase.licenses},
        )
