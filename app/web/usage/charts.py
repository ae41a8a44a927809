"""The plot of people day by day, against the free limit."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext

from app.domain.days import DayCount, start_of_day
from app.web.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TEXT_BOTTOM,
    TOP,
    WIDTH,
    DayMark,
    Level,
    area_path,
    scale_levels,
    steps_path,
)
from app.web.wording import count_people, format_count, format_date, format_short_day


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysChart:
    """Everything the macro `days_chart` draws. `limit_at` is the height of the free limit, None
    where none applies."""

    summary: str
    levels: Sequence[Level]
    days: Sequence[DayMark]
    people_path: str
    people_area: str
    limit_at: int | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    text_bottom: int = TEXT_BOTTOM


def draw_days(days: Sequence[DayCount], *, limit: int | None) -> DaysChart | None:
    """Each day as a step of the same width; None when there is no day to show."""
    if not days:
        return None
    most = max([day.count for day in days] + ([limit] if limit else []))
    step, top_level = scale_levels(most)

    def x(position: int) -> int:
        return LEFT + (RIGHT - LEFT) * position // len(days)

    def y(count: int) -> int:
        return BOTTOM - (BOTTOM - TOP) * count // top_level

    corners = [(x(n), y(day.count)) for n, day in enumerate(days)]
    return DaysChart(
        summary=_summary(days),
        levels=[Level(y(level), format_count(level)) for level in range(0, top_level + 1, step)],
        days=_marks(days),
        people_path=steps_path(corners, RIGHT),
        people_area=area_path(corners, RIGHT),
        limit_at=y(limit) if limit else None,
    )


def _marks(days: Sequence[DayCount]) -> list[DayMark]:
    """The first day and the last, and the one between when there are enough."""

    def text(position: int) -> str:
        return format_short_day(start_of_day(days[position].day))

    marks = [DayMark(LEFT, text(0), "start")]
    if len(days) > 2:
        marks.append(DayMark((LEFT + RIGHT) // 2, text(len(days) // 2), "middle"))
    if len(days) > 1:
        marks.append(DayMark(RIGHT, text(-1), "end"))
    return marks


def _summary(days: Sequence[DayCount]) -> str:
    """The plot in a sentence, for those who do not see it."""
    least, most = min(day.count for day in days), max(day.count for day in days)
    return gettext(
        "People at the end of each day from %(start)s to %(end)s: between %(least)s and %(most)s, "
        "at last %(last)s.",
        start=format_date(start_of_day(days[0].day)),
        end=format_date(start_of_day(days[-1].day)),
        least=format_count(least),
        most=format_count(most),
        last=count_people(days[-1].count),
    )
