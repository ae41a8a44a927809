"""What each sample customer is there to show, and how a move of the time is told."""

from datetime import timedelta

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.demo.desk import DemoTime
from app.web.wording import format_count, format_duration

TOLERANCE = timedelta(minutes=5)
NOTES = {
    "larkspur": _l(
        "Basic, monthly. It has grown for months: added licenses on its invoices. Two people manage it."
    ),
    "harbor-clinic": _l("Business, annual. The discount for new customers is used up."),
    "tern-fisher": _l("Basic with 20 licenses set by hand, and two people more than that."),
    "quill-street": _l("Basic, set to end with its cycle. It can be taken back."),
    "copper-kettle": _l("Basic. The card was refused at the last renewal: an invoice is open."),
    "saltmarsh": _l(
        "A server that pays for its two organizations: Basic by invoice, the first one paid, the "
        "next one open."
    ),
    "juniper-choir": _l("No plan: few enough people for the free limit."),
    "ashdown": _l("No plan, and its server has not uploaded for more than a week."),
}


def distance_from_real_time(time: DemoTime) -> str:
    """ "38 days ahead of real time", or that it is the real time."""
    distance = time.now - time.real_now
    if abs(distance) < TOLERANCE:
        return gettext("the real time")
    # A move takes its time, and seven days less some seconds are seven days.
    length = format_duration(abs(distance) + TOLERANCE)
    if distance > timedelta():
        return gettext("%(length)s ahead of real time", length=length)
    return gettext("%(length)s behind real time", length=length)


def what_happened(time: DemoTime) -> list[str]:
    """What came of the last move, line by line; nothing when there was none."""
    if time.move is None:
        return []
    happened = time.move.happened
    lines = [
        (happened.uploads, ngettext("upload", "uploads", happened.uploads)),
        (happened.invoices, ngettext("invoice made", "invoices made", happened.invoices)),
        (happened.paid, ngettext("invoice paid", "invoices paid", happened.paid)),
        (happened.refused, ngettext("payment refused", "payments refused", happened.refused)),
        (happened.deferred, ngettext("customer deferred", "customers deferred", happened.deferred)),
        (happened.mails, ngettext("mail", "mails", happened.mails)),
        (happened.troubles, ngettext("trouble", "troubles", happened.troubles)),
    ]
    return [f"{format_count(count)} {word}" for count, word in lines if count]
