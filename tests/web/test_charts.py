"""Plots as numbers: steps stay in their box and say in words what they show."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.charts import NARROW, WIDE, Curve, Plot, SeatsPoint, draw_curve, draw_seats

START = datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)
END = datetime(2012, 2, 2, 3, 4, 5, tzinfo=UTC)
NOW = START + timedelta(days=15, hours=12)


def draw(points: list[SeatsPoint], *, now: datetime = NOW) -> Plot:
    """The drawing for wide windows."""
    return draw_seats(points, start=START, end=END, now=now).plots[0]


def paths(plot: Plot) -> tuple[str, ...]:
    return tuple(curve.path for curve in plot.curves)


def test_a_cycle_in_steps() -> None:
    chart = draw_seats(
        [SeatsPoint(START, 18, 18), SeatsPoint(START + timedelta(days=2), 23, 23)],
        start=START,
        end=END,
        now=NOW,
    )
    wide, narrow = chart.plots
    assert [series.label for series in chart.legend] == ["Licenses", "People"]
    assert [level.text for level in wide.levels] == ["0", "10", "20", "30"]
    assert wide.levels[0].at == WIDE.bottom and wide.levels[-1].at == WIDE.top
    assert [day.text for day in wide.days] == ["2 Jan", "17 Jan", "2 Feb"]
    assert [day.anchor for day in wide.days] == ["start", "middle", "end"]
    assert paths(wide) == ("M36 73H79V47H376",) * 2
    assert [c.area for c in wide.curves] == [f"M36 73H79V47H376V{WIDE.bottom}H{wide.left}Z", ""]
    assert wide.now_at == 376
    assert paths(narrow) == ("M36 86H56V55H196",) * 2 and narrow.frame is NARROW
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
    assert paths(chart.plots[0])[1] == "M36 57H376"


def test_what_is_not_known_is_not_drawn() -> None:
    chart = draw_seats([SeatsPoint(START, None, None)], start=START, end=END, now=NOW)
    assert all(curve == Curve(curve.style, "", "", None) for curve in chart.plots[0].curves)
    assert "people unknown, no license" in chart.summary


def test_a_silence_leaves_a_gap() -> None:
    days = [timedelta(days=n) for n in (0, 5, 10)]
    plot = draw([SeatsPoint(START + at, n, 10) for at, n in zip(days, (8, None, 9), strict=True)])
    assert paths(plot) == ("M36 10H145V10H255V10H376", "M36 42H145M255 26H376")
    plot = draw([SeatsPoint(START, 8, 10), SeatsPoint(START + days[1], None, 10)])
    assert paths(plot)[1] == "M36 42H145"


def test_the_first_instant_is_a_dot() -> None:
    licenses, people = draw([SeatsPoint(START, 18, 18)], now=START).curves
    assert licenses.dot == people.dot == (36, 26)
    assert draw([SeatsPoint(START, 18, 18)]).curves[0].dot is None


def test_only_the_main_line_has_an_area() -> None:
    assert draw_curve("main", [(0, 5), (9, None), (20, 4)], 30, bottom=9) == Curve(
        "main", "M0 5H9M20 4H30", "M0 5H9V9H0ZM20 4H30V9H20Z", None
    )
    assert draw_curve("other", [(0, 5)], 30, bottom=9).area == ""


@pytest.mark.parametrize(("people", "left"), [(1, 36), (999, 45), (100_000, 59), (2 * 10**9, 101)])
def test_long_numbers_have_their_place(people: int, left: int) -> None:
    plot = draw([SeatsPoint(START, people, people)])
    assert plot.left == left
    assert WIDE.letter * max(len(level.text) for level in plot.levels) <= plot.level_text_at


def test_a_cycle_to_come_and_one_that_is_over_have_no_now() -> None:
    for now in (START - timedelta(days=1), END + timedelta(days=1)):
        assert draw([SeatsPoint(START, 3, 3)], now=now).now_at is None


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
    for plot in chart.plots:
        assert len(plot.levels) <= 6
        _assert_inside(plot)


def _assert_inside(plot: Plot) -> None:
    for command, first, second in re.findall(r"([MHV])(-?\d+)(?: (-?\d+))?", "".join(paths(plot))):
        across = [int(first)] if command in "MH" else []
        height = [int(second)] if command == "M" else [int(first)] if command == "V" else []
        assert all(plot.left <= value <= plot.frame.right for value in across)
        assert all(plot.frame.top <= value <= plot.frame.bottom for value in height)
