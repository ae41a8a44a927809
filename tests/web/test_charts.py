"""Plots as numbers: steps stay in their box and say in words what they show."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.charts import BOTTOM, LEFT, RIGHT, TOP, SeatsPoint, draw_seats

START = datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
END = datetime(2012, 2, 2, 3, 4, 5, tzinfo=UTC)
NOW = START + timedelta(days=15, hours=12)


def test_a_cycle_in_steps() -> None:
    chart = draw_seats(
        [SeatsPoint(START, 18, 18), SeatsPoint(START + timedelta(days=2), 23, 23)],
        start=START,
        end=END,
        now=NOW,
    )
    assert [level.text for level in chart.levels] == ["0", "10", "20", "30"]
    assert chart.levels[0].at == BOTTOM and chart.levels[-1].at == TOP
    assert [day.text for day in chart.days] == ["2 Jan", "17 Jan", "2 Feb"]
    assert chart.people_path == chart.licenses_path == "M36 73H79V47H376"
    assert chart.licenses_area == f"M36 73H79V47H376V{BOTTOM}H{LEFT}Z"
    assert chart.now_at == 376
    assert chart.summary == (
        "People and paid licenses from 2 January 2012 to 2 February 2012; "
        "last: 23 people, 23 licenses."
    )


def test_what_was_so_before_the_cycle_stands_at_its_start() -> None:
    chart = draw_seats(
        [
            SeatsPoint(START - timedelta(days=40), 9, 10),
            SeatsPoint(START - timedelta(days=4), 7, 10),
        ],
        start=START,
        end=END,
        now=NOW,
    )
    assert chart.rows == [SeatsPoint(START, 7, 10)]
    assert chart.people_path == "M36 57H376"


def test_what_is_not_known_is_not_drawn() -> None:
    chart = draw_seats([SeatsPoint(START, None, None)], start=START, end=END, now=NOW)
    assert (chart.people_path, chart.licenses_path, chart.licenses_area) == ("", "", "")
    assert "people unknown, no license" in chart.summary


def test_a_cycle_to_come_and_one_that_is_over_have_no_now() -> None:
    points = [SeatsPoint(START, 3, 3)]
    for now in (START - timedelta(days=1), END + timedelta(days=1)):
        assert draw_seats(points, start=START, end=END, now=now).now_at is None


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after its start"):
        draw_seats([SeatsPoint(START, 1, 1)], start=START, end=START, now=NOW)
    with pytest.raises(ValueError, match="at least one point"):
        draw_seats([], start=START, end=END, now=NOW)


counts = st.one_of(st.none(), st.integers(min_value=0, max_value=2_000_000))


@given(
    st.lists(
        st.tuples(st.integers(min_value=-(10**6), max_value=4 * 10**6), counts, counts),
        min_size=1,
        max_size=20,
    )
)
def test_everything_stays_in_the_box(drawn: list[tuple[int, int | None, int | None]]) -> None:
    points = [
        SeatsPoint(START + timedelta(seconds=seconds), people, licenses)
        for seconds, people, licenses in sorted(drawn, key=lambda item: item[0])
    ]
    chart = draw_seats(points, start=START, end=END, now=NOW)
    assert len(chart.levels) <= 6
    for path in (chart.people_path, chart.licenses_path):
        for command, first, second in re.findall(r"([MHV])(-?\d+)(?: (-?\d+))?", path):
            across = [int(first)] if command in "MH" else []
            height = [int(second)] if command == "M" else [int(first)] if command == "V" else []
            assert all(LEFT <= value <= RIGHT for value in across)
            assert all(TOP <= value <= BOTTOM for value in height)
