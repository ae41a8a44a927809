"""Pushing one stored invoice to the payment provider, step by step, safe to repeat anywhere.

Steps: create, lines, finalize, then pay (card) or send (invoice); and void, or refund. Before each call a numbered attempt is stored and
committed; its key is "invoice:<id>:<step>:<attempt>". No answer: the same key again. A definite
error: look at the present state first, then the next number. What exists at the provider is
always looked up before it is made again, because keys are forgotten after a day.
Rules: docs/rules/payments.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.kinds import Collection, InvoiceStatus
from app.gateways.payments import (
    PaymentsError,
    ProviderRejected,
    ProviderUnavailable,
    RemoteInvoice,
    RemoteLine,
)
from app.models.charges import BalanceCredit
from app.models.invoices import DeliveryAttempt, Invoice
from app.services.context import Context
from app.services.provider_customer import ensure_provider_customer
from app.services.push_balance_credits import push_balance_credits
from app.services.remote_lines import remote_lines
from app.services.unit_of_work import UnitOfWork, unit_of_work

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Order:
    """What has to be pushed, read once."""

    invoice_id: int
    customer_id: int
    stripe_customer_id: str
    stripe_invoice_id: str | None
    currency: str
    collection: Collection
    total: int
    lines: tuple[RemoteLine, ...]
    was_attempted: bool
    was_sent: bool
    awaits_credit: bool
    due_at: datetime | None

    @property
    def reference(self) -> str:
        """How the provider's object names our invoice."""
        return str(self.invoice_id)


def push_invoice(ctx: Context, invoice_id: int) -> RemoteInvoice:
    """Make the invoice at the provider, final, and charge the card or send it to be paid.

    Returns the provider's state after the last step. Raises the errors of the payments gateway;
    whatever happened is recorded and the call can be repeated. The caller records the state with
    `apply_invoice_state`.
    """
    order = _load_order(ctx, invoice_id)
    remote = find_remote(ctx, order)
    if remote is None:
        remote = _run(ctx, order, "create", lambda key: _create(ctx, order, key))
    if order.stripe_invoice_id != remote.id:
        _record(ctx, order, stripe_invoice_id=remote.id)
    if remote.status is InvoiceStatus.DRAFT:
        remote = _complete_draft(ctx, order, remote)
    if remote.status is not InvoiceStatus.OPEN:
        return remote
    if order.collection is Collection.CHARGE_AUTOMATICALLY:
        return _pay(ctx, order, remote)
    if order.was_sent:
        return remote
    return _run(ctx, order, "send", lambda key: ctx.payments.send_invoice(remote.id, key=key))


def pay_remote_invoice(ctx: Context, invoice_id: int) -> RemoteInvoice:
    """Charge the customer's card for a final invoice, however it was to be paid.

    One that is paid or void already is returned as it is. Raises the errors of the payments
    gateway, `resource_missing` when it was never made.
    """
    order = _load_order(ctx, invoice_id)
    remote = find_remote(ctx, order)
    if remote is None:
        raise ProviderRejected("The invoice was never made.", code="resource_missing")
    if remote.status in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}:
        return _pay(ctx, order, remote)
    return remote


def refund_remote_invoice(ctx: Context, invoice_id: int) -> None:
    """Give back what was paid for an invoice. Raises the errors of the payments gateway."""
    order = _load_order(ctx, invoice_id)
    remote_id = order.stripe_invoice_id
    assert remote_id is not None, "it was paid, so its state was recorded with its id"
    _run(ctx, order, "refund", lambda key: ctx.payments.refund_invoice(remote_id, key=key))


def void_remote_invoice(ctx: Context, invoice_id: int) -> RemoteInvoice | None:
    """Declare the provider's invoice void; returns its state, None when it was never made.

    An invoice that has been paid meanwhile is returned as paid, and one that is paid in part as it
    is: void, nobody would ask any more what became of that money.
    """
    order = _load_order(ctx, invoice_id)
    remote = find_remote(ctx, order)
    if remote is None or remote.status in {InvoiceStatus.VOID, InvoiceStatus.PAID}:
        return remote
    if remote.amount_paid > 0:
        return remote
    target = remote
    try:
        return _run(ctx, order, "void", lambda key: ctx.payments.void_invoice(target.id, key=key))
    except ProviderRejected:
        # Somebody was quicker: what it has become is what counts.
        return find_remote(ctx, order)


def get_remote_invoice(ctx: Context, invoice_id: int) -> RemoteInvoice | None:
    """The provider's present state of our invoice; None when it was never made."""
    return find_remote(ctx, _load_order(ctx, invoice_id))


def find_remote(ctx: Context, order: _Order) -> RemoteInvoice | None:
    """Look the invoice up: by its id, or among the customer's invoices by our reference."""
    if order.stripe_invoice_id is not None:
        try:
            return ctx.payments.get_invoice(order.stripe_invoice_id)
        except ProviderRejected as error:
            if error.code != "resource_missing":
                raise
            return None
    if not order.was_attempted:
        return None
    return ctx.payments.find_invoice(order.stripe_customer_id, reference=order.reference)


