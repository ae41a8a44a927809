"""Rules 1 to 3 of an upload: order, form and duplicates of its rows; and storing what is left.

Rows are never ORM objects here: an upload may hold tens of thousands of them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, String, Table, insert, select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.seats import EVENT_TYPES, count_row, read_extra_data
from app.models.keys import keys_table
from app.models.registrations import Server
from app.models.uploads import AuditRow, OrganizationCount, PendingAuditRow, ServerCount
from app.services.audit import record_audit
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from app.services.upload_commands import Stored, UploadedAuditRow, UploadedCount

# A clock may be this much ahead of ours before staff are told.
CLOCK_TOLERANCE = timedelta(minutes=5)
LARGEST_NUMBER = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS = 1_000_000

# "invites_sent::day", "messages_sent:is_bot:hour": parts between colons; those in the middle may
# be empty.
_PROPERTY = re.compile(r"(?=.{1,64}\Z)[a-z0-9_]+(?::[a-z0-9_]*)*(?<!:)")
# What makes a closer look at extra data worth its time: long numbers and escaped NUL characters.
_SUSPECT = re.compile(r"\d{19}|\\u0000")


class CheckedAuditRow(NamedTuple):
    """An audit row that keeps rule 2: its type is known, its extra data read and counted."""

    remote_id: int
    organization: int
    event_type: int
    event_time_us: int
    backfilled: bool
    extra_data: str
    seats: int | None


class _ExtraData(NamedTuple):
    """What `count_row` reads."""

    extra_data: Mapping[str, Any]


def check_ascending(ids: Iterable[int], *, after: int) -> int:
    """The last of `ids`, or `after` when there is none. Raises BillingError `data_out_of_order`
    unless they ascend strictly and begin above `after`."""
    last = after
    for remote_id in ids:
        if remote_id <= last:
            raise BillingError("data_out_of_order")
        last = remote_id
    return last


def check_properties(rows: Iterable[UploadedCount]) -> None:
    """Raises BillingError `invalid_property`, which names the first that is malformed."""
    for name in {row.property: None for row in rows}:
        if not _PROPERTY.fullmatch(name):
            raise BillingError("invalid_property", property=name[:100])


def check_audit_rows(rows: Iterable[UploadedAuditRow]) -> list[CheckedAuditRow]:
    """The rows with their extra data in canonical form and their people counted.

    Raises BillingError `invalid_event_type` or `malformed_audit_log_data`.
    """
    checked = []
    for row in rows:
        if row.event_type not in EVENT_TYPES:
            raise BillingError("invalid_event_type")
        extra_data = read_extra_data(row.extra_data)
        seats = count_row(_ExtraData(extra_data))
        checked.append(CheckedAuditRow(*row[:5], extra_data=_canonical(extra_data), seats=seats))
    return checked


def store_audit_rows(
    work: UnitOfWork,
    server: Server,
    rows: Sequence[CheckedAuditRow],
    *,
    organization_ids: Mapping[int, int],
) -> Stored:
    """Keep the rows whose natural key is new: (organization, event type, microsecond, extra data).

    Rows ahead of now are also remembered as pending; staff find those far ahead in the audit log.
    """
    known = _load_audit_keys(work.session, rows, organization_ids)
    values = []
    for row in rows:
        organization_id = organization_ids[row.organization]
        key = (organization_id, row.event_type, row.event_time_us, row.extra_data)
        if key in known:
            continue
        known.add(key)
        values.append(
            {
                "server_id": server.id,
                "id_epoch": server.id_epoch,
                "organization_id": organization_id,
                "remote_id": row.remote_id,
                "event_type": row.event_type,
                "event_time": to_instant(row.event_time_us),
                "event_time_us": row.event_time_us,
                "backfilled": row.backfilled,
                "extra_data": row.extra_data,
                "seats": row.seats,
                "received_at": work.now,
            }
        )
    _insert(work.session, AuditRow, values)
    _remember_future(work, server, values)
    return Stored(kept=len(values), dropped=len(rows) - len(values))


def store_organization_counts(
    work: UnitOfWork,
    server: Server,
    rows: Sequence[UploadedCount],
    *,
    organization_ids: Mapping[int, int],
) -> Stored:
    """Keep the counts whose natural key is new: (organization, property, subgroup, end time)."""
    owners = [organization_ids[row.organization or 0] for row in rows]
    return _store_counts(work, server, rows, OrganizationCount, "organization_id", owners)


def store_server_counts(work: UnitOfWork, server: Server, rows: Sequence[UploadedCount]) -> Stored:
    """Keep the counts whose natural key is new: (server, property, subgroup, end time)."""
    return _store_counts(work, server, rows, ServerCount, "server_id", [server.id] * len(rows))


def to_instant(microseconds: int) -> datetime:
    """The whole second that holds an instant given in microseconds since 1970."""
    return EPOCH + timedelta(seconds=microseconds // MICROSECONDS)


def _canonical(extra_data: Mapping[str, Any]) -> str:
    """One text for equal objects, so that they compare equal in every database; "" for none."""
    if not extra_data:
        return ""
    try:
        text = msgspec.json.encode(extra_data, order="deterministic").decode()
    except (ValueError, TypeError, RecursionError, OverflowError):
        # A lone surrogate, an endless nesting: text that no database takes.
        raise BillingError("malformed_audit_log_data") from None
    if _SUSPECT.search(text) and not _is_fit(extra_data):
        raise BillingError("malformed_audit_log_data")
    return text


def _is_fit(value: object) -> bool:
    """Whether there is no NUL character and no number beyond 64 bits in it."""
    if isinstance(value, Mapping):
        return all(_is_fit(key) and _is_fit(part) for key, part in value.items())
    if isinstance(value, list):
        return all(_is_fit(part) for part in value)
    if isinstance(value, str):
        return "\0" not in value
    return not isinstance(value, int) or abs(value) <= LARGEST_NUMBER


def _load_audit_keys(
    session: Session, rows: Sequence[CheckedAuditRow], organization_ids: Mapping[int, int]
) -> set[tuple[int, int, int, str]]:
    if not rows:
        return set()
    places = {(organization_ids[row.organization], row.event_time_us) for row in rows}
    wanted = keys_table(
        session, {"organization_id": BigInteger, "event_time_us": BigInteger}, sorted(places)
    )
    statement = select(
        AuditRow.organization_id, AuditRow.event_type, AuditRow.event_time_us, AuditRow.extra_data
    ).join(
        wanted,
        (AuditRow.organization_id == wanted.c.organization_id)
        & (AuditRow.event_time_us == wanted.c.event_time_us),
    )
    return {(row[0], row[1], row[2], row[3]) for row in session.execute(statement)}


def _remember_future(work: UnitOfWork, server: Server, values: Sequence[dict[str, Any]]) -> None:
    """Rows ahead of now wait in `pending_audit_rows`, since ledger work never goes past now."""
    ahead = [row["remote_id"] for row in values if row["event_time"] > work.now]
    if not ahead:
        return
    wanted = keys_table(work.session, {"remote_id": BigInteger}, [(key,) for key in ahead])
    stored = work.session.execute(
        select(AuditRow.id, AuditRow.event_time)
        .join(wanted, AuditRow.remote_id == wanted.c.remote_id)
        .where(AuditRow.server_id == server.id, AuditRow.id_epoch == server.id_epoch)
    ).all()
    far = [row.event_time for row in stored if row.event_time > work.now + CLOCK_TOLERANCE]
    pending = [
        {
            "audit_row_id": row.id,
            "server_id": server.id,
            "due_at": row.event_time,
            "flagged": row.event_time > work.now + CLOCK_TOLERANCE,
        }
        for row in stored
    ]
    _insert(work.session, PendingAuditRow, pending)
    if far:
        record_audit(
            work,
            "server.uploaded_future_rows",
            actor=SYSTEM,
            server_id=server.id,
            after={"rows": len(far), "latest": max(far).isoformat()},
        )


def _store_counts(
    work: UnitOfWork,
    server: Server,
    rows: Sequence[UploadedCount],
    model: type[OrganizationCount] | type[ServerCount],
    owner_column: str,
    owners: Sequence[int],
) -> Stored:
    if not rows:
        return Stored()
    table: Any = model.__table__
    owner = table.c[owner_column]
    places = {(key, row.property) for key, row in zip(owners, rows, strict=True)}
    wanted = keys_table(work.session, {"owner": BigInteger, "property": String}, sorted(places))
    times = [row.end_time for row in rows]
    statement = (
        select(owner, table.c.property, table.c.subgroup, table.c.end_time)
        .join(wanted, (owner == wanted.c.owner) & (table.c.property == wanted.c.property))
        .where(table.c.end_time.between(min(times), max(times)))
    )
    known = {tuple(row) for row in work.session.execute(statement)}
    values = []
    for key, row in zip(owners, rows, strict=True):
        natural = (key, row.property, row.subgroup, row.end_time)
        if natural in known:
            continue
        known.add(natural)
        values.append(
            {
                owner_column: key,
                "server_id": server.id,
                "id_epoch": server.id_epoch,
                "remote_id": row.remote_id,
                "property": row.property,
                "subgroup": row.subgroup,
                "end_time": row.end_time,
                "value": row.value,
            }
        )
    _insert(work.session, model, values)
    return Stored(kept=len(values), dropped=len(rows) - len(values))


def _insert(session: Session, model: Any, values: Sequence[dict[str, Any]]) -> None:
    table: Table = model.__table__
    if values:
        session.connection().execute(insert(table), list(values))
