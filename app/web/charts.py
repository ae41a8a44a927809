"""Plots as numbers: where each line of an SVG goes. The macros of components/charts.html draw them.

Coordinates are whole units of the SVG's own box, so nothing is rounded twice and no style is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext

from app.web.wording import (
    count_licenses,
    count_people,
    format_count,
    format_date,
    format_short_day,
)

WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, TOP, BOTTOM = 36, 716, 10, 166
TEXT_BOTTOM = 190
LEVEL_TEXT_AT = LEFT - 10
MOST_LEVELS = 4
_NICE_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class SeatsPoint:
    """From `at` on there are so many people and paid licenses; None where it is not known."""

    at: datetime
    people: int | None
    licenses: int | None


@dataclass(frozen=True, slots=True)
class Level:
    """A line across the plot: its height, and the number it stands for."""

    at: int
    text: str
    text_at: int = LEVEL_TEXT_AT


@dataclass(frozen=True, slots=True)
class DayMark:
    """A day below the plot; `anchor` says which end of the text stands at `at`."""

    at: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsChart:
    """Everything the macro `seats_chart` draws."""

    summary: str
    rows: Sequence[SeatsPoint]
    levels: Sequence[Level]
    days: Sequence[DayMark]
    licenses_path: str
    licenses_area: str
    people_path: str
    now_at: int | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM
    text_bottom: int = TEXT_BOTTOM


def draw_seats(
    points: Sequence[SeatsPoint], *, start: datetime, end: datetime, now: datetime
) -> SeatsChart:
    """People and licenses as steps over the cycle [start, end), drawn up to `now`.

    `points` are in order of time; one before `start` says how the cycle began. ValueError when the
    cycle is empty or nothing is known at all.
    """
    if end <= start:
        raise ValueError("a cycle ends after its start")
    if not points:
        raise ValueError("a plot needs at least one point")
    rows = _within(points, start, end)
    until = min(max(now, start), end)
    most = max((count for row in rows for count in (row.people, row.licenses) if count), default=0)
    step, top_level = scale_levels(most)

    def x(moment: datetime) -> int:
        return LEFT + (RIGHT - LEFT) * ((moment - start) // _SECOND) // ((end - start) // _SECOND)

    def y(count: int) -> int:
        return BOTTOM - (BOTTOM - TOP) * count // top_level

    licenses = [(x(row.at), y(row.licenses)) for row in rows if row.licenses is not None]
    people = [(x(row.at), y(row.people)) for row in rows if row.people is not None]
    middle = start + (end - start) / 2
    return SeatsChart(
        summary=_summary(rows[-1], start, end),
        rows=rows,
        levels=[Level(y(level), format_count(level)) for level in range(0, top_level + 1, step)],
        days=[
            DayMark(LEFT, format_short_day(start), "start"),
            DayMark(x(middle), format_short_day(middle), "middle"),
            DayMark(RIGHT, format_short_day(end), "end"),
        ],
        licenses_path=steps_path(licenses, x(until)),
        licenses_area=area_path(licenses, x(until)),
        people_path=steps_path(people, x(until)),
        now_at=x(now) if start <= now < end else None,
    )


_SECOND = timedelta(seconds=1)


def _within(points: Sequence[SeatsPoint], start: datetime, end: datetime) -> list[SeatsPoint]:
    """The points of the cycle; what was so before it stands at its start."""
    earlier = [point for point in points if point.at <= start]
    inside = [point for point in points if start < point.at < end]
    if not earlier:
        return inside or [SeatsPoint(start, points[0].people, points[0].licenses)]
    return [SeatsPoint(start, earlier[-1].people, earlier[-1].licenses), *inside]


def scale_levels(most: int) -> tuple[int, int]:
    """The distance of the levels, and the topmost: at most four steps of 1, 2 or 5 times a ten."""
    power = 1
    while True:
        for nice in _NICE_STEPS:
            step = nice * power
            if step * MOST_LEVELS >= max(most, 1):
                return step, step * max(-(-most // step), 1)
        power *= 10


def steps_path(corners: Sequence[tuple[int, int]], until: int) -> str:
    """A path that keeps each height until the next point and goes on to `until`."""
    if not corners:
        return ""
    parts = [f"M{corners[0][0]} {corners[0][1]}"]
    parts += [f"H{across}V{height}" for across, height in corners[1:]]
    return "".join([*parts, f"H{max(until, corners[-1][0])}"])


def area_path(corners: Sequence[tuple[int, int]], until: int) -> str:
    """The same, closed along the bottom."""
    line = steps_path(corners, until)
    return f"{line}V{BOTTOM}H{corners[0][0]}Z" if line else ""


def _summary(last: SeatsPoint, start: datetime, end: datetime) -> str:
    """The plot in a sentence, for those who do not see it."""
    return gettext(
        "People and paid licenses from %(start)s to %(end)s; last: %(people)s, %(licenses)s.",
        start=format_date(start),
        end=format_date(end),
        people=gettext("people unknown") if last.people is None else count_people(last.people),
        licenses=gettext("no license") if not last.licenses else count_licenses(last.licenses),
    )
