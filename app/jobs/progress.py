"""How a job tells how far it is; the command line shows it on a terminal."""

from typing import Protocol


class Progress(Protocol):
    """Told once of the amount of work, then of each piece done."""

    def start(self, title: str, total: int) -> None:
        """A part of the job begins with `total` pieces (an estimate)."""
        ...

    def advance(self) -> None:
        """One piece is done."""
        ...


class Silent:
    """Tells nobody."""

    def start(self, title: str, total: int) -> None:
        """Nothing is shown."""

    def advance(self) -> None:
        """Nothing is shown."""
