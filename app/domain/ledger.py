"""The license ledger: which entries follow from which uploads. Pure; the service writes them.

Automatic management: at each audit row `licenses_at_next_renewal` is what is billable now and
`licenses` never falls inside a cycle. A renewal appends (boundary, k, k). Entries at the same
place (event_time, renewal or not, order_id) supersede each other, the one appended last counts:
that is how late rows correct what has not been invoiced, without restating anything.
Rules: docs/rules/ledger.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.calendar import BEFORE, Cycle, cycle_at, cycle_number
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS, NewCustomerTerms
from app.domain.kinds import LicenseManagement, Schedule
from app.domain.row_order import row_order

ORGANIZATION_DEACTIVATED = 201
ORGANIZATION_REACTIVATED = 202

RENEWAL_ACTOR = "system:renewal"
MINIMUM_ACTOR = "system:minimum"
CORRECTION_ACTOR = "system:correction"
COUNT_ACTOR = "system:count"
MOVE_ACTOR = "system:move"

Place = tuple[datetime, bool, int]


@dataclass(frozen=True, slots=True)
class LedgerRules:
    """What decides the licenses of one plan.

    ends_at: the instant a plan that is set to end will end at; events from then on are not its.
    trial_start: when a free trial began, which lasts until the anchor. fixed: whether the price is
    fixed, so that the licenses only tell who is there. next_rules: those of the plan that follows
    at the end; the number at renewal is that plan's number. discounted: whether staff took something
    off the price, for cycles that begin before `discounted_until` (None: for all). managed_since:
    when somebody changed who decides the number; what stands in the ledger from before followed
    other rules and stays.
    """

    anchor: datetime
    schedule: Schedule
    management: LicenseManagement = LicenseManagement.AUTOMATIC
    tier_minimum: int = 1
    customer_minimum: int = 0
    exempt: bool = False
    new_customer: NewCustomerTerms = NO_NEW_CUSTOMER_TERMS
    ends_at: datetime | None = None
    trial_start: datetime | None = None
    fixed: bool = False
    next_rules: "LedgerRules | None" = None
    discounted: bool = False
    discounted_until: datetime | None = None
    managed_since: datetime | None = None

    @property
    def begins_at(self) -> datetime:
        """The instant of the plan's first entry."""
        return self.anchor if self.trial_start is None else self.trial_start

    @property
    def automatic(self) -> bool:
        """Whether the uploads decide."""
        return self.management is LicenseManagement.AUTOMATIC

    def minimum_during(self, cycle: Cycle) -> int:
        """The least licenses of the renewal that ends `cycle`.

        The new-customer minimum counts only if that discount is given at that renewal: months are
        left, and no discount of staff takes its place. A tier that costs nothing asks for none.
        """
        if self.fixed:
            return 1
        lasting = self.new_customer.months_left_before(cycle.index + 1, self.schedule) > 0
        if self.discounted:
            until = self.discounted_until
            lasting = lasting and until is not None and cycle.end >= until
        promised = self.new_customer.minimum if lasting else 0
        return max(self.tier_minimum, self.customer_minimum, promised)

    def needed(self, people: int, cycle: Cycle) -> int:
        """The licenses that `people` need under this plan's own minimum."""
        return people if self.exempt else max(people, self.minimum_during(cycle))

    def needed_at(self, people: int, at: datetime) -> int:
        """The same in the cycle of `at`."""
        return self.needed(people, cycle_at(self.anchor, self.schedule, at))

    def billable(self, people: int, cycle: Cycle) -> int:
        """The licenses that `people` need at the end of `cycle`, by whoever's rules that is."""
        if self.next_rules is None:
            return self.needed(people, cycle)
        following = self.next_rules
        first = cycle_number(following.anchor, following.schedule, BEFORE)
        return following.needed(people, first)

    def billable_at(self, people: int, at: datetime) -> int:
        """The same at the end of the cycle of `at`."""
        return self.billable(people, cycle_at(self.anchor, self.schedule, at))


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry, stored (`id` set) or about to be. See models/plans.py for the fields."""

    event_time: datetime
    is_renewal: bool
    licenses: int
    licenses_at_next_renewal: int
    order_id: int = 0
    people: int | None = None
    audit_row_id: int | None = None
    actor: str | None = None
    id: int | None = None

    @property
    def place(self) -> Place:
        """Where it stands in time: a renewal comes before everything else of its second."""
        return (self.event_time, not self.is_renewal, self.order_id)

    @property
    def pair(self) -> tuple[int, int]:
        """What an entry says."""
        return (self.licenses, self.licenses_at_next_renewal)

    @property
    def by_hand(self) -> bool:
        """Whether a person said it (then no recount replaces it)."""
        return self.actor is not None and not self.actor.startswith("system:")


@dataclass(frozen=True, slots=True)
class SeatRow:
    """One upload row that can change a count. `id` is the arrival id, `remote_id` the server's
    own; `seats` is None for a row without role data (a bare 201 or 202). `epoch` counts how often
    the ids of its server, which is `server_id` to us, had been rewound by then."""

    id: int
    organization_id: int
    remote_id: int
    event_type: int
    event_time: datetime
    seats: int | None
    epoch: int = 0
    server_id: int = 0

    @property
    def order_id(self) -> int:
        """Its place among rows of the same second: the later its server wrote it, the higher."""
        return row_order(self.epoch, self.remote_id)


@dataclass(frozen=True, slots=True)
class SeatState:
    """What is known of one organization: people by its last row with role data, and activity."""

    seats: int = 0
    active: bool = True

    @property
    def people(self) -> int:
        """People that count."""
        return self.seats if self.active else 0

    def after(self, row: SeatRow) -> "SeatState":
        """The state once `row` has happened."""
        active = self.active
        if row.event_type == ORGANIZATION_DEACTIVATED:
            active = False
        elif row.event_type == ORGANIZATION_REACTIVATED:
            active = True
        return SeatState(self.seats if row.seats is None else row.seats, active)


@dataclass(frozen=True, slots=True)
class Recount:
    """A change of the count that no audit row tells (an organization vanished or came back)."""

    organization_id: int
    event_time: datetime
    order_id: int
    counts: bool


Happening = SeatRow | Recount | Entry


def effective_entries(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that count, in order of time: of several at one place, the last appended."""
    latest: dict[Place, Entry] = {}
    for entry in entries:
        known = latest.get(entry.place)
        if known is None or (known.id or 0) <= (entry.id or 0):
            latest[entry.place] = entry
    return [latest[place] for place in sorted(latest)]


