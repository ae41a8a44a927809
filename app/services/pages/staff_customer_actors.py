"""Who did something, as the ledger and the audit log name them, looked up for staff."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.people import BillingUser
from app.models.registrations import Server
from app.models.staff import StaffUser


class ActorKind(StrEnum):
    """What sort of actor a name stands for; the word before its colon."""

    STAFF = "staff"
    PERSON = "billing_user"
    LINK = "login_link"
    SERVER = "server"
    CLI = "cli"
    PROVIDER = "payment_provider"
    STRANGER = "stranger"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class ActorView:
    """An actor: `name` and `email` as far as they are known, `detail` what stands behind the colon
    of an actor who is nobody ("renewal" of "system:renewal")."""

    kind: ActorKind
    name: str | None = None
    email: str | None = None
    detail: str | None = None


def load_actors(session: Session, names: Iterable[str | None]) -> Mapping[str, ActorView]:
    """The actors of these names by name, with one query for each table of people."""
    known = {name for name in names if name}
    staff = select(StaffUser.id, StaffUser.full_name, StaffUser.email).where(
        StaffUser.id.in_(_ids(known, ActorKind.STAFF))
    )
    people = select(BillingUser.id, BillingUser.full_name, BillingUser.email).where(
        BillingUser.id.in_(_ids(known, ActorKind.PERSON))
    )
    servers = select(Server.id, Server.hostname).where(Server.id.in_(_ids(known, ActorKind.SERVER)))
    found: dict[tuple[ActorKind, int], tuple[str, str | None]] = {}
    for kind, statement in ((ActorKind.STAFF, staff), (ActorKind.PERSON, people)):
        found |= {(kind, row[0]): (row[1], row[2]) for row in session.execute(statement)}
    found |= {(ActorKind.SERVER, row[0]): (row[1], None) for row in session.execute(servers)}
    return {name: _view(name, found) for name in known}


def _ids(names: Iterable[str], kind: ActorKind) -> list[int]:
    split = (name.partition(":") for name in names)
    return sorted(int(rest) for sort, _, rest in split if sort == kind and rest.isdigit())


def _view(name: str, found: Mapping[tuple[ActorKind, int], tuple[str, str | None]]) -> ActorView:
    sort, _, rest = name.partition(":")
    kind = ActorKind(sort) if sort in set(ActorKind) else ActorKind.SYSTEM
    known = found.get((kind, int(rest))) if rest.isdigit() else None
    if known is not None:
        return ActorView(kind, name=known[0] or None, email=known[1])
    return ActorView(kind, detail=rest or None)
