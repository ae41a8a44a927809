"""Words about what a plan will cost, for staff who change it."""

from datetime import datetime

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.services.upgrade_tier import UpgradeOutcome, UpgradeResult
from app.web.wording import Message, format_date, format_money

MESSAGES: dict[str, Message] = {
    # The agreed end.
    "no_agreed_end": _l("The plan renews: let it end at its cycle's end, or now."),
    "end_beyond_year": _l(
        "A fixed price is for a year, which is over on %(day)s. Schedule another year for the time "
        "after it."
    ),
    "end_holds_next": _l("A plan is scheduled for that end: take it back first."),
    # How a plan is paid.
    "collection_of_nothing": _l("The plan costs nothing, so there is nothing to pay."),
    "collection_in_trial": _l("It is a free trial: it is paid as was chosen when it began."),
    "collection_unchanged": _l("It is paid so already."),
    "collection_needs_card": _l("There is no card on file: somebody of the customer adds one."),
    "invoices_need_manual": _l(
        "The licenses follow the people. Invoices are sent for licenses that somebody chose: let "
        "them be managed by hand first."
    ),
    "too_few_for_invoices": _l(
        "It renews with %(licenses)s licenses; invoices are sent for %(minimum)s at least."
    ),
}


def next_bill(total: int, renewal_total: int, currency: str, renews_at: datetime) -> str:
    """What the first bill and the next one after it come to; cents."""
    return gettext(
        "The first bill is %(total)s, the next one %(renewal)s on %(day)s.",
        total=format_money(total, currency),
        renewal=format_money(renewal_total, currency),
        day=format_date(renews_at),
    )


def upgrade_outcome(title: str, result: UpgradeResult) -> str:
    """What became of the charge of a higher tier."""
    words = {
        UpgradeOutcome.PAID: gettext("its invoice is paid."),
        UpgradeOutcome.UNPAID: gettext("the card was refused, so its invoice stays open."),
        UpgradeOutcome.AUTHENTICATE: gettext(
            "the bank asks for the person, so it is not paid yet."
        ),
        UpgradeOutcome.SENT: gettext("its invoice was sent."),
        UpgradeOutcome.UNKNOWN: gettext("its invoice is charged with the next delivery."),
    }
    return gettext("%(tier)s runs now; %(outcome)s", tier=title, outcome=words[result.outcome])
