"""Counts at the end of each UTC day."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.domain.days import ONE_DAY, DayCount, counts_by_day, start_of_day

FIRST = date(2012, 2, 27)


def at(day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2012, 2, day, hour, minute, second, tzinfo=UTC)


def test_a_day_ends_with_its_last_count() -> None:
    changes = [(at(27, 9), 5), (at(28, 10), 7), (at(28, 23, 59, 59), 8), (at(29), 6)]
    assert counts_by_day(changes, first=FIRST, last=date(2012, 3, 1)) == [
        DayCount(FIRST, 5, None),
        DayCount(date(2012, 2, 28), 8, 3),
        DayCount(date(2012, 2, 29), 6, -2),
        DayCount(date(2012, 3, 1), 6, 0),
    ]


def test_days_before_anything_was_known_are_left_out() -> None:
    found = counts_by_day([(at(28, 12), 3)], first=FIRST, last=date(2012, 2, 28))
    assert found == [DayCount(date(2012, 2, 28), 3, None)]
    assert counts_by_day([], first=FIRST, last=date(2012, 2, 28)) == []


def test_what_was_so_before_the_first_day_holds_on_it() -> None:
    found = counts_by_day([(at(1), 4)], first=FIRST, last=FIRST)
    assert found == [DayCount(FIRST, 4, None)]


hours = st.integers(min_value=0, max_value=24 * 40)


@given(st.dictionaries(hours, st.integers(min_value=0, max_value=99)), st.integers(0, 45))
def test_each_day_is_the_last_change_before_its_end(changed: dict[int, int], days: int) -> None:
    start = start_of_day(FIRST)
    changes = [(start + timedelta(hours=hour), count) for hour, count in sorted(changed.items())]
    found = counts_by_day(changes, first=FIRST, last=FIRST + timedelta(days=days))
    told = {day.day: day.count for day in found}
    for offset in range(days + 1):
        day = FIRST + timedelta(days=offset)
        before = [count for moment, count in changes if moment < start_of_day(day + ONE_DAY)]
        assert told.get(day) == (before[-1] if before else None)
    for earlier, later in pairwise(found):
        assert later.change == later.count - earlier.count
