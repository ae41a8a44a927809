"""The ledger of one plan: loads what the pure rules ask for and stores what they answer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import ledger as rules
from app.domain.calendar import Cycle, cycle_at, cycle_number
from app.domain.kinds import CustomerKind, PlanStatus
from app.domain.ledger import (
    CORRECTION_ACTOR,
    Entry,
    LedgerRules,
    Recount,
    SeatRow,
    decide_entries,
    entry_at,
)
from app.domain.seats import SeatState
from app.models.customers import Customer
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Organization, Server
from app.services.coverage import load_organizations_of_server_plan
from app.services.membership import FOREVER, load_membership
from app.services.plan_rules import ledger_rules, to_entries
from app.services.seats import load_seat_rows_between, load_seat_states
from app.services.unit_of_work import UnitOfWork

# Instants are whole seconds: the state just before one is the state a second earlier.
ONE_SECOND = timedelta(seconds=1)
# The type of a row that says nothing about whether its organization is active.
NOTHING_HAPPENED = 0


def load_entries(
    session: Session, *, plan_id: int, since: datetime | None = None
) -> list[LedgerEntry]:
    """The ledger of a plan by order of appending, from `since` on (default: all of it)."""
    statement = select(LedgerEntry).where(LedgerEntry.plan_id == plan_id).order_by(LedgerEntry.id)
    if since is not None:
        statement = statement.where(LedgerEntry.event_time >= since)
    return list(session.scalars(statement))


def get_next_plan(session: Session, plan: Plan) -> Plan | None:
    """The plan that is to follow `plan` at its end, while that is still going to happen."""
    if plan.next_plan_id is None:
        return None
    following = session.get_one(Plan, plan.next_plan_id)
    return following if following.status is PlanStatus.NEVER_STARTED else None


class PlanSync:
    """The sync of one plan: loads what the pure rules ask for and stores what they answer."""

    def __init__(self, work: UnitOfWork, plan: Plan, customer: Customer, server: Server) -> None:
        self.work = work
        self.plan = plan
        self.server = server
        self.rules: LedgerRules = ledger_rules(plan, customer, get_next_plan(work.session, plan))
        # One payer: what an organization paid for itself, or on another server, is never here.
        self.members = load_membership(work.session, plan, customer, server)
        self.organizations = self.members.organizations
        self.rows: dict[int, SeatRow] = {}
        self._server_uuids = {server.id: server.uuid}
        self.written = 0
        # The place of the last row that was known when the plan's first entry was written.
        self._first_order: int | None = None

    def take(self, new_rows: Sequence[SeatRow], *, as_of: datetime) -> None:
        """Process the rows of this plan's organizations, and the renewals up to `as_of`."""
        mine = [row for row in new_rows if self._can_matter(row)]
        if mine:
            since = max(mine[0].event_time, self.open_from)
            older = [row for row in mine if row.event_time < since]
            self._decide(since, as_of=as_of, cause=older[-1] if older else None)
        else:
            last = self._last_entry_time()
            cycle = cycle_at(self.rules.anchor, self.rules.schedule, last)
            ends_at = self.rules.ends_at
            if cycle.end <= as_of and (ends_at is None or cycle.end < ends_at):
                self._decide(last + ONE_SECOND, as_of=as_of)

    @property
    def open_from(self) -> datetime:
        """What has been invoiced stays: nothing is corrected before the cycle that is open. A cycle
        that was estimated, and what came before it in silence, is open until the uploads came."""
        billed = self.plan.estimated_since or self.plan.invoiced_until
        cycle = cycle_at(self.rules.anchor, self.rules.schedule, billed)
        if self.plan.estimated_since is not None:
            cycle = cycle_number(self.rules.anchor, self.rules.schedule, cycle.index - 1)
        return max(cycle.start, self.rules.begins_at)

    def begin(self, *, as_of: datetime) -> None:
        """What followed the first entry of a plan that starts now: rows that came after the
        confirmation, and any difference between what was confirmed and who is there."""
        self._decide(self.rules.begins_at, as_of=as_of)
        self.check_count(as_of=as_of)

    def catch_up(self, *, since: datetime, as_of: datetime) -> None:
        """What the ledger missed from `since` on, while the plan was thought to be over."""
        self._decide(max(since, self.rules.begins_at), as_of=as_of)
        self.check_count(as_of=as_of)

    def check_count(self, *, as_of: datetime) -> None:
        """Write down a change of the count that no row tells: an organization vanished, came
        back, or is paid for by somebody else now."""
        over = self.rules.ends_at is not None and self.rules.ends_at <= as_of
        if not self.rules.automatic or over or as_of < self.rules.begins_at:
            return
        cycle = cycle_at(self.rules.anchor, self.rules.schedule, as_of)
        current = entry_at(self.load_stored(cycle), as_of)
        states = self._states(as_of).items()
        people = sum(self._ledger_state(key, state, at=as_of).people for key, state in states)
        if current and current.licenses_at_next_renewal != self.rules.billable(people, cycle):
            self._decide(as_of, as_of=as_of, recount=True)

    def _decide(
        self,
        since: datetime,
        *,
        as_of: datetime,
        cause: SeatRow | None = None,
        recount: bool = False,
    ) -> None:
        cycle = cycle_at(self.rules.anchor, self.rules.schedule, since)
        seats, happenings = self.load_happenings(since, as_of, recount=recount)
        entries = decide_entries(
            self.rules,
            stored=self.load_stored(cycle),
            seats=seats,
            happenings=happenings,
            since=since,
            as_of=as_of,
            cause=cause,
        )
        if cause is not None:
            self.rows[cause.id] = cause
        for entry in entries:
            self.append(entry)
        self.work.session.flush()

    def load_happenings(
        self, since: datetime, as_of: datetime, *, recount: bool = False
    ) -> tuple[dict[int, rules.SeatState], list[SeatRow | Recount]]:
        """Each organization just before `since`, and everything from then on that can change a
        count, whether it was processed before or is new."""
        before = since - ONE_SECOND
        # Who is covered otherwise in the second of the purchase was so for its first entry.
        known_at = since if since == self.rules.begins_at else before
        seats = {
            key: self._ledger_state(key, state, at=known_at)
            for key, state in self._states(before).items()
        }
        happenings: list[SeatRow | Recount] = []
        for row in self._rows_between(since, as_of):
            if self._was_known_at_start(row):
                # The purchase counted it already, in the second in which it was made.
                known = seats.get(row.organization_id, rules.SeatState())
                seats[row.organization_id] = known.after(row)
            else:
                happenings.append(self._as_counted(row))
        happenings += self._changes_of_cover(since, as_of)
        happenings += self._vanishings(since, as_of, at_any_rate=recount)
        return seats, happenings

    def _was_known_at_start(self, row: SeatRow) -> bool:
        if row.event_time != self.rules.begins_at:
            return False
        if self._first_order is None:
            self._first_order = self.work.session.scalars(
                select(LedgerEntry.order_id)
                .where(LedgerEntry.plan_id == self.plan.id)
                .order_by(LedgerEntry.id)
                .limit(1)
            ).one()
        return row.order_id <= self._first_order

    def _vanishings(self, since: datetime, as_of: datetime, *, at_any_rate: bool) -> list[Recount]:
        statement = select(Organization.id, Organization.locally_deleted_at).where(
            Organization.id.in_(self.organizations),
            Organization.locally_deleted_at.is_not(None),
            Organization.locally_deleted_at >= since,
        )
        order = self.server.last_audit_order
        recounts = [
            Recount(key, gone_at, order, False)
            for key, gone_at in self.work.session.execute(statement)
            if gone_at is not None
        ]
        if at_any_rate and not recounts:
            # One that changes nothing by itself: it makes the rules compare with the count.
            state = self._states(as_of)
            key = next(iter(state), 0)
            active = key in state and self._ledger_state(key, state[key], at=as_of).active
            recounts.append(Recount(key, as_of, order, active))
        return recounts

    def _changes_of_cover(self, since: datetime, as_of: datetime) -> list[Recount]:
        """When organizations began and ceased to pay for themselves; before the rows of the same
        second."""
        changes = []
        for key, times in self.members.away.items():
            for time in times:
                if since <= time.start <= as_of:
                    changes.append(Recount(key, time.start, 0, False))
                if since <= time.end <= as_of:
                    state = self._states(time.end)[key]
                    counts = self._ledger_state(key, state, at=time.end).active
                    changes.append(Recount(key, time.end, 0, counts))
        return changes

    def _can_matter(self, row: SeatRow) -> bool:
        """Whether a row is of this plan's organizations, and not of a time after they went."""
        key = row.organization_id
        if key not in self.organizations or self._is_told_elsewhere(row):
            return False
        away = self.members.away.get(key, ())
        return not any(time.end == FOREVER and time.holds(row.event_time) for time in away)

    def _is_told_elsewhere(self, row: SeatRow) -> bool:
        """What another server tells of an organization that went there changes no past here."""
        return self.members.left.get(row.organization_id, row.server_id) != row.server_id

    def _as_counted(self, row: SeatRow) -> SeatRow:
        """A row of an organization that paid for itself tells its people and nothing more."""
        if self.members.is_away(row.organization_id, at=row.event_time):
            return replace(row, event_type=NOTHING_HAPPENED)
        return row

    def _ledger_state(self, key: int, state: SeatState, *, at: datetime) -> rules.SeatState:
        gone = state.locally_deleted_at is not None and state.locally_deleted_at <= at
        active = state.is_active and not gone and not self.members.is_away(key, at=at)
        return rules.SeatState(seats=state.seats, active=active)

    def _rows_between(self, since: datetime, as_of: datetime) -> list[SeatRow]:
        found = load_seat_rows_between(
            self.work.session, organization_ids=self.organizations, since=since, until=as_of
        )
        found = [row for row in found if not self._is_told_elsewhere(row)]
        self.rows.update((row.id, row) for row in found)
        return found

    def _states(self, at: datetime) -> dict[int, SeatState]:
        session, left = self.work.session, self.members.left
        here = self.organizations - left.keys()
        states = load_seat_states(session, organization_ids=here, at=at)
        for server_id in set(left.values()):
            gone = [key for key in left if left[key] == server_id]
            states |= load_seat_states(session, organization_ids=gone, at=at, told_by=server_id)
        return states

    def load_stored(self, cycle: Cycle) -> list[Entry]:
        """The entries from the start of `cycle`, and the last one before it."""
        inside = load_entries(self.work.session, plan_id=self.plan.id, since=cycle.start)
        before = self.work.session.scalars(
            select(LedgerEntry)
            .where(LedgerEntry.plan_id == self.plan.id, LedgerEntry.event_time < cycle.start)
            .order_by(
                LedgerEntry.event_time.desc(),
                LedgerEntry.is_renewal.asc(),
                LedgerEntry.order_id.desc(),
                LedgerEntry.id.desc(),
            )
            .limit(1)
        )
        return to_entries([*before, *inside])

    def _last_entry_time(self) -> datetime:
        return self.work.session.scalars(
            select(LedgerEntry.event_time)
            .where(LedgerEntry.plan_id == self.plan.id)
            .order_by(LedgerEntry.event_time.desc())
            .limit(1)
        ).one()

    def append(self, entry: Entry) -> LedgerEntry:
        """Store one entry. A row that has one already is not named by a second."""
        row = self.rows[entry.audit_row_id] if entry.audit_row_id is not None else None
        if row is not None and self._has_entry(row):
            row, entry = None, replace(entry, audit_row_id=None, actor=CORRECTION_ACTOR)
        stored = LedgerEntry(
            plan_id=self.plan.id,
            event_time=entry.event_time,
            is_renewal=entry.is_renewal,
            licenses=entry.licenses,
            licenses_at_next_renewal=entry.licenses_at_next_renewal,
            people=entry.people,
            order_id=entry.order_id,
            log_entry_id=entry.audit_row_id,
            server_uuid=self._uuid_of(row.server_id) if row else None,
            remote_id=row.remote_id if row else None,
            actor=entry.actor,
            recorded_at=self.work.now,
        )
        self.work.session.add(stored)
        # Each is sent by itself, so that ids ascend in the order of appending.
        self.work.session.flush()
        self.written += 1
        return stored

    def _has_entry(self, row: SeatRow) -> bool:
        """Whether a row has its entry already, in a cycle that was billed before it came."""
        if row.event_time >= self.open_from:
            return False
        named = select(LedgerEntry.id).where(
            LedgerEntry.plan_id == self.plan.id, LedgerEntry.log_entry_id == row.id
        )
        return self.work.session.scalars(named).first() is not None

    def _uuid_of(self, server_id: int) -> str:
        """The server that a row came from: an organization may have moved since."""
        if server_id not in self._server_uuids:
            self._server_uuids[server_id] = self.work.session.get_one(Server, server_id).uuid
        return self._server_uuids[server_id]


def get_counted_organization_ids(session: Session, customer: Customer, server: Server) -> set[int]:
    """The organizations whose people `customer` pays for."""
    return get_organization_ids_of(session, customer.kind, customer.organization_id, server)


def get_organization_ids_of(
    session: Session, kind: CustomerKind, organization_id: int | None, server: Server
) -> set[int]:
    """The same for whoever may come to pay: an organization for itself, a server for all of its
    organizations that are not covered otherwise."""
    if kind is CustomerKind.ORGANIZATION:
        assert organization_id is not None
        return {organization_id}
    return set(load_organizations_of_server_plan(session, server))