def _complete_draft(ctx: Context, order: _Order, remote: RemoteInvoice) -> RemoteInvoice:
    missing = [line for line in order.lines if line.reference not in remote.line_references]
    if missing:
        _run(
            ctx,
            order,
            "lines",
            lambda key: ctx.payments.add_lines(
                remote.id, missing, currency=order.currency, key=key
            ),
        )
    if order.awaits_credit:
        # Only credit that is there when an invoice is made final pays for it.
        push_balance_credits(ctx, order.customer_id)
    final = _run(
        ctx, order, "finalize", lambda key: ctx.payments.finalize_invoice(remote.id, key=key)
    )
    if final.total != order.total:
        raise ProviderRejected(
            f"the provider's total is {final.total}, ours {order.total}", code="total_mismatch"
        )
    return final


def _pay(ctx: Context, order: _Order, remote: RemoteInvoice) -> RemoteInvoice:
    return _run(ctx, order, "pay", lambda key: ctx.payments.pay_invoice(remote.id, key=key))


def _create(ctx: Context, order: _Order, key: str) -> RemoteInvoice:
    days, due_at = None, None
    if order.collection is Collection.SEND_INVOICE:
        if order.due_at is None:
            days = ctx.catalog.days_until_due
        elif order.due_at > ctx.now():
            due_at = order.due_at
        else:
            # It was long in coming here; the provider takes no day that is past.
            days = 0
    return ctx.payments.create_invoice(
        order.stripe_customer_id,
        reference=order.reference,
        currency=order.currency,
        collection=order.collection,
        days_until_due=days,
        due_at=due_at,
        key=key,
    )


def _run(ctx: Context, order: _Order, step: str, call: Callable[[str], T]) -> T:
    """Make one call under a stored attempt and store its outcome."""
    with unit_of_work(ctx) as work:
        attempt = _begin_attempt(work, order.invoice_id, step)
        number = attempt.attempt
        attempt_id = attempt.id
        work.commit()
    try:
        answer = call(f"invoice:{order.invoice_id}:{step}:{number}")
    except ProviderUnavailable:
        # It may have happened: the attempt stays without an outcome and keeps its key.
        raise
    except PaymentsError as error:
        _end_attempt(ctx, attempt_id, outcome=error.code or type(error).__name__)
        raise
    _end_attempt(ctx, attempt_id, outcome="ok")
    return answer


def _begin_attempt(work: UnitOfWork, invoice_id: int, step: str) -> DeliveryAttempt:
    last = work.session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.invoice_id == invoice_id, DeliveryAttempt.step == step)
        .order_by(DeliveryAttempt.attempt.desc())
        .limit(1)
    ).first()
    if last is not None and last.outcome is None:
        return last
    attempt = DeliveryAttempt(
        invoice_id=invoice_id,
        step=step,
        attempt=last.attempt + 1 if last else 1,
        started_at=work.now,
    )
    work.session.add(attempt)
    work.flush()
    return attempt


def _end_attempt(ctx: Context, attempt_id: int, *, outcome: str) -> None:
    with unit_of_work(ctx) as work:
        attempt = work.session.get_one(DeliveryAttempt, attempt_id)
        attempt.finished_at, attempt.outcome = work.now, outcome[:64]
        work.commit()


def _record(ctx: Context, order: _Order, *, stripe_invoice_id: str) -> None:
    with unit_of_work(ctx) as work:
        work.claim_customer(order.customer_id)
        work.session.get_one(Invoice, order.invoice_id).stripe_invoice_id = stripe_invoice_id
        work.commit()


def _load_order(ctx: Context, invoice_id: int) -> _Order:
    with unit_of_work(ctx) as work:
        invoice = _load_invoice(work.session, invoice_id)
        customer_id, customer = invoice.customer_id, invoice.customer
        known = customer.stripe_customer_id
        attempts = work.session.execute(
            select(DeliveryAttempt.step, DeliveryAttempt.outcome)
            .where(DeliveryAttempt.invoice_id == invoice_id)
            .distinct()
        ).all()
        order = _Order(
            invoice_id=invoice.id,
            customer_id=customer_id,
            stripe_customer_id=known or "",
            stripe_invoice_id=invoice.stripe_invoice_id,
            currency=invoice.currency,
            collection=invoice.collection,
            total=invoice.total,
            lines=tuple(remote_lines(invoice)),
            was_attempted=bool(attempts),
            awaits_credit=_awaits_credit(work.session, customer_id),
            was_sent=("send", "ok") in {tuple(attempt) for attempt in attempts},
            due_at=invoice.due_at,
        )
    if known:
        return order
    return replace(order, stripe_customer_id=ensure_provider_customer(ctx, customer_id))


def _awaits_credit(session: Session, customer_id: int) -> bool:
    waiting = select(BalanceCredit.id).where(
        BalanceCredit.customer_id == customer_id, BalanceCredit.to_deliver
    )
    return session.scalars(waiting.limit(1)).first() is not None


def _load_invoice(session: Session, invoice_id: int) -> Invoice:
    return session.scalars(
        select(Invoice)
        .where(Invoice.id == invoice_id)
        .options(selectinload(Invoice.lines), selectinload(Invoice.customer))
    ).one()
