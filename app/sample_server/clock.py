"""The time of the sample server: real time, moved or frozen by the clock file.

The environment variable TALLYPORT_CLOCK_FILE names a JSON file that holds either
``{"offset_seconds": n}`` or ``{"frozen": "2012-01-02T03:04:05Z"}``.  It is read on every call, so
that one writer moves every process of a demo at once.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

CLOCK_FILE_VARIABLE = "TALLYPORT_CLOCK_FILE"

MICROSECONDS = 1_000_000
HOUR_SECONDS = 3600


def now() -> datetime:
    """Return the current moment in UTC, floored to whole seconds.

    A missing or unreadable clock file means real time: a product must not stop because a demo's
    file is being replaced.
    """
    real = datetime.now(UTC).replace(microsecond=0)
    path = os.environ.get(CLOCK_FILE_VARIABLE)
    if not path:
        return real
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return _apply(content, real=real)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return real


def _apply(content: object, *, real: datetime) -> datetime:
    if not isinstance(content, dict):
        raise TypeError("the clock file must hold an object")
    frozen = content.get("frozen")
    if frozen is not None:
        moment = datetime.fromisoformat(frozen)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment.replace(microsecond=0)
    offset = content["offset_seconds"]
    if not isinstance(offset, int) or isinstance(offset, bool):
        raise TypeError("offset_seconds must be a whole number")
    return real + timedelta(seconds=offset)


def now_seconds() -> int:
    """Return the current moment as whole POSIX seconds."""
    return int(now().timestamp())


def from_seconds(seconds: int) -> datetime:
    """Return the UTC moment of whole POSIX seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def monotonic() -> float:
    """Return seconds of a clock that no file moves: for timeouts of real network calls only."""
    return time.monotonic()