def entry_at(entries: Sequence[Entry], at: datetime) -> Entry | None:
    """The effective entry in force at `at`, with `licenses` raised to the period's maximum."""
    current: Entry | None = None
    for entry in effective_entries(entries):
        if entry.event_time > at:
            break
        if current is None or entry.is_renewal:
            current = entry
        else:
            current = replace(entry, licenses=max(entry.licenses, current.licenses))
    return current


def _happening_place(happening: Happening) -> Place:
    if isinstance(happening, Entry):
        return happening.place
    return (happening.event_time, True, happening.order_id)


def _is_over(rules: LedgerRules, at: datetime) -> bool:
    """Whether the plan has ended by `at`; an event at the very end is not the plan's any more."""
    return rules.ends_at is not None and at >= rules.ends_at


class _Fold:
    """Walks through time from a known entry, appending what each happening demands."""

    def __init__(self, rules: LedgerRules, start: Entry, seats: Mapping[int, SeatState]) -> None:
        self.rules = rules
        self.cycle = cycle_at(rules.anchor, rules.schedule, start.event_time)
        self.seats = dict(seats)
        self.people = sum(state.people for state in self.seats.values())
        self.last = start
        self.entries: list[Entry] = []

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.last = entry

    def renew_through(self, at: datetime) -> None:
        """Append one renewal for each boundary up to and including `at`."""
        while self.cycle.end <= at and not _is_over(self.rules, self.cycle.end):
            boundary = self.cycle.end
            self.cycle = cycle_number(self.rules.anchor, self.rules.schedule, self.cycle.index + 1)
            licenses = self.last.licenses_at_next_renewal
            if not self.rules.automatic and not self.rules.exempt:
                # A chosen number below the people is raised when the plan renews.
                licenses = max(licenses, self.people)
            self.append(
                Entry(boundary, True, licenses, licenses, 0, self.people, None, RENEWAL_ACTOR)
            )
            self.follow(boundary, order_id=0, actor=MINIMUM_ACTOR)

    def follow(
        self, at: datetime, *, order_id: int, actor: str | None, audit_row_id: int | None = None
    ) -> None:
        """Under automatic management, write down what is billable if it differs."""
        if not self.rules.automatic:
            return
        billable = self.rules.billable(self.people, self.cycle)
        licenses = max(self.last.licenses, self.rules.needed(self.people, self.cycle))
        if (licenses, billable) != self.last.pair:
            self.append(
                Entry(at, False, licenses, billable, order_id, self.people, audit_row_id, actor)
            )

    def step(self, happening: Happening) -> None:
        """Let one thing happen."""
        self.renew_through(happening.event_time)
        if isinstance(happening, Entry):
            licenses = max(self.last.licenses, happening.licenses)
            self.last = replace(happening, licenses=licenses)
            return
        before = self.seats.get(happening.organization_id, SeatState())
        if isinstance(happening, SeatRow):
            after = before.after(happening)
        else:
            after = replace(before, active=happening.counts)
        self.seats[happening.organization_id] = after
        self.people += after.people - before.people
        if isinstance(happening, SeatRow):
            self.follow(
                happening.event_time,
                order_id=happening.order_id,
                actor=None,
                audit_row_id=happening.id,
            )
        else:
            self.follow(happening.event_time, order_id=happening.order_id, actor=COUNT_ACTOR)


