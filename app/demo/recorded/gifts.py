"""What recorded customers have without buying: legacy and sponsored plans, requests, offers, falls."""

from datetime import datetime, timedelta

from app.demo.recorded.place import Place
from app.demo.recorded.rows import Batch
from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    EndReason,
    LicenseManagement,
    OfferStatus,
    PlanStatus,
    Schedule,
    SponsorshipStatus,
    TierKind,
)
from app.domain.sponsorship import OrganizationType
from app.models.plans import Plan
from app.services.complimentary import tier_of_kind
from app.services.context import Context

STAFF = "cli"


def give_plan(
    ctx: Context, batch: Batch, place: Place, kind: TierKind, *, given: int, ends_in: int
) -> int:
    """A plan that costs nothing, given so many days ago; it has ended when `ends_in` is negative.

    Returns its id.
    """
    at = place.now - timedelta(days=given)
    until = (place.now + timedelta(days=ends_in)).replace(hour=0, minute=0, second=0, microsecond=0)
    is_over = until <= place.now
    tier = tier_of_kind(ctx.catalog, kind)
    people = place.people_at(at)
    plan_id = batch.add(
        "plans",
        customer_id=place.customer.id,
        tier=tier.key,
        status=PlanStatus.ENDED if is_over else PlanStatus.ACTIVE,
        at_cycle_end=AtCycleEnd.END,
        schedule=Schedule.ANNUAL,
        currency=ctx.catalog.currency,
        price_per_license=0,
        tier_minimum=0,
        license_management=LicenseManagement.AUTOMATIC,
        collection=Collection.CHARGE_AUTOMATICALLY,
        billing_cycle_anchor=at,
        end_date=until,
        ended_at=until if is_over else None,
        ended_reason=EndReason.CYCLE_END if is_over else None,
        invoiced_until=until if is_over else at,
        next_invoice_date=None if is_over else until,
        created_at=at,
    )
    batch.add(
        "ledger_entries",
        plan_id=plan_id,
        event_time=at,
        is_renewal=True,
        licenses=people,
        licenses_at_next_renewal=people,
        people=people,
        order_id=place.order_at(at),
        actor=STAFF,
        recorded_at=at,
    )
    _follow_uploads(batch, place, plan_id, at, until, people)
    batch.add(
        "plan_prices",
        plan_id=plan_id,
        price=0,
        list_price=0,
        reason="start",
        actor=STAFF,
        recorded_at=at,
    )
    return plan_id


def _follow_uploads(
    batch: Batch, place: Place, plan_id: int, at: datetime, until: datetime, people: int
) -> None:
    """The licenses of the period never fall; the number at the next renewal is who is there."""
    licenses, renewal = people, people
    for row in sorted(place.rows, key=lambda row: (row.event_time, row.order_id)):
        if not at < row.event_time < until:
            continue
        now_there = place.people_at(row.event_time)
        if (max(licenses, now_there), now_there) == (licenses, renewal):
            continue
        licenses, renewal = max(licenses, now_there), now_there
        batch.add(
            "ledger_entries",
            plan_id=plan_id,
            event_time=row.event_time,
            is_renewal=False,
            licenses=licenses,
            licenses_at_next_renewal=renewal,
            people=now_there,
            order_id=row.order_id,
            log_entry_id=row.id,
            server_uuid=place.server["uuid"],
            remote_id=row.remote_id,
            recorded_at=row.event_time,
        )


def ask_for_sponsorship(
    batch: Batch,
    place: Place,
    status: SponsorshipStatus,
    *,
    asked: int,
    plan_id: int | None = None,
    until: datetime | None = None,
) -> None:
    """A request for the sponsored tier, and what staff said."""
    at = place.now - timedelta(days=asked)
    is_pending = status is SponsorshipStatus.PENDING
    host = place.server["hostname"].removeprefix("chat.")
    kinds = tuple(OrganizationType)
    batch.add(
        "sponsorship_requests",
        customer_id=place.customer.id,
        status=status,
        organization_type=kinds[place.number % len(kinds)].value,
        website=f"https://{host}/",
        description="Volunteers run this, and whoever helps talks to the others here.",
        expected_users=str(place.people_at(place.now) + 10),
        paid_staff="none",
        plan_wished="community",
        requested_by=place.owner_id,
        requested_at=at,
        decided_at=None if is_pending else at + timedelta(days=2),
        decided_by=None if is_pending else STAFF,
        reason="We sponsor associations only." if status is SponsorshipStatus.REJECTED else None,
        plan_id=plan_id,
        approved_until=until,
    )
    place.customer.sponsorship_pending = is_pending
    batch.add(
        "audit_entries",
        at=at,
        action="sponsorship.requested",
        actor=f"billing_user:{place.owner_id}",
        customer_id=place.customer.id,
    )


def make_offer(
    ctx: Context, batch: Batch, place: Place, *, yearly_price: int, made: int, accepted: bool
) -> int:
    """A fixed price for a year. Returns the offer's id."""
    at = place.now - timedelta(days=made)
    place.customer.required_plan_tier = "enterprise"
    return batch.add(
        "offers",
        customer_id=place.customer.id,
        tier="enterprise",
        yearly_price=yearly_price,
        currency=ctx.catalog.currency,
        status=OfferStatus.ACCEPTED if accepted else OfferStatus.OPEN,
        expires_at=None if accepted else place.now + timedelta(days=60),
        reason="Agreed by mail.",
        actor=STAFF,
        created_at=at,
        closed_at=at + timedelta(days=1) if accepted else None,
    )


def find_late_fall(batch: Batch, place: Place, plan: Plan) -> None:
    """Rows that came late say that fewer were there than were billed: staff decide."""
    start = plan.billing_cycle_anchor
    billed = place.people_at(start) + 3
    batch.add(
        "late_falls",
        customer_id=place.customer.id,
        plan_id=plan.id,
        cycle_start=start,
        cycle_end=plan.invoiced_until,
        billed_licenses=billed,
        licenses=billed - 2,
        audit_row_id=place.rows[0].id,
        found_at=place.now - timedelta(days=place.number % 9 + 1),
    )


def write_note(batch: Batch, place: Place, text: str) -> None:
    """What staff should know."""
    batch.add(
        "staff_notes",
        customer_id=place.customer.id,
        text=text,
        created_at=place.now - timedelta(days=place.number % 40 + 1),
    )


def ask_for_help(batch: Batch, place: Place, message: str) -> None:
    """A question that waits for an answer."""
    batch.add(
        "help_requests",
        server_id=place.payer.server_id,
        organization_id=place.payer.organization_id,
        billing_user_id=place.owner_id,
        page="billing",
        message=message,
        status="open",
        created_at=place.now - timedelta(days=place.number % 5, hours=3),
    )
