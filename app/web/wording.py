"""Values into words: the only place that does it, for pages, mails and invoices alike.

Amounts come as whole cents, times as aware UTC datetimes; both leave as text in the reader's
language (gettext; the source is English). Dates read "2 March 2027"; all of them are UTC.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeAlias

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal
from flask import Flask
from flask_babel import get_locale, gettext, lazy_gettext, ngettext
from flask_babel.speaklater import LazyString

from app.domain.errors import BillingError
from app.domain.kinds import (
    AtCycleEnd,
    Collection,
    CustomerKind,
    InvoiceStatus,
    LicenseManagement,
    LineKind,
    PlanStatus,
    PromoKind,
    PurchaseStatus,
    Schedule,
)

# A lazily translated text with %(name)s, or a function from the parameters to the text.
Message: TypeAlias = LazyString | Callable[[Mapping[str, Any]], str]

MINUS = "\N{MINUS SIGN}"


# --- numbers, money, time ---


def format_count(number: int) -> str:
    """A whole number with its thousands marked: 1,250."""
    return format_decimal(number, locale=_locale()).replace("-", MINUS)


def format_money(cents: int, currency: str) -> str:
    """Whole cents as an amount of `currency` (a code such as "usd"): $60.50, −$20.00.

    Every currency of the catalog has two decimals. TypeError for anything but an integer.
    """
    if not isinstance(cents, int) or isinstance(cents, bool):
        raise TypeError(f"an amount is a whole number of cents, not {cents!r}")
    amount = Decimal(cents).scaleb(-2)
    return format_currency(amount, currency.upper(), locale=_locale()).replace("-", MINUS)


def format_percent(hundredths: int) -> str:
    """Hundredths of a percent, as discounts are kept: 40%, 87.25%."""
    number = format_decimal(Decimal(hundredths).scaleb(-2), locale=_locale())
    return gettext("%(number)s%%", number=number)


def format_date(moment: datetime) -> str:
    """The day of an instant, in UTC: 2 March 2027."""
    return format_datetime(moment.astimezone(UTC), gettext("d MMMM y"), locale=_locale())


def format_day_of_year(moment: datetime) -> str:
    """The day of an instant without its year, in UTC: 4 January."""
    return format_datetime(moment.astimezone(UTC), gettext("d MMMM"), locale=_locale())


def format_short_day(moment: datetime) -> str:
    """The day of an instant where space is short, in UTC: 4 Jan."""
    return format_datetime(moment.astimezone(UTC), gettext("d MMM"), locale=_locale())


def format_instant(moment: datetime) -> str:
    """An instant to the second: 2 March 2027, 03:04:05 UTC."""
    pattern = gettext("d MMMM y, HH:mm:ss 'UTC'")
    return format_datetime(moment.astimezone(UTC), pattern, locale=_locale())


def format_iso(moment: datetime) -> str:
    """An instant for programs: 2027-03-02T03:04:05Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_duration(length: timedelta | int) -> str:
    """A length of time (a timedelta or whole seconds) in its largest whole unit, rounded down.

    An hour and a half is "90 minutes", two days and an hour "2 days".
    """
    seconds = length // timedelta(seconds=1) if isinstance(length, timedelta) else length
    if seconds >= 2 * 86_400 or seconds == 86_400:
        return ngettext("%(num)d day", "%(num)d days", seconds // 86_400)
    if seconds >= 2 * 3_600 or seconds == 3_600:
        return ngettext("%(num)d hour", "%(num)d hours", seconds // 3_600)
    if seconds >= 60:
        return ngettext("%(num)d minute", "%(num)d minutes", seconds // 60)
    return ngettext("%(num)d second", "%(num)d seconds", seconds)


# --- counted things ---


def count_people(number: int) -> str:
    """ "1 person", "23 people"."""
    return ngettext("%(count)s person", "%(count)s people", number, count=format_count(number))


def count_licenses(number: int) -> str:
    """ "1 license", "25 licenses"."""
    return ngettext("%(count)s license", "%(count)s licenses", number, count=format_count(number))


def count_months(number: int) -> str:
    """ "1 month", "12 months"."""
    return ngettext("%(count)s month", "%(count)s months", number, count=format_count(number))


# --- states and choices ---

_SCHEDULES = {
    Schedule.MONTHLY: lazy_gettext("Monthly"),
    Schedule.ANNUAL: lazy_gettext("Annual"),
}
_SCHEDULE_UNITS = {
    Schedule.MONTHLY: lazy_gettext("a month"),
    Schedule.ANNUAL: lazy_gettext("a year"),
}
_COLLECTIONS = {
    Collection.CHARGE_AUTOMATICALLY: lazy_gettext("Card"),
    Collection.SEND_INVOICE: lazy_gettext("Invoice"),
}
_LICENSE_MANAGEMENTS = {
    LicenseManagement.AUTOMATIC: lazy_gettext("Automatic"),
    LicenseManagement.MANUAL: lazy_gettext("Manual"),
}
_PLAN_STATUSES = {
    PlanStatus.NEVER_STARTED: (lazy_gettext("Scheduled"), "notice"),
    PlanStatus.TRIAL: (lazy_gettext("Free trial"), "good"),
    PlanStatus.ACTIVE: (lazy_gettext("Active"), "good"),
    PlanStatus.ENDED: (lazy_gettext("Ended"), "neutral"),
}
_AT_CYCLE_ENDS = {
    AtCycleEnd.RENEW: lazy_gettext("Renews"),
    AtCycleEnd.END: lazy_gettext("Ends"),
    AtCycleEnd.SWITCH_SCHEDULE: lazy_gettext("Changes its schedule"),
    AtCycleEnd.SWITCH_TIER: lazy_gettext("Changes to another plan"),
}
_INVOICE_STATUSES = {
    InvoiceStatus.DRAFT: (lazy_gettext("Being prepared"), "neutral"),
    InvoiceStatus.OPEN: (lazy_gettext("To be paid"), "notice"),
    InvoiceStatus.PAID: (lazy_gettext("Paid"), "good"),
    InvoiceStatus.VOID: (lazy_gettext("Void"), "neutral"),
    InvoiceStatus.UNCOLLECTIBLE: (lazy_gettext("Written off"), "bad"),
}
_PURCHASE_STATUSES = {
    PurchaseStatus.OPEN: (lazy_gettext("Waiting for payment"), "notice"),
    PurchaseStatus.COMPLETED: (lazy_gettext("Completed"), "good"),
    PurchaseStatus.DECLINED: (lazy_gettext("Declined"), "bad"),
    PurchaseStatus.VOIDED: (lazy_gettext("Void"), "neutral"),
}
_CUSTOMER_KINDS = {
    CustomerKind.SERVER: lazy_gettext("server"),
    CustomerKind.ORGANIZATION: lazy_gettext("organization"),
}
_CARD_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "Eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


def schedule_word(schedule: Schedule) -> str:
    """ "Monthly", "Annual"."""
    return str(_SCHEDULES[schedule])


def schedule_unit(schedule: Schedule) -> str:
    """What follows an amount: "$60.50 a month"."""
    return str(_SCHEDULE_UNITS[schedule])


def collection_word(collection: Collection) -> str:
    """How an invoice is paid."""
    return str(_COLLECTIONS[collection])


def management_word(management: LicenseManagement) -> str:
    """Who decides the number of licenses."""
    return str(_LICENSE_MANAGEMENTS[management])


def plan_status_word(status: PlanStatus) -> str:
    """Where a plan stands."""
    return str(_PLAN_STATUSES[status][0])


def at_cycle_end_word(instruction: AtCycleEnd) -> str:
    """What a plan does when its cycle ends."""
    return str(_AT_CYCLE_ENDS[instruction])


def invoice_status_word(status: InvoiceStatus) -> str:
    """Where an invoice stands."""
    return str(_INVOICE_STATUSES[status][0])


def purchase_status_word(status: PurchaseStatus) -> str:
    """Where a purchase stands."""
    return str(_PURCHASE_STATUSES[status][0])


def customer_kind_word(kind: CustomerKind) -> str:
    """The noun for who pays."""
    return str(_CUSTOMER_KINDS[kind])


def describe_card(brand: str, last4: str, exp_month: int, exp_year: int) -> str:
    """ "Visa ending 4242, expires 4/2030". `brand` is the provider's code."""
    return gettext(
        "%(brand)s ending %(last4)s, expires %(month)d/%(year)d",
        brand=_CARD_BRANDS.get(brand) or brand.replace("_", " ").capitalize() or gettext("Card"),
        last4=last4,
        month=exp_month,
        year=exp_year,
    )


def describe_line(
    kind: LineKind,
    *,
    tier_title: str,
    quantity: int = 1,
    since: datetime | None = None,
    months_from_payment: int | None = None,
    promo: PromoKind = PromoKind.NEW_CUSTOMER,
    is_estimated: bool = False,
) -> str:
    """What an invoice line is called (billing rules, "Lines").

    `quantity` is the number of licenses; `since` the day they were added, for added licenses and
    adjustments; `months_from_payment` the length of a first cycle that begins when its invoice is
    paid, None for one that has its dates; `promo` whose discount a discount line gives;
    `is_estimated` whether the count was not known. A one-off is named by whoever adds it: ValueError
    here.
    """
    if kind is LineKind.FIRST and months_from_payment is not None:
        months = count_months(months_from_payment)
        return gettext("%(tier)s, %(months)s from payment", tier=tier_title, months=months)
    if kind is LineKind.FIRST:
        return tier_title
    if kind is LineKind.RENEWAL and is_estimated:
        return gettext("%(tier)s - renewal, estimated", tier=tier_title)
    if kind is LineKind.RENEWAL:
        return gettext("%(tier)s - renewal", tier=tier_title)
    if kind is LineKind.DISCOUNT and promo is PromoKind.COUPON:
        return gettext("Coupon discount")
    if kind is LineKind.DISCOUNT:
        return gettext("New customer discount")
    if kind is LineKind.CREDIT:
        return gettext("Unused time on %(tier)s", tier=tier_title)
    if since is None:
        raise ValueError(f"a line of kind {kind.value} is described by its day or its own text")
    values = {"count": format_count(quantity), "date": format_day_of_year(since)}
    if kind is LineKind.ADDED:
        return ngettext(
            "%(count)s license added on %(date)s",
            "%(count)s licenses added on %(date)s",
            quantity,
            **values,
        )
    if kind is LineKind.ADJUSTMENT:
        return ngettext(
            "Late report: %(count)s license added on %(date)s",
            "Late report: %(count)s licenses added on %(date)s",
            quantity,
            **values,
        )
    raise ValueError(f"a line of kind {kind.value} is described by whoever adds it")


# --- errors ---

_AMOUNT_NAME = re.compile(r"(?:^|_)(?:amount|total|price|cents)$")


@cache
def get_messages() -> Mapping[str, Message]:
    """The message of every code, merged from `app/web/wordings/`. ValueError when two modules
    give one code different homes."""
    from app.web import wordings

    merged: dict[str, Message] = {}
    for module in iter_modules(wordings.__path__):
        messages = import_module(f"{wordings.__name__}.{module.name}").MESSAGES
        if twice := merged.keys() & messages.keys():
            raise ValueError(f"wordings/{module.name}.py repeats {sorted(twice)}")
        merged.update(messages)
    return merged


def message_for(error: BillingError) -> str:
    """What to tell a person about `error`.

    Its parameters become words first: times a date, amounts (named `amount`, `total`, `price` or
    ending so) money of the parameter `currency`, counts numbers, states their word.
    """
    message = get_messages()[error.code]
    if isinstance(message, LazyString):
        return str(message) % _words_of(error.params)
    return message(error.params)


def _words_of(params: Mapping[str, Any]) -> dict[str, str]:
    currency = str(params.get("currency", "usd"))
    return {name: _word_of(name, value, currency) for name, value in params.items()}


def _word_of(name: str, value: object, currency: str) -> str:
    if isinstance(value, datetime):
        return format_date(value)
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Schedule):
        return schedule_word(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return format_money(value, currency) if _AMOUNT_NAME.search(name) else format_count(value)
    return str(value)


def country_names() -> list[tuple[str, str]]:
    """The countries as (ISO 3166 code, name), by their names in the reader's language."""
    names = _locale().territories
    named = [(key, str(name)) for key, name in names.items() if len(key) == 2 and key.isalpha()]
    return sorted(named, key=lambda pair: pair[1])


def _locale() -> Locale:
    """The reader's language; English outside of any request."""
    return get_locale() or Locale("en")


def init_app(app: Flask) -> None:
    """Give the templates the words as filters."""
    app.jinja_env.filters.update(
        money=format_money,
        count=format_count,
        day=format_date,
        day_of_year=format_day_of_year,
        instant=format_instant,
        iso=format_iso,
        duration=format_duration,
        people=count_people,
        licenses=count_licenses,
        months=count_months,
        schedule=schedule_word,
        schedule_unit=schedule_unit,
        collection=collection_word,
        management=management_word,
        plan_status=plan_status_word,
        plan_tone=lambda status: _PLAN_STATUSES[status][1],
        at_cycle_end=at_cycle_end_word,
        invoice_status=invoice_status_word,
        invoice_tone=lambda status: _INVOICE_STATUSES[status][1],
        purchase_status=purchase_status_word,
        purchase_tone=lambda status: _PURCHASE_STATUSES[status][1],
        customer_kind=customer_kind_word,
    )
    get_messages()
