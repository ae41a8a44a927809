"""Flash messages: what was done, and the way back."""

from dataclasses import dataclass
from typing import Any

from flask import flash, get_flashed_messages


@dataclass(frozen=True, slots=True)
class Flash:
    """One message. `category` is done, notice or problem; at most one of the addresses is set."""

    category: str
    text: str
    undo_url: str | None = None
    link_url: str | None = None
    action_label: str | None = None


def flash_done(text: str) -> None:
    """Say what was done."""
    _remember("done", text)


def flash_problem(text: str) -> None:
    """Say what went wrong."""
    _remember("problem", text)


def flash_with_link(text: str, url: str, label: str) -> None:
    """Say what was done, with a link to where it can be seen."""
    _remember("done", text, link_url=url, action_label=label)


def flash_with_undo(text: str, url: str, label: str) -> None:
    """Say what was done, with a button that POSTs to `url` to take it back."""
    _remember("done", text, undo_url=url, action_label=label)


def read_flashes() -> list[Flash]:
    """The messages for this page; they are gone afterwards."""
    found = []
    messages: list[tuple[str, Any]] = list(get_flashed_messages(with_categories=True))  # type: ignore[arg-type]  # pairs, when categories are asked for
    for category, value in messages:
        if isinstance(value, dict):
            found.append(Flash(category=category, **value))
        else:
            # An extension's own flash is a bare text with a category of its choosing.
            found.append(Flash(category="notice", text=str(value)))
    return found


def _remember(category: str, text: str, **action: str) -> None:
    # Sessions are stored as JSON, so a lazily translated text is settled here.
    values = {"text": str(text)} | {name: str(value) for name, value in action.items()}
    flash(values, category)  # type: ignore[arg-type]  # Flask hands on whatever JSON can hold
