"""What staff do from a queue, for several customers at once where that is safe."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from app.domain.errors import NotFoundError
from app.domain.kinds import Collection, InvoiceStatus, StaffActionStatus
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.staff import StaffAction
from app.services.audit import record_audit
from app.services.charge_open_invoices import mark_open_invoices
from app.services.context import Actor, Context
from app.services.invoice_plan import unpark_customer
from app.services.pages.queue_sources import is_interrupted
from app.services.staff_change import checked_reason
from app.services.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class Together:
    """What became of several: done, and not to be done any more."""

    done: int
    skipped: int


def unpark_several(
    ctx: Context, customer_ids: Iterable[int], *, reason: str, actor: Actor
) -> Together:
    """Let the next run try these customers again. One that is not parked any more is left alone.

    Raises BillingError `reason_missing`, `reason_too_long`.
    """
    said, wanted = checked_reason(reason), sorted(set(customer_ids))
    with unit_of_work(ctx) as work:
        parked = list(
            work.session.scalars(
                select(Customer.id).where(Customer.id.in_(wanted), Customer.parked_at.is_not(None))
            )
        )
    for customer_id in parked:
        unpark_customer(ctx, customer_id, actor=actor, reason=said)
    return Together(len(parked), len(wanted) - len(parked))


def charge_several(
    ctx: Context, invoice_ids: Iterable[int], *, reason: str, actor: Actor
) -> Together:
    """Charge the cards of the customers of these unpaid invoices again with the next delivery, as a
    new card does: it is no retry of ours, so none is used up. Sent invoices are left alone.

    Raises BillingError `reason_missing`, `reason_too_long`.
    """
    said, wanted = checked_reason(reason), sorted(set(invoice_ids))
    with unit_of_work(ctx) as work:
        found = work.session.execute(
            select(Invoice.id, Invoice.customer_id)
            .join(Customer, Customer.id == Invoice.customer_id)
            .where(
                Invoice.id.in_(wanted),
                Invoice.status == InvoiceStatus.OPEN,
                Invoice.collection == Collection.CHARGE_AUTOMATICALLY,
                Invoice.plan_id.is_not(None),
                Customer.parked_at.is_(None),
                Customer.card_payment_method.is_not(None),
            )
        ).all()
    done = 0
    for customer_id in sorted({row.customer_id for row in found}):
        with unit_of_work(ctx) as work:
            marked = mark_open_invoices(work, work.claim_customer(customer_id))
            record_audit(
                work,
                "customer.charge_asked",
                actor=actor,
                customer_id=customer_id,
                after={"invoices": marked, "reason": said},
            )
            work.commit()
        done += len(set(marked) & {row.id for row in found})
    return Together(done, len(wanted) - done)


def close_interrupted(ctx: Context, action_id: int, *, reason: str, actor: Actor) -> None:
    """Somebody has looked at an act that never said how it ended, and says what became of it.

    Raises NotFoundError, also for one that has ended by now; BillingError `reason_missing`,
    `reason_too_long`.
    """
    said = checked_reason(reason)
    with unit_of_work(ctx) as work:
        row = work.session.scalars(
            select(StaffAction)
            .where(StaffAction.id == action_id, is_interrupted(work.now))
            .with_for_update()
        ).one_or_none()
        if row is None:
            raise NotFoundError("action")
        row.status, row.finished_at = StaffActionStatus.REFUSED, work.now
        record_audit(
            work,
            "action.closed",
            actor=actor,
            customer_id=row.customer_id,
            after={"action": row.action, "id": row.id, "reason": said},
        )
        work.commit()
