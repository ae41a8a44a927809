"""Staff take an offer back: an open one, with the invoice that waits for it, or a follow-up."""

from dataclasses import dataclass

from sqlalchemy import select

from app.domain.errors import BillingError
from app.domain.kinds import OfferStatus, PlanStatus, PurchaseStatus
from app.domain.transitions import Change
from app.models.deals import Offer
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer, get_live_plan
from app.services.leases import take_leases
from app.services.ledger import sync_server_ledgers
from app.services.make_offer import described_offer
from app.services.plan_life import apply_change, cancel_scheduled_plan
from app.services.purchase_state import UNSETTLED
from app.services.recount_plan import recount_plan
from app.services.settle_purchase import LEASE, void_purchase
from app.services.staff_change import StaffChange, checked_reason
from app.services.staff_terms import get_open_offer
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class _Found:
    """What is to be withdrawn: the offer, the plan that it is to become, the purchase of it."""

    offer_id: int
    scheduled_id: int | None = None
    purchase_id: int | None = None


def withdraw_offer(
    ctx: Context, payer: Payer, *, reason: str, actor: Actor, dry_run: bool = False
) -> StaffChange:
    """Withdraw the open offer, or else the follow-up that is scheduled; an open invoice of it is
    voided.

    Raises BillingError `no_offer`, `purchase_in_progress`, `offer_invoice_unanswered` when the
    provider did not say that the invoice is void, `offer_was_paid` when it was paid meanwhile, and
    those of `checked_reason`.
    """
    said = checked_reason(reason)
    found = _find(ctx, payer, dry_run=dry_run)
    is_to_void = found.purchase_id is not None and not dry_run
    if is_to_void and void_purchase(ctx, found.purchase_id or 0).outcome in UNSETTLED:
        raise BillingError("offer_invoice_unanswered")
    with unit_of_work(ctx) as work:
        server, customer = claim_payer(work, payer)
        sync_server_ledgers(work, server, as_of=work.now)
        offer = work.session.get_one(Offer, found.offer_id)
        work.session.refresh(offer)
        before = described_offer(offer)
        if found.scheduled_id is not None:
            _cancel_follow_up(work, found.scheduled_id, actor)
            recount_plan(work, server, customer, actor=actor)
        elif offer.status is OfferStatus.ACCEPTED:
            raise BillingError("offer_was_paid")
        else:
            before["status"] = OfferStatus.OPEN.value
        offer.status, offer.closed_at = OfferStatus.WITHDRAWN, work.now
        work.flush()
        after = described_offer(offer)
        record_audit(
            work,
            "offer.withdrawn",
            actor=actor,
            customer_id=customer.id,
            before=before,
            after={"offer": offer.id, **after, "reason": said},
        )
        if not dry_run:
            work.commit()
    return StaffChange(before, after)


def _find(ctx: Context, payer: Payer, *, dry_run: bool) -> _Found:
    """What there is to withdraw; a purchase of it is taken, so that nobody else settles it."""
    with unit_of_work(ctx) as work:
        _, customer = claim_payer(work, payer)
        offer = get_open_offer(work.session, customer.id)
        if offer is None:
            return _find_follow_up(work, customer.id)
        of_offer = [Purchase.offer_id == offer.id, Purchase.status == PurchaseStatus.OPEN]
        is_bought = work.session.scalars(select(Purchase.id).where(*of_offer)).first() is not None
        if not is_bought or dry_run:
            return _Found(offer.id)
        taken = take_leases(work, Purchase, due=of_offer, limit=1, lasting=LEASE)
        if not taken:
            raise BillingError("purchase_in_progress")
        found = _Found(offer.id, purchase_id=taken[0])
        work.commit()
    return found


def _find_follow_up(work: UnitOfWork, customer_id: int) -> _Found:
    waiting = select(Plan).where(
        Plan.customer_id == customer_id,
        Plan.status == PlanStatus.NEVER_STARTED,
        Plan.offer_id.is_not(None),
    )
    scheduled = work.session.scalars(waiting).one_or_none()
    if scheduled is None or scheduled.offer_id is None:
        raise BillingError("no_offer")
    return _Found(scheduled.offer_id, scheduled_id=scheduled.id)


def _cancel_follow_up(work: UnitOfWork, scheduled_id: int, actor: Actor) -> None:
    scheduled = work.session.get_one(Plan, scheduled_id)
    if scheduled.status is not PlanStatus.NEVER_STARTED:
        # Its time came in between.
        raise BillingError("offer_was_paid")
    cancel_scheduled_plan(work, scheduled, actor=actor)
    current = get_live_plan(work.session, scheduled.customer_id)
    if current is not None and current.next_plan_id == scheduled.id:
        apply_change(current, Change.CANCEL_NEXT)
        current.next_plan_id = None
    work.flush()
