"""A recorded customer before it bought anything: its server, organizations, people and uploads."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from app.demo.recorded.names import company_name, person_name, slug, stable_uuid
from app.demo.recorded.rows import Batch, Values, microseconds
from app.domain.kinds import BillingRole, CustomerKind
from app.domain.ledger import SeatRow, SeatState
from app.models.customers import Customer
from app.services.customers import Payer

# Servers of the crowd that still report stand here; those that fell silent under another ending,
# where nothing speaks for them (app/demo/recorded/reports.py).
LIVELY, SILENT = "example", "silent.test"
ADDED, CHANGED = 101, 105


@dataclass(frozen=True, slots=True)
class Figure:
    """How a customer is to look from outside: people and when it registered, in days ago.

    silent_for: days since its last upload, None while it reports. as_server: whether the server
    pays for all of its organizations.
    """

    people: int
    founded: int
    organizations: int = 1
    as_server: bool = False
    silent_for: int | None = None


@dataclass(slots=True)
class Place:
    """One customer with everything that its plan is computed from."""

    number: int
    now: datetime
    random: Random
    server: Values
    customer: Customer
    payer: Payer
    owner_id: int
    owner_email: str
    rows: list[SeatRow] = field(default_factory=list)

    @property
    def heard_at(self) -> datetime:
        """When it last uploaded."""
        heard: datetime = self.server["last_audit_log_update"]
        return heard

    def states_at(self, at: datetime) -> dict[int, SeatState]:
        """Each organization's people at an instant."""
        states = {row.organization_id: SeatState() for row in self.rows}
        for row in self.rows:
            if row.event_time <= at:
                states[row.organization_id] = SeatState(row.seats or 0)
        return states

    def people_at(self, at: datetime) -> int:
        """How many people were there."""
        return sum(state.people for state in self.states_at(at).values())

    def order_at(self, at: datetime) -> int:
        """The place of the last row that had come by an instant."""
        return max((row.order_id for row in self.rows if row.event_time <= at), default=0)

    def arrived_by(self, at: datetime) -> int | None:
        """The arrival id of the last row that had come by an instant."""
        return max((row.id for row in self.rows if row.event_time <= at), default=None)


def make_place(batch: Batch, number: int, figure: Figure, *, now: datetime, seed: int) -> Place:
    """Store a server with its organizations, its owner and some months of uploads."""
    random = Random(f"{seed}:{number}")
    title = company_name(number)
    name = slug(title)
    founded = now - timedelta(days=figure.founded, seconds=random.randrange(80_000))
    server = _server(batch, number, name, figure, founded=founded, now=now, seed=seed)
    organizations = [
        _organization(batch, number, part, server, title, founded=founded, seed=seed)
        for part in range(figure.organizations)
    ]
    payer = Payer(CustomerKind.SERVER, server["uuid"], server["id"], None, server["hostname"])
    if not figure.as_server:
        first = organizations[0]
        payer = Payer(
            CustomerKind.ORGANIZATION, first["uuid"], server["id"], first["id"], first["name"]
        )
    customer = Customer(
        id=batch.next_id("customers"),
        kind=payer.kind,
        uuid=payer.uuid,
        display_name=payer.display_name,
        server_id=payer.server_id if figure.as_server else None,
        organization_id=payer.organization_id,
        created_at=founded + timedelta(hours=2),
        version=1,
    )
    owner_id, owner_email = _owner(batch, name, payer, random, founded=founded, now=now)
    place = Place(number, now, random, server, customer, payer, owner_id, owner_email)
    counted = organizations if figure.as_server else organizations[:1]
    _uploads(batch, place, organizations, counted, figure.people, founded=founded)
    batch.add(
        "audit_entries",
        at=founded,
        action="server.registered",
        actor=f"server:{server['id']}",
        server_id=server["id"],
        after={"hostname": server["hostname"]},
    )
    return place


def _server(
    batch: Batch,
    number: int,
    name: str,
    figure: Figure,
    *,
    founded: datetime,
    now: datetime,
    seed: int,
) -> Values:
    ending = LIVELY if figure.silent_for is None else SILENT
    silent = timedelta(days=figure.silent_for or 0)
    hostname = f"chat.{name}.{ending}"
    batch.add(
        "servers",
        uuid=stable_uuid("server", seed, number),
        hostname=hostname,
        contact_email=f"it@{name}.{ending}",
        # No key has this hash: nobody can upload for a recorded server.
        key_hash=hashlib.sha256(hostname.encode()).hexdigest(),
        created_at=founded,
        last_audit_log_update=now - silent,
        product_version=("8.4", "9.0", "9.2", "10.1")[number % 4],
        api_feature_level=(185, 237, 277, 330)[number % 4],
        version=1,
    )
    return batch.rows["servers"][-1]


