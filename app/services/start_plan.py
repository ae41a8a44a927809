"""A paid purchase becomes a plan, or is found to have been paid in vain."""

from datetime import datetime

from sqlalchemy import select

from app.domain.calendar import cycle_at, month_boundary
from app.domain.discounts import NewCustomerTerms
from app.domain.errors import BillingError
from app.domain.invoicing import growth_lines
from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    EndReason,
    InvoiceStatus,
    LineSource,
    PlanStatus,
    PromoKind,
    PurchaseStatus,
)
from app.domain.transitions import Change
from app.models.customers import Customer
from app.models.invoices import Invoice, InvoiceLine
from app.models.plans import LedgerEntry, Plan
from app.models.purchases import Purchase
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import SYSTEM, Actor
from app.services.coupons import keep_coupon
from app.services.customers import get_live_plan, load_payer
from app.services.invoices import (
    InvoiceDraft,
    InvoicePart,
    link_entries,
    load_billed,
    record_invoice,
)
from app.services.ledger import sync_server_ledgers
from app.services.may_buy import check_may_buy
from app.services.offers import MONTHS, accept_offer
from app.services.plan_factory import PlanSpec, get_staff_discount, make_plan
from app.services.plan_ledger import (
    ONE_SECOND,
    PlanSync,
    get_counted_organization_ids,
    get_next_plan,
    load_entries,
)
from app.services.plan_life import cancel_scheduled_plan, end_plan
from app.services.plan_rules import (
    is_complimentary,
    new_customer_terms,
    plan_terms,
    to_entries,
)
from app.services.seats import count_people
from app.services.unit_of_work import UnitOfWork

# Why a purchase that was paid starts no plan, as the code of the refusal; its money goes back.
WITHOUT_PLAN = frozenset({"already_subscribed", "covered_by_server", "server_deactivated"})


def start_plan(
    work: UnitOfWork,
    *,
    server: Server,
    customer: Customer,
    purchase: Purchase,
    invoice: Invoice,
) -> Plan | None:
    """Start the plan of a purchase whose invoice is paid; None when it has started already, or
    cannot: then the purchase stays open with the reason in its `failure_code`, one of
    WITHOUT_PLAN, and its money has to go back.

    Server and customer must be claimed. The anchor is the confirmation's instant by card, the
    payment's by invoice. People who came between page and payment are billed at once by a second
    invoice; if some left, what was confirmed stays and staff find a note in the audit log.
    """
    if purchase.status is not PurchaseStatus.OPEN or invoice.status is not InvoiceStatus.PAID:
        return None
    if _is_paid_in_vain(work, server, customer, purchase, invoice):
        return None
    if purchase.collection is Collection.SEND_INVOICE:
        _begin_with_payment(work, server, purchase, invoice)
    replace_complimentary_plan(work, customer, at=purchase.anchor, actor=Actor(purchase.actor))
    plan = add_plan(work, customer, purchase)
    entry = add_first_entry(work, server, customer, plan, purchase)
    plan.invoiced_through = entry.id
    _tie_invoice(work, plan, invoice, entry)
    complete_purchase(work, purchase, plan)
    if plan.promo_kind is PromoKind.NEW_CUSTOMER and plan.fixed_price is None:
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


def _is_paid_in_vain(
    work: UnitOfWork, server: Server, customer: Customer, purchase: Purchase, invoice: Invoice
) -> bool:
    """Whether something stands in the way of the plan since the purchase was confirmed: another
    plan, the server's plan (one payer), or that the server is gone. Once found it stays so: the
    money may be on its way back already."""
    if purchase.failure_code in WITHOUT_PLAN:
        return True
    live = get_live_plan(work.session, customer.id)
    if live is not None and live.end_date is not None and live.end_date <= work.now:
        # It is over and nobody has written that down yet.
        sync_server_ledgers(work, server, as_of=work.now)
        work.flush()
    try:
        payer = load_payer(work.session, uuid=customer.uuid)
        check_may_buy(work.session, payer, customer, now=work.now)
    except BillingError as error:
        if error.code not in WITHOUT_PLAN:
            raise
        purchase.failure_code, purchase.failure_message = error.code, None
        record_audit(
            work,
            "purchase.paid_without_plan",
            actor=SYSTEM,
            customer_id=customer.id,
            after={"purchase": purchase.id, "invoice": invoice.id, "reason": error.code},
        )
        return True
    return False


def _begin_with_payment(
    work: UnitOfWork, server: Server, purchase: Purchase, invoice: Invoice
) -> None:
    """Date a purchase by invoice: its time begins when the provider had the money, and its lines
    get their period."""
    assert invoice.paid_at is not None, "it is paid"
    # The provider's clock may be a moment ahead of ours; a plan cannot begin in the future.
    purchase.anchor = min(invoice.paid_at, work.now).replace(microsecond=0)
    purchase.known_remote_id = server.last_audit_order
    first = cycle_at(purchase.anchor, purchase.schedule, purchase.anchor)
    lines = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id)
    for line in work.session.scalars(lines).all():
        line.period_start, line.period_end = first.start, first.end
    work.flush()


