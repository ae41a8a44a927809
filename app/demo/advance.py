"""Moving the time of a demo, a day at a time, with everything that happens on the way."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from app.clock import DemoClock
from app.demo.folder import DemoFolder
from app.demo.moves import count_steps, steps
from app.demo.settle import Happened, add_tally, settle, take_tally
from app.services.context import Context


class MoveInProgress(Exception):
    """Somebody else moves the time right now."""


@dataclass(frozen=True, slots=True)
class Move:
    """How far a move has come, for the page that shows it. `state`: running, done or failed."""

    state: str
    start: datetime
    target: datetime
    at: datetime
    step: int
    steps: int
    happened: Happened


def advance(
    ctx: Context,
    target: datetime,
    *,
    folder: DemoFolder,
    progress: Callable[[Move], None] | None = None,
) -> Move:
    """Move the present to `target` in steps of at most a day; returns what came of it.

    A frozen clock stays frozen, a running one runs on from `target`. Raises MoveInProgress, and
    whatever stops the demo's parts from answering; the time then stands where it had come to.
    """
    clock = ctx.clock
    assert isinstance(clock, DemoClock), "only a demo's time can be moved"
    start = clock.now()
    move = Move("running", start, target, start, 0, count_steps(start, target), Happened())
    with moving_alone(folder):
        before = take_tally(ctx)
        try:
            for moment in steps(start, target):
                _tell(folder, progress, move)
                clock.move_to(moment)
                settle(ctx, folder, move.happened)
                add_tally(move.happened, before=before, after=take_tally(ctx))
                move = replace(move, at=moment, step=move.step + 1)
        except BaseException:
            _tell(folder, progress, replace(move, state="failed"))
            raise
        move = replace(move, state="done")
        _tell(folder, progress, move)
    return move


def read_move(folder: DemoFolder) -> Move | None:
    """The last move, or None when there was none. One whose process died has failed."""
    try:
        values = json.loads(folder.move_file.read_text())
        times = {name: datetime.fromisoformat(values[name]) for name in ("start", "target", "at")}
        known = {field.name for field in fields(Happened)}
        happened = Happened(**{k: int(v) for k, v in values["happened"].items() if k in known})
        state, step, total = str(values["state"]), int(values["step"]), int(values["steps"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if state == "running" and not is_moving(folder):
        state = "failed"
    return Move(state=state, step=step, steps=total, happened=happened, **times)


def is_moving(folder: DemoFolder) -> bool:
    """Whether the time is being moved now."""
    try:
        with folder.move_lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextmanager
def moving_alone(folder: DemoFolder) -> Iterator[None]:
    """Keep others from moving the time meanwhile. Raises MoveInProgress."""
    with folder.move_lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise MoveInProgress from None
        yield


def _tell(folder: DemoFolder, progress: Callable[[Move], None] | None, move: Move) -> None:
    write_whole(folder.move_file, json.dumps(asdict(move), default=datetime.isoformat))
    if progress is not None:
        progress(move)


def write_whole(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(text)
    unfinished.replace(path)
