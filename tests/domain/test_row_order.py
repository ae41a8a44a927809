"""Rows keep their order when a server begins to number them anew."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.ledger import SeatRow
from app.domain.row_order import LARGEST_ROW_ID, LAST_EPOCH, row_order
from tests.domain.book import Book
from tests.domain.strategies import History, deliveries, histories

ids = st.integers(1, LARGEST_ROW_ID)
epochs = st.integers(0, LAST_EPOCH)


@given(one=st.tuples(epochs, ids), other=st.tuples(epochs, ids))
def test_a_later_epoch_comes_after_every_row_of_an_earlier_one(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    assert (row_order(*one) < row_order(*other)) is (one < other)


@given(epoch=epochs, remote_id=ids)
def test_orders_fit_into_their_columns(epoch: int, remote_id: int) -> None:
    assert 0 < row_order(epoch, remote_id) < 2**63


@given(remote_id=ids)
def test_before_any_rewind_it_is_the_rows_own_id(remote_id: int) -> None:
    assert row_order(0, remote_id) == remote_id


def renumbered(row: SeatRow, *, lost_after: int, kept: int) -> SeatRow:
    """The row as its server would have sent it, had it lost its database after one row and begun
    again behind another."""
    if row.remote_id <= lost_after:
        return row
    return replace(row, epoch=1, remote_id=row.remote_id - lost_after + kept)


@given(data=st.data(), history=histories())
def test_a_server_that_numbers_its_rows_anew_pays_the_same(
    data: st.DataObject, history: History
) -> None:
    lost_after = data.draw(st.integers(0, 20))
    kept = data.draw(st.integers(0, lost_after))
    batches = data.draw(deliveries(history))

    def told(rows: list[SeatRow] | tuple[SeatRow, ...]) -> list[SeatRow]:
        return [renumbered(row, lost_after=lost_after, kept=kept) for row in rows]

    steady = Book(history.rules, history.first, history.price, history.known)
    restored = Book(history.rules, history.first, history.price, told(history.known))
    for rows, as_of in batches:
        for book, given_rows in ((steady, list(rows)), (restored, told(rows))):
            book.upload(given_rows, as_of=as_of)
            book.bill_through(as_of)
    assert restored.says() == steady.says()
    assert [bill.charges for bill in restored.bills] == [bill.charges for bill in steady.bills]
