"""How far to move the time, and the stops on the way."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.demo.moves import MoveError, count_steps, parse_instant, parse_move, steps

NOW = datetime(2012, 1, 31, 3, 4, 5, tzinfo=UTC)
# From 2000 to 2100.
instants = st.integers(946_684_800, 4_102_444_800).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("1month", "2012-02-29T03:04:05"),  # a leap year's last day of February
        ("13 months", "2013-02-28T03:04:05"),
        ("3days", "2012-02-03T03:04:05"),
        ("1 Day", "2012-02-01T03:04:05"),
        ("2hours", "2012-01-31T05:04:05"),
        ("  1   week ", "2012-02-07T03:04:05"),
        ("3years", "2015-01-31T03:04:05"),
        ("to 2012-02-02T03:04:05", "2012-02-02T03:04:05"),
        ("to 2012-02-02T03:04:05Z", "2012-02-02T03:04:05"),
        ("to 2012-02-02T05:04:05+02:00", "2012-02-02T03:04:05"),
        ("to 2012-02-02", "2012-02-02T00:00:00"),
    ],
)
def test_a_move_leads_to(text: str, target: str) -> None:
    assert parse_move(text, now=NOW) == datetime.fromisoformat(target).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "month", "1", "-1day", "0days", "1.5days", "1 fortnight", "to", "to tomorrow",
        "to 2012-13-01", "to 2012-01-31T03:04:05", "to 2011-01-01", "4years", "37months",
        "9999years", "99999days", "١day", "to 0001-01-01T00:00:00+23:59", "1month 1day",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_words(text: str) -> None:
    with pytest.raises(MoveError, match=r"\w+ \w+"):
        parse_move(text, now=NOW)


def test_an_instant_without_offset_is_utc() -> None:
    assert parse_instant("2012-02-02t03:04:05z") == datetime(2012, 2, 2, 3, 4, 5, tzinfo=UTC)
    with pytest.raises(MoveError):
        parse_instant("soon")


@given(start=instants, length=st.integers(1, 400 * 86_400))
def test_steps_are_a_day_at_most_and_end_at_the_target(start: datetime, length: int) -> None:
    target = start + timedelta(seconds=length)
    stops = list(steps(start, target))
    assert len(stops) == count_steps(start, target)
    assert stops[-1] == target
    gaps = [b - a for a, b in zip([start, *stops], stops, strict=False)]
    assert all(timedelta() < gap <= timedelta(days=1) for gap in gaps)


def test_there_is_no_step_to_where_we_are() -> None:
    assert list(steps(NOW, NOW)) == []
