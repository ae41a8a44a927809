"""Which organization a row belongs to that names it by the integer id of its server."""

from collections.abc import Iterable

from sqlalchemy import select

from app.models.registrations import Organization, Server
from app.services.audit import record_audit
from app.services.context import Actor
from app.services.unit_of_work import UnitOfWork


def resolve_organizations(
    work: UnitOfWork, server: Server, remote_ids: Iterable[int], *, is_listed: bool, actor: Actor
) -> dict[int, int]:
    """Our id of each organization that rows name by its integer id.

    Whoever holds the number now gets the rows, or else whoever held it last; a number never heard
    of gets an organization without UUID. `is_listed`: the upload carried the full list, so what
    that list does not name is gone already.
    """
    wanted = set(remote_ids)
    if not wanted:
        return {}
    statement = (
        select(
            Organization.remote_realm_id, Organization.id, Organization.locally_deleted_at.is_(None)
        )
        .where(Organization.server_id == server.id)
        .order_by(Organization.locally_deleted_at.is_(None), Organization.locally_deleted_at)
    )
    # Ordered so that the present holder of a number comes last and wins.
    found = {row[0]: row[1] for row in work.session.execute(statement) if row[0] in wanted}
    unknown = [
        Organization(
            server_id=server.id,
            remote_realm_id=remote_id,
            created_at=work.now,
            locally_deleted_at=work.now if is_listed else None,
        )
        for remote_id in sorted(wanted - found.keys())
    ]
    work.session.add_all(unknown)
    work.flush()
    for organization in unknown:
        found[organization.remote_realm_id] = organization.id
        record_audit(
            work,
            "organization.created",
            actor=actor,
            server_id=server.id,
            organization_id=organization.id,
            after={"remote_realm_id": organization.remote_realm_id, "uuid": None},
        )
    return found
