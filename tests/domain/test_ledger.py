"""The license ledger: the worked examples and every rule by itself."""

from dataclasses import replace

import pytest

from app.domain.discounts import NewCustomerTerms
from app.domain.ledger import (
    Entry,
    Recount,
    SeatRow,
    SeatState,
    decide_entries,
    effective_entries,
    entry_at,
)
from tests.domain.book import ANCHOR, MANUAL, Book, Rows, annual, instant, monthly

LATER = instant("2012-06-01")
NEW_CUSTOMER = NewCustomerTerms(amount=2000, months_at_start=12, minimum=6)


@pytest.fixture
def rows() -> Rows:
    return Rows()


def known(rows: Rows, people: int) -> list[SeatRow]:
    """What the server had uploaded when the plan was bought."""
    return [rows.seats("2012-01-01", people)]


# --- automatic management ---


def test_a_year_with_growth_and_a_fall(rows: Rows) -> None:
    """The annual plan whose counts become 23, 20, 21 on its first day, and 22 after its year."""
    book = Book(annual(), 6, known=known(rows, 6))
    for at, people in (
        ("2012-01-02 10:00:00", 23),
        ("2012-01-02 11:00:00", 20),
        ("2012-01-02 12:00:00", 21),
        ("2013-01-02 03:04:06", 22),
    ):
        book.upload([rows.seats(at, people)], as_of=instant(at))
    assert book.says() == [
        (ANCHOR, True, 6, 6),
        (instant("2012-01-02 10:00:00"), False, 23, 23),
        (instant("2012-01-02 11:00:00"), False, 23, 20),
        (instant("2012-01-02 12:00:00"), False, 23, 21),
        (instant("2013-01-02 03:04:05"), True, 21, 21),
        (instant("2013-01-02 03:04:06"), False, 22, 22),
    ]


