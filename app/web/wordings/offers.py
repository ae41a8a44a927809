"""The words of an offer of a fixed price."""

from flask_babel import gettext

from app.services.pages.offer import OfferPage
from app.web.wording import Message, format_date, format_money

MESSAGES: dict[str, Message] = {}


def offer_headline(page: OfferPage) -> str:
    """ "We offer you Enterprise for $1,200.00 a year"."""
    return gettext(
        "We offer you %(tier)s for %(price)s a year",
        tier=page.tier_title,
        price=format_money(page.yearly_price, page.currency),
    )


def offer_lead(page: OfferPage) -> str:
    """What the price depends on, and until when it is open."""
    said = gettext("The price is fixed: it stays the same, however many people you have.")
    if page.expires_at is None:
        return said
    ends = gettext("The offer is open until %(day)s, 00:00 UTC.", day=format_date(page.expires_at))
    return f"{said} {ends}"


def offer_later(page: OfferPage) -> str:
    """What is charged after today, and how it ends."""
    ends = gettext(
        "The plan ends a year after it starts and does not renew by itself. We write to you before."
    )
    if not page.is_by_invoice:
        ends = gettext(
            "The plan ends on %(day)s and does not renew by itself. We write to you before.",
            day=format_date(page.ends_at),
        )
    if not page.is_monthly:
        return ends
    each = gettext(
        "%(price)s each month, twelve times in all.",
        price=format_money(page.monthly_price, page.currency),
    )
    if page.last_price != page.monthly_price:
        each = gettext(
            "%(price)s each month, twelve times in all; the last time it is %(last)s.",
            price=format_money(page.monthly_price, page.currency),
            last=format_money(page.last_price, page.currency),
        )
    return f"{each} {ends}"
