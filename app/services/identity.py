"""Who is behind a browser session, and what of the session row the web needs to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, bindparam, func, select
from sqlalchemy.orm import Session

from app.domain.kinds import BillingRole, CustomerKind, StaffRole
from app.models.customers import Customer
from app.models.people import BillingUser
from app.models.registrations import Organization, Server
from app.models.sessions import BrowserSession
from app.models.staff import StaffUser
from app.services.customers import Payer

# A session lives this long from the moment its person was authenticated.
SESSION_LIFE = timedelta(hours=2)
# One of staff lives longer, but not when nobody uses it (login, "Staff").
STAFF_SESSION_LIFE = timedelta(hours=8)
STAFF_IDLE_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """The one person a session stands for, and the one customer this person may see.

    `customer_id` is None until the first purchase makes the customer's row.
    """

    billing_user_id: int
    kind: CustomerKind
    entity_uuid: str
    organization_id: int | None
    server_id: int
    customer_id: int | None
    host: str
    display_name: str
    email: str
    full_name: str
    role: BillingRole
    authenticated_at: datetime


@dataclass(frozen=True, slots=True)
class StaffIdentity:
    """The person of the vendor that a session stands for."""

    staff_user_id: int
    email: str
    full_name: str
    role: StaffRole
    authenticated_at: datetime

    @property
    def name(self) -> str:
        """What others call the person."""
        return self.full_name or self.email


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
    """A session row as it was read.

    `id_hash` names it: SQLite gives the number of a deleted row to the next one, so a number could
    mean the session of somebody else. `identity` says who logged in here, if anybody did: whether
    that still counts is asked by `is_expired` and `is_deactivated`.
    """

    id_hash: str
    data: Mapping[str, Any]
    identity: Identity | None
    staff: StaffIdentity | None
    is_expired: bool
    is_deactivated: bool
    way_back: str | None
    last_seen_at: datetime


def get_stored_session(
    session: Session, *, id_hashes: Sequence[str], now: datetime
) -> StoredSession | None:
    """The session of a cookie, given the possible hashes of its id; None when there is none, or
    when it was revoked."""
    row = session.execute(_session_query(), {"id_hashes": id_hashes}).first()
    if row is None:
        return None
    identity = _identity(row) if row.authenticated_at is not None else None
    staff = _staff(row) if row.authenticated_at is not None else None
    return StoredSession(
        id_hash=row.id_hash,
        data=row.data,
        identity=identity,
        staff=staff,
        is_expired=_is_expired(row, now=now),
        is_deactivated=row.deactivated_at is not None or row.staff_disabled_at is not None,
        way_back=row.way_back,
        last_seen_at=row.last_seen_at,
    )


def _is_expired(row: Row[Any], *, now: datetime) -> bool:
    if row.authenticated_at is None:
        return False
    if row.staff_user_id is None:
        return bool(now >= row.authenticated_at + SESSION_LIFE)
    is_idle: bool = now >= row.last_seen_at + STAFF_IDLE_LIFE
    return is_idle or bool(now >= row.authenticated_at + STAFF_SESSION_LIFE)


def customer_ref(identity: Identity) -> CustomerRef:
    """What a page of this person's customer starts from."""
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
        customer_id=identity.customer_id,
        billing_user_id=identity.billing_user_id,
    )


# Every page begins with this query. It is built once, since building costs more than running, and
# names its columns, since rows of four tables cost more still.
@cache
def _session_query() -> Executable:
    """The session of one of :id_hashes, with its person, the person's place, and the customer that
    has the UUID of that place."""
    entity_uuid = func.coalesce(Organization.uuid, Server.uuid)
    id_hashes: BindParameter[str] = bindparam("id_hashes", expanding=True)
    return (
        select(
            BrowserSession.id_hash,
            BrowserSession.data,
            BrowserSession.authenticated_at,
            BrowserSession.way_back,
            BrowserSession.last_seen_at,
            BillingUser.id.label("billing_user_id"),
            BillingUser.email,
            BillingUser.full_name,
            BillingUser.role,
            BillingUser.deactivated_at,
            Organization.id.label("organization_id"),
            Organization.uuid.label("organization_uuid"),
            Organization.server_id.label("organization_server_id"),
            Organization.host,
            Organization.name,
            Server.id.label("server_id"),
            Server.uuid.label("server_uuid"),
            Server.hostname,
            Customer.id.label("customer_id"),
            StaffUser.id.label("staff_user_id"),
            StaffUser.email.label("staff_email"),
            StaffUser.full_name.label("staff_full_name"),
            StaffUser.role.label("staff_role"),
            StaffUser.disabled_at.label("staff_disabled_at"),
        )
        .outerjoin(BillingUser, BillingUser.id == BrowserSession.billing_user_id)
        .outerjoin(Organization, Organization.id == BillingUser.organization_id)
        .outerjoin(Server, Server.id == BillingUser.server_id)
        .outerjoin(Customer, Customer.uuid == entity_uuid)
        .outerjoin(StaffUser, StaffUser.id == BrowserSession.staff_user_id)
        .where(BrowserSession.id_hash.in_(id_hashes), BrowserSession.revoked_at.is_(None))
    )


def _identity(row: Row[Any]) -> Identity | None:
    if row.organization_uuid is not None:
        kind, entity_uuid, host = CustomerKind.ORGANIZATION, row.organization_uuid, row.host
        display_name, server_id = row.name or row.host, row.organization_server_id
    elif row.server_uuid is not None:
        kind, entity_uuid, host = CustomerKind.SERVER, row.server_uuid, row.hostname
        display_name, server_id = row.hostname, row.server_id
    else:
        return None
    return Identity(
        billing_user_id=row.billing_user_id,
        kind=kind,
        entity_uuid=entity_uuid,
        organization_id=row.organization_id,
        server_id=server_id,
        customer_id=row.customer_id,
        host=host,
        display_name=display_name,
        email=row.email,
        full_name=row.full_name,
        role=row.role,
        authenticated_at=row.authenticated_at,
    )


def _staff(row: Row[Any]) -> StaffIdentity | None:
    if row.staff_user_id is None:
        return None
    return StaffIdentity(
        staff_user_id=row.staff_user_id,
        email=row.staff_email,
        full_name=row.staff_full_name,
        role=row.staff_role,
        authenticated_at=row.authenticated_at,
    )
