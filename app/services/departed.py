"""What a server still uploads of organizations that have moved away from it.

Its old copy goes on being listed, and may not stop the uploads of the server's other organizations:
it is left out. Rows from before the move that were not uploaded in time still count for then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from app.models.deals import OrganizationMove
from app.models.registrations import Organization, Server
from app.services.unit_of_work import UnitOfWork
from app.services.upload_commands import UploadedOrganization


@dataclass(frozen=True, slots=True)
class Departed:
    """The organizations of an upload that are not here any more. `uuids` were listed; `numbers`
    are those under which this server's rows name them: our id, and until when rows count."""

    uuids: frozenset[str] = frozenset()
    numbers: Mapping[int, tuple[int, datetime]] = field(default_factory=dict)

    def stay(self, listed: Sequence[UploadedOrganization]) -> list[UploadedOrganization]:
        """The list without them."""
        return [entry for entry in listed if entry.uuid not in self.uuids]

    def counts(self, number: int, at: datetime) -> bool:
        """Whether a row about the organization of that number, of that time, is to be kept."""
        known = self.numbers.get(number)
        return known is None or at < known[1]

    def ids(self, numbers: Iterable[int]) -> dict[int, int]:
        """Our ids of those among `numbers`."""
        return {key: self.numbers[key][0] for key in numbers if key in self.numbers}


def load_departed(
    work: UnitOfWork, server: Server, listed: Sequence[UploadedOrganization] | None
) -> Departed:
    """Who of the list (None: the upload had none) moved away from the claimed server."""
    statement = (
        select(OrganizationMove, Organization.uuid)
        .join(Organization, Organization.id == OrganizationMove.organization_id)
        .where(OrganizationMove.from_server_id == server.id, Organization.server_id != server.id)
        .order_by(OrganizationMove.id)
    )
    moves = {uuid: move for move, uuid in work.session.execute(statement)}
    if not moves:
        return Departed()
    if listed is None:
        present = select(Organization.remote_realm_id).where(
            Organization.server_id == server.id, Organization.locally_deleted_at.is_(None)
        )
        taken = set(work.session.scalars(present))
        numbers = {
            move.old_remote_realm_id: (move.organization_id, move.moved_at)
            for move in moves.values()
            if move.old_remote_realm_id not in taken
        }
        return Departed(numbers=numbers)
    numbers = {
        entry.remote_id: (moves[entry.uuid].organization_id, moves[entry.uuid].moved_at)
        for entry in listed
        if entry.uuid in moves
    }
    gone = frozenset(entry.uuid for entry in listed if entry.uuid in moves)
    return Departed(uuids=gone, numbers=numbers)