def replace_complimentary_plan(
    work: UnitOfWork, customer: Customer, *, at: datetime, actor: Actor
) -> None:
    """A plan that cost nothing ends where one that was bought begins, and what was scheduled for
    its end is called off."""
    live = get_live_plan(work.session, customer.id)
    if live is None or not is_complimentary(live):
        return
    following = get_next_plan(work.session, live)
    if following is not None:
        cancel_scheduled_plan(work, following, actor=actor)
    end_plan(work, live, at=at, change=Change.REPLACE, reason=EndReason.REPLACED, actor=actor)


def complete_purchase(work: UnitOfWork, purchase: Purchase, plan: Plan) -> None:
    """The purchase has become `plan`."""
    purchase.plan_id = plan.id
    purchase.status = PurchaseStatus.COMPLETED
    purchase.closed_at = work.now
    purchase.failure_code = purchase.failure_message = None
    purchase.claimed_by = purchase.claimed_until = None
    keep_coupon(work, plan)
    accept_offer(work, plan)


def add_plan(work: UnitOfWork, customer: Customer, purchase: Purchase) -> Plan:
    """The plan of a purchase: paid for from its anchor on, or in its free trial until then."""
    trial_end = purchase.trial_end
    anchor = purchase.anchor if trial_end is None else trial_end
    spec = PlanSpec(
        tier=purchase.tier,
        status=PlanStatus.ACTIVE if trial_end is None else PlanStatus.TRIAL,
        schedule=purchase.schedule,
        currency=purchase.currency,
        price=purchase.price_per_license,
        fixed_price=purchase.fixed_price,
        tier_minimum=purchase.tier_minimum,
        discount=get_staff_discount(customer, purchase.tier, at=anchor),
        promo=NewCustomerTerms(
            amount=purchase.new_customer_amount,
            months_at_start=purchase.new_customer_months,
            minimum=purchase.new_customer_minimum,
            kind=purchase.promo_kind,
            percent=purchase.promo_percent,
        ),
        coupon_id=purchase.coupon_id,
        offer_id=purchase.offer_id,
        management=purchase.license_management,
        collection=purchase.collection,
        anchor=anchor,
        trial_start=None if trial_end is None else purchase.anchor,
        next_invoice_date=month_boundary(anchor, 1) if trial_end is None else anchor,
        invoiced_until=purchase.anchor,
        # A fixed price was agreed for a year, however it is billed.
        at_cycle_end=AtCycleEnd.RENEW if purchase.fixed_price is None else AtCycleEnd.END,
        end_date=None if purchase.fixed_price is None else month_boundary(anchor, MONTHS),
    )
    return make_plan(work, customer, spec, actor=Actor(purchase.actor))


def add_first_entry(
    work: UnitOfWork, server: Server, customer: Customer, plan: Plan, purchase: Purchase
) -> LedgerEntry:
    """The ledger begins with what was bought, at the confirmation or the payment."""
    people, at = purchase.people, purchase.anchor
    if purchase.collection is Collection.SEND_INVOICE:
        # Weeks may lie between the confirmation and the payment.
        counted = get_counted_organization_ids(work.session, customer, server)
        people = sum(count_people(work.session, organization_ids=counted, at=at).values())
    entry = LedgerEntry(
        plan_id=plan.id,
        event_time=at,
        is_renewal=True,
        licenses=purchase.licenses,
        licenses_at_next_renewal=purchase.licenses,
        people=people,
        # Rows of the very second up to this one were counted by the purchase.
        order_id=purchase.known_remote_id,
        actor=purchase.actor,
        recorded_at=work.now,
    )
    work.session.add(entry)
    work.flush()
    return entry


def _tie_invoice(work: UnitOfWork, plan: Plan, invoice: Invoice, entry: LedgerEntry) -> None:
    """What was paid for was the time of this plan."""
    invoice.plan_id = plan.id
    lines = work.session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id))
    for line in lines.all():
        line.plan_id = plan.id
        link_entries(work.session, line, [entry.id])


def _bill_growth(work: UnitOfWork, customer: Customer, plan: Plan, purchase: Purchase) -> None:
    entries = to_entries(load_entries(work.session, plan_id=plan.id))
    billed = load_billed(work.session, plan)
    # A payment may be learned of late; what came after the first month is for the cycle's invoices.
    assert plan.next_invoice_date is not None
    at = min(work.now, plan.next_invoice_date - ONE_SECOND)
    lines = growth_lines(plan_terms(plan), entries=entries, billed=billed, at=at)
    if lines:
        draft = InvoiceDraft(
            boundary=work.now,
            occasion=f"growth:{purchase.id}",
            currency=plan.currency,
            collection=plan.collection,
            parts=[
                # Named after the purchase, so that a later bill of the same second has its own name.
                InvoicePart(plan.tier, lines, LineSource.PURCHASE, purchase.id, plan=plan)
            ],
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
