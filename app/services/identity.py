"""Who is behind a browser session, and what of the session row the web needs to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.domain.kinds import CustomerKind
from app.models.customers import Customer
from app.models.people import BillingUser
from app.models.sessions import BrowserSession
from app.services.customers import Payer

# A session lives this long from the moment its person was authenticated.
SESSION_LIFE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Identity:
    """The one person a session stands for, and the one customer this person may see."""

    billing_user_id: int
    kind: CustomerKind
    entity_uuid: str
    organization_id: int | None
    server_id: int
    host: str
    display_name: str
    email: str
    full_name: str
    authenticated_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerRef:
    """The customer that a page is about. `customer_id` is None until the first purchase or plan
    of that organization or server makes its row."""

    payer: Payer
    host: str
    customer_id: int | None
    billing_user_id: int

    @property
    def kind(self) -> CustomerKind:
        """Organization or server."""
        return self.payer.kind

    @property
    def uuid(self) -> str:
        """The UUID in the addresses of its pages."""
        return self.payer.uuid


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session row as it was read. `id_hash` names it: SQLite gives the number of a deleted row to
    the next one, so a number could mean the session of somebody else. `identity` says who logged in here, if anybody did: whether
    that still counts is asked by `is_expired` and `is_deactivated`."""

    id_hash: str
    data: Mapping[str, Any]
    identity: Identity | None
    is_expired: bool
    is_deactivated: bool
    way_back: str | None
    last_seen_at: datetime


def get_stored_session(
    session: Session, *, id_hashes: Sequence[str], now: datetime
) -> StoredSession | None:
    """The session of a cookie, given the possible hashes of its id; None when there is none, or
    when it was revoked."""
    user = joinedload(BrowserSession.billing_user)
    statement = (
        select(BrowserSession)
        .where(BrowserSession.id_hash.in_(id_hashes), BrowserSession.revoked_at.is_(None))
        .options(user.joinedload(BillingUser.organization), user.joinedload(BillingUser.server))
    )
    row = session.scalars(statement).first()
    if row is None:
        return None
    identity = None
    if row.billing_user is not None and row.authenticated_at is not None:
        identity = _identity(row.billing_user, row.authenticated_at)
    return StoredSession(
        id_hash=row.id_hash,
        data=row.data,
        identity=identity,
        is_expired=identity is not None and now >= identity.authenticated_at + SESSION_LIFE,
        is_deactivated=row.billing_user is not None and row.billing_user.deactivated_at is not None,
        way_back=row.way_back,
        last_seen_at=row.last_seen_at,
    )


def load_customer_ref(session: Session, identity: Identity) -> CustomerRef:
    """What a page of this person's customer starts from."""
    statement = select(Customer.id).where(Customer.uuid == identity.entity_uuid)
    payer = Payer(
        kind=identity.kind,
        uuid=identity.entity_uuid,
        server_id=identity.server_id,
        organization_id=identity.organization_id,
        display_name=identity.display_name,
    )
    return CustomerRef(
        payer=payer,
        host=identity.host,
        customer_id=session.scalars(statement).first(),
        billing_user_id=identity.billing_user_id,
    )


def _identity(user: BillingUser, authenticated_at: datetime) -> Identity | None:
    organization, server = user.organization, user.server
    if organization is not None and organization.uuid is not None:
        kind, entity_uuid, host = CustomerKind.ORGANIZATION, organization.uuid, organization.host
        display_name, server_id = organization.name or organization.host, organization.server_id
    elif server is not None:
        kind, entity_uuid, host = CustomerKind.SERVER, server.uuid, server.hostname
        display_name, server_id = server.hostname, server.id
    else:
        return None
    return Identity(
        billing_user_id=user.id,
        kind=kind,
        entity_uuid=entity_uuid,
        organization_id=organization.id if organization is not None else None,
        server_id=server_id,
        host=host,
        display_name=display_name,
        email=user.email,
        full_name=user.full_name,
        authenticated_at=authenticated_at,
    )
