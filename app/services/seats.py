"""Counting people of organizations and servers from what was uploaded (reads only)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, literal_column, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.domain.ledger import SeatRow
from app.domain.seats import ORGANIZATION_DEACTIVATED, ORGANIZATION_REACTIVATED, SeatState
from app.models.registrations import Organization, Server
from app.models.uploads import AuditRow

STALE_AFTER = timedelta(days=2)
# Both databases refuse statements with too many parameters (SQLite: 32,766).
IDS_PER_QUERY = 5_000


def is_stale(server: Server, *, now: datetime) -> bool:
    """Whether the server's counts cannot be trusted: it never uploaded, or not for two days."""
    heard = server.last_audit_log_update
    return heard is None or now - heard > STALE_AFTER


def load_seat_states(
    session: Session,
    *,
    organization_ids: Iterable[int],
    at: datetime,
    told_by: int | None = None,
) -> dict[int, SeatState]:
    """The state of each organization after its rows at or before `at`.

    Ties on time go to the row that its server wrote later (app/domain/row_order.py). The organization's `deactivated` flag decides only
    where no 201 or 202 was ever uploaded, since rows know the time and the flag does not. With
    `told_by` only the rows of that server count. One query for each 5,000 organizations.
    """
    states: dict[int, SeatState] = {}
    for ids in _chunks(sorted(set(organization_ids))):
        query = _states_query(at, told_by=told_by).where(Organization.id.in_(ids))
        for row in session.execute(query):
            states[row.id] = _state(row)
    return states


def count_people(
    session: Session, *, organization_ids: Iterable[int], at: datetime
) -> dict[int, int]:
    """Billable people of each organization at `at`; 0 for those deactivated or gone by then."""
    states = load_seat_states(session, organization_ids=organization_ids, at=at)
    return {key: state.people(at=at) for key, state in states.items()}


def load_counted_organizations(session: Session, *, server_id: int) -> list[int]:
    """The ids of the organizations that count for their server: all but those of system bots.

    Those that are covered otherwise (one payer) are still among them; see
    `app.services.coverage.load_organizations_of_server_plan`.
    """
    statement = (
        select(Organization.id)
        .where(Organization.server_id == server_id, Organization.is_system_bot_realm.is_(False))
        .order_by(Organization.id)
    )
    return list(session.scalars(statement))


def load_seat_rows(
    session: Session, *, server_id: int, after_id: int, up_to_time: datetime
) -> list[SeatRow]:
    """The rows of a server that arrived after `after_id`, that can change a count and are due.

    Ordered by (event_time, order_id). Rows later than `up_to_time` are left out: ledger work never
    goes past now, and `PendingAuditRow` remembers them.
    """
    statement = (
        _seat_rows()
        .where(
            AuditRow.server_id == server_id,
            AuditRow.id > after_id,
            AuditRow.event_time <= up_to_time,
        )
        .order_by(AuditRow.event_time, AuditRow.id_epoch, AuditRow.remote_id)
    )
    return [SeatRow(*row) for row in session.execute(statement)]


def load_seat_rows_between(
    session: Session, *, organization_ids: Iterable[int], since: datetime, until: datetime
) -> list[SeatRow]:
    """The rows of organizations with since <= event_time <= until, processed before or not.

    Ordered by (event_time, order_id).
    """
    found: list[SeatRow] = []
    for ids in _chunks(sorted(set(organization_ids))):
        statement = _seat_rows().where(
            AuditRow.organization_id.in_(ids),
            AuditRow.event_time >= since,
            AuditRow.event_time <= until,
        )
        found += [SeatRow(*row) for row in session.execute(statement)]
    return sorted(found, key=lambda row: (row.event_time, row.order_id))


def load_seat_rows_by_id(session: Session, *, row_ids: Iterable[int]) -> list[SeatRow]:
    """The same rows by their arrival ids (pending ones that have become due), in that order."""
    found: list[SeatRow] = []
    for ids in _chunks(sorted(set(row_ids))):
        found += [
            SeatRow(*row) for row in session.execute(_seat_rows().where(AuditRow.id.in_(ids)))
        ]
    return sorted(found, key=lambda row: (row.event_time, row.order_id))


def _seat_rows() -> Select[int, int, int, int, datetime, int | None, int, int]:
    return select(
        AuditRow.id,
        AuditRow.organization_id,
        AuditRow.remote_id,
        AuditRow.event_type,
        AuditRow.event_time,
        AuditRow.seats,
        AuditRow.id_epoch,
        AuditRow.server_id,
    ).where(or_(AuditRow.seats.is_not(None), is_activity()))


def latest_first() -> tuple[ColumnElement[Any], ...]:
    """How rows are ordered for "the last one": by time, then by when their server wrote them."""
    return (AuditRow.event_time.desc(), AuditRow.id_epoch.desc(), AuditRow.remote_id.desc())


def is_activity() -> ColumnElement[bool]:
    """The condition of rows that say whether an organization is active."""
    # Written as literals: the partial index over these rows is used only when the database can
    # see that the condition is its own.
    return AuditRow.event_type.in_(
        [
            literal_column(str(ORGANIZATION_DEACTIVATED)),
            literal_column(str(ORGANIZATION_REACTIVATED)),
        ]
    )


def _states_query(at: datetime, *, told_by: int | None) -> Select[Any]:
    """One row for each organization, each column found by one step into an index."""
    rows_of_it = AuditRow.organization_id == Organization.id
    if told_by is not None:
        rows_of_it = and_(rows_of_it, AuditRow.server_id == told_by)
    until = AuditRow.event_time <= at
    latest = latest_first()
    seats = select(AuditRow.seats).where(rows_of_it, AuditRow.seats.is_not(None), until)
    activity = select(AuditRow.event_type).where(rows_of_it, is_activity(), until)
    any_activity = select(AuditRow.id).where(rows_of_it, is_activity())
    return select(
        Organization.id,
        Organization.deactivated,
        Organization.locally_deleted_at,
        seats.order_by(*latest).limit(1).correlate(Organization).scalar_subquery().label("seats"),
        activity.order_by(*latest)
        .limit(1)
        .correlate(Organization)
        .scalar_subquery()
        .label("activity"),
        any_activity.correlate(Organization).exists().label("has_activity"),
    )


def _state(row: Any) -> SeatState:
    if row.has_activity:
        is_active = row.activity != ORGANIZATION_DEACTIVATED
    else:
        is_active = not row.deactivated
    return SeatState(
        seats=row.seats or 0, is_active=is_active, locally_deleted_at=row.locally_deleted_at
    )


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), IDS_PER_QUERY):
        yield ids[start : start + IDS_PER_QUERY]
