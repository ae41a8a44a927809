"""Laws of the invoices: what every plan is billed, whatever happens to it."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.calendar import Cycle, cycle_at, cycle_number, month_boundary
from app.domain.discounts import NO_NEW_CUSTOMER_TERMS
from app.domain.invoicing import LineDraft
from app.domain.kinds import LineKind
from app.domain.ledger import effective_entries
from tests.domain.book import LICENSE_LINES, Bill, Book
from tests.domain.strategies import History, deliveries, histories, moments, months_of

thorough = settings(max_examples=max(200, settings().max_examples))


def new_book(history: History) -> Book:
    return Book(history.rules, history.first, price=history.price, known=history.known)


def feed(book: Book, history: History, *, as_of: datetime) -> None:
    """Upload what has happened by `as_of`, in the order in which it happened."""
    due = [row for row in history.in_order() if row.event_time <= as_of]
    book.upload(due, as_of=as_of)


def billed_day_by_day(data: st.DataObject, history: History) -> Book:
    """Rows in any order and invoices whenever they are due: some rows come after their invoice."""
    book = new_book(history)
    for rows, as_of in data.draw(deliveries(history)):
        book.upload(rows, as_of=as_of)
        book.bill_through(as_of)
    return book


def all_lines(bills: Iterable[Bill]) -> list[LineDraft]:
    return [line for bill in bills for line in bill.lines]


def cycles_until(history: History, at: datetime) -> list[Cycle]:
    rules = history.rules
    last = cycle_at(rules.anchor, rules.schedule, at).index
    return [cycle_number(rules.anchor, rules.schedule, index) for index in range(last + 1)]


def license_time(book: Book, cycle: Cycle, *, until: datetime) -> Fraction:
    """Licenses times their share of the cycle; what was added stays until the cycle's end.

    Counts events up to and including `until`.
    """
    held, total = 0, Fraction(0)
    for entry in effective_entries(book.entries):
        if cycle.start <= entry.event_time < cycle.end and entry.event_time <= until:
            share = Fraction((cycle.end - entry.event_time) // timedelta(seconds=1)) / (
                cycle.length // timedelta(seconds=1)
            )
            licenses, _ = book.at(entry.event_time)
            # Several events of one second count once: by what holds after the last of them.
            total += max(0, licenses - held) * share
            held = max(held, licenses)
    return total


@thorough
@given(data=st.data(), history=histories(late=0, new_customer=NO_NEW_CUSTOMER_TERMS))
def test_what_is_billed_is_price_times_license_time(data: st.DataObject, history: History) -> None:
    """For every prefix of the months, with what is still to be billed at any instant after it."""
    anchor, months = history.rules.anchor, months_of(history.rules.schedule)
    at = max(data.draw(moments(anchor, months)), anchor)
    book = new_book(history)
    feed(book, history, as_of=at)
    book.bill_through(at)
    lines = all_lines([*book.bills, book.growth(at)])
    shares = (license_time(book, cycle, until=at) for cycle in cycles_until(history, at))
    exact: Fraction = history.price * sum(shares, start=Fraction(0))
    # Each added license is rounded by itself, by half a cent at most.
    added = sum(line.quantity for line in lines if line.kind is LineKind.ADDED)
    assert abs(sum(line.amount for line in lines) - exact) <= Fraction(added, 2)


@thorough
@given(data=st.data(), history=histories())
def test_no_invoice_is_below_zero_and_every_line_charges_for_something(
    data: st.DataObject, history: History
) -> None:
    book = billed_day_by_day(data, history)
    for bill in book.bills:
        assert bill.total >= 0
        assert bill.total == sum(line.quantity * line.unit_amount for line in bill.lines)
        assert all(line.quantity > 0 for line in bill.lines)
        for line in bill.lines:
            assert (line.amount < 0) == (line.kind is LineKind.DISCOUNT)
            assert line.period_start < line.period_end


@thorough
@given(data=st.data(), history=histories())
def test_every_license_of_a_cycle_is_billed_once(data: st.DataObject, history: History) -> None:
    book = billed_day_by_day(data, history)
    book.upload(as_of=book.invoiced_until)
    rules = history.rules
    *closed, last = cycles_until(history, book.invoiced_until)
    renewals = [e for e in effective_entries(book.entries) if e.is_renewal]
    for cycle in closed:
        held, _ = book.at(cycle.end - timedelta(seconds=1))
        renewed = next(entry for entry in renewals if entry.event_time == cycle.start)
        assert book.billed.get(cycle.index, 0) >= max(held, renewed.licenses)
    assert book.billed.get(last.index, 0) >= book.at(last.start)[0]
    assert last.start == book.invoiced_until or rules.schedule.months == 12
    uses = Counter(
        (entry_id, line.kind) for line in all_lines(book.bills) for entry_id in line.entry_ids
    )
    assert all(count == 1 for count in uses.values())


@thorough
@given(data=st.data(), history=histories(late=0))
def test_no_more_is_billed_than_was_held_when_rows_come_in_time(
    data: st.DataObject, history: History
) -> None:
    book = new_book(history)
    anchor, months = history.rules.anchor, months_of(history.rules.schedule)
    for at in sorted(data.draw(st.lists(moments(anchor, months), max_size=5))):
        feed(book, history, as_of=max(at, anchor))
        book.bill_through(at)
    feed(book, history, as_of=history.until)
    book.bill_through(history.until)
    for cycle in cycles_until(history, book.invoiced_until)[:-1]:
        assert book.billed.get(cycle.index, 0) == book.at(cycle.end - timedelta(seconds=1))[0]


@thorough
@given(data=st.data(), history=histories(late=0))
def test_a_late_run_bills_what_a_punctual_one_does(data: st.DataObject, history: History) -> None:
    late, punctual = new_book(history), new_book(history)
    feed(late, history, as_of=history.until)
    late.bill_through(history.until)
    anchor, months = history.rules.anchor, months_of(history.rules.schedule) + 2
    times = {month_boundary(anchor, n) for n in range(months)} | {history.until}
    times |= set(data.draw(st.lists(moments(anchor, months), max_size=4)))
    for at in sorted(at for at in times if anchor <= at <= history.until):
        feed(punctual, history, as_of=at)
        punctual.bill_through(at)
    assert [(b.boundary, b.charges) for b in punctual.bills] == [
        (b.boundary, b.charges) for b in late.bills
    ]


@given(data=st.data(), history=histories())
def test_a_rerun_bills_nothing(data: st.DataObject, history: History) -> None:
    book = billed_day_by_day(data, history)
    book.bill_through(history.until)
    assert book.bill_through(history.until) == []
    assert not book.growth(book.invoiced_until).lines


@given(data=st.data(), history=histories())
def test_the_discount_is_what_was_promised_and_no_more(
    data: st.DataObject, history: History
) -> None:
    book = billed_day_by_day(data, history)
    promise = history.rules.new_customer
    given_away = 0
    for bill in book.bills:
        discounts = [line for line in bill.lines if line.kind is LineKind.DISCOUNT]
        others = sum(line.amount for line in bill.lines if line.kind is not LineKind.DISCOUNT)
        assert len(discounts) <= 1
        for line in discounts:
            assert -line.amount <= others
            assert bill.total == 0 or line.amount % promise.amount == 0
            given_away -= line.amount
    assert given_away <= promise.amount * promise.months_at_start


@given(data=st.data(), history=histories())
def test_lines_lie_inside_their_cycle_and_renewals_tile_time(
    data: st.DataObject, history: History
) -> None:
    book = billed_day_by_day(data, history)
    rules = history.rules
    whole = []
    for line in all_lines(book.bills):
        cycle = cycle_at(rules.anchor, rules.schedule, line.period_start)
        assert line.period_end == cycle.end
        if line.kind in (LineKind.FIRST, LineKind.RENEWAL):
            whole.append((line.period_start, line.period_end))
            assert line.period_start == cycle.start
        elif line.kind is LineKind.ADDED:
            assert 0 <= line.unit_amount <= history.price
    assert len(set(whole)) == len(whole)


@given(data=st.data(), history=histories())
def test_nothing_is_billed_beyond_the_end(data: st.DataObject, history: History) -> None:
    rules = history.rules
    book = new_book(history)
    end = cycle_number(rules.anchor, rules.schedule, data.draw(st.integers(0, 1))).end
    book.end_at(end)
    for rows, as_of in data.draw(deliveries(history)):
        book.upload(rows, as_of=as_of)
        book.bill_through(as_of)
    assert book.invoiced_until == end
    assert all(line.period_end <= end for line in all_lines(book.bills))
    assert {line.kind for line in book.bills[-1].lines} & set(LICENSE_LINES)
