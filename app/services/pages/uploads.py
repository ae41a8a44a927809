"""Whether a server's uploads can be trusted now, for the page that says how to mend them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.models.registrations import Server
from app.services.customers import Payer
from app.services.seats import is_stale


@dataclass(frozen=True, slots=True)
class UploadsState:
    """When the server was heard last (None: never), and whether that is too long ago."""

    is_stale: bool
    last_heard: datetime | None


def load_uploads_state(session: Session, payer: Payer, *, now: datetime) -> UploadsState:
    """The state of the uploads that count the people of `payer`."""
    server = session.get_one(Server, payer.server_id)
    return UploadsState(is_stale(server, now=now), server.last_audit_log_update)
