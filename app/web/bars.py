"""Bars above and below a line of nothing: what was gained and lost, period by period.

Drawn as the plots of app/web/charts.py are: whole units of the SVG's own box, once for wide windows
and once for narrow ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.web.charts import FRAMES, DayMark, Frame, Level, scale_levels

# A bar that is there is never thinner than this.
_LEAST = 1


@dataclass(frozen=True, slots=True)
class Bar:
    """One period: what was gained and what was lost, neither below nothing."""

    label: str
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Block:
    """A drawn bar. `style` is "gained" or "lost"."""

    style: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class BarPlot:
    """One drawing in its frame."""

    frame: Frame
    left: int
    level_text_at: int
    levels: tuple[Level, ...]
    marks: tuple[DayMark, ...]
    blocks: tuple[Block, ...]
    zero_at: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """Everything the macro `bar_plot` draws."""

    summary: str
    gained: str
    lost: str
    plots: tuple[BarPlot, ...]


def draw_bars(bars: Sequence[Bar], *, text_of: Callable[[int], str]) -> tuple[BarPlot, ...]:
    """The bars in each frame; `text_of` makes the words of a level. ValueError without any bar."""
    if not bars:
        raise ValueError("a plot needs at least one bar")
    up, down = max(bar.gained for bar in bars), max(bar.lost for bar in bars)
    step, _ = scale_levels(max(up, down))
    above, below = max(-(-up // step), 1), -(-down // step)
    levels = [(n * step, text_of(n * step)) for n in range(-below, above + 1)]
    return tuple(_draw(frame, bars, levels) for frame in FRAMES)


def _draw(frame: Frame, bars: Sequence[Bar], levels: Sequence[tuple[int, str]]) -> BarPlot:
    left = frame.left(max((text for _, text in levels), key=len))
    low, high = levels[0][0], levels[-1][0]

    def y(amount: int) -> int:
        return frame.bottom - (frame.bottom - frame.top) * (amount - low) // (high - low)

    slot = (frame.right - left) // len(bars)
    width = max(3 * slot // 5, 2)
    blocks = []
    for n, bar in enumerate(bars):
        x = left + (frame.right - left) * n // len(bars) + (slot - width) // 2
        if bar.gained:
            height = max(y(0) - y(bar.gained), _LEAST)
            blocks.append(Block("gained", x, y(0) - height, width, height))
        if bar.lost:
            height = max(y(-bar.lost) - y(0), _LEAST)
            blocks.append(Block("lost", x, y(0), width, height))
    return BarPlot(
        frame=frame,
        left=left,
        level_text_at=left - 10,
        levels=tuple(Level(y(amount), text) for amount, text in levels),
        marks=tuple(_marks(frame, bars, left)),
        blocks=tuple(blocks),
        zero_at=y(0),
    )


def _marks(frame: Frame, bars: Sequence[Bar], left: int) -> list[DayMark]:
    """The first period and the last, and one between when there are enough."""
    marks = [DayMark(left, bars[0].label, "start")]
    if len(bars) > 2:
        marks.append(DayMark((left + frame.right) // 2, bars[len(bars) // 2].label, "middle"))
    if len(bars) > 1:
        marks.append(DayMark(frame.right, bars[-1].label, "end"))
    return marks
