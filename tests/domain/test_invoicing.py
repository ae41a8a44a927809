"""What one invoice charges: the worked examples and every rule by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.discounts import NewCustomerTerms
from app.domain.invoicing import (
    LineDraft,
    PlanTerms,
    boundary_lines,
    first_lines,
    growth_lines,
    total_of,
)
from app.domain.kinds import LineKind, Schedule
from app.domain.ledger import Entry
from tests.domain.book import ANCHOR, Bill, Book, Rows, annual, instant, monthly

NEW_CUSTOMER = NewCustomerTerms(amount=2000, months_at_start=12, minimum=6)
FEBRUARY = instant("2012-02-02 03:04:05")
MARCH = instant("2012-03-02 03:04:05")


@pytest.fixture
def rows() -> Rows:
    return Rows()


def brief(bill: Bill) -> list[tuple[str, int, int]]:
    """Kind, quantity and unit price of each line."""
    return [(kind, quantity, unit) for kind, quantity, unit, _, _ in bill.charges]


# --- purchases ---


def test_an_annual_purchase_of_six() -> None:
    (bill,) = Book(annual(), 6, price=8000).bills
    assert bill.charges == [("first", 6, 8000, ANCHOR, instant("2013-01-02 03:04:05"))]
    assert bill.total == 48_000


def test_a_new_customer_pays_less_for_his_first_year(rows: Rows) -> None:
    rules = annual(tier_minimum=25, new_customer=NEW_CUSTOMER)
    book = Book(rules, 25, price=8000, known=[rows.seats("2012-01-01", 11)])
    (bill,) = book.bills
    assert brief(bill) == [("first", 25, 8000), ("discount", 1, -24_000)]
    assert bill.total == 176_000
    year = instant("2013-01-02 03:04:05")
    book.upload(as_of=year)
    (renewal,) = book.bill_through(year)
    assert brief(renewal) == [("renewal", 25, 8000)]
    assert renewal.total == 200_000


def test_a_discount_never_takes_an_invoice_below_zero() -> None:
    terms = PlanTerms(ANCHOR, Schedule.MONTHLY, 350, NEW_CUSTOMER)
    assert total_of(first_lines(terms, licenses=3)) == 0
    assert [line.amount for line in first_lines(terms, licenses=3)] == [1050, -1050]
    assert [line.amount for line in first_lines(terms, licenses=6)] == [2100, -2000]


# --- months ---


def test_five_people_more_after_two_days(rows: Rows) -> None:
    book = Book(monthly(new_customer=NEW_CUSTOMER), 18, known=[rows.seats("2012-01-01", 18)])
    assert brief(book.bills[0]) == [("first", 18, 350), ("discount", 1, -2000)]
    assert book.bills[0].total == 4300
    added = ANCHOR + timedelta(days=2)
    for people in range(19, 24):
        book.upload([rows.seats(added, people)], as_of=added)
    book.upload(as_of=FEBRUARY)
    (bill,) = book.bill_through(FEBRUARY)
    assert bill.charges == [
        ("added", 5, 327, added, FEBRUARY),
        ("renewal", 23, 350, FEBRUARY, MARCH),
        ("discount", 1, -2000, FEBRUARY, MARCH),
    ]
    assert bill.total == 7685
    # From the line to the five entries, and from each of them to its audit row.
    entries = [entry for entry in book.entries if entry.id in bill.lines[0].entry_ids]
    assert [entry.audit_row_id for entry in entries] == [2, 3, 4, 5, 6]
    assert bill.lines[1].entry_ids == bill.lines[2].entry_ids


def test_twenty_people_in_the_very_second_of_the_purchase(rows: Rows) -> None:
    book = Book(monthly(ends_at=FEBRUARY), 6, price=800, known=[rows.seats("2012-01-01", 6)])
    book.upload([rows.seats(ANCHOR, 20)], as_of=FEBRUARY)
    (closing,) = book.bill_through(FEBRUARY)
    assert closing.charges == [("added", 14, 800, ANCHOR, FEBRUARY)]
    assert closing.total == 11_200


def test_an_annual_plan_is_billed_every_month_for_what_was_added(rows: Rows) -> None:
    book = Book(annual(FEBRUARY), 20, price=8000, known=[rows.seats("2012-01-02", 20)])
    book.upload([rows.seats(FEBRUARY, 25), rows.seats(MARCH, 30)], as_of=MARCH)
    year = instant("2013-02-02 03:04:05")
    assert brief(book.growth(FEBRUARY)) == [("added", 5, 8000)]
    (bill,) = book.bill_through(MARCH)
    assert bill.charges == [
        ("added", 5, 8000, FEBRUARY, year),
        ("added", 5, 7366, MARCH, year),
    ]
    assert bill.lines[1].amount == 36_830


def test_a_month_with_nothing_to_bill_has_no_lines() -> None:
    book = Book(annual(), 6, price=8000)
    book.upload(as_of=FEBRUARY)
    assert book.bill_through(FEBRUARY) == []
    assert book.invoiced_until == FEBRUARY


def test_rises_of_one_day_with_one_unit_price_are_one_line(rows: Rows) -> None:
    book = Book(annual(), 6, price=350, known=[rows.seats("2012-01-01", 6)])
    early, late = instant("2012-01-20 08:00:00"), instant("2012-01-20 09:00:00")
    next_day = instant("2012-01-21 00:00:00")
    book.upload(
        [rows.seats(early, 7), rows.seats(late, 9), rows.seats(next_day, 10)], as_of=FEBRUARY
    )
    (bill,) = book.bill_through(FEBRUARY)
    assert [(line.quantity, line.period_start) for line in bill.lines] == [
        (3, early),
        (1, next_day),
    ]
    assert bill.lines[0].entry_ids == (2, 3)


def test_rises_of_two_days_are_two_lines_even_with_one_unit_price(rows: Rows) -> None:
    book = Book(annual(), 6, price=3, known=[rows.seats("2012-01-01", 6)])
    book.upload([rows.seats("2012-01-20", 7), rows.seats("2012-01-21", 9)], as_of=FEBRUARY)
    (bill,) = book.bill_through(FEBRUARY)
    assert brief(bill) == [("added", 1, 3), ("added", 2, 3)]


def test_rises_of_one_day_with_two_unit_prices_are_two_lines(rows: Rows) -> None:
    book = Book(monthly(), 6, price=8000, known=[rows.seats("2012-01-01", 6)])
    book.upload(
        [rows.seats("2012-01-20 01:00:00", 7), rows.seats("2012-01-20 23:00:00", 9)],
        as_of=FEBRUARY,
    )
    (bill,) = book.bill_through(FEBRUARY)
    assert [line.quantity for line in bill.lines] == [1, 2, 9]
    assert bill.lines[0].unit_amount > bill.lines[1].unit_amount


def test_licenses_that_fell_and_rose_again_are_not_billed_twice(rows: Rows) -> None:
    book = Book(monthly(), 6, known=[rows.seats("2012-01-01", 6)])
    counts = [("2012-01-10", 9), ("2012-01-12", 5), ("2012-01-14", 9), ("2012-01-16", 10)]
    book.upload([rows.seats(at, people) for at, people in counts], as_of=FEBRUARY)
    (bill,) = book.bill_through(FEBRUARY)
    assert [(line.kind.value, line.quantity) for line in bill.lines] == [
        ("added", 3),
        ("added", 1),
        ("renewal", 10),
    ]


def test_an_invoice_bills_nothing_later_than_its_boundary_however_late_it_runs(
    rows: Rows,
) -> None:
    book = Book(monthly(), 6, known=[rows.seats("2012-01-01", 6)])
    at_boundary, after = rows.seats(FEBRUARY, 7), rows.seats("2012-02-03", 9)
    book.upload([at_boundary, after], as_of=instant("2012-03-01"))
    (bill,) = book.bill_through(instant("2012-03-01"))
    assert bill.charges == [
        ("renewal", 6, 350, FEBRUARY, MARCH),
        ("added", 1, 350, FEBRUARY, MARCH),
    ]


def test_the_closing_invoice_of_an_ended_plan_bills_what_was_added(rows: Rows) -> None:
    book = Book(monthly(ends_at=FEBRUARY), 6, known=[rows.seats("2012-01-01", 6)])
    book.upload([rows.seats("2012-01-20", 9)], as_of=MARCH)
    (bill,) = book.bill_through(MARCH)
    assert [(line.kind, line.quantity) for line in bill.lines] == [(LineKind.ADDED, 3)]
    assert book.invoiced_until == FEBRUARY


def test_what_is_added_to_a_plan_that_ends_inside_a_cycle_counts_up_to_its_end() -> None:
    """The share is of the real length of the cycle: 10 of 31 days."""
    ends = instant("2012-01-22 03:04:05")
    terms = PlanTerms(ANCHOR, Schedule.MONTHLY, 3100, ends_at=ends)
    entries = [
        Entry(ANCHOR, True, 6, 6, id=1),
        Entry(instant("2012-01-12 03:04:05"), False, 7, 7, id=2),
        Entry(ends, False, 9, 9, id=3),
    ]
    lines = boundary_lines(
        terms, entries=entries, billed={0: 6}, invoiced_until=ANCHOR, boundary=FEBRUARY
    )
    assert lines == [
        LineDraft(LineKind.ADDED, 1, 1000, entries[1].event_time, ends, entry_ids=(2,))
    ]


def test_what_of_the_new_cycle_was_billed_before_is_not_billed_again() -> None:
    terms = PlanTerms(ANCHOR, Schedule.MONTHLY, 350)
    entries = [Entry(ANCHOR, True, 6, 6, id=1), Entry(FEBRUARY, True, 9, 9, id=2)]

    def quantities(already: int) -> list[int]:
        lines = boundary_lines(
            terms,
            entries=entries,
            billed={0: 6, 1: already},
            invoiced_until=ANCHOR,
            boundary=FEBRUARY,
        )
        return [line.quantity for line in lines]

    assert [quantities(already) for already in (0, 7, 9, 12)] == [[9], [2], [], []]


def test_what_was_added_at_the_boundary_and_billed_before_is_not_billed_again() -> None:
    terms = PlanTerms(ANCHOR, Schedule.MONTHLY, 350)
    entries = [
        Entry(ANCHOR, True, 6, 6, id=1),
        Entry(FEBRUARY, True, 9, 9, id=2),
        Entry(FEBRUARY, False, 13, 13, order_id=4, id=3),
    ]
    (line,) = boundary_lines(
        terms, entries=entries, billed={0: 6, 1: 12}, invoiced_until=ANCHOR, boundary=FEBRUARY
    )
    assert (line.kind, line.quantity) == (LineKind.ADDED, 1)


def test_a_renewal_of_a_cycle_that_was_cut_short_says_what_it_covers() -> None:
    """The daily run was late, and the plan ended inside the cycle: there is no credit for it."""
    ends = instant("2012-02-20")
    terms = PlanTerms(ANCHOR, Schedule.MONTHLY, 350, ends_at=ends)
    entries = [Entry(ANCHOR, True, 6, 6, id=1), Entry(FEBRUARY, True, 6, 6, id=2)]
    (line,) = boundary_lines(
        terms, entries=entries, billed={0: 6}, invoiced_until=ANCHOR, boundary=FEBRUARY
    )
    assert line == LineDraft(LineKind.RENEWAL, 6, 350, FEBRUARY, ends, entry_ids=(2,))


def test_growth_is_what_was_added_and_not_billed_yet() -> None:
    terms = PlanTerms(ANCHOR, Schedule.MONTHLY, 350)
    entries = [
        Entry(ANCHOR, True, 6, 6, id=1),
        Entry(ANCHOR, False, 9, 9, order_id=5, id=2),
        Entry(instant("2012-01-05"), False, 12, 12, id=3),
    ]
    (line,) = growth_lines(terms, entries=entries, billed={0: 6}, at=ANCHOR)
    assert line == LineDraft(LineKind.ADDED, 3, 350, ANCHOR, FEBRUARY, entry_ids=(2,))
    assert growth_lines(terms, entries=entries, billed={0: 9}, at=ANCHOR) == []


def test_a_renewal_that_is_not_in_the_ledger_is_not_invented() -> None:
    terms = PlanTerms(ANCHOR, Schedule.MONTHLY, 350)
    entries = [Entry(ANCHOR, True, 6, 6, id=1)]
    with pytest.raises(AssertionError, match="written to the ledger before"):
        boundary_lines(
            terms, entries=entries, billed={0: 6}, invoiced_until=ANCHOR, boundary=FEBRUARY
        )


def test_the_last_month_of_the_discount() -> None:
    book = Book(monthly(new_customer=replace(NEW_CUSTOMER, months_at_start=2)), 6)
    # The renewal after the last discounted month needs the usual minimum only.
    book.upload(as_of=instant("2012-04-03"))
    bills = [book.bills[0], *book.bill_through(instant("2012-04-03"))]
    assert [bill.total for bill in bills] == [100, 100, 350, 350]
