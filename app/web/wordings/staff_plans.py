"""Words about what a plan will cost, for staff who change it."""

from datetime import datetime

from flask_babel import gettext

from app.web.wording import Message, format_date, format_money

MESSAGES: dict[str, Message] = {}


def next_bill(total: int, renewal_total: int, currency: str, renews_at: datetime) -> str:
    """What the first bill and the next one after it come to; cents."""
    return gettext(
        "The first bill is %(total)s, the next one %(renewal)s on %(day)s.",
        total=format_money(total, currency),
        renewal=format_money(renewal_total, currency),
        day=format_date(renews_at),
    )
