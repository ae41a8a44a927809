"""Planting one violation, to see that a guard bites."""

from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What a guard is: it takes the root of a checkout and returns what breaks its rule.
Guard = Callable[[Path], list[str]]


def plant(root: Path, path: str, text: str | bytes) -> Path:
    """Write one file of a checkout that consists of what was planted; returns its root."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root
