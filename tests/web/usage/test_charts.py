"""The plot of people day by day stays in its box and says in words what it shows."""

import re
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.days import DayCount
from app.web.usage.charts import draw_days

FIRST = date(2012, 1, 2)


def days_of(*counts: int) -> list[DayCount]:
    return [DayCount(FIRST + timedelta(days=n), count, None) for n, count in enumerate(counts)]


def test_days_are_steps_against_the_limit() -> None:
    chart = draw_days(days_of(7, 9, 12), limit=10)
    assert chart is not None
    plot = chart.plots[0]
    assert [level.text for level in plot.levels] == ["0", "5", "10", "15"]
    assert [mark.text for mark in plot.days] == ["2 Jan", "3 Jan", "4 Jan"]
    assert [series.label for series in chart.legend] == [
        "People at the end of the day",
        "Free limit",
    ]
    assert [curve.style for curve in plot.curves] == ["main", "other"]
    assert plot.curves[1].path == f"M{plot.left} {plot.levels[2].at}H{plot.frame.right}"
    assert chart.summary == (
        "People at the end of each day from 2 January 2012 to 4 January 2012: "
        "between 7 and 12, at last 12 people."
    )


def test_paid_licenses_stand_above_the_people() -> None:
    days = days_of(7, 9, 12)
    chart = draw_days(days, limit=None, licenses=[DayCount(days[1].day, 12, None)])
    assert chart is not None
    licenses, people = chart.plots[0].curves
    assert chart.legend[0].label == "Licenses"
    assert licenses.path.startswith("M262 ") and licenses.area
    assert people.path.startswith("M36 ") and not people.area


def test_one_day_and_none() -> None:
    chart = draw_days(days_of(0), limit=None)
    assert chart is not None and len(chart.legend) == 1
    assert [mark.text for mark in chart.plots[0].days] == ["2 Jan"]
    assert draw_days([], limit=10) is None


@given(
    st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=400),
    st.none() | st.integers(min_value=0, max_value=1000),
)
def test_nothing_leaves_its_box(counts: list[int], limit: int | None) -> None:
    chart = draw_days(days_of(*counts), limit=limit)
    assert chart is not None
    for plot in chart.plots:
        people = plot.curves[0].path
        heights = [int(y) for y in re.findall(r"V(\d+)", people)]
        acrosses = [int(x) for x in re.findall(r"H(\d+)", people)]
        assert all(plot.frame.top <= y <= plot.frame.bottom for y in heights)
        assert acrosses == sorted(acrosses) and acrosses[-1] == plot.frame.right
        assert all(plot.left <= x <= plot.frame.right for x in acrosses)
