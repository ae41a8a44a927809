"""One payer: which plan covers an organization (billing rules, "One payer"). Reads only.

An organization is covered by exactly one plan: its own, else its server's. The count of a server
leaves out the organizations that are covered otherwise.
"""

from collections.abc import Iterable

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.kinds import LIVE_STATUSES
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.services.seats import load_counted_organizations


def get_covering_plan(session: Session, organization: Organization) -> Plan | None:
    """The live plan that covers one organization: its own, else its server's, else None."""
    return get_covering_plans(session, [organization]).get(organization.id)


def get_covering_plans(session: Session, organizations: Iterable[Organization]) -> dict[int, Plan]:
    """The same for several organizations, by their ids, in one query; uncovered ones are absent."""
    wanted = list(organizations)
    own, of_servers = _get_live_plans(
        session,
        organization_ids={organization.id for organization in wanted},
        server_ids={organization.server_id for organization in wanted},
    )
    plans = {
        organization.id: own.get(organization.id) or of_servers.get(organization.server_id)
        for organization in wanted
    }
    return {key: plan for key, plan in plans.items() if plan is not None}


def get_live_plans(
    session: Session, organizations: Iterable[Organization]
) -> dict[int, list[Plan]]:
    """Every live plan that is held by each organization or by its server, own ones first.

    Sponsorship counts even beside another plan, so this is more than what covers.
    """
    wanted = list(organizations)
    own, of_servers = _get_live_plans(
        session,
        organization_ids={organization.id for organization in wanted},
        server_ids={organization.server_id for organization in wanted},
    )
    return {
        organization.id: [
            plan
            for plan in (own.get(organization.id), of_servers.get(organization.server_id))
            if plan is not None
        ]
        for organization in wanted
    }


def get_organizations_covered_otherwise(session: Session, server: Server) -> set[int]:
    """The ids of the server's organizations that have a live plan of their own."""
    statement = (
        select(Customer.organization_id)
        .join(Plan, Plan.customer_id == Customer.id)
        .join(Organization, Organization.id == Customer.organization_id)
        .where(Organization.server_id == server.id, Plan.status.in_(LIVE_STATUSES))
    )
    return {key for key in session.scalars(statement) if key is not None}


def load_organizations_of_server_plan(session: Session, server: Server) -> list[int]:
    """The ids of the organizations whose people a plan of this server counts: all but those of
    system bots and those that are covered otherwise. Deactivated ones are in it and count 0."""
    covered = get_organizations_covered_otherwise(session, server)
    counted = load_counted_organizations(session, server_id=server.id)
    return [key for key in counted if key not in covered]


def _get_live_plans(
    session: Session, *, organization_ids: set[int], server_ids: set[int]
) -> tuple[dict[int, Plan], dict[int, Plan]]:
    """Live plans by the organization, and by the server, that holds them."""
    if not organization_ids:
        return {}, {}
    # The organizations of one server may be more than a statement takes parameters; their own
    # plans are found through the server they belong to.
    of_these_servers = select(Organization.id).where(Organization.server_id.in_(server_ids))
    statement = (
        select(Plan, Customer.organization_id, Customer.server_id)
        .join(Customer, Customer.id == Plan.customer_id)
        .where(
            Plan.status.in_(LIVE_STATUSES),
            or_(Customer.organization_id.in_(of_these_servers), Customer.server_id.in_(server_ids)),
        )
    )
    own: dict[int, Plan] = {}
    of_servers: dict[int, Plan] = {}
    for plan, organization_id, server_id in session.execute(statement):
        if server_id is not None:
            of_servers[server_id] = plan
        elif organization_id in organization_ids:
            own[organization_id] = plan
    return own, of_servers
