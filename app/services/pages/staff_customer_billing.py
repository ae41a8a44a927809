"""Invoices and payments of a customer for staff: what the customer sees, and how it came to pass."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.charges import BalanceCredit, OneOff
from app.models.invoices import DeliveryAttempt, Invoice
from app.services.context import Context
from app.services.pages.invoice import InvoicePage, load_invoice_page
from app.services.pages.invoice_states import EVERY_INVOICE
from app.services.pages.invoices import InvoiceRow, InvoicesPage, load_invoices_page
from app.services.pages.staff_customer_frame import CustomerFrame

# Credits and single charges that are listed, newest first.
MOST_EXTRAS = 25


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """How an invoice stands with the provider: attempts at its steps, tries of the card after the
    first, when the next one is, and what the bank said."""

    invoice_id: int
    attempts: int
    last_step: str | None
    last_outcome: str | None
    retries: int
    next_retry_at: datetime | None
    waits_until: datetime | None
    failure: str | None
    stripe_invoice_id: str | None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt at one step; `outcome` is None while no answer is known."""

    step: str
    attempt: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class ExtraView:
    """A credit on the balance (negative for whoever pays) or a single charge; cents."""

    at: datetime
    amount: int
    currency: str
    description: str
    is_credit: bool
    is_settled: bool
    is_canceled: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class StaffBillingPage:
    """One page of the invoices; `deliveries` by the invoice's id."""

    frame: CustomerFrame
    list: InvoicesPage
    deliveries: dict[int, DeliveryView]
    extras: tuple[ExtraView, ...]

    def delivery(self, row: InvoiceRow) -> DeliveryView:
        """How an invoice of the list stands with the provider."""
        return self.deliveries[row.id]


@dataclass(frozen=True, slots=True)
class StaffInvoicePage:
    """One invoice as its customer sees it, and every attempt at it."""

    frame: CustomerFrame
    invoice: InvoicePage
    delivery: DeliveryView
    attempts: tuple[AttemptView, ...]


def load_staff_billing_page(
    session: Session, frame: CustomerFrame, *, number: int, now: datetime
) -> StaffBillingPage:
    """Page `number` (from 1) of the invoices, newest first."""
    found = load_invoices_page(session, frame.payer, EVERY_INVOICE, number=number, now=now)
    return StaffBillingPage(
        frame=frame,
        list=found,
        deliveries=_load_deliveries(session, [row.id for row in found.rows]),
        extras=_load_extras(session, frame.customer_id),
    )


def load_staff_invoice_page(
    ctx: Context, session: Session, frame: CustomerFrame, invoice_id: int, *, now: datetime
) -> StaffInvoicePage:
    """One invoice. Raises NotFoundError for one that is not this customer's."""
    invoice = load_invoice_page(ctx, session, frame.payer, invoice_id, now=now)
    attempts = session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.invoice_id == invoice_id)
        .order_by(DeliveryAttempt.id.desc())
        .limit(100)
    )
    return StaffInvoicePage(
        frame=frame,
        invoice=invoice,
        delivery=_load_deliveries(session, [invoice_id])[invoice_id],
        attempts=tuple(
            AttemptView(
                step=one.step,
                attempt=one.attempt,
                started_at=one.started_at,
                finished_at=one.finished_at,
                outcome=one.outcome,
            )
            for one in attempts
        ),
    )


def _load_deliveries(session: Session, ids: Iterable[int]) -> dict[int, DeliveryView]:
    """Two queries, whatever the number of invoices."""
    wanted = list(ids)
    tried: dict[int, list[DeliveryAttempt]] = {}
    for attempt in session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.invoice_id.in_(wanted))
        .order_by(DeliveryAttempt.id)
    ):
        tried.setdefault(attempt.invoice_id, []).append(attempt)
    statement = select(
        Invoice.id,
        Invoice.retries,
        Invoice.next_retry_at,
        Invoice.to_deliver,
        Invoice.next_delivery_at,
        Invoice.failure_message,
        Invoice.failure_code,
        Invoice.stripe_invoice_id,
    ).where(Invoice.id.in_(wanted))
    found = {}
    for row in session.execute(statement):
        attempts = tried.get(row.id, [])
        found[row.id] = DeliveryView(
            invoice_id=row.id,
            attempts=len(attempts),
            last_step=attempts[-1].step if attempts else None,
            last_outcome=attempts[-1].outcome if attempts else None,
            retries=row.retries,
            next_retry_at=row.next_retry_at,
            waits_until=row.next_delivery_at if row.to_deliver else None,
            failure=row.failure_message or row.failure_code,
            stripe_invoice_id=row.stripe_invoice_id,
        )
    return found


def _load_extras(session: Session, customer_id: int | None) -> tuple[ExtraView, ...]:
    if customer_id is None:
        return ()
    charges = session.scalars(
        select(OneOff)
        .where(OneOff.customer_id == customer_id)
        .order_by(OneOff.id.desc())
        .limit(MOST_EXTRAS)
    )
    credits = session.scalars(
        select(BalanceCredit)
        .where(BalanceCredit.customer_id == customer_id)
        .order_by(BalanceCredit.id.desc())
        .limit(MOST_EXTRAS)
    )
    extras = [
        ExtraView(
            at=one.created_at,
            amount=one.amount,
            currency=one.currency,
            description=one.description,
            is_credit=False,
            is_settled=one.invoice_id is not None,
            is_canceled=one.canceled_at is not None,
            reason=one.reason,
        )
        for one in charges
    ]
    extras += [
        ExtraView(
            at=one.created_at,
            amount=-one.amount,
            currency=one.currency,
            description=one.description,
            is_credit=True,
            is_settled=not one.to_deliver,
            is_canceled=False,
            reason=None,
        )
        for one in credits
    ]
    return tuple(sorted(extras, key=lambda extra: extra.at, reverse=True)[:MOST_EXTRAS])
