"""Laws of the ledger: what holds for every plan, every upload and every order of arrival."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.calendar import cycle_at, month_boundary
from app.domain.kinds import LicenseManagement
from app.domain.ledger import SeatRow, effective_entries
from tests.domain.book import MANUAL, Bill, Book
from tests.domain.strategies import History, deliveries, histories, moments, months_of

ONE_SECOND = timedelta(seconds=1)
# Some mistakes show only when several rare things meet.
thorough = settings(max_examples=max(300, settings().max_examples))


def new_book(history: History) -> Book:
    return Book(history.rules, history.first, price=history.price, known=history.known)


def fed_at_once(history: History) -> Book:
    book = new_book(history)
    book.upload(history.in_order(), as_of=history.until)
    return book


def delivered(data: st.DataObject, history: History) -> Book:
    """The book after the rows came in any order, some twice, in batches."""
    book = new_book(history)
    for rows, as_of in data.draw(deliveries(history)):
        book.upload(rows, as_of=as_of)
    return book


def instants(history: History) -> list[datetime]:
    """Every second at which something can differ, and the ones beside it."""
    anchor = history.rules.anchor
    months = months_of(history.rules.schedule) + 2
    edges = {month_boundary(anchor, n) for n in range(months)}
    edges |= {row.event_time for row in history.rows}
    around = {edge + step * ONE_SECOND for edge in edges for step in (-1, 0, 1)}
    return sorted(at for at in around if anchor <= at <= history.until)


def charges(bills: Iterable[Bill]) -> list[object]:
    return [(bill.boundary, bill.charges) for bill in bills]


class PlainPlan:
    """The definition, without entries: walks through time once and knows every row beforehand."""

    def __init__(self, history: History) -> None:
        self.rules = history.rules
        self.heard: list[SeatRow] = []
        self.index = 0
        self.licenses = self.at_next = history.first
        # What the purchase counted: rows known then, up to the last one of its very second.
        self.counted = (self.rules.anchor, max((r.remote_id for r in history.known), default=0))
        self.rows = sorted(
            [*history.known, *history.rows], key=lambda row: (row.event_time, row.remote_id)
        )
        self.heard_late = any(self.place(row) <= self.counted for row in history.rows)
        self.heard_then = any(row.event_time == self.rules.anchor for row in history.rows)

    def place(self, row: SeatRow) -> tuple[datetime, int]:
        return (row.event_time, row.remote_id)

    def seats(self) -> int:
        """The latest number of each organization that was not deactivated last."""
        numbers = {row.organization_id: row.seats for row in self.heard if row.seats is not None}
        switches = {row.organization_id: row for row in self.heard if row.event_type in (201, 202)}
        return sum(
            number
            for organization, number in numbers.items()
            if organization not in switches or switches[organization].event_type == 202
        )

    def minimum(self) -> int:
        new = self.rules.new_customer
        left_at_renewal = new.months_at_start - (self.index + 1) * self.rules.schedule.months
        promised = new.minimum if left_at_renewal > 0 else 1
        return max(promised, self.rules.tier_minimum, self.rules.customer_minimum)

    def follow(self) -> None:
        if self.rules.management is MANUAL:
            return
        people = self.seats()
        self.at_next = people if self.rules.exempt else max(people, self.minimum())
        self.licenses = max(self.licenses, self.at_next)

    def renew(self) -> None:
        self.index += 1
        if self.rules.management is MANUAL and not self.rules.exempt:
            self.at_next = max(self.at_next, self.seats())
        self.licenses = self.at_next
        self.follow()

    def at(self, when: datetime) -> tuple[int, int]:
        """(licenses, licenses at next renewal) at an instant."""
        earlier = [row for row in self.rows if self.place(row) <= self.counted]
        self.heard += earlier
        if self.heard_late or self.heard_then:
            self.follow()
        for row in self.rows:
            if self.place(row) > self.counted and row.event_time <= when:
                self.renew_until(row.event_time)
                self.heard.append(row)
                self.follow()
        self.renew_until(when)
        return (self.licenses, self.at_next)

    def renew_until(self, when: datetime) -> None:
        months = self.rules.schedule.months
        while month_boundary(self.rules.anchor, (self.index + 1) * months) <= when:
            self.renew()


@thorough
@given(data=st.data(), history=histories())
def test_order_and_duplication_of_rows_change_nothing(
    data: st.DataObject, history: History
) -> None:
    expected, book = fed_at_once(history), delivered(data, history)
    times = instants(history)
    assert [(at, book.at(at)) for at in times] == [(at, expected.at(at)) for at in times]
    assert charges(book.bill_through(history.until)) == charges(
        expected.bill_through(history.until)
    )


@thorough
@given(history=histories())
def test_the_ledger_says_what_the_plain_definition_says(history: History) -> None:
    book = fed_at_once(history)
    times = instants(history)
    assert [(at, book.at(at)) for at in times] == [(at, PlainPlan(history).at(at)) for at in times]


@given(data=st.data(), history=histories())
def test_licenses_never_fall_inside_a_cycle(data: st.DataObject, history: History) -> None:
    book = delivered(data, history)
    rules = history.rules
    for before, after in pairwise(instants(history)):
        same = cycle_at(rules.anchor, rules.schedule, before) == cycle_at(
            rules.anchor, rules.schedule, after
        )
        assert not same or book.at(before)[0] <= book.at(after)[0]


@thorough
@given(data=st.data(), history=histories())
def test_hourly_equals_once(data: st.DataObject, history: History) -> None:
    once, often = fed_at_once(history), new_book(history)
    anchor, months = history.rules.anchor, months_of(history.rules.schedule)
    drawn = data.draw(st.lists(moments(anchor, months), max_size=6))
    hours = sorted({max(at, anchor) for at in [*drawn, *instants(history), history.until]})
    waiting = history.in_order()
    for hour in hours:
        due = [row for row in waiting if row.event_time <= hour]
        waiting = waiting[len(due) :]
        often.upload(due, as_of=hour)
    times = instants(history)
    assert [(at, often.at(at)) for at in times] == [(at, once.at(at)) for at in times]
    later = [entry for entry in once.says() if entry[0] > anchor]
    assert [entry for entry in often.says() if entry[0] > anchor] == later


@thorough
@given(data=st.data(), history=histories())
def test_a_rerun_adds_nothing(data: st.DataObject, history: History) -> None:
    book = delivered(data, history)
    assert book.upload(as_of=history.until) == []
    assert book.upload(data.draw(st.permutations(history.rows)), as_of=history.until) == []
    months = months_of(history.rules.schedule)
    since = data.draw(moments(history.rules.anchor, months))
    if history.rules.anchor < since <= history.until:
        assert book.recompute(since, as_of=history.until) == []


@given(data=st.data(), history=histories())
def test_every_boundary_has_one_effective_renewal(data: st.DataObject, history: History) -> None:
    rules = history.rules
    renewals = [e for e in effective_entries(delivered(data, history).entries) if e.is_renewal]
    index = cycle_at(rules.anchor, rules.schedule, history.until).index
    assert [entry.event_time for entry in renewals] == [
        month_boundary(rules.anchor, n * rules.schedule.months) for n in range(index + 1)
    ]
    assert all(entry.licenses == entry.licenses_at_next_renewal for entry in renewals)


@given(data=st.data(), history=histories(management=MANUAL))
def test_what_a_person_chose_is_never_replaced(data: st.DataObject, history: History) -> None:
    book = new_book(history)
    chosen = {}
    for rows, as_of in data.draw(deliveries(history)):
        book.upload(as_of=as_of)
        now, _ = book.at(as_of)
        licenses = data.draw(st.one_of(st.none(), st.integers(now, now + 5)))
        at_next = data.draw(st.integers(1, 12)) if licenses is None else licenses
        entry = book.choose(as_of, licenses=licenses, at_next=at_next)
        chosen[entry.place] = entry
        assert book.at(as_of) == (now if licenses is None else licenses, at_next)
        book.upload(rows, as_of=as_of)
    effective = effective_entries(book.entries)
    assert set(chosen.values()) <= set(effective)
    assert book.at(history.until)[1] == at_next
    for entry in effective:
        if entry.is_renewal and entry.event_time > history.rules.anchor:
            plain = PlainPlan(history)
            plain.at(entry.event_time - ONE_SECOND)
            assert history.rules.exempt or entry.licenses >= plain.seats()


@given(data=st.data(), history=histories(exempt=False))
def test_automatic_licenses_cover_people_and_minimum(data: st.DataObject, history: History) -> None:
    rules = replace(history.rules, management=LicenseManagement.AUTOMATIC)
    history = replace(history, rules=rules)
    book = delivered(data, history)
    heard = [row.event_time for row in history.rows]
    for at in instants(history):
        plain = PlainPlan(history)
        plain.at(at)
        if any(time <= at for time in heard):
            assert book.at(at)[0] >= plain.seats()
            assert book.at(at)[1] == max(plain.seats(), plain.minimum())


@given(data=st.data(), history=histories())
def test_a_plan_that_is_to_end_hears_nothing_after_its_end(
    data: st.DataObject, history: History
) -> None:
    rules = history.rules
    ends = month_boundary(rules.anchor, rules.schedule.months)
    ending = replace(history, rules=replace(rules, ends_at=ends))
    book, endless = delivered(data, ending), fed_at_once(history)
    assert all(entry.event_time < ends for entry in book.entries)
    before = [at for at in instants(history) if at < ends]
    assert [book.at(at) for at in before] == [endless.at(at) for at in before]


@given(data=st.data(), history=histories())
def test_an_end_that_is_set_late_leaves_what_came_after_it_alone(
    data: st.DataObject, history: History
) -> None:
    """The daily run may be late: then the end lies before entries that are in the ledger already."""
    rules = history.rules
    book = new_book(history)
    end = month_boundary(rules.anchor, rules.schedule.months)
    for rows, as_of in data.draw(deliveries(history)):
        new = book.upload(rows, as_of=as_of)
        ends_at = book.rules.ends_at
        assert ends_at is None or all(entry.event_time < ends_at for entry in new)
        if as_of >= end:
            book.end_at(end)


def test_the_strategies_draw_what_the_laws_are_about() -> None:
    """A law over histories without ties, late rows or several organizations would say little."""
    seen: set[str] = set()

    @given(history=histories())
    def collect(history: History) -> None:
        rows = history.rows
        times = [row.event_time for row in rows]
        anchor: datetime = history.rules.anchor
        boundaries = {month_boundary(anchor, n) for n in range(1, 26)}
        traits: dict[str, bool] = {
            "tie": len(set(times)) < len(times),
            "older than the plan": any(at < anchor for at in times),
            "at a boundary": bool(boundaries & set(times)),
            "in the anchor's second": anchor in times,
            "several organizations": len({row.organization_id for row in rows}) > 2,
            "deactivated": any(row.event_type == 201 for row in rows),
            "annual": history.rules.schedule.months == 12,
        }
        seen.update(trait for trait, present in traits.items() if present)

    collect()
    assert len(seen) == 7, seen
