"""Who may call a route. Every view carries one of these decorators (a house test looks)."""

from collections.abc import Callable
from typing import Any, TypeVar

V = TypeVar("V", bound=Callable[..., Any])


def public(view: V) -> V:
    """Anyone may call: login steps, health, plans for strangers, error helpers."""
    view.__access__ = "public"  # type: ignore[attr-defined]  # a mark for the house test
    return view
