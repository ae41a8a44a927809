"""Giving up, or asking about, a payment that was begun: what its person does on its page."""

from sqlalchemy import select

from app.domain.errors import BillingError, NotFoundError
from app.domain.kinds import PurchaseStatus
from app.models.purchases import Purchase
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, get_customer
from app.services.leases import take_leases
from app.services.purchase_state import UNSETTLED, PurchaseResult, load_result
from app.services.settle_purchase import LEASE, check_purchase, void_purchase
from app.services.unit_of_work import UnitOfWork, unit_of_work


def cancel_purchase(
    ctx: Context, payer: Payer, purchase_id: int, *, actor: Actor
) -> PurchaseResult:
    """Void an open purchase of `payer`. One that was paid meanwhile starts its plan instead; one
    that is closed stays as it is.

    Raises NotFoundError when it is not his, and BillingError `purchase_in_progress` while somebody
    is charging it.
    """
    with unit_of_work(ctx) as work:
        customer_id = _check_owner(work, payer, purchase_id)
        due = [Purchase.id == purchase_id, Purchase.status == PurchaseStatus.OPEN]
        taken = take_leases(work, Purchase, due=due, limit=1, lasting=LEASE)
        if taken:
            record_audit(
                work,
                "purchase.given_up",
                actor=actor,
                customer_id=customer_id,
                after={"purchase": purchase_id},
            )
        work.commit()
    if taken:
        return void_purchase(ctx, purchase_id)
    result = load_result(ctx, purchase_id)
    if result.outcome in UNSETTLED:
        raise BillingError("purchase_in_progress")
    return result


def check_own_purchase(ctx: Context, payer: Payer, purchase_id: int) -> PurchaseResult:
    """Ask the provider what became of a purchase of `payer`. Raises NotFoundError when it is not
    his."""
    with unit_of_work(ctx) as work:
        _check_owner(work, payer, purchase_id)
    return check_purchase(ctx, purchase_id)


def _check_owner(work: UnitOfWork, payer: Payer, purchase_id: int) -> int:
    customer = get_customer(work.session, payer)
    owner = select(Purchase.customer_id).where(Purchase.id == purchase_id)
    if customer is None or work.session.scalars(owner).one_or_none() != customer.id:
        raise NotFoundError("purchase")
    return customer.id
