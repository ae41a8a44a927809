"""The organizations whose people a customer's pages speak of, and who pays for each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import LIVE_STATUSES, CustomerKind
from app.domain.seats import get_role_counts
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization
from app.models.uploads import AuditRow
from app.services.pages.head import Head
from app.services.seats import latest_first


class PlaceCover(StrEnum):
    """What the paid part of an organization stands on."""

    OWN_PLAN = "own_plan"
    SERVER_PLAN = "server_plan"
    FREE = "free"
    OVER_FREE = "over_free"
    DEACTIVATED = "deactivated"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Place:
    """An organization as it is stored. `own_tier` is the tier of a plan of its own that runs now;
    `first_count_at` the time of the first count that was ever uploaded for it."""

    id: int
    name: str
    host: str
    locally_deleted_at: datetime | None
    own_tier: str | None
    first_count_at: datetime | None


def load_places(session: Session, head: Head) -> list[Place]:
    """The organization itself, or all of a server's but those of system bots. One query."""
    first_count_at = (
        select(func.min(AuditRow.event_time))
        .where(AuditRow.organization_id == Organization.id, AuditRow.seats.is_not(None))
        .correlate(Organization)
        .scalar_subquery()
    )
    statement = (
        select(
            Organization.id,
            Organization.name,
            Organization.host,
            Organization.locally_deleted_at,
            Plan.tier,
            first_count_at,
        )
        .outerjoin(Customer, Customer.organization_id == Organization.id)
        .outerjoin(
            Plan,
            and_(
                Plan.customer_id == Customer.id,
                Plan.status.in_(LIVE_STATUSES),
                # From its end on a plan is over, even before a job has written that down.
                or_(Plan.end_date.is_(None), Plan.end_date > head.now),
            ),
        )
        .where(*_mine(head))
        .order_by(Organization.id)
    )
    return [Place(*row) for row in session.execute(statement)]


def load_roles(
    session: Session, head: Head, organization_ids: Iterable[int], *, until: datetime
) -> tuple[tuple[str, int], ...]:
    """How many people have each role, by the wire's numbers for roles, added up over these
    organizations of `head`. One query."""
    latest = (
        select(AuditRow.id)
        .where(
            AuditRow.organization_id == Organization.id,
            AuditRow.seats.is_not(None),
            AuditRow.event_time <= until,
        )
        .order_by(*latest_first())
        .limit(1)
        .correlate(Organization)
        .scalar_subquery()
    )
    statement = (
        select(Organization.id, AuditRow.extra_data)
        .join(AuditRow, AuditRow.id == latest)
        .where(*_mine(head))
    )
    wanted = set(organization_ids)
    found: dict[str, int] = {}
    for row in session.execute(statement):
        if row.id not in wanted:
            continue
        try:
            counts = get_role_counts(row) or {}
        except BillingError:
            # Stored before a rule became stricter: a wrong split would be worse than none.
            return ()
        for role, number in counts.items():
            found[role] = found.get(role, 0) + number
    return tuple((role, found[role]) for role in sorted(found) if found[role])


def decide_cover(
    place: Place,
    *,
    is_active: bool,
    people: int,
    server_tier: str | None,
    free_seats: int,
    now: datetime,
) -> PlaceCover:
    """Who pays for an organization with so many people (billing rules, "One payer")."""
    if place.locally_deleted_at is not None and place.locally_deleted_at <= now:
        return PlaceCover.GONE
    if not is_active:
        return PlaceCover.DEACTIVATED
    if place.own_tier is not None:
        return PlaceCover.OWN_PLAN
    if server_tier is not None:
        return PlaceCover.SERVER_PLAN
    return PlaceCover.OVER_FREE if people > free_seats else PlaceCover.FREE


def _mine(head: Head) -> Sequence[ColumnElement[bool]]:
    if head.payer.kind is CustomerKind.ORGANIZATION:
        return (Organization.id == head.payer.organization_id,)
    return (
        Organization.server_id == head.server.id,
        Organization.is_system_bot_realm.is_(False),
    )
