"""What a server may leave out of its next upload (reads only)."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.models.registrations import Server


@dataclass(frozen=True, slots=True)
class AcceptedIds:
    """The highest row id accepted from a server in each of its tables, 0 when none."""

    organization_counts: int
    server_counts: int
    audit_rows: int


def load_accepted_ids(session: Session, *, server_id: int) -> AcceptedIds:
    """Those of the server with that id of ours, which must exist."""
    return accepted_ids_of(session.get_one(Server, server_id))


def accepted_ids_of(server: Server) -> AcceptedIds:
    """Those of a loaded server."""
    return AcceptedIds(
        organization_counts=server.last_realm_count_id,
        server_counts=server.last_installation_count_id,
        audit_rows=server.last_audit_remote_id,
    )