def test_an_entry_names_the_row_that_made_it_and_the_people_it_counted(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    (entry,) = book.upload([rows.seats("2012-01-05", 9)], as_of=LATER)[:1]
    assert (entry.audit_row_id, entry.actor, entry.people, entry.order_id) == (2, None, 9, 2)
    assert not entry.by_hand


def test_an_entry_is_written_only_when_the_pair_changes(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    same = [rows.seats("2012-01-05", 6), rows.seats("2012-01-06", 6)]
    assert book.upload(same, as_of=instant("2012-01-07")) == []


def test_an_event_at_a_boundary_belongs_to_the_new_period(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    boundary = instant("2012-02-02 03:04:05")
    book.upload([rows.seats(boundary, 9)], as_of=boundary)
    assert book.says()[1:] == [(boundary, True, 6, 6), (boundary, False, 9, 9)]


def test_the_renewal_is_written_before_a_later_event(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    book.upload([rows.seats("2012-01-09", 4)], as_of=instant("2012-01-10"))
    new = book.upload([rows.seats("2012-02-09", 5)], as_of=instant("2012-02-10"))
    assert [(entry.is_renewal, *entry.pair, entry.actor) for entry in new] == [
        (True, 4, 4, "system:renewal"),
        (False, 5, 5, None),
    ]


def test_each_boundary_that_passed_has_its_renewal(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    new = book.upload([rows.seats("2012-04-20", 9)], as_of=instant("2012-04-21"))
    assert [(entry.event_time, *entry.pair) for entry in new] == [
        (instant("2012-02-02 03:04:05"), 6, 6),
        (instant("2012-03-02 03:04:05"), 6, 6),
        (instant("2012-04-02 03:04:05"), 6, 6),
        (instant("2012-04-20"), 9, 9),
    ]


def test_renewals_come_without_uploads_too(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    assert len(book.upload(as_of=instant("2012-02-02 03:04:04"))) == 0
    assert len(book.upload(as_of=instant("2012-02-02 03:04:05"))) == 1
    assert len(book.upload(as_of=instant("2012-02-02 03:04:06"))) == 0


@pytest.mark.parametrize(
    ("tier", "customer", "exempt", "people", "licenses"),
    [
        (1, 0, False, 4, 4),
        (10, 0, False, 4, 10),
        (10, 15, False, 4, 15),
        (10, 15, False, 40, 40),
        (10, 15, True, 4, 4),
        (1, 0, False, 0, 1),
        (1, 0, True, 0, 0),
    ],
)
def test_what_is_billable(
    rows: Rows, tier: int, customer: int, exempt: bool, people: int, licenses: int
) -> None:
    rules = monthly(tier_minimum=tier, customer_minimum=customer, exempt=exempt)
    book = Book(rules, 2, known=known(rows, 2))
    book.upload([rows.seats("2012-01-05", people)], as_of=instant("2012-01-06"))
    assert book.at(instant("2012-01-06")) == (max(2, licenses), licenses)


def test_organizations_of_one_server_add_up_and_never_mix(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    book.upload(
        [
            rows.seats("2012-01-05", 4, organization=2),
            rows.seats("2012-01-06", 3, organization=1),
            rows.deactivated("2012-01-07", organization=1),
            rows.reactivated("2012-01-08", organization=1),
            rows.seats("2012-01-09", 0, organization=2),
        ],
        as_of=instant("2012-01-10"),
    )
    assert [pair[2:] for pair in book.says()] == [
        (6, 6),
        (10, 10),
        (10, 7),
        (10, 4),
        (10, 7),
        (10, 3),
    ]


def test_a_deactivated_organization_is_counted_when_it_comes_back(rows: Rows) -> None:
    state = SeatState()
    for row, people in (
        (rows.seats(ANCHOR, 5), 5),
        (rows.deactivated(ANCHOR), 0),
        (rows.seats(ANCHOR, 7), 0),
        (rows.deactivated(ANCHOR), 0),
        (rows.reactivated(ANCHOR), 7),
    ):
        state = state.after(row)
        assert state.people == people


def test_of_two_rows_in_one_second_the_higher_remote_id_is_later(rows: Rows) -> None:
    first, second = rows.seats("2012-01-05", 9), rows.seats("2012-01-05", 4)
    for order in ([first, second], [second, first]):
        book = Book(monthly(), 2)
        book.upload(order, as_of=instant("2012-01-06"))
        assert book.at(instant("2012-01-05")) == (9, 4)


def test_rows_of_the_future_wait(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    ahead = rows.seats("2012-01-08", 9)
    assert book.upload([ahead], as_of=instant("2012-01-05")) == []
    assert [entry.pair for entry in book.upload(as_of=instant("2012-01-08"))] == [(9, 9)]


# --- the minimum of new customers ---


def test_the_minimum_of_new_customers_falls_when_the_discount_is_used_up(rows: Rows) -> None:
    """6 -> 1: the renewals while the discount lasts have 6 licenses, the thirteenth month 3."""
    book = Book(monthly(new_customer=NEW_CUSTOMER), 6, known=known(rows, 3))
    book.upload(as_of=instant("2013-01-03"))
    assert {pair[2:] for pair in book.says()[:11]} == {(6, 6)}
    assert book.says()[11:] == [
        (instant("2012-12-02 03:04:05"), True, 6, 6),
        (instant("2012-12-02 03:04:05"), False, 6, 3),
        (instant("2013-01-02 03:04:05"), True, 3, 3),
    ]
    assert book.entries[12].actor == "system:minimum"


def test_an_annual_plan_has_used_the_discount_up_with_its_first_year(rows: Rows) -> None:
    book = Book(annual(new_customer=NEW_CUSTOMER), 6, known=known(rows, 3))
    book.upload([rows.seats("2012-01-05", 4)], as_of=instant("2012-01-06"))
    assert book.at(instant("2012-01-06")) == (6, 4)


# --- manual management ---


def test_uploads_do_not_change_what_a_person_chose(rows: Rows) -> None:
    book = Book(monthly(management=MANUAL), 6, known=known(rows, 6))
    assert book.upload([rows.seats("2012-01-05", 9)], as_of=instant("2012-01-06")) == []
    assert book.at(instant("2012-01-06")) == (6, 6)


@pytest.mark.parametrize(("exempt", "renewed"), [(False, 9), (True, 6)])
def test_a_chosen_number_below_the_people_is_raised_at_the_renewal(
    rows: Rows, exempt: bool, renewed: int
) -> None:
    book = Book(monthly(management=MANUAL, exempt=exempt), 6, known=known(rows, 6))
    book.upload([rows.seats("2012-01-05", 9)], as_of=instant("2012-02-03"))
    assert book.at(instant("2012-02-03")) == (renewed, renewed)


def test_the_number_chosen_for_the_renewal_is_taken_there(rows: Rows) -> None:
    book = Book(monthly(management=MANUAL), 20, known=known(rows, 6))
    book.choose(instant("2012-01-05"), at_next=12)
    assert book.at(instant("2012-01-05")) == (20, 12)
    book.upload(as_of=instant("2012-02-03"))
    assert book.at(instant("2012-02-03")) == (12, 12)


def test_licenses_raised_now_count_at_the_renewal_too(rows: Rows) -> None:
    book = Book(monthly(management=MANUAL), 6, known=known(rows, 6))
    book.choose(instant("2012-01-05"), licenses=9, at_next=9)
    book.upload(as_of=instant("2012-02-03"))
    assert [pair[2:] for pair in book.says()] == [(6, 6), (9, 9), (9, 9)]


# --- late rows ---


def test_a_late_row_stands_at_its_time(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    book.upload([rows.seats("2012-01-09", 7)], as_of=instant("2012-01-10"))
    book.upload([rows.seats("2012-01-05", 9)], as_of=instant("2012-01-11"))
    assert [pair[0].day for pair in book.says()] == [2, 5, 9]
    assert book.at(instant("2012-01-05")) == (9, 9)
    assert book.at(instant("2012-01-09")) == (9, 7)


def test_a_late_row_appends_a_superseding_renewal(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    book.upload(as_of=instant("2012-02-03"))
    before = list(book.entries)
    book.upload([rows.seats("2012-01-20", 9)], as_of=instant("2012-02-04"))
    assert book.entries[: len(before)] == before
    renewals = [e.pair for e in book.entries if e.event_time == instant("2012-02-02 03:04:05")]
    assert renewals == [(6, 6), (9, 9)]
    assert book.at(instant("2012-02-03")) == (9, 9)


def test_a_late_row_can_take_back_what_a_later_one_said(rows: Rows) -> None:
    """The second organization was closed before the first one grew: 20 people never were."""
    book = Book(monthly(), 10, known=[rows.seats("2012-01-01", 10, organization=2)])
    book.upload([rows.seats("2012-01-09", 10, organization=1)], as_of=instant("2012-01-10"))
    assert book.at(instant("2012-01-10")) == (20, 20)
    late = book.upload(
        [rows.deactivated("2012-01-05", organization=2)], as_of=instant("2012-01-11")
    )
    assert book.at(instant("2012-01-10")) == (10, 10)
    assert late[-1].actor == "system:correction"
    assert late[-1].audit_row_id is None


def test_a_row_older_than_the_plan_counts_from_its_start(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    (entry,) = book.upload([rows.seats("2012-01-01 12:00:00", 8)], as_of=instant("2012-01-05"))
    assert (entry.event_time, entry.is_renewal, *entry.pair) == (ANCHOR, False, 8, 8)
    assert entry.audit_row_id == 2


def test_a_row_of_the_first_second_keeps_what_an_older_row_said(rows: Rows) -> None:
    book = Book(monthly(), 6, known=known(rows, 6))
    book.upload([rows.seats("2012-01-01 12:00:00", 12)], as_of=instant("2012-01-05"))
    book.upload([rows.seats(ANCHOR, 8)], as_of=instant("2012-01-06"))
    assert book.at(ANCHOR) == (12, 8)


def test_what_has_been_invoiced_stays(rows: Rows) -> None:
    """A row of January that comes after February's invoice counts from February on."""
    book = Book(monthly(), 6, known=known(rows, 6))
    book.upload(as_of=instant("2012-02-03"))
    book.bill_through(instant("2012-02-03"))
    book.upload([rows.seats("2012-01-20", 9)], as_of=instant("2012-02-04"))
    boundary = instant("2012-02-02 03:04:05")
    assert book.at(instant("2012-01-31")) == (6, 6)
    assert book.says()[1:] == [(boundary, True, 6, 6), (boundary, False, 9, 9)]


# --- the end of a plan ---


def test_a_plan_that_is_to_end_does_not_renew(rows: Rows) -> None:
    end = instant("2012-02-02 03:04:05")
    book = Book(monthly(ends_at=end), 6, known=known(rows, 6))
    new = book.upload([rows.seats("2012-01-20", 9), rows.seats(end, 12)], as_of=LATER)
    assert [(entry.event_time, *entry.pair) for entry in new] == [(instant("2012-01-20"), 9, 9)]


def test_renewals_before_the_end_are_written_when_the_next_row_comes_after_it(rows: Rows) -> None:
    end = instant("2012-03-02 03:04:05")
    book = Book(monthly(ends_at=end), 6, known=known(rows, 6))
    new = book.upload([rows.seats("2012-03-02 03:04:05", 9)], as_of=LATER)
    assert [entry.event_time for entry in new] == [instant("2012-02-02 03:04:05")]


def test_an_end_that_is_set_late_leaves_what_came_after_it_alone(rows: Rows) -> None:
    end = instant("2012-02-02 03:04:05")
    book = Book(monthly(), 6, known=known(rows, 6))
    book.upload([rows.seats("2012-02-03", 9)], as_of=instant("2012-02-04"))
    book.end_at(end)
    new = book.upload([rows.seats("2012-01-20", 7)], as_of=instant("2012-02-05"))
    assert [entry.event_time for entry in new] == [instant("2012-01-20")]


# --- counts that no row tells ---


def test_a_recount_follows_an_organization_that_vanished(rows: Rows) -> None:
    gone = instant("2012-01-20")
    first = Entry(ANCHOR, True, 9, 9, actor="billing_user:1", id=1)
    new = decide_entries(
        monthly(),
        stored=[first],
        seats={1: SeatState(6), 2: SeatState(3)},
        happenings=[Recount(2, gone, 50, counts=False)],
        since=gone,
        as_of=gone,
    )
    assert [(e.event_time, *e.pair, e.people, e.actor) for e in new] == [
        (gone, 9, 6, 6, "system:count")
    ]
    back = instant("2012-01-25")
    again = decide_entries(
        monthly(),
        stored=[first, *(replace(entry, id=2) for entry in new)],
        seats={1: SeatState(6), 2: SeatState(3, active=False)},
        happenings=[Recount(2, back, 50, counts=True)],
        since=back,
        as_of=back,
    )
    assert [entry.pair for entry in again] == [(9, 9)]


def test_a_row_is_named_by_one_entry_only(rows: Rows) -> None:
    """If a row has its entry already, one that is due to it elsewhere names no row."""
    row = replace(rows.seats("2012-01-20", 9), id=7)
    new = decide_entries(
        monthly(),
        stored=[
            Entry(ANCHOR, True, 6, 6, actor="billing_user:1", id=1),
            Entry(row.event_time, False, 9, 9, row.remote_id, 9, audit_row_id=7, id=2),
        ],
        seats={1: SeatState(9)},
        happenings=[row],
        since=instant("2012-01-10"),
        as_of=instant("2012-01-21"),
        cause=row,
    )
    assert [(entry.event_time, *entry.pair, entry.audit_row_id, entry.actor) for entry in new] == [
        (instant("2012-01-10"), 9, 9, None, "system:correction")
    ]


# --- what is in force ---


def test_of_several_entries_at_one_place_the_last_appended_counts() -> None:
    entries = [Entry(ANCHOR, True, n, n, id=id) for n, id in ((6, 1), (9, 3), (7, 2))]
    assert [entry.licenses for entry in effective_entries(entries)] == [9]


def test_a_renewal_stands_before_everything_else_of_its_second() -> None:
    added = Entry(ANCHOR, False, 9, 9, order_id=0, id=1)
    renewal = Entry(ANCHOR, True, 6, 6, order_id=99, id=2)
    assert effective_entries([added, renewal]) == [renewal, added]


def test_nothing_is_in_force_before_the_first_entry() -> None:
    entries = [Entry(ANCHOR, True, 6, 6, id=1)]
    assert entry_at(entries, instant("2012-01-02 03:04:04")) is None
    assert entry_at(entries, ANCHOR) == entries[0]


def test_licenses_in_force_are_the_maximum_of_the_period() -> None:
    entries = [
        Entry(ANCHOR, True, 6, 6, id=1),
        Entry(instant("2012-01-05"), False, 9, 9, id=2),
        Entry(instant("2012-01-07"), False, 7, 5, id=3),
        Entry(instant("2012-02-02 03:04:05"), True, 5, 5, id=4),
    ]
    found = [entry_at(entries, instant(at)) for at in ("2012-01-06", "2012-01-08", "2012-02-03")]
    assert [entry.pair for entry in found if entry] == [(9, 9), (9, 5), (5, 5)]


@pytest.mark.parametrize(
    ("actor", "by_hand"),
    [(None, False), ("system:renewal", False), ("billing_user:7", True), ("staff:2", True)],
)
def test_who_wrote_an_entry_by_hand(actor: str | None, by_hand: bool) -> None:
    assert Entry(ANCHOR, False, 6, 6, actor=actor).by_hand is by_hand
