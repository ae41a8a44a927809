"""Moving the time: step by step, told on the way, by one at a time."""

import json
from datetime import timedelta

import pytest
import requests
from flask import Flask

from app.clock import DemoClock
from app.demo.advance import Move, MoveInProgress, advance, is_moving, moving_alone, read_move
from app.demo.folder import DemoFolder
from app.services.context import Context
from tests.conftest import START

WEEK = timedelta(days=7)


def test_a_frozen_clock_stops_at_each_day_and_stays_frozen(
    demo_ctx: Context, demo_clock: DemoClock, folder: DemoFolder
) -> None:
    seen: list[tuple[int, str]] = []

    def note(move: Move) -> None:
        assert is_moving(folder)
        seen.append((move.step, demo_clock.now().isoformat()))

    done = advance(demo_ctx, START + WEEK + timedelta(hours=1), folder=folder, progress=note)
    assert done.state == "done"
    assert demo_clock.now() == START + WEEK + timedelta(hours=1)
    assert demo_clock.is_frozen()
    # Told before each of the eight steps, where the clock still stands at the one before.
    assert [step for step, _ in seen] == [*range(8), 8]
    assert seen[3] == (3, (START + timedelta(days=3)).isoformat())
    assert read_move(folder) == done
    assert not is_moving(folder)


def test_a_running_clock_runs_on(
    demo_ctx: Context, demo_clock: DemoClock, folder: DemoFolder
) -> None:
    demo_clock.unfreeze()
    before = demo_clock.now()
    advance(demo_ctx, before + WEEK, folder=folder)
    assert not demo_clock.is_frozen()
    assert WEEK <= demo_clock.now() - before < WEEK + timedelta(minutes=2)


def test_thawing_keeps_the_present(demo_clock: DemoClock) -> None:
    demo_clock.unfreeze()
    assert timedelta() <= demo_clock.now() - START < timedelta(minutes=2)


@pytest.mark.sqlite_only
def test_only_one_moves_the_time(
    demo_ctx: Context, demo_clock: DemoClock, folder: DemoFolder
) -> None:
    with moving_alone(folder), pytest.raises(MoveInProgress):
        advance(demo_ctx, START + WEEK, folder=folder)
    assert demo_clock.now() == START


@pytest.mark.sqlite_only
def test_a_move_that_fails_says_where_it_got_to(
    make_app: object, demo_clock: DemoClock, folder: DemoFolder
) -> None:
    assert callable(make_app)
    # Nobody listens at port 9 of this machine.
    app: Flask = make_app(
        clock=demo_clock, clock_file=folder.clock_file, emulator_url="http://127.0.0.1:9"
    )
    with pytest.raises(requests.ConnectionError):
        advance(app.extensions["tallyport"], START + WEEK, folder=folder)
    move = read_move(folder)
    assert move is not None
    assert (move.state, move.step, move.steps) == ("failed", 0, 7)
    assert demo_clock.now() == START + timedelta(days=1)


@pytest.mark.sqlite_only
def test_a_move_whose_process_died_has_failed(demo_ctx: Context, folder: DemoFolder) -> None:
    advance(demo_ctx, START + WEEK, folder=folder)
    values = json.loads(folder.move_file.read_text()) | {"state": "running", "step": 3}
    folder.move_file.write_text(json.dumps(values))
    move = read_move(folder)
    assert move is not None and move.state == "failed"
    with moving_alone(folder):
        move = read_move(folder)
        assert move is not None and move.state == "running"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"state": 1}', '{"start": 5}', "null"])
def test_what_cannot_be_read_is_no_move(text: str, folder: DemoFolder) -> None:
    assert read_move(folder) is None
    folder.move_file.write_text(text)
    assert read_move(folder) is None
