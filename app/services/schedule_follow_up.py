"""Staff schedule another year at a fixed price, from the end of the plan that runs."""

from dataclasses import dataclass

from app.domain.calendar import cycle_at, month_boundary
from app.domain.errors import BillingError
from app.domain.kinds import (
    AtCycleEnd,
    LicenseManagement,
    OfferStatus,
    PlanStatus,
    Schedule,
)
from app.domain.transitions import Change
from app.models.customers import Customer
from app.models.deals import Offer
from app.models.plans import Plan
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer, get_live_plan
from app.services.ledger import sync_server_ledgers
from app.services.make_offer import check_price, described_offer, load_offered_tier
from app.services.offers import MONTHS, close_if_expired
from app.services.plan_factory import PlanSpec, make_plan
from app.services.plan_life import apply_change
from app.services.recount_plan import recount_plan
from app.services.staff_change import StaffChange, checked_reason
from app.services.staff_terms import get_open_offer
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFollowUp:
    """Cents for the year that follows, and how it is billed (None: as the plan that runs)."""

    yearly_price: int
    schedule: Schedule | None = None
    owner: str | None = None
    reason: str


def schedule_follow_up(
    ctx: Context, payer: Payer, command: ScheduleFollowUp, *, actor: Actor, dry_run: bool = False
) -> StaffChange:
    """Let a plan of a fixed price follow the one that runs, at its end date.

    Raises BillingError `no_plan`, `follow_up_needs_end`, `follow_up_too_early` while a monthly
    invoice of the plan that runs is still to come, `offer_open`, `offer_price_not_possible`,
    `required_tier_missing`, `transition_refused`, and those of `checked_reason`.
    """
    said = checked_reason(command.reason)
    check_price(ctx, command.yearly_price)
    with unit_of_work(ctx) as work:
        server, customer = claim_payer(work, payer)
        sync_server_ledgers(work, server, as_of=work.now)
        work.flush()
        current = get_live_plan(work.session, customer.id)
        if current is None:
            raise BillingError("no_plan")
        _check(work, customer, current)
        offer = Offer(
            customer_id=customer.id,
            tier=load_offered_tier(ctx, customer).key,
            yearly_price=command.yearly_price,
            currency=ctx.catalog.currency,
            status=OfferStatus.ACCEPTED,
            is_follow_up=True,
            reason=said,
            owner=command.owner,
            actor=actor.name,
            created_at=work.now,
            closed_at=work.now,
        )
        work.session.add(offer)
        work.flush()
        schedule = command.schedule or current.schedule
        following = _add_next_plan(work, customer, current, offer, schedule, actor)
        recount_plan(work, server, customer, actor=actor)
        after = described_offer(offer) | {
            "schedule": schedule.value,
            "starts_at": following.billing_cycle_anchor.isoformat(),
        }
        record_audit(
            work,
            "offer.follow_up_scheduled",
            actor=actor,
            customer_id=customer.id,
            after={"offer": offer.id, "plan": following.id, **after, "reason": said},
        )
        if not dry_run:
            work.commit()
    return StaffChange({}, after)


def _check(work: UnitOfWork, customer: Customer, current: Plan) -> None:
    if current.end_date is None or current.at_cycle_end is AtCycleEnd.RENEW:
        raise BillingError("follow_up_needs_end")
    earlier = get_open_offer(work.session, customer.id)
    if earlier is not None and not close_if_expired(work, earlier):
        raise BillingError("offer_open")
    if current.schedule is Schedule.MONTHLY:
        anchor, schedule = current.billing_cycle_anchor, current.schedule
        invoiced = cycle_at(anchor, schedule, current.invoiced_until)
        if invoiced.end < current.end_date:
            last = cycle_at(anchor, schedule, current.end_date).start
            if last == current.end_date:
                last = month_boundary(anchor, cycle_at(anchor, schedule, last).index - 1)
            raise BillingError("follow_up_too_early", day=last)


def _add_next_plan(
    work: UnitOfWork,
    customer: Customer,
    current: Plan,
    offer: Offer,
    schedule: Schedule,
    actor: Actor,
) -> Plan:
    """The plan that waits; the jobs start it at its anchor and invoice it as a renewal."""
    start = current.end_date
    assert start is not None  # checked before
    apply_change(current, Change.SCHEDULE_NEXT)
    spec = PlanSpec(
        tier=offer.tier,
        status=PlanStatus.NEVER_STARTED,
        at_cycle_end=AtCycleEnd.END,
        schedule=schedule,
        currency=offer.currency,
        fixed_price=offer.yearly_price,
        management=LicenseManagement.AUTOMATIC,
        collection=current.collection,
        anchor=start,
        invoiced_until=work.now,
        offer_id=offer.id,
        end_date=month_boundary(start, MONTHS),
    )
    following = make_plan(work, customer, spec, actor=actor)
    current.next_plan_id = following.id
    work.flush()
    return following
