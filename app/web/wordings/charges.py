"""Why a charge to come is what it is, a sentence for each line; and the words of the plot."""

from datetime import timedelta

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import AdjustmentReason, LicenseManagement, LineKind, PromoKind
from app.services.pages.billing import PlanView
from app.services.pages.parts import PageLine, Share
from app.services.pages.seats import Grain, SeatsRange
from app.web.wording import (
    Message,
    count_licenses,
    count_people,
    format_count,
    format_date,
    format_day_of_year,
    format_duration,
    format_money,
)

MESSAGES: dict[str, Message] = {}

_ONE_DAY = timedelta(days=1)
_RANGES = {
    SeatsRange.CYCLE: _l("This cycle"),
    SeatsRange.YEAR: _l("12 months"),
    SeatsRange.PLAN: _l("All of the plan"),
}
_GRAINS = {
    Grain.CHANGE: "",
    Grain.DAY: _l("The last count of each day is shown; the file has all days."),
    Grain.WEEK: _l("The last count of each week is shown; the file has all days."),
    Grain.MONTH: _l("The last count of each month is shown; the file has all days."),
}


def range_words(chosen: SeatsRange) -> str:
    """ "This cycle", "12 months"."""
    return str(_RANGES[chosen])


def grain_words(grain: Grain) -> str:
    """What a plot leaves out; nothing when it shows each change."""
    return str(_GRAINS[grain])


def charge_reason(line: PageLine, plan: PlanView) -> str:
    """Why a line of a charge to come says what it says; nothing for lines that say it all."""
    if line.correction is not None:
        return _corrected(line, line.correction, plan.currency)
    if line.share is not None and line.period_start is not None:
        day = format_day_of_year(line.period_start)
        is_chosen = plan.management is LicenseManagement.MANUAL
        what = _chosen(line, day) if is_chosen else _joined(line, day)
        return _with_share(what, line, line.share, plan.currency)
    if line.kind in {LineKind.FIRST, LineKind.RENEWAL} and plan.fixed_price is not None:
        return gettext("The price that was agreed, however many people you have.")
    if line.kind in {LineKind.FIRST, LineKind.RENEWAL}:
        return _renewal(line, plan)
    if line.kind is LineKind.DISCOUNT and plan.discount is not None:
        if plan.discount.kind is PromoKind.COUPON:
            return gettext(
                "Your coupon is good until %(day)s.", day=format_date(plan.discount.ends_at)
            )
        return gettext(
            "New customers pay %(amount)s a month less. For you this ends on %(day)s.",
            amount=format_money(plan.discount.amount, plan.currency),
            day=format_date(plan.discount.ends_at),
        )
    return ""


def invoice_reason(line: PageLine, currency: str) -> str:
    """The same for a line of an invoice, from what is stored behind it: nothing where that does
    not say it for sure."""
    if line.kind in {LineKind.FIRST, LineKind.RENEWAL}:
        counts = {entry.people for entry in line.why}
        if not line.hidden and counts == {line.quantity}:
            return gettext(
                "One license for each of %(people)s.", people=count_people(line.quantity)
            )
        return ""
    if line.correction is not None:
        return _corrected(line, line.correction, currency)
    if line.share is None or line.period_start is None:
        return ""
    day = format_day_of_year(line.period_start)
    what = ""
    if line.why and all(entry.rows and entry.actor is None for entry in line.why):
        what = _joined(line, day)
    elif line.why and all((entry.actor or "").startswith("billing_user:") for entry in line.why):
        what = _chosen(line, day)
    return _with_share(what, line, line.share, currency)


def _corrected(line: PageLine, correction: AdjustmentReason, currency: str) -> str:
    if correction is AdjustmentReason.LATE_ROWS:
        what = gettext("Your server reported this only after that time had been invoiced.")
        return what if line.share is None else _with_share(what, line, line.share, currency)
    if line.amount < 0:
        return gettext(
            "That time was invoiced by an estimate, since your server was silent. Its reports say "
            "less, so you get this back."
        )
    return gettext(
        "That time was invoiced by an estimate, since your server was silent. Its reports say more."
    )


def _chosen(line: PageLine, day: str) -> str:
    return ngettext(
        "%(count)s license more was chosen on %(day)s.",
        "%(count)s licenses more were chosen on %(day)s.",
        line.quantity,
        count=format_count(line.quantity),
        day=day,
    )


def _joined(line: PageLine, day: str) -> str:
    return ngettext(
        "%(count)s person joined on %(day)s.",
        "%(count)s people joined on %(day)s.",
        line.quantity,
        count=format_count(line.quantity),
        day=day,
    )


def _with_share(what: str, line: PageLine, share: Share, currency: str) -> str:
    """ "5 people joined on 4 January. A license for 29 of 31 days of $3.50 costs $3.27, rounded to
    the cent."."""
    if share.remaining >= share.length:
        return what
    each = gettext(
        "A license for %(part)s of %(whole)s of %(price)s costs %(amount)s, rounded to the cent.",
        part=_part(share.remaining),
        whole=format_duration(share.length),
        price=format_money(share.price, currency),
        amount=format_money(line.unit_amount, currency),
    )
    return f"{what} {each}".strip()


def _part(length: timedelta) -> str:
    """ "29" of so many days, or "28 days 22:55:55 hours" where it is not a whole number."""
    days, rest = divmod(length, _ONE_DAY)
    if not rest:
        return format_count(days)
    minutes, seconds = divmod(rest // timedelta(seconds=1), 60)
    hours, minutes = divmod(minutes, 60)
    return ngettext(
        "%(num)s day and %(clock)s hours",
        "%(num)s days and %(clock)s hours",
        days,
        clock=f"{hours}:{minutes:02}:{seconds:02}",
    )


def _renewal(line: PageLine, plan: PlanView) -> str:
    licenses = count_licenses(line.quantity)
    if plan.people is None or plan.licenses_at_renewal != line.quantity:
        return gettext("The licenses that the plan renewed with: %(count)s.", count=licenses)
    if plan.people == line.quantity:
        return gettext("One license for each of your %(people)s.", people=count_people(plan.people))
    if plan.management is LicenseManagement.MANUAL:
        return gettext("The number that you chose for the renewal: %(count)s.", count=licenses)
    return gettext(
        "You have %(people)s; the least for this plan is %(count)s.",
        people=count_people(plan.people),
        count=licenses,
    )
