"""Turning pages of a list."""

from dataclasses import dataclass

from flask import request, url_for
from flask_babel import gettext

from app.services.identity import CustomerRef
from app.services.pages.invoices import LAST_PAGE, InvoicesPage
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


def pages_of(ref: CustomerRef, page: InvoicesPage) -> Pages | None:
    """Where the list goes on; None when it fits on one page."""
    if page.pages == 1:
        return None

    def address(number: int) -> str | None:
        if not 1 <= number <= page.pages:
            return None
        return url_for("portal.invoices", entity_uuid=ref.uuid, page=number)

    return Pages(
        previous_url=address(page.number - 1),
        next_url=address(page.number + 1),
        text=gettext(
            "%(first)s–%(last)s of %(total)s",
            first=format_count(page.first),
            last=format_count(page.last),
            total=format_count(page.total),
        ),
    )
