"""The plans of a customer as a drawing: where each bar and mark of an SVG goes.

Coordinates are whole units of the SVG's own box; one drawing is for wide windows and one for narrow
ones, as with the other plots (app/web/charts.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.kinds import PlanStatus
from app.services.pages.staff_customer_plans import PlansOverTime, PlanSpan
from app.web.charts import FRAMES, DayMark
from app.web.wording import format_date
from app.web.wordings.staff_customer_plans import span_words, timeline_summary

_LANE = 44
_BAR = 16
_BAR_TOP = 20
_MARKS = 30
_AXIS = 24
_LEFT = 8
# A bar shorter than this could not be seen.
_LEAST = 4
# What is open, or just now, has some room after it: a tenth of everything.
_ROOM = 10
_A_DAY = timedelta(days=1)
_STYLES = {
    PlanStatus.ENDED: "past",
    PlanStatus.TRIAL: "now",
    PlanStatus.ACTIVE: "now",
    PlanStatus.NEVER_STARTED: "next",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One plan: its bar, and its words above it."""

    style: str
    x: int
    y: int
    width: int
    height: int
    text: str
    text_x: int
    text_y: int
    anchor: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The drawing in one frame; `marks` are where something changed, at the height `marks_y`."""

    name: str
    width: int
    height: int
    bars: tuple[Bar, ...]
    marks: tuple[int, ...]
    marks_y: int
    now_at: int
    days: tuple[DayMark, ...]
    days_y: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything the macro `timeline` draws, with the rows of the tables behind it."""

    summary: str
    drawings: tuple[Drawing, ...]
    plans: PlansOverTime


def draw_timeline(plans: PlansOverTime) -> Timeline:
    """One lane for each plan, the oldest above, and a mark for each change below."""
    start = min(span.begins_at for span in plans.spans)
    known = [plans.now, *(span.begins_at for span in plans.spans)]
    known += [span.ends_at for span in plans.spans if span.ends_at is not None]
    last = max(known)
    start = min(start, plans.now)
    end = last + max((last - start) // _ROOM, _A_DAY)
    drawings = tuple(
        _draw(plans, frame.name, frame.width, start=start, end=end) for frame in FRAMES
    )
    return Timeline(timeline_summary(plans), drawings, plans)


def _draw(
    plans: PlansOverTime, name: str, width: int, *, start: datetime, end: datetime
) -> Drawing:
    right = width - _LEFT
    length = end - start

    def x(moment: datetime) -> int:
        within = min(max(moment, start), end)
        return _LEFT + (right - _LEFT) * (within - start) // length

    bars = tuple(
        _bar(span, lane, x(span.begins_at), x(span.ends_at or end), width=width)
        for lane, span in enumerate(plans.spans)
    )
    below = _LANE * len(plans.spans)
    marks_y = below + _MARKS // 2
    days_y = below + _MARKS + _AXIS // 2
    days = (
        DayMark(_LEFT, format_date(start), "start"),
        DayMark(right, format_date(end), "end"),
    )
    inside = {x(change.at) for change in plans.changes if start <= change.at <= end}
    return Drawing(
        name=name,
        width=width,
        height=below + _MARKS + _AXIS,
        bars=bars,
        marks=tuple(sorted(inside)),
        marks_y=marks_y,
        now_at=x(plans.now),
        days=days,
        days_y=days_y,
    )


def _bar(span: PlanSpan, lane: int, left: int, right: int, *, width: int) -> Bar:
    top = lane * _LANE
    is_late = left > width // 2
    style = "given-up" if span.was_given_up else _STYLES[span.status]
    drawn = max(right - left, _LEAST)
    return Bar(
        style=style,
        x=left,
        y=top + _BAR_TOP,
        width=drawn,
        height=_BAR,
        text=span_words(span),
        text_x=left + drawn if is_late else left,
        text_y=top + _BAR_TOP - 6,
        anchor="end" if is_late else "start",
    )
