"""How many people there were when, over a stretch of time, in one query."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Executable,
    Integer,
    Select,
    bindparam,
    cast,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from app.domain import ledger as rules
from app.domain.kinds import CustomerKind
from app.domain.ledger import SeatRow
from app.domain.seats import ORGANIZATION_DEACTIVATED, SeatState
from app.models.registrations import Organization
from app.models.uploads import AuditRow
from app.services.pages.head import Head
from app.services.plan_ledger import ONE_SECOND, get_organization_ids_of
from app.services.seats import is_activity, latest_first

Happening = tuple[datetime, int, SeatRow | None]


@dataclass(frozen=True, slots=True)
class PeopleHistory:
    """The rows of [start, until] in order, and what each organization was just before `start`.

    `changes` are the count at `start` (the rows of that second included), and each later one.
    """

    start: datetime
    until: datetime
    before: dict[int, SeatState]
    rows: tuple[SeatRow, ...]
    changes: tuple[tuple[datetime, int], ...]

    @property
    def now(self) -> int:
        """The count at `until`."""
        return self.changes[-1][1]

    def only(self, organization_ids: Collection[int]) -> "PeopleHistory":
        """The same of some of its organizations."""
        before = {key: state for key, state in self.before.items() if key in organization_ids}
        rows = tuple(row for row in self.rows if row.organization_id in organization_ids)
        changes = _count(before, rows, self.start, self.until)
        return replace(self, before=before, rows=rows, changes=tuple(changes))

    def states_at_end(self) -> dict[int, rules.SeatState]:
        """The state of each organization at `until`, as the ledger's rules take it."""
        states = dict(self.before)
        for row in self.rows:
            known = states[row.organization_id]
            states[row.organization_id] = known.after(event_type=row.event_type, seats=row.seats)
        return {key: _for_ledger(state, at=self.until) for key, state in states.items()}

    def split(
        self, *, anchor: datetime, known: int, order: int
    ) -> tuple[dict[int, rules.SeatState], list[rules.SeatRow | rules.Recount]]:
        """States just before `start`, and what happened from then on, as the ledger's rules take
        them.

        Rows of the anchor's own second up to the place `known` were counted by the purchase:
        they belong to the states. `order` is the place of a vanishing within its second.
        """
        earlier = self.start - ONE_SECOND
        states = {key: _for_ledger(state, at=earlier) for key, state in self.before.items()}
        happenings: list[rules.SeatRow | rules.Recount] = []
        for at, key, row in _happenings(self.before, self.rows, self.start, self.until):
            if row is None:
                happenings.append(rules.Recount(key, at, order, False))
                continue
            if at == anchor == self.start and row.order_id <= known:
                states[key] = states[key].after(row)
            else:
                happenings.append(row)
        return states, happenings


def _happenings(
    before: dict[int, SeatState], rows: Sequence[SeatRow], start: datetime, until: datetime
) -> list[Happening]:
    """Rows, and organizations that vanished, by time; None stands for the latter."""
    found: list[Happening] = [(row.event_time, row.organization_id, row) for row in rows]
    found += [
        (state.locally_deleted_at, key, None)
        for key, state in before.items()
        if state.locally_deleted_at is not None and start <= state.locally_deleted_at <= until
    ]
    return sorted(found, key=lambda item: (item[0], item[2].order_id if item[2] else 0))


def _count(
    before: dict[int, SeatState], rows: Sequence[SeatRow], start: datetime, until: datetime
) -> list[tuple[datetime, int]]:
    """The count at `start`, and after each change."""
    states = dict(before)
    counts = {key: state.people(at=start) for key, state in states.items()}
    total = sum(counts.values())
    found = [(start, total)]
    for at, key, row in _happenings(before, rows, start, until):
        if row is not None:
            states[key] = states[key].after(event_type=row.event_type, seats=row.seats)
        people = states[key].people(at=at)
        total += people - counts[key]
        counts[key] = people
        if found[-1][0] == at:
            found[-1] = (at, total)
        elif found[-1][1] != total:
            found.append((at, total))
    return found


