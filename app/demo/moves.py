"""How far to move the time, as people write it, and the steps on the way."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dateutil.relativedelta import relativedelta

LONGEST_STEP = timedelta(days=1)
# A longer way would take minutes, and nothing new is seen on it.
FARTHEST = relativedelta(years=3)
UNITS = ("hour", "day", "week", "month", "year")
TOO_FAR = "That is more than three years ahead: go there in several moves."
_LENGTH = re.compile(r"(\d{1,4})\s*(hour|day|week|month|year)s?", re.ASCII)


class MoveError(ValueError):
    """That is no move that can be made; the text is for the person who asked for it."""


def parse_move(text: str, *, now: datetime) -> datetime:
    """Where "1month", "3 days" or "to 2012-02-02T03:04:05" leads from `now` (aware, UTC).

    Months and years are calendar ones: from 31 January a month leads to the last day of February.
    Raises MoveError for anything else, for a way back and for more than three years.
    """
    words = " ".join(text.lower().split())
    length = _LENGTH.fullmatch(words)
    if length is not None:
        target = _add(now, int(length[1]), length[2])
    elif words.startswith("to "):
        target = parse_instant(words.removeprefix("to "))
    else:
        raise MoveError(
            f"“{text}” is no length of time. Write 2hours, 3days, 1week, 1month or "
            "“to 2027-03-02T10:00:00”."
        )
    if target <= now:
        raise MoveError("Time moves forward only.")
    if target > now + FARTHEST:
        raise MoveError(TOO_FAR)
    return target


def _add(now: datetime, amount: int, unit: str) -> datetime:
    """`now` and so many units; beyond the calendar's end it is too far in any case."""
    try:
        return now + relativedelta(**{f"{unit}s": amount})  # type: ignore[arg-type]  # the unit is one of relativedelta's names
    except (ValueError, OverflowError):
        raise MoveError(TOO_FAR) from None


def parse_instant(text: str) -> datetime:
    """An instant in ISO 8601; without an offset it is UTC, and a bare date its first second.

    Raises MoveError.
    """
    try:
        moment = datetime.fromisoformat(text.strip().upper())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MoveError(f"“{text}” is no instant like 2027-03-02T10:00:00.") from None
    return moment.replace(microsecond=0)


def count_steps(start: datetime, target: datetime) -> int:
    """How many steps lead from `start` to `target`."""
    return -((start - target) // LONGEST_STEP)


def steps(start: datetime, target: datetime) -> Iterator[datetime]:
    """The instants to stop at: a day apart, the last one `target` itself."""
    for number in range(1, count_steps(start, target)):
        yield start + number * LONGEST_STEP
    if target > start:
        yield target
