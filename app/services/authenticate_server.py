"""Who calls: a server proves itself by its UUID and its key."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.gateways.tokens import TokenGateway
from app.models.registrations import Server

SERVER_KEY = "server-key"
# Compared against when the UUID is unknown, so that the answer takes as long either way.
_NO_KEY_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class AuthenticatedServer:
    """A server that has proved itself: our id, its UUID, and the hash of the key it had, by which
    whoever acts later sees that the key has ended meanwhile."""

    id: int
    uuid: str
    key_hash: str = field(repr=False)


def authenticate_server(
    session: Session, *, tokens: TokenGateway, uuid: str, key: str
) -> AuthenticatedServer:
    """The server with that UUID and key.

    Raises BillingError `server_credentials` for an unknown UUID or a wrong key alike, and
    `server_deactivated`, which is told only after the right key.
    """
    row = session.execute(
        select(Server.id, Server.key_hash, Server.deactivated_at).where(Server.uuid == uuid)
    ).one_or_none()
    stored_hash = _NO_KEY_HASH if row is None else row.key_hash
    matches = tokens.matches(SERVER_KEY, key, stored_hash=stored_hash)
    if row is None or not matches:
        raise BillingError("server_credentials", uuid=uuid)
    if row.deactivated_at is not None:
        raise BillingError("server_deactivated")
    return AuthenticatedServer(id=row.id, uuid=uuid, key_hash=row.key_hash)