def load_people(session: Session, head: Head, *, start: datetime) -> PeopleHistory:
    """The history of the people that `head`'s payer pays for, from `start` to now."""
    ids = get_organization_ids_of(session, head.payer.kind, head.payer.organization_id, head.server)
    if head.payer.kind is CustomerKind.ORGANIZATION and head.organization is None:
        ids = set()
    return load_history(session, ids, start=start, until=head.now)


def load_history(
    session: Session, organization_ids: Iterable[int], *, start: datetime, until: datetime
) -> PeopleHistory:
    """The history of these organizations from `start` to `until`."""
    values = {"organization_ids": sorted(organization_ids), "start": start, "until": until}
    found = session.execute(_history_query(), values).all()
    return _history(found, start=start, until=until)


@cache
def _history_query() -> Executable:
    """Three kinds of rows at once: each of :organization_ids with the last count and the last
    activity before :start, and what came since, up to :until.

    Built once, since building it costs more than running it.
    """
    wanted: BindParameter[int] = bindparam("organization_ids", expanding=True)
    of_it = AuditRow.organization_id == Organization.id
    earlier = AuditRow.event_time < bindparam("start")
    latest = latest_first()
    ever_active = select(AuditRow.id).where(of_it, is_activity()).correlate(Organization).exists()
    seats = (
        select(AuditRow.seats)
        .where(of_it, AuditRow.seats.is_not(None), earlier)
        .order_by(*latest)
        .limit(1)
        .correlate(Organization)
        .scalar_subquery()
    )
    activity = (
        select(AuditRow.event_type)
        .where(of_it, is_activity(), earlier)
        .order_by(*latest)
        .limit(1)
        .correlate(Organization)
        .scalar_subquery()
    )
    organizations = select(
        Organization.id.label("organization_id"),
        Organization.deactivated.label("deactivated"),
        Organization.locally_deleted_at.label("at"),
        ever_active.label("has_activity"),
        activity.label("event_type"),
        seats.label("seats"),
        cast(null(), BigInteger).label("id"),
        cast(null(), BigInteger).label("remote_id"),
        cast(null(), Integer).label("id_epoch"),
    ).where(Organization.id.in_(wanted))
    return union_all(organizations, *_rows_since(wanted))


def _rows_since(wanted: BindParameter[int]) -> list[Select[*tuple[Any, ...]]]:
    """Two selects, each with its own partial index: counts, and bare activity without counts."""
    columns = select(
        AuditRow.organization_id,
        Organization.deactivated,
        AuditRow.event_time,
        Organization.deactivated,
        AuditRow.event_type,
        AuditRow.seats,
        AuditRow.id,
        AuditRow.remote_id,
        AuditRow.id_epoch,
    ).join(Organization, Organization.id == AuditRow.organization_id)
    within = (
        AuditRow.organization_id.in_(wanted),
        AuditRow.event_time >= bindparam("start"),
        AuditRow.event_time <= bindparam("until"),
    )
    return [
        columns.where(*within, AuditRow.seats.is_not(None)),
        columns.where(*within, is_activity(), AuditRow.seats.is_(None)),
    ]


def _history(found: Iterable[Any], *, start: datetime, until: datetime) -> PeopleHistory:
    before: dict[int, SeatState] = {}
    rows: list[SeatRow] = []
    organizations = []
    for row in found:
        if row.id is None:
            organizations.append(row)
        else:
            rows.append(
                SeatRow(
                    row.id,
                    row.organization_id,
                    row.remote_id,
                    row.event_type,
                    row.at,
                    row.seats,
                    row.id_epoch,
                )
            )
    for row in organizations:
        if row.has_activity:
            is_active = row.event_type != ORGANIZATION_DEACTIVATED
        else:
            # Rows know the time, the flag does not: it decides only where no row ever did.
            is_active = not row.deactivated
        before[row.organization_id] = SeatState(row.seats or 0, is_active, row.at)
    rows.sort(key=lambda row: (row.event_time, row.order_id))
    changes = _count(before, rows, start, until)
    return PeopleHistory(
        start=start, until=until, before=before, rows=tuple(rows), changes=tuple(changes)
    )


def _for_ledger(state: SeatState, *, at: datetime) -> rules.SeatState:
    gone = state.locally_deleted_at is not None and state.locally_deleted_at <= at
    return rules.SeatState(seats=state.seats, active=state.is_active and not gone)
