"""Turning the pages of a list."""

from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask_babel import gettext

from app.services.pages.paging import LAST_PAGE, ListPart
from app.web.wording import format_count


@dataclass(frozen=True, slots=True)
class Pages:
    """What the macro `pagination` shows."""

    previous_url: str | None
    next_url: str | None
    text: str


def asked_page() -> int:
    """The page that the address asks for; the first when it asks for nonsense."""
    text = request.args.get("page", "1")
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LAST_PAGE))
    return int(text) if is_number else 1


def pages_of(endpoint: str, part: ListPart, **values: Any) -> Pages | None:
    """Where a list goes on; None when it fits on one page.

    `endpoint` shows it, with `values` (the customer's UUID, what the list was filtered by) and the
    number of the page as `page`.
    """
    if part.pages == 1:
        return None

    def address(number: int) -> str | None:
        if not 1 <= number <= part.pages:
            return None
        return url_for(endpoint, **values, page=number)

    return Pages(
        previous_url=address(part.number - 1),
        next_url=address(part.number + 1),
        text=gettext(
            "%(first)s–%(last)s of %(total)s",
            first=format_count(part.first),
            last=format_count(part.last),
            total=format_count(part.total),
        ),
    )
