"""Single charges that staff add: on the customer's next invoice, or at once.

Rules: docs/rules/one-off.md.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import Collection, TierKind
from app.models.charges import OneOff
from app.models.customers import Customer
from app.models.plans import Plan
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer, get_customer, get_live_plan
from app.services.deliver_invoices import deliver_invoice
from app.services.extra_charges import part_of_one_off
from app.services.invoices import InvoiceDraft, record_invoice
from app.services.plan_ledger import get_next_plan
from app.services.plan_rules import is_complimentary
from app.services.staff_change import checked_reason
from app.services.unit_of_work import UnitOfWork, unit_of_work

LONGEST_DESCRIPTION = 200


@dataclass(frozen=True, slots=True)
class AddOneOff:
    """The charge: cents, and what the customer reads. `is_sent`: an invoice is sent whatever the
    customer has on file."""

    amount: int
    description: str
    reason: str
    at_once: bool = False
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class OneOffAdded:
    """What was added. `collection` and `invoice_id` only when it was charged at once."""

    id: int
    amount: int
    currency: str
    collection: Collection | None = None
    invoice_id: int | None = None


def add_one_off(
    ctx: Context, payer: Payer, command: AddOneOff, *, actor: Actor, dry_run: bool = False
) -> OneOffAdded:
    """Add a charge; one at once is also delivered, whose failure stands in the invoice.

    Raises BillingError `one_off_not_positive`, `one_off_too_large`, `description_missing`,
    `description_too_long`, `one_off_needs_invoice`, `one_off_needs_card`, `reason_missing`,
    `reason_too_long`.
    """
    with unit_of_work(ctx) as work:
        added = _add(work, payer, command, actor=actor)
        if not dry_run:
            work.commit()
    if added.invoice_id is not None and not dry_run:
        deliver_invoice(ctx, added.invoice_id)
    return added


def _add(work: UnitOfWork, payer: Payer, command: AddOneOff, *, actor: Actor) -> OneOffAdded:
    description = " ".join(command.description.split())
    reason = checked_reason(command.reason)
    _, customer = claim_payer(work, payer)
    plan = get_live_plan(work.session, customer.id)
    currency = plan.currency if plan is not None else work.ctx.catalog.currency
    _check(work, command, description, currency)
    collection = None
    if command.at_once:
        collection = _collection_of(customer, plan, command)
    elif plan is None or not _has_next_invoice(work.session, plan):
        raise BillingError("one_off_needs_invoice")
    charge = OneOff(
        customer_id=customer.id,
        amount=command.amount,
        currency=currency,
        description=description,
        at_once=command.at_once,
        reason=reason,
        actor=actor.name,
        created_at=work.now,
    )
    work.session.add(charge)
    work.flush()
    invoice_id = None
    if collection is not None:
        invoice_id = _invoice(work, customer, plan, charge, collection)
    record_audit(
        work,
        "one_off.added",
        actor=actor,
        customer_id=customer.id,
        after={
            "one_off": charge.id,
            "amount": charge.amount,
            "currency": currency,
            "description": description,
            "at_once": command.at_once,
            "invoice": invoice_id,
            "reason": reason,
        },
    )
    return OneOffAdded(charge.id, charge.amount, currency, collection, invoice_id)


def cancel_one_off(
    ctx: Context, one_off_id: int, *, reason: str, actor: Actor, dry_run: bool = False
) -> OneOffAdded:
    """Take back a charge that stands on no invoice yet. Raises NotFoundError, BillingError
    `one_off_invoiced` or `one_off_canceled`."""
    with unit_of_work(ctx) as work:
        charge = work.session.get(OneOff, one_off_id)
        if charge is None:
            raise NotFoundError("one_off")
        work.claim_customer(charge.customer_id)
        work.session.refresh(charge)
        if charge.invoice_id is not None:
            raise BillingError("one_off_invoiced")
        if charge.canceled_at is not None:
            raise BillingError("one_off_canceled")
        charge.canceled_at = work.now
        record_audit(
            work,
            "one_off.canceled",
            actor=actor,
            customer_id=charge.customer_id,
            before={"one_off": charge.id, "amount": charge.amount, "currency": charge.currency},
            after={"reason": checked_reason(reason), "description": charge.description},
        )
        canceled = OneOffAdded(charge.id, charge.amount, charge.currency)
        if not dry_run:
            work.commit()
        return canceled


def load_coming_one_offs(session: Session, payer: Payer) -> list[tuple[int, int, str, str]]:
    """(id, cents, currency, description) of what waits for the next invoice, oldest first."""
    customer = get_customer(session, payer)
    if customer is None:
        return []
    statement = (
        select(OneOff.id, OneOff.amount, OneOff.currency, OneOff.description)
        .where(
            OneOff.customer_id == customer.id,
            OneOff.invoice_id.is_(None),
            OneOff.canceled_at.is_(None),
        )
        .order_by(OneOff.id)
    )
    return [(row[0], row[1], row[2], row[3]) for row in session.execute(statement)]


def _check(work: UnitOfWork, command: AddOneOff, description: str, currency: str) -> None:
    most = work.ctx.settings.max_invoice_amount
    if command.amount <= 0:
        raise BillingError("one_off_not_positive")
    if command.amount > most:
        raise BillingError(
            "one_off_too_large", total=command.amount, most_amount=most, currency=currency
        )
    if not description:
        raise BillingError("description_missing")
    if len(description) > LONGEST_DESCRIPTION:
        raise BillingError("description_too_long", maximum=LONGEST_DESCRIPTION)


def _has_next_invoice(session: Session, plan: Plan) -> bool:
    """Whether an invoice is still to come; a plan that costs nothing has none of its own."""
    if plan.next_invoice_date is None:
        return False
    return not is_complimentary(plan) or get_next_plan(session, plan) is not None


def _collection_of(customer: Customer, plan: Plan | None, command: AddOneOff) -> Collection:
    """As the customer pays for the plan; without one, by the card on file."""
    if command.is_sent:
        return Collection.SEND_INVOICE
    pays_by_invoice = plan is not None and plan.collection is Collection.SEND_INVOICE
    if pays_by_invoice and plan is not None and not is_complimentary(plan):
        return Collection.SEND_INVOICE
    if customer.card_payment_method is None:
        raise BillingError("one_off_needs_card")
    return Collection.CHARGE_AUTOMATICALLY


def _invoice(
    work: UnitOfWork,
    customer: Customer,
    plan: Plan | None,
    charge: OneOff,
    collection: Collection,
) -> int:
    tiers = work.ctx.catalog.tiers.values()
    free = next(tier.key for tier in tiers if tier.kind is TierKind.FREE)
    draft = InvoiceDraft(
        boundary=work.now,
        occasion=f"one_off:{charge.id}",
        currency=charge.currency,
        collection=collection,
        parts=[part_of_one_off(charge, tier=free if plan is None else plan.tier)],
    )
    invoice = record_invoice(work, customer, draft, to_deliver=True)
    charge.invoice_id = invoice.id
    return invoice.id
