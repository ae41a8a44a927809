"""The customer's activity log in words: requests for a sponsorship."""

from collections.abc import Callable
from datetime import datetime

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from app.services.pages.activity import ActivityRow
from app.web.wording import Message, format_date

MESSAGES: dict[str, Message] = {}


def _sponsorship_approved(row: ActivityRow) -> str:
    return gettext("The sponsorship was approved until %(day)s", day=_day(row, "until"))


def _day(row: ActivityRow, name: str) -> str:
    return format_date(datetime.fromisoformat(str(row.after[name])))


GIVEN_WORDS: dict[str, LazyString | Callable[[ActivityRow], str]] = {
    "sponsorship.approved": _sponsorship_approved,
    "sponsorship.marked": _l("Support noted that a sponsorship was asked for"),
    "sponsorship.rejected": _l("The request for a sponsorship was not approved"),
    "customer.billing_details_changed": _l("Changed the name or address on invoices"),
    "data.exported": _l("Saved everything that we keep as a file"),
    "help.requested": _l("Asked support for help"),
    "sponsorship.requested": _l("Asked for a sponsorship"),
    "sponsorship.withdrawn": _l("Withdrew the request for a sponsorship"),
}
