"""What is said about a free trial: what it is, and that it has begun."""

from datetime import datetime

from flask_babel import gettext, ngettext

from app.services.pages.upgrade import QuoteView
from app.web.wording import Message, format_date, format_money

MESSAGES: dict[str, Message] = {}


def trial_offer_words(quote: QuoteView) -> str:
    """What a free trial means: until when nothing is charged, and how to leave before."""
    assert quote.trial_ends_at is not None, "it begins with a free trial"
    values = {
        "tier": quote.tier_title,
        "days": ngettext("%(num)s day", "%(num)s days", quote.trial_days),
        "total": format_money(quote.total, quote.currency),
        "day": format_date(quote.trial_ends_at),
    }
    if quote.is_by_invoice:
        return gettext(
            "%(tier)s begins at once and is free for %(days)s. The invoice over %(total)s is for "
            "the time from %(day)s on.",
            **values,
        )
    return gettext(
        "%(tier)s begins at once and is free for %(days)s. %(total)s is charged on %(day)s, if "
        "nobody comes or goes, unless you end the plan before.",
        **values,
    )


def trial_started_words(trial_end: datetime, *, is_by_invoice: bool) -> str:
    """That a free trial has begun, and what follows."""
    day = format_date(trial_end)
    if is_by_invoice:
        return gettext(
            "Your free trial has started. The invoice is on its way; paid by %(day)s, your plan "
            "goes on.",
            day=day,
        )
    return gettext("Your free trial has started. Nothing is charged before %(day)s.", day=day)
