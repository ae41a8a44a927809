"""What follows a payment that failed: when it is tried again, and the end of the plan at last.

`invoices.next_retry_at` says when the next thing happens to an unpaid invoice: its card is charged
again, or, once that was done as often as the catalog says, its plan ends. Any payment, from
whatever side, clears it. Rules: docs/rules/unpaid.md.
"""

from sqlalchemy import select

from app.domain.dunning import decide_next_retry, end_of_patience
from app.domain.kinds import LIVE_STATUSES, Collection, EndReason, InvoiceStatus
from app.domain.transitions import Change
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.services.audit import record_audit
from app.services.context import SYSTEM, Context
from app.services.customer_mails import CustomerMail, common_params, record_customer_mail
from app.services.invoices import pays_for_purchase
from app.services.ledger import get_server_id, sync_server_ledgers
from app.services.outbox import record_mail
from app.services.plan_ledger import get_next_plan
from app.services.plan_life import cancel_scheduled_plan, end_plan
from app.services.plan_rules import is_complimentary
from app.services.revive_plan import REVIVED_WITHIN
from app.services.unit_of_work import UnitOfWork, unit_of_work


def is_dunned(invoice: Invoice) -> bool:
    """Whether an unpaid `invoice` ends a plan at last: not that of a purchase, which is given up by
    itself."""
    return not pays_for_purchase(invoice)


def note_refusal(work: UnitOfWork, invoice: Invoice, *, is_retry: bool) -> None:
    """Set when the card is tried again, or that the plan is to end at once.

    Only the first refusal and those of our own retries count: somebody who presses "Pay" with a bad
    card neither hurries nor delays what comes.
    """
    if invoice.collection is not Collection.CHARGE_AUTOMATICALLY or not is_dunned(invoice):
        return
    gaps = work.ctx.catalog.dunning_gap_days
    if is_retry:
        invoice.retries += 1
    elif invoice.next_retry_at is not None or invoice.retries:
        return
    again = decide_next_retry(gaps, retries=invoice.retries, refused_at=work.now)
    invoice.next_retry_at = work.now if again is None else again
    customer = work.session.get_one(Customer, invoice.customer_id)
    if again is not None:
        record_customer_mail(work, customer, _payment_failed(work, invoice))


def note_state(work: UnitOfWork, invoice: Invoice) -> None:
    """Keep `next_retry_at` right after the provider's state was recorded: nothing is due of an
    invoice that is paid, void or written off, and a sent one that is open has its patience."""
    if invoice.status is not InvoiceStatus.OPEN:
        invoice.next_retry_at = None
        return
    is_sent = invoice.collection is Collection.SEND_INVOICE
    if is_sent and invoice.due_at is not None and is_dunned(invoice) and not invoice.retries:
        invoice.next_retry_at = end_of_patience(invoice.due_at)


def is_exhausted(ctx: Context, invoice: Invoice) -> bool:
    """Whether what is due of an unpaid invoice is the end of its plan, not another charge."""
    is_sent = invoice.collection is Collection.SEND_INVOICE
    return is_sent or invoice.retries >= len(ctx.catalog.dunning_gap_days)


def end_unpaid_plan(ctx: Context, invoice_id: int) -> bool:
    """End the plan of an invoice that was not paid for good; False when there is nothing to end, or
    not yet. No credit is given, and the invoice can still be paid."""
    with unit_of_work(ctx) as work:
        invoice = work.session.get_one(Invoice, invoice_id)
        customer = work.session.get_one(Customer, invoice.customer_id)
        server = work.claim_server(get_server_id(customer))
        customer = work.claim_customer(customer.id)
        work.session.refresh(invoice)
        due = invoice.next_retry_at
        if invoice.status is not InvoiceStatus.OPEN or due is None or due > work.now:
            return False
        if not is_exhausted(ctx, invoice):
            return False
        invoice.next_retry_at = None
        # A sent invoice is never tried again: it just has been waited for.
        invoice.retries = max(invoice.retries, 1)
        # Whatever has ended or begun by itself is written down first.
        sync_server_ledgers(work, server, as_of=work.now)
        work.flush()
        plan = _get_owing_plan(work, invoice)
        if plan is not None:
            _end(work, customer, plan, invoice)
        work.commit()
        return plan is not None


def _end(work: UnitOfWork, customer: Customer, plan: Plan, invoice: Invoice) -> None:
    following = get_next_plan(work.session, plan)
    if following is not None:
        cancel_scheduled_plan(work, following, actor=SYSTEM)
    end_plan(work, plan, at=work.now, change=Change.GO_UNPAID, reason=EndReason.UNPAID)
    record_audit(
        work,
        "invoice.unpaid_for_good",
        actor=SYSTEM,
        customer_id=customer.id,
        after={"invoice": invoice.id, "plan": plan.id, "total": invoice.total},
    )
    params = {**invoice_params(work, invoice), "tier": tier_title(work, plan), "at": work.now}
    params["until"] = work.now + REVIVED_WITHIN
    mail = CustomerMail("plan_ended_unpaid", f"plan_ended_unpaid:{plan.id}:{invoice.id}", params)
    record_customer_mail(work, customer, mail)
    record_mail(
        work,
        template="staff_plan_ended_unpaid",
        recipient=work.ctx.catalog.brand.support_email,
        params={**common_params(work, customer), **params},
        event_key=f"staff_plan_ended_unpaid:{plan.id}:{invoice.id}",
        customer_id=customer.id,
        about_money=True,
    )


def _get_owing_plan(work: UnitOfWork, invoice: Invoice) -> Plan | None:
    """The live plan whose debt `invoice` is: its own, the one that followed by a change of the
    customer's, or for a charge without a plan whatever plan runs. None when nothing runs that
    costs anything."""
    if invoice.plan_id is None:
        live = select(Plan).where(
            Plan.customer_id == invoice.customer_id, Plan.status.in_(LIVE_STATUSES)
        )
        plan = work.session.scalars(live).unique().one_or_none()
    else:
        plan = work.session.get_one(Plan, invoice.plan_id)
    while plan is not None and plan.ended_reason is EndReason.SWITCHED and plan.next_plan_id:
        plan = work.session.get_one(Plan, plan.next_plan_id)
    if plan is None or plan.status not in LIVE_STATUSES or is_complimentary(plan):
        return None
    return plan


def _payment_failed(work: UnitOfWork, invoice: Invoice) -> CustomerMail:
    return CustomerMail(
        "payment_failed",
        # Once for each of our attempts.
        f"payment_failed:{invoice.id}:{invoice.retries}",
        {
            **invoice_params(work, invoice),
            "again_at": invoice.next_retry_at,
            "is_last": invoice.retries + 1 >= len(work.ctx.catalog.dunning_gap_days),
            "asks_for_person": invoice.failure_code == "authentication_required",
            "refusal": invoice.failure_message,
        },
    )


def invoice_params(work: UnitOfWork, invoice: Invoice) -> dict[str, object]:
    """What a mail says of an invoice: amounts in cents."""
    customer = work.session.get_one(Customer, invoice.customer_id)
    pages = common_params(work, customer)["pages_url"]
    return {
        "number": invoice.number,
        "total": invoice.total - invoice.balance_applied,
        "currency": invoice.currency,
        "day": invoice.boundary,
        "pay_url": invoice.hosted_url or f"{pages}/invoices/{invoice.id}/",
    }


def tier_title(work: UnitOfWork, plan: Plan) -> str:
    """How the plan is called; it outlives its tier in the catalog."""
    tier = work.ctx.catalog.tiers.get(plan.tier)
    return plan.tier if tier is None else tier.title
