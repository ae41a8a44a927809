"""What staff find customers by, kept beside them in one text for each (`SearchEntry`).

Every unit of work brings the texts of what it touched up to date before it commits, so that whoever
is found is found by what is true now. Sessions note what was touched while they write; statements
that change such columns without the session's knowledge say so by `touch_customers`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from sqlalchemy import ColumnElement, Table, delete, event, inspect, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.domain.kinds import CustomerKind
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.people import BillingUser
from app.models.registrations import Organization, Server
from app.models.staff import SearchEntry

_TOUCHED = "search_index_touched"
# Entries that are computed by one set of statements.
CHUNK = 1_000

Key: TypeAlias = tuple[CustomerKind, int | None]
Texts: TypeAlias = dict[Key, list[str | None]]

# What an entry is made of, by table: a change of anything else needs no look at it.
_WATCHED: dict[type[Any], tuple[str, ...]] = {
    Server: ("uuid", "hostname", "contact_email"),
    Organization: ("uuid", "host", "name", "server_id"),
    BillingUser: ("email", "server_id", "organization_id"),
    Customer: (
        "display_name",
        "stripe_customer_id",
        "billing_name",
        "billing_email",
        "server_id",
        "organization_id",
    ),
    Invoice: ("number", "stripe_invoice_id", "customer_id"),
}


@dataclass(slots=True)
class Touched:
    """Whose entries have to be computed anew: ids of each table."""

    servers: set[int] = field(default_factory=set)
    organizations: set[int] = field(default_factory=set)
    customers: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.servers or self.organizations or self.customers)


@dataclass(frozen=True, slots=True)
class EntryText:
    """An entry as it should be; `key` is what it is told apart by."""

    kind: CustomerKind
    uuid: str
    server_id: int
    organization_id: int | None
    content: str


def touch_customers(session: Session, customer_ids: Iterable[int]) -> None:
    """The invoices or other rows of these customers were changed by a statement of their own."""
    _touched(session).customers.update(customer_ids)


def bring_up_to_date(session: Session) -> None:
    """Write the entries of what this session touched since the last time. Nothing for nothing."""
    session.flush()
    touched = _touched(session)
    if not touched:
        return
    servers, organizations = set(touched.servers), set(touched.organizations)
    if touched.customers:
        statement = select(Customer.server_id, Customer.organization_id)
        for ids in _chunks(sorted(touched.customers)):
            for server_id, organization_id in session.execute(
                statement.where(Customer.id.in_(ids))
            ):
                if server_id is not None:
                    servers.add(server_id)
                if organization_id is not None:
                    organizations.add(organization_id)
    session.info.pop(_TOUCHED, None)
    for ids in _chunks(sorted(servers)):
        write_entries(session, server_ids=ids)
    for ids in _chunks(sorted(organizations)):
        write_entries(session, organization_ids=ids)


def write_entries(
    session: Session, *, server_ids: Sequence[int] = (), organization_ids: Sequence[int] = ()
) -> int:
    """Compute the entries of these servers and organizations and write those that differ.

    At most `CHUNK` ids at once. Returns how many were written or removed.
    """
    wanted = {
        entry.uuid: entry
        for entry in compute_entries(
            session, server_ids=server_ids, organization_ids=organization_ids
        )
    }
    of_these = or_(
        SearchEntry.organization_id.in_(organization_ids),
        SearchEntry.server_id.in_(server_ids) & SearchEntry.organization_id.is_(None),
    )
    columns = (
        SearchEntry.kind,
        SearchEntry.uuid,
        SearchEntry.server_id,
        SearchEntry.organization_id,
        SearchEntry.content,
    )
    stored = {
        row.uuid: EntryText(*row) for row in session.execute(select(*columns).where(of_these))
    }
    gone = sorted(set(stored) - set(wanted))
    if gone:
        session.execute(
            delete(SearchEntry)
            .where(SearchEntry.uuid.in_(gone))
            .execution_options(synchronize_session=False)
        )
    # In one order everywhere, so that two units of work never wait for each other in a circle.
    differing = [wanted[uuid] for uuid in sorted(wanted) if wanted[uuid] != stored.get(uuid)]
    if differing:
        _upsert(session, differing)
    return len(gone) + len(differing)


def compute_entries(
    session: Session, *, server_ids: Sequence[int] = (), organization_ids: Sequence[int] = ()
) -> list[EntryText]:
    """The entries of servers and organizations as their rows are now: a fixed number of queries."""
    found: Texts = {}
    entries: list[tuple[Key, CustomerKind, str, int, int | None]] = []
    if server_ids:
        servers = select(Server.id, Server.uuid, Server.hostname, Server.contact_email)
        for server in session.execute(servers.where(Server.id.in_(server_ids))):
            key: Key = (CustomerKind.SERVER, server.id)
            found[key] = [server.hostname, server.contact_email, server.uuid]
            entries.append((key, CustomerKind.SERVER, server.uuid, server.id, None))
    if organization_ids:
        statement = select(
            Organization.id,
            Organization.uuid,
            Organization.host,
            Organization.name,
            Organization.server_id,
        ).where(Organization.id.in_(organization_ids), Organization.uuid.is_not(None))
        for row in session.execute(statement):
            key = (CustomerKind.ORGANIZATION, row.id)
            found[key] = [row.host, row.name, row.uuid]
            entries.append((key, CustomerKind.ORGANIZATION, row.uuid or "", row.server_id, row.id))
    _add_people(session, found, server_ids, organization_ids)
    _add_customers(session, found, server_ids, organization_ids)
    return [
        EntryText(kind, uuid, server_id, organization_id, _content(found[key]))
        for key, kind, uuid, server_id, organization_id in entries
    ]


def _add_people(
    session: Session,
    found: Texts,
    server_ids: Sequence[int],
    organization_ids: Sequence[int],
) -> None:
    statement = (
        select(BillingUser.server_id, BillingUser.organization_id, BillingUser.email)
        .where(_of(BillingUser, server_ids, organization_ids))
        .order_by(BillingUser.id)
    )
    for server_id, organization_id, email in session.execute(statement):
        _append(found, server_id, organization_id, [email])


def _add_customers(
    session: Session,
    found: Texts,
    server_ids: Sequence[int],
    organization_ids: Sequence[int],
) -> None:
    statement = (
        select(
            Customer.server_id,
            Customer.organization_id,
            Customer.display_name,
            Customer.billing_name,
            Customer.billing_email,
            Customer.stripe_customer_id,
        )
        .where(_of(Customer, server_ids, organization_ids))
        .order_by(Customer.id)
    )
    for server_id, organization_id, *texts in session.execute(statement):
        _append(found, server_id, organization_id, texts)
    invoices = (
        select(
            Customer.server_id,
            Customer.organization_id,
            Invoice.number,
            Invoice.stripe_invoice_id,
        )
        .join(Customer, Customer.id == Invoice.customer_id)
        .where(
            _of(Customer, server_ids, organization_ids),
            or_(Invoice.number.is_not(None), Invoice.stripe_invoice_id.is_not(None)),
        )
        .order_by(Invoice.id.desc())
    )
    for server_id, organization_id, *texts in session.execute(invoices):
        _append(found, server_id, organization_id, texts)


def _of(
    model: type[BillingUser] | type[Customer],
    server_ids: Sequence[int],
    organization_ids: Sequence[int],
) -> ColumnElement[bool]:
    return or_(
        model.server_id.in_(server_ids),
        model.organization_id.in_(organization_ids),
    )


def _append(
    found: Texts,
    server_id: int | None,
    organization_id: int | None,
    texts: Iterable[str | None],
) -> None:
    key: Key = (CustomerKind.ORGANIZATION, organization_id)
    if server_id is not None:
        key = (CustomerKind.SERVER, server_id)
    if key in found:
        found[key].extend(texts)


def _content(texts: Iterable[str | None]) -> str:
    """Each text once, lower case, words set apart by single spaces; a space before the first, so
    that the beginning of a word can be asked for as " word"."""
    words = (" ".join((text or "").lower().split()) for text in texts)
    return " " + " ".join(dict.fromkeys(word for word in words if word))


def _upsert(session: Session, entries: Sequence[EntryText]) -> None:
    names = ("kind", "server_id", "organization_id", "content")
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(cast(Table, SearchEntry.__table__))
    statement = statement.on_conflict_do_update(
        index_elements=["uuid"], set_={name: statement.excluded[name] for name in names}
    )
    values = [{name: getattr(entry, name) for name in ("uuid", *names)} for entry in entries]
    session.connection().execute(statement, values)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _touched(session: Session) -> Touched:
    return cast(Touched, session.info.setdefault(_TOUCHED, Touched()))


@event.listens_for(Session, "after_flush")
def _note_what_was_written(session: Session, _flush: Any) -> None:
    for row in session.new:
        if type(row) in _WATCHED:
            _note(session, row)
    for row in session.dirty:
        watched = _WATCHED.get(type(row))
        if watched and any(inspect(row).attrs[name].history.has_changes() for name in watched):
            _note(session, row)


def _note(session: Session, row: Any) -> None:
    touched = _touched(session)
    if isinstance(row, Server):
        touched.servers.add(row.id)
    elif isinstance(row, Organization):
        touched.organizations.add(row.id)
    elif isinstance(row, Invoice):
        touched.customers.update(_values(row, "customer_id"))
    else:
        touched.servers.update(_values(row, "server_id"))
        touched.organizations.update(_values(row, "organization_id"))


def _values(row: Any, name: str) -> set[int]:
    """What a column is, and was before this flush."""
    history = inspect(row).attrs[name].history
    return {value for value in (*history.sum(), getattr(row, name)) if value is not None}
