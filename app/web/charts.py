"""Plots as numbers: where each line of an SVG goes. The macros of components/charts.html draw them.

Coordinates are whole units of the SVG's own box, so nothing is rounded twice and no style is needed.
Each plot is drawn twice, for wide windows and for narrow ones, and the style sheet shows one: an
SVG that only shrinks would be 80 pixels high on a phone.
"""

from collections.abc import Callable, Iterator, Sequence
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

MOST_LEVELS = 4
# Levels, days and their numbers keep such a distance from the lines.
_TEXT_GAP = 10
# A line shorter than this is drawn with a dot, or nobody would see it.
_SHORT = 6
_NICE_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The box of one drawing; `letter` is the width of one letter of its texts."""

    name: str
    width: int
    height: int
    least_left: int
    right: int
    top: int
    bottom: int
    text_bottom: int
    letter: int

    def left(self, longest_text: str) -> int:
        """Where the lines begin, so that the longest number beside them fits."""
        return max(self.least_left, self.letter * len(longest_text) + _TEXT_GAP)


WIDE = Frame(
    name="wide",
    width=720,
    height=200,
    least_left=36,
    right=716,
    top=10,
    bottom=166,
    text_bottom=190,
    letter=7,
)
NARROW = Frame(
    name="narrow",
    width=360,
    height=240,
    least_left=36,
    right=356,
    top=10,
    bottom=200,
    text_bottom=226,
    letter=8,
)
FRAMES = (WIDE, NARROW)


@dataclass(frozen=True, slots=True)
class SeatsPoint:
    """From `at` on there are so many people and paid licenses; None where it is not known."""

    at: datetime
    people: int | None
    licenses: int | None


@dataclass(frozen=True, slots=True)
class Series:
    """One line to draw: from each position on so many, or None where it is not known. `style` is
    "main" (with its area) or "other" (dashed)."""

    style: str
    label: str
    steps: Sequence[tuple[int, int | None]]


@dataclass(frozen=True, slots=True)
class Level:
    """A line across the plot: its height, and the number it stands for."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class DayMark:
    """A day below the plot; `anchor` says which end of the text stands at `at`."""

    at: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawn line; `dot` is set where the line itself would be too short to be seen."""

    style: str
    path: str
    area: str
    dot: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing in its frame."""

    frame: Frame
    left: int
    levels: tuple[Level, ...]
    days: tuple[DayMark, ...]
    curves: tuple[Curve, ...]
    now_at: int | None

    @property
    def level_text_at(self) -> int:
        """Where the numbers of the levels end."""
        return self.left - _TEXT_GAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything the macro `plot` draws."""

    summary: str
    legend: tuple[Series, ...]
    plots: tuple[Plot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsChart(Chart):
    """Everything the macro `seats_chart` draws."""

    rows: Sequence[SeatsPoint]


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
    span = (end - start) // _SECOND

    def position(moment: datetime) -> int:
        return (moment - start) // _SECOND

    series = (
        Series("main", gettext("Licenses"), [(position(row.at), row.licenses) for row in rows]),
        Series("other", gettext("People"), [(position(row.at), row.people) for row in rows]),
    )
    days = (format_short_day(start), format_short_day(start + (end - start) / 2))
    marks = ((0, days[0]), (span // 2, days[1]), (span, format_short_day(end)))
    return SeatsChart(
        summary=_summary(rows[-1], start, end),
        rows=rows,
        legend=series,
        plots=draw_plots(
            series,
            span=span,
            until=position(min(max(now, start), end)),
            marks=marks,
            now=position(now) if start <= now < end else None,
        ),
    )


def draw_plots(
    series: Sequence[Series],
    *,
    span: int,
    until: int,
    marks: Sequence[tuple[int, str]],
    now: int | None = None,
    text_of: Callable[[int], str] = format_count,
) -> tuple[Plot, ...]:
    """The same lines in each frame. Positions run from 0 to `span`; lines end at `until`.

    `marks` name positions below the plot; `now` gets a line of its own. `text_of` makes the words
    of a level.
    """
    most = max((count for each in series for _, count in each.steps if count), default=0)
    step, top_level = scale_levels(most)
    texts = [(level, text_of(level)) for level in range(0, top_level + 1, step)]
    return tuple(
        _draw(frame, series, span=span, until=until, marks=marks, now=now, texts=texts)
        for frame in FRAMES
    )


def _draw(
    frame: Frame,
    series: Sequence[Series],
    *,
    span: int,
    until: int,
    marks: Sequence[tuple[int, str]],
    now: int | None,
    texts: Sequence[tuple[int, str]],
) -> Plot:
    left, top_level = frame.left(max((text for _, text in texts), key=len)), texts[-1][0]

    def x(position: int) -> int:
        return left + (frame.right - left) * position // span

    def y(count: int) -> int:
        return frame.bottom - (frame.bottom - frame.top) * count // top_level

    curves = []
    for each in series:
        steps = [(x(at), None if count is None else y(count)) for at, count in each.steps]
        curves.append(draw_curve(each.style, steps, x(until), bottom=frame.bottom))
    return Plot(
        frame=frame,
        left=left,
        levels=tuple(Level(y(level), text) for level, text in texts),
        days=tuple(DayMark(x(at), text, _anchor(at, span)) for at, text in marks),
        curves=tuple(curves),
        now_at=None if now is None else x(now),
    )


def _anchor(position: int, span: int) -> str:
    if position == 0:
        return "start"
    return "end" if position == span else "middle"


def draw_curve(
    style: str, steps: Sequence[tuple[int, int | None]], until: int, *, bottom: int
) -> Curve:
    """Steps that keep each height until the next one; what is not known leaves a gap."""
    path, area, dot = "", "", None
    for corners, end in _runs(steps, until):
        drawn = f"M{corners[0][0]} {corners[0][1]}"
        drawn += "".join(f"H{across}V{height}" for across, height in corners[1:]) + f"H{end}"
        path += drawn
        if style == "main":
            area += f"{drawn}V{bottom}H{corners[0][0]}Z"
        dot = (end, corners[-1][1]) if end - corners[0][0] < _SHORT else None
    return Curve(style, path, area, dot)


def _runs(
    steps: Sequence[tuple[int, int | None]], until: int
) -> Iterator[tuple[list[tuple[int, int]], int]]:
    """Stretches in which something is known, each with where it ends."""
    run: list[tuple[int, int]] = []
    for across, height in steps:
        if height is not None:
            run.append((across, height))
        elif run:
            yield run, across
            run = []
    if run:
        yield run, max(until, run[-1][0])


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


def _summary(last: SeatsPoint, start: datetime, end: datetime) -> str:
    """The plot in a sentence, for those who do not see it."""
    return gettext(
        "People and paid licenses from %(start)s to %(end)s; last: %(people)s, %(licenses)s.",
        start=format_date(start),
        end=format_date(end),
        people=gettext("people unknown") if last.people is None else count_people(last.people),
        licenses=gettext("no license") if not last.licenses else count_licenses(last.licenses),
    )
