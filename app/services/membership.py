"""Who counts for a plan, and when: organizations and plans move, and past counts stay. Reads only.

An organization counts for its server's plan while it is on that server and nothing of its own
covers it. A plan that moved from a server to its organization, or back, counts whoever its holder
of that time paid for. Why: docs/decisions/0015-a-plan-changes-hands.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.kinds import LIVE_STATUSES, CustomerKind
from app.models.customers import Customer
from app.models.deals import OrganizationMove, PlanMove
from app.models.plans import Plan, has_begun
from app.models.registrations import Organization, Server
from app.services.seats import load_counted_organizations

BEGINNING = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(microsecond=0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; its end belongs to whatever comes next."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether `at` lies in it."""
        return self.start <= at < self.end

    def within(self, other: "Span") -> "Span | None":
        """What both have in common."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class Membership:
    """Whoever ever counted for a plan. `away`: the times at which an organization did not.
    `left`: those of them that are on another server now; of them only the old server's rows count.
    """

    organizations: set[int]
    away: dict[int, list[Span]] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)

    def is_away(self, organization_id: int, *, at: datetime) -> bool:
        """Whether an organization did not count at `at`, whatever its people."""
        return any(span.holds(at) for span in self.away.get(organization_id, ()))


@dataclass(frozen=True, slots=True)
class _Holding:
    """Who held a plan for a while: an organization, or with None a server."""

    time: Span
    server_id: int
    organization_id: int | None


def load_membership(session: Session, plan: Plan, customer: Customer, server: Server) -> Membership:
    """Who counts for `plan`, which `customer` has; `server` is the one that the customer is, or
    that its organization is on."""
    moves = _load_plan_moves(session, customer_ids=[customer.id])
    holdings = _holdings(plan, customer, server.id, moves)
    result = Membership(set())
    for holding in holdings:
        if holding.organization_id is None:
            _add_server(session, result, holding)
    for key in {h.organization_id for h in holdings if h.organization_id is not None}:
        result.organizations.add(key)
        result.left.pop(key, None)
    for holding in holdings:
        if holding.organization_id is not None:
            for key in result.organizations - {holding.organization_id}:
                result.away.setdefault(key, []).append(holding.time)
        elif len(holdings) > 1:
            _add_strangers(session, result, holding)
    return result


def _add_server(session: Session, result: Membership, holding: _Holding) -> None:
    """The organizations that were on a server while it held the plan."""
    present = load_counted_organizations(session, server_id=holding.server_id)
    gone = _load_left(session, holding.server_id)
    result.organizations.update(present, gone)
    result.left.update((key, holding.server_id) for key in gone if key not in present)
    for key, span in [
        *_own_cover(session, holding.server_id, set(gone)),
        *_elsewhere(session, holding.server_id, result.organizations),
    ]:
        common = span.within(holding.time)
        if common is not None:
            result.away.setdefault(key, []).append(common)


def _add_strangers(session: Session, result: Membership, holding: _Holding) -> None:
    """Organizations of another holder's time were not this server's."""
    mine = {
        *load_counted_organizations(session, server_id=holding.server_id),
        *_load_left(session, holding.server_id),
    }
    for key in result.organizations - mine:
        result.away.setdefault(key, []).append(holding.time)


def _load_left(session: Session, server_id: int) -> list[int]:
    """Organizations that moved away from a server, unless they came back."""
    statement = (
        select(OrganizationMove.organization_id)
        .join(Organization, Organization.id == OrganizationMove.organization_id)
        .where(
            OrganizationMove.from_server_id == server_id,
            Organization.server_id != server_id,
            Organization.is_system_bot_realm.is_(False),
        )
        .distinct()
    )
    return list(session.scalars(statement))


def _elsewhere(
    session: Session, server_id: int, organization_ids: set[int]
) -> list[tuple[int, Span]]:
    """When organizations were on other servers than this one."""
    statement = (
        select(OrganizationMove)
        .where(
            or_(
                OrganizationMove.from_server_id == server_id,
                OrganizationMove.to_server_id == server_id,
            )
        )
        .order_by(OrganizationMove.id)
    )
    by_organization: dict[int, list[OrganizationMove]] = {}
    for move in session.scalars(statement):
        if move.organization_id in organization_ids:
            by_organization.setdefault(move.organization_id, []).append(move)
    found = []
    for key, moves in by_organization.items():
        since = BEGINNING if moves[0].to_server_id == server_id else None
        for move in moves:
            if move.to_server_id == server_id and since is not None:
                found.append((key, Span(since, move.moved_at)))
                since = None
            elif move.from_server_id == server_id:
                since = min(move.moved_at, move.gone_at or move.moved_at)
        if since is not None:
            found.append((key, Span(since, FOREVER)))
    return found


def _own_cover(session: Session, server_id: int, gone: set[int]) -> list[tuple[int, Span]]:
    """When organizations paid for themselves: with plans that have ended and with live ones.

    A plan that was the server's before it moved covers from the move on.
    """
    statement = (
        select(Customer, Plan)
        .join(Plan, Plan.customer_id == Customer.id)
        .join(Organization, Organization.id == Customer.organization_id)
        .where(
            or_(Organization.server_id == server_id, Organization.id.in_(gone)),
            or_(Plan.status.in_(LIVE_STATUSES), Plan.ended_at.is_not(None)),
            has_begun(),
        )
        .order_by(Plan.id)
    )
    found = session.execute(statement).unique().all()
    # Plans that the server has back covered an organization for a while as well.
    of_server = select(Customer, Plan).join(Plan, Plan.customer_id == Customer.id)
    of_server = of_server.where(Customer.server_id == server_id).order_by(Plan.id)
    moves = _load_plan_moves(session, server_id=server_id)
    if moves:
        found = [*found, *session.execute(of_server).unique().all()]
    result = []
    for customer, plan in found:
        life = Span(min(plan.billing_cycle_anchor, plan.created_at), plan.ended_at or FOREVER)
        for holding in _holdings(plan, customer, server_id, moves):
            common = holding.time.within(life)
            if holding.organization_id is not None and common is not None:
                result.append((holding.organization_id, common))
    return result


def _load_plan_moves(
    session: Session, *, customer_ids: Sequence[int] = (), server_id: int | None = None
) -> list[PlanMove]:
    """Moves of plans about these customers, or of a server, oldest first."""
    statement = select(PlanMove).order_by(PlanMove.id)
    if server_id is not None:
        return list(session.scalars(statement.where(PlanMove.server_id == server_id)))
    about = select(PlanMove.organization_id).where(
        or_(PlanMove.to_customer_id.in_(customer_ids), PlanMove.from_customer_id.in_(customer_ids))
    )
    return list(session.scalars(statement.where(PlanMove.organization_id.in_(about))))


def _holdings(
    plan: Plan, customer: Customer, server_id: int, moves: Sequence[PlanMove]
) -> list[_Holding]:
    """Who held a plan from its beginning until now, oldest first."""
    holder, organization_id = customer.id, customer.organization_id
    times: list[tuple[datetime, int, int | None]] = []
    for move in reversed(moves):
        if move.to_customer_id != holder or move.moved_at < plan.created_at:
            continue
        times.append((move.moved_at, server_id, organization_id))
        holder, server_id = move.from_customer_id, move.server_id
        to_organization = move.to_kind is CustomerKind.ORGANIZATION
        organization_id = None if to_organization else move.organization_id
    times.append((BEGINNING, server_id, organization_id))
    times.reverse()
    ends = [start for start, _, _ in times[1:]]
    return [
        _Holding(Span(start, end), server_id, organization_id)
        for (start, server_id, organization_id), end in zip(times, [*ends, FOREVER], strict=True)
    ]
