"""The only file that asks what time it is.

Everything else takes `now` as an argument or asks a `Clock`. All times are timezone-aware UTC in
whole seconds, because billing rules count in whole seconds.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What the rooms need of time."""

    def now(self) -> datetime:
        """The business time: aware, UTC, whole seconds."""
        ...

    def real_now(self) -> datetime:
        """The time outside of any demo: used for leases between processes, which really live and
        die, and never for anything that is billed."""
        ...


def floor_to_second(moment: datetime) -> datetime:
    """`moment` without its fraction of a second, in UTC."""
    return moment.astimezone(UTC).replace(microsecond=0)


class SystemClock:
    """The clock of production."""

    def now(self) -> datetime:
        return floor_to_second(datetime.now(UTC))

    def real_now(self) -> datetime:
        return self.now()


class FixedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self._at = floor_to_second(at)

    def now(self) -> datetime:
        return self._at

    def real_now(self) -> datetime:
        return self._at

    def set(self, at: datetime | str) -> None:
        """Stand at `at` (aware, or an ISO 8601 text; a text without an offset means UTC)."""
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        self._at = floor_to_second(moment)

    def advance(self, **parts: float) -> None:
        """Move on by a `timedelta(**parts)`."""
        self._at = floor_to_second(self._at + timedelta(**parts))


class DemoClock:
    """Real time plus an offset, or a frozen instant, read from one file on every call.

    The file is shared by the portal, the Stripe emulator, the sample server and the command line;
    each reads it for itself so that moving it moves all of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        state = self._read()
        frozen = state.get("frozen")
        if isinstance(frozen, str):
            return floor_to_second(datetime.fromisoformat(frozen))
        offset = state.get("offset_seconds")
        return self.real_now() + timedelta(seconds=offset if isinstance(offset, int) else 0)

    def real_now(self) -> datetime:
        return floor_to_second(datetime.now(UTC))

    def is_frozen(self) -> bool:
        """Whether the file names an instant instead of an offset."""
        return isinstance(self._read().get("frozen"), str)

    def move_to(self, at: datetime) -> None:
        """Make `at` the present, keeping the kind of the file (frozen stays frozen)."""
        if self.is_frozen():
            self._write({"frozen": floor_to_second(at).isoformat()})
        else:
            offset = int((floor_to_second(at) - self.real_now()).total_seconds())
            self._write({"offset_seconds": offset})

    def freeze(self, at: datetime) -> None:
        """Stand still at `at`."""
        self._write({"frozen": floor_to_second(at).isoformat()})

    def unfreeze(self) -> None:
        """Let time run on from where it stands."""
        at = self.now()
        self._write({"offset_seconds": int((at - self.real_now()).total_seconds())})

    def _read(self) -> dict[str, object]:
        try:
            state = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _write(self, state: dict[str, object]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(state))
        temporary.replace(self._path)
