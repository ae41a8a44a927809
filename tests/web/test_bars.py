"""Bars as numbers: they stay in their box, above and below the line of nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.bars import Bar, draw_bars

amounts = st.integers(0, 10**9)
bars = st.builds(Bar, st.just("Mar 2027"), amounts, amounts)


def test_two_months() -> None:
    wide, narrow = draw_bars([Bar("Jan", 300, 0), Bar("Feb", 0, 100)], text_of=str)
    assert [level.text for level in wide.levels] == ["-100", "0", "100", "200", "300"]
    assert [mark.text for mark in narrow.marks] == ["Jan", "Feb"]
    gained, lost = wide.blocks
    assert (gained.style, lost.style) == ("gained", "lost")
    assert gained.y + gained.height == lost.y == wide.zero_at
    assert gained.x + gained.width < lost.x
    assert (gained.y, lost.y + lost.height) == (wide.frame.top, wide.frame.bottom)


@given(st.lists(bars, min_size=1, max_size=12))
def test_bars_stay_in_their_box(drawn: list[Bar]) -> None:
    for plot in draw_bars(drawn, text_of=str):
        frame = plot.frame
        heights = [level.at for level in plot.levels]
        assert heights == sorted(heights, reverse=True)
        assert (heights[0], heights[-1]) == (frame.bottom, frame.top)
        assert len(plot.blocks) == sum(bool(bar.gained) + bool(bar.lost) for bar in drawn)
        for block in plot.blocks:
            assert plot.left <= block.x and block.x + block.width <= frame.right
            assert block.height >= 1
            # One that is hardly there is drawn all the same.
            assert frame.top - 1 <= block.y and block.y + block.height <= frame.bottom + 1
            at_zero = block.y + block.height if block.style == "gained" else block.y
            assert at_zero == plot.zero_at


def test_without_a_bar_there_is_no_plot() -> None:
    with pytest.raises(ValueError):
        draw_bars([], text_of=str)