def _organization(
    batch: Batch,
    number: int,
    part: int,
    server: Values,
    title: str,
    *,
    founded: datetime,
    seed: int,
) -> Values:
    host = server["hostname"] if part == 0 else f"team{part}.{server['hostname']}"
    batch.add(
        "organizations",
        server_id=server["id"],
        uuid=stable_uuid(f"organization-{part}", seed, number),
        remote_realm_id=part + 2,
        host=host,
        url=f"https://{host}",
        name=title if part == 0 else f"{title} {('Labs', 'Field', 'Alumni')[part % 3]}",
        org_type=10,
        authentication_methods={"Email": True},
        date_created=founded,
        created_at=founded,
    )
    return batch.rows["organizations"][-1]


def _owner(
    batch: Batch, name: str, payer: Payer, random: Random, *, founded: datetime, now: datetime
) -> tuple[int, str]:
    """Who manages the billing, and often a second person."""
    first_id, first_email = 0, ""
    people = [person_name(random) for _ in range(random.choice((1, 1, 2)))]
    for full_name in dict.fromkeys(people):
        email = f"{full_name.lower().replace(' ', '.')}@{name}.{LIVELY}"
        is_server = payer.kind is CustomerKind.SERVER
        user_id = batch.add(
            "billing_users",
            server_id=payer.server_id if is_server else None,
            organization_id=payer.organization_id,
            user_uuid=None if is_server else str(_person_uuid(random)),
            email=email,
            full_name=full_name,
            role=BillingRole.BILLING if first_id else BillingRole.OWNER,
            email_confirmed_at=founded,
            tos_version="1.0",
            tos_accepted_at=founded + timedelta(hours=1),
            created_at=founded + timedelta(hours=1),
            last_login_at=now - timedelta(days=random.randrange(1, 60)),
        )
        first_id, first_email = first_id or user_id, first_email or email
    return first_id, first_email


def _person_uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _uploads(
    batch: Batch,
    place: Place,
    organizations: list[Values],
    counted: list[Values],
    people: int,
    *,
    founded: datetime,
) -> None:
    """People join in waves and some leave; the last row says how many there are now."""
    random, last = place.random, place.heard_at
    wanted = {row["id"]: max(2, people // len(counted)) for row in organizations}
    present = {key: max(2, number * 3 // 4) for key, number in wanted.items()}
    at, remote_id = founded, 0
    while at < last - timedelta(hours=1):
        for row in organizations if remote_id == 0 else (random.choice(organizations),):
            remote_id += 1
            key = row["id"]
            near = wanted[key] - present[key]
            change = random.choice((-1, 1, 1, 2, 3)) if near > 0 else random.choice((-2, -1, 1))
            present[key] = max(2, present[key] + (change if remote_id > len(organizations) else 0))
            _add_row(batch, place, row["id"], remote_id, at, present[key])
        at += timedelta(days=random.randrange(9, 33), seconds=random.randrange(40_000))
    place.server["last_audit_remote_id"] = remote_id
    place.server["ledger_cursor"] = place.rows[-1].id
    paid_for = {row["id"] for row in counted}
    place.rows[:] = [row for row in place.rows if row.organization_id in paid_for]


def _add_row(
    batch: Batch, place: Place, organization_id: int, remote_id: int, at: datetime, people: int
) -> None:
    roles = {"100": 1, "200": 1, "300": 0, "400": people - 2, "600": 0}
    server_id = place.server["id"]
    kind = ADDED if remote_id == 1 else CHANGED
    row_id = batch.add(
        "audit_rows",
        server_id=server_id,
        organization_id=organization_id,
        remote_id=remote_id,
        event_type=kind,
        event_time=at,
        event_time_us=microseconds(at),
        extra_data=json.dumps({"10": {"11": roles, "12": 1}}, separators=(",", ":")),
        seats=people,
        received_at=at,
    )
    place.rows.append(
        SeatRow(row_id, organization_id, remote_id, kind, at, people, server_id=server_id)
    )
