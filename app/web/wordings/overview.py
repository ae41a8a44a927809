"""The words of the staff's overview."""

from babel.dates import format_datetime
from flask_babel import get_locale, gettext, lazy_gettext, ngettext
from flask_babel.speaklater import LazyString

from app.domain.kinds import CancellationReason, EndReason, PromoKind
from app.domain.metrics import FALLING, Month, MovementKind
from app.domain.reconciliation import OtherReason, Reason
from app.services.pages.overview import OverviewPage, TierRow
from app.services.pages.overview_counts import Age, VersionHealth
from app.web.wording import Message, format_count, format_money

MESSAGES: dict[str, Message] = {}

_MOVEMENTS = {
    MovementKind.NEW: lazy_gettext("New"),
    MovementKind.REACTIVATION: lazy_gettext("Reactivation"),
    MovementKind.EXPANSION: lazy_gettext("Expansion"),
    MovementKind.CONTRACTION: lazy_gettext("Contraction"),
    MovementKind.CHURN: lazy_gettext("Churn"),
}
_REASONS = {
    Reason.NOT_RENEWED: lazy_gettext("Cycles that have no invoice yet"),
    Reason.NOT_INVOICED: lazy_gettext("Licenses added since the last invoice"),
    Reason.PRORATED: lazy_gettext("Licenses added inside a cycle are charged for its rest only"),
    Reason.PRICE: lazy_gettext("Prices agreed after the cycle began; odd cents of fixed prices"),
    Reason.DISCOUNT: lazy_gettext("Discounts for new customers, and coupons"),
    Reason.CORRECTION: lazy_gettext("Late rows and estimates at another price"),
    Reason.AFTER_END: lazy_gettext("Time charged for that ended plans do not have any more"),
    Reason.VOID: lazy_gettext("Invoices that were voided"),
}
_OTHERS = {
    OtherReason.AHEAD: lazy_gettext("The other eleven months of years invoiced this month"),
    OtherReason.EARLIER: lazy_gettext("Covers the end of the month, invoiced in an earlier one"),
    OtherReason.OTHER_TIME: lazy_gettext("Invoiced this month, for other time"),
    OtherReason.NOT_BEGUN: lazy_gettext("Purchases whose plan had not begun"),
    OtherReason.ONE_OFF: lazy_gettext("Single charges"),
    OtherReason.CREDIT: lazy_gettext("Kept as credit instead of an invoice below nothing"),
}
_AGES = {
    Age.NOT_DUE: lazy_gettext("Not due yet"),
    Age.UP_TO_30: lazy_gettext("Due for up to 30 days"),
    Age.UP_TO_60: lazy_gettext("31 to 60 days"),
    Age.UP_TO_90: lazy_gettext("61 to 90 days"),
    Age.OLDER: lazy_gettext("More than 90 days"),
    Age.WRITTEN_OFF: lazy_gettext("Written off, and can still be paid"),
}
_PROMOS = {
    PromoKind.NEW_CUSTOMER: lazy_gettext("For new customers, on this month's invoices"),
    PromoKind.COUPON: lazy_gettext("Coupons, on this month's invoices"),
}

_LEAVINGS: dict[CancellationReason | EndReason, LazyString] = {
    CancellationReason.TOO_EXPENSIVE: lazy_gettext("Too expensive"),
    CancellationReason.MISSING_FEATURES: lazy_gettext("Something is missing"),
    CancellationReason.SWITCHED_PRODUCT: lazy_gettext("Uses another product"),
    CancellationReason.NOT_USED: lazy_gettext("Not used any more"),
    CancellationReason.TEMPORARY: lazy_gettext("Was needed for a time only"),
    CancellationReason.SERVICE: lazy_gettext("Unhappy with the service"),
    CancellationReason.OTHER: lazy_gettext("Something else"),
    EndReason.CYCLE_END: lazy_gettext("No reason given"),
    EndReason.STAFF: lazy_gettext("Ended by staff"),
    EndReason.UNPAID: lazy_gettext("Not paid for"),
}


def cancellation_word(reason: CancellationReason) -> str:
    """What a customer said when it ended its plan."""
    return str(_LEAVINGS[reason])


def month_words(month: Month) -> str:
    """March 2027."""
    return format_datetime(month.start, gettext("MMMM y"), locale=get_locale())


def short_month(month: Month) -> str:
    """Mar 2027, where space is short."""
    return format_datetime(month.start, gettext("MMM y"), locale=get_locale())


def movement_word(kind: MovementKind) -> str:
    """The name of a movement."""
    return str(_MOVEMENTS[kind])


def reason_words(reason: Reason | OtherReason) -> str:
    """A step between the recurring revenue and the invoices of a month."""
    return str(_REASONS[reason] if isinstance(reason, Reason) else _OTHERS[reason])


def age_words(age: Age) -> str:
    """How long an invoice has been due."""
    return str(_AGES[age])


def leaving_words(reason: CancellationReason | EndReason) -> str:
    """Why a plan ended, or is set to end."""
    return str(_LEAVINGS[reason])


def promo_words(kind: PromoKind) -> str:
    """A discount of so many months."""
    return str(_PROMOS[kind])


def tier_row_words(row: TierRow, title: str) -> str:
    """A tier, and why it brings nothing in where it does not."""
    if row.state == "trial":
        return gettext("%(tier)s, free trial", tier=title)
    if row.state == "none":
        return gettext("No plan")
    return title


def version_words(row: VersionHealth) -> str:
    """The version that servers told."""
    if row.is_rest:
        return gettext("All others")
    return row.version or gettext("Never told")


def overview_headline(page: OverviewPage) -> str:
    """ "MRR is $583.00: $12.00 more than when March 2027 began"."""
    cents = page.month.cents
    total = format_money(cents.closing, page.currency)
    change = cents.closing - cents.opening
    month = month_words(page.month.month)
    if page.is_running:
        said = gettext("MRR is %(total)s today", total=total)
    else:
        said = gettext("MRR was %(total)s at the end of %(month)s", total=total, month=month)
    if not change:
        return gettext("%(said)s, the same as when the month began.", said=said)
    amount = format_money(abs(change), page.currency)
    if change > 0:
        return gettext(
            "%(said)s, %(amount)s more than when the month began.", said=said, amount=amount
        )
    return gettext("%(said)s, %(amount)s less than when the month began.", said=said, amount=amount)


def movements_words(page: OverviewPage) -> str:
    """ "New $98.00, churn $35.00. That is $7,000.00 a year from 4 paying customers."."""
    moved = [
        gettext("%(kind)s %(amount)s", kind=movement_word(kind), amount=_signed(page, kind))
        for kind, amount in page.month.cents.movements.items()
        if amount
    ]
    year = ngettext(
        "That is %(amount)s a year (ARR) from %(num)s paying customer.",
        "That is %(amount)s a year (ARR) from %(num)s paying customers.",
        page.month.paying,
        amount=format_money(page.month.cents.yearly, page.currency),
    )
    if not moved:
        return gettext("Nobody moved this month. %(year)s", year=year)
    return gettext("%(moved)s. %(year)s", moved=", ".join(moved), year=year)


def _signed(page: OverviewPage, kind: MovementKind) -> str:
    amount = page.month.cents.movements[kind]
    return format_money(-amount if kind in FALLING else amount, page.currency)


def health_words(row: VersionHealth) -> str:
    """ "12 of 14 servers upload"."""
    return ngettext(
        "%(fresh)s of %(all)s server uploads",
        "%(fresh)s of %(all)s servers upload",
        row.servers,
        fresh=format_count(row.fresh),
        all=format_count(row.servers),
    )
