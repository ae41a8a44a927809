"""Finding a registration."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.models.registrations import Server


def load_server_id(session: Session, *, uuid: str) -> int:
    """Our id of the server with that UUID, deactivated or not. Raises NotFoundError."""
    found = session.scalars(select(Server.id).where(Server.uuid == uuid)).first()
    if found is None:
        raise NotFoundError("server")
    return found
