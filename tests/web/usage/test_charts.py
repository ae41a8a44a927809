"""The plot of people day by day stays in its box and says in words what it shows."""

import re
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.days import DayCount
from app.web.charts import BOTTOM, LEFT, RIGHT, TOP
from app.web.usage.charts import draw_days

FIRST = date(2012, 1, 2)


def days_of(*counts: int) -> list[DayCount]:
    return [DayCount(FIRST + timedelta(days=n), count, None) for n, count in enumerate(counts)]


def test_days_are_steps_against_the_limit() -> None:
    chart = draw_days(days_of(7, 9, 12), limit=10)
    assert chart is not None
    assert [level.text for level in chart.levels] == ["0", "5", "10", "15"]
    assert [mark.text for mark in chart.days] == ["2 Jan", "3 Jan", "4 Jan"]
    assert chart.limit_at == chart.levels[2].at
    assert chart.summary == (
        "People at the end of each day from 2 January 2012 to 4 January 2012: "
        "between 7 and 12, at last 12 people."
    )


def test_one_day_and_none() -> None:
    chart = draw_days(days_of(0), limit=None)
    assert chart is not None and chart.limit_at is None
    assert [mark.text for mark in chart.days] == ["2 Jan"]
    assert draw_days([], limit=10) is None


@given(
    st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=365),
    st.none() | st.integers(min_value=0, max_value=1000),
)
def test_nothing_leaves_its_box(counts: list[int], limit: int | None) -> None:
    chart = draw_days(days_of(*counts), limit=limit)
    assert chart is not None
    heights = [int(y) for y in re.findall(r"V(\d+)", chart.people_path)]
    acrosses = [int(x) for x in re.findall(r"H(\d+)", chart.people_path)]
    assert all(TOP <= y <= BOTTOM for y in heights) and acrosses == sorted(acrosses)
    assert all(LEFT <= x <= RIGHT for x in acrosses) and acrosses[-1] == RIGHT
    assert chart.limit_at is None or TOP <= chart.limit_at <= BOTTOM
