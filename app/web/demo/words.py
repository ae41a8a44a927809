"""What each sample customer is there to show, and how a move of the time is told."""

from datetime import timedelta

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.demo.desk import CouponEntry, DemoTime
from app.web.wording import format_count, format_duration, format_percent

TOLERANCE = timedelta(minutes=5)
NOTES = {
    "larkspur": _l(
        "Basic, monthly. It has grown for months: added licenses on its invoices. Two people manage it."
    ),
    "harbor-clinic": _l("Business, annual. The discount for new customers is used up."),
    "tern-fisher": _l("Basic with 20 licenses set by hand, and two people more than that."),
    "quill-street": _l("Basic, set to end with its cycle. It can be taken back."),
    "copper-kettle": _l(
        "Basic. The card was refused at the last renewal: an invoice is open and is tried again."
    ),
    "saltmarsh": _l(
        "A server that pays for its two organizations: Basic by invoice, the first one paid, the "
        "next one open."
    ),
    "juniper-choir": _l("No plan: few enough people for the free limit."),
    "ashdown": _l("No plan, and its server has not uploaded for more than a week."),
    "fennel-studio": _l("Basic in its free trial; the card is charged when the trial ends."),
    "granite-works": _l("Enterprise for a fixed price, by the month; who joins changes nothing."),
    "open-orchard": _l("Sponsored for a year: it asked, and staff said yes."),
    "lantern-shelter": _l("No plan yet: it has asked to be sponsored, and staff have to decide."),
    "heron-press": _l(
        "A legacy plan that ends within two weeks, and Basic with 20 licenses scheduled for its end."
    ),
    "mill-lane": _l("A legacy plan until a date, and nothing chosen for what follows."),
    "beacon-library": _l("Business, 40% off: a discount that staff agreed on with it."),
    "pomelo-games": _l("Basic, bought with a coupon: 25% off for six months."),
    "marlow-dental": _l("Basic, annual. It goes on monthly from its renewal; can be taken back."),
    "sable-freight": _l(
        "Basic. Its server has not uploaded for more than a week, so its renewal waits."
    ),
}


def coupon_words(coupon: CouponEntry | None) -> str | None:
    """What a visitor may enter at a purchase; None when there is nothing."""
    if coupon is None:
        return None
    return gettext(
        "The coupon code %(code)s takes %(percent)s off the licenses of the first %(months)s months.",
        code=coupon.code,
        percent=format_percent(coupon.percent),
        months=format_count(coupon.months),
    )


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