def decide_entries(
    rules: LedgerRules,
    *,
    stored: Sequence[Entry],
    seats: Mapping[int, SeatState],
    happenings: Iterable[SeatRow | Recount],
    since: datetime,
    as_of: datetime,
    cause: SeatRow | None = None,
) -> list[Entry]:
    """The entries to append so that the ledger is right from `since` through `as_of`.

    stored: all entries from the start of the cycle that contains `since`, in any order; at least
    one stands before or at `since`. seats: each organization's state just before `since`.
    happenings: everything from `since` on that can change a count, whether it was processed
    before or is new. cause: a row older than `since` that changed the count at `since`.

    Feeding the same happenings in any order and any number of times ends the same. Nothing is
    appended from the end of a plan on, also when an end that was set late leaves entries behind it.
    """
    if rules.managed_since is not None and since <= rules.managed_since:
        # What came before followed other rules: it is known now, and counts from here on.
        since = rules.managed_since + timedelta(seconds=1)
        seats, happenings = _passed_over(since, seats, happenings)
        cause = None
    known = effective_entries(stored)
    # The renewal of the very second stands before everything else that happens in it.
    start_index = max(
        (n for n, entry in enumerate(known) if entry.place < (since, True, -1)), default=0
    )
    start = entry_at(known[: start_index + 1], known[start_index].event_time)
    assert start is not None  # the list above holds the start itself
    window = [entry for entry in known[start_index + 1 :] if not _is_over(rules, entry.event_time)]
    fold = _Fold(rules, start, seats)
    fold.renew_through(since)
    if _is_over(rules, since):
        # What renewed before the end may still be to write; nothing that happens is the plan's.
        return _differences(start, window, fold.entries)
    if cause is not None:
        fold.follow(since, order_id=0, actor=None, audit_row_id=cause.id)
    elif start.is_renewal and start.event_time == since:
        # A row older than the cycle may have been its cause before: what it says still stands.
        fold.follow(since, order_id=0, actor=COUNT_ACTOR)
    events: list[Happening] = [entry for entry in window if entry.by_hand]
    events.extend(happenings)
    for happening in sorted(events, key=_happening_place):
        if happening.event_time > as_of or _is_over(rules, happening.event_time):
            break
        fold.step(happening)
    fold.renew_through(as_of)
    return _differences(start, window, fold.entries)


def _passed_over(
    until: datetime, seats: Mapping[int, SeatState], happenings: Iterable[SeatRow | Recount]
) -> tuple[dict[int, SeatState], list[SeatRow | Recount]]:
    """Each organization's state just before `until`, and what happens from then on."""
    states = dict(seats)
    later: list[SeatRow | Recount] = []
    for happening in sorted(happenings, key=_happening_place):
        if happening.event_time >= until:
            later.append(happening)
            continue
        before = states.get(happening.organization_id, SeatState())
        if isinstance(happening, SeatRow):
            states[happening.organization_id] = before.after(happening)
        else:
            states[happening.organization_id] = replace(before, active=happening.counts)
    return states, later


def _differences(start: Entry, window: Sequence[Entry], wanted: Sequence[Entry]) -> list[Entry]:
    """What must be appended for the stored `window` to say the same as `wanted`.

    Nothing stored is changed. A row that has its entry already never gets a second: the entry
    that corrects it stands at the same place and names no row.
    """
    stored = {entry.place: entry for entry in window}
    has_entry = {entry.audit_row_id for entry in window if entry.audit_row_id is not None}
    wanted_at = {entry.place: entry for entry in wanted}
    appended: list[Entry] = []
    current = start
    for place in sorted(stored.keys() | wanted_at.keys()):
        target, known = wanted_at.get(place), stored.get(place)
        if target is None:
            assert known is not None  # the place came from one of the two
            if known.by_hand:
                current = replace(known, licenses=max(known.licenses, current.licenses))
                continue
            # Knowledge that came later may not bear out what it said: then it is corrected.
            target = replace(
                known,
                licenses=current.licenses,
                licenses_at_next_renewal=current.licenses_at_next_renewal,
            )
        if known is None or _says(known, current) != target.pair:
            if known is not None or target.audit_row_id in has_entry:
                by = RENEWAL_ACTOR if target.is_renewal else CORRECTION_ACTOR
                target = replace(target, audit_row_id=None, actor=by, id=None)
            appended.append(target)
        current = target
    return appended


def _says(entry: Entry, before: Entry) -> tuple[int, int]:
    """The effective pair after `entry`: inside a cycle licenses never fall."""
    if entry.is_renewal:
        return entry.pair
    return (max(entry.licenses, before.licenses), entry.licenses_at_next_renewal)
