"""The sentences that the customer's pages begin with, and the words of single values there."""

from datetime import datetime, timedelta

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import Schedule
from app.services.pages.billing import BillingPage, BillingState, Growth, PlanView
from app.services.pages.parts import CardView
from app.services.pages.plans import PlansPage, PlansState, PriceView, TierView
from app.services.pages.upgrade import QuoteChange, QuoteView
from app.web.wording import (
    Message,
    count_licenses,
    count_months,
    count_people,
    describe_card,
    format_count,
    format_date,
    format_day_of_year,
    format_money,
    schedule_unit,
    schedule_word,
)

# A day nearer than this is told without its year.
NEAR = timedelta(days=300)
# So many additions are told one by one.
MOST_TOLD = 3

MESSAGES: dict[str, Message] = {
    "card_declined": _l(
        "Your bank says: “%(reason)s” Nothing was charged and nothing has changed. Use another "
        "card, or ask your bank and try again."
    ),
    "payment_failed": _l(
        "The payment did not go through. Nothing was charged and nothing has changed. Try again, "
        "or use another card."
    ),
    "card_not_entered": _l(
        "No card has arrived yet. If you have just entered one, wait a moment and check again."
    ),
}

_TERMS = {
    "tier": _l("Plan"),
    "schedule": _l("Billed"),
    "currency": _l("Currency"),
    "price": _l("Price of a license"),
    "discount_amount": _l("Discount a month"),
    "discount_months": _l("Months with the discount"),
    "tier_minimum": _l("Least number of licenses"),
    "total": _l("Total today"),
}
_AMOUNTS = frozenset({"price", "discount_amount", "total"})


def near_day(moment: datetime, now: datetime) -> str:
    """ "2 February", with its year when it is far from `now`."""
    near = abs(moment - now) < NEAR
    return format_day_of_year(moment) if near else format_date(moment)


def card_words(card: CardView) -> str:
    """ "Visa ending 4242, expires 4/2030"."""
    return describe_card(card.brand, card.last4, card.exp_month, card.exp_year)


# --- billing ---


def billing_headline(page: BillingPage) -> str:
    """The first line of the billing page: the plan, the people, and what comes next."""
    plan = page.plan
    if page.state is BillingState.COVERED_BY_SERVER:
        return gettext(
            "Your organization is covered by its server's %(tier)s plan.",
            tier=page.server_tier_title,
        )
    if page.state is BillingState.NO_PLAN or plan is None:
        return gettext("You have no plan, so there is nothing to pay.")
    if page.state is BillingState.ENDED and plan.ends_at is not None:
        return gettext(
            "Your %(tier)s plan ended on %(day)s.",
            tier=plan.tier_title,
            day=near_day(plan.ends_at, page.now),
        )
    if plan.people is None:
        return gettext("%(tier)s. We are waiting to hear from your server.", tier=plan.tier_title)
    about = gettext("%(tier)s, %(people)s.", tier=plan.tier_title, people=count_people(plan.people))
    return f"{about} {_what_comes(plan, page.now)}"


def _what_comes(plan: PlanView, now: datetime) -> str:
    charge = plan.next_charge
    if plan.is_ending and plan.ends_at is not None and charge is None:
        return gettext("It ends on %(day)s.", day=near_day(plan.ends_at, now))
    if charge is None:
        return gettext("Nothing more will be charged.")
    values = {
        "total": format_money(charge.total, plan.currency),
        "day": near_day(charge.at, now),
    }
    if charge.is_due:
        return gettext("Being charged now: %(total)s for %(day)s.", **values)
    if plan.is_ending:
        return gettext("It ends on %(day)s, with a last charge of %(total)s.", **values)
    return gettext("Next charge: %(total)s on %(day)s.", **values)


def growth_words(plan: PlanView) -> str:
    """How the paid licenses came about: "23 licenses: 18 at the start, 5 added on 4 January."."""
    growth: Growth = plan.growth
    if not growth.added:
        return gettext(
            "%(licenses)s since %(day)s.",
            licenses=count_licenses(plan.licenses),
            day=format_day_of_year(plan.cycle_start),
        )
    start = gettext("%(count)s at the start", count=format_count(growth.at_start))
    if len(growth.added) > MOST_TOLD:
        parts = [
            start,
            ngettext(
                "%(count)s added since, on %(num)s day",
                "%(count)s added since, on %(num)s different days",
                len(growth.added),
                count=format_count(growth.total_added),
            ),
        ]
    else:
        parts = [start] + [
            gettext("%(count)s added on %(day)s", count=format_count(n), day=format_day_of_year(at))
            for at, n in growth.added
        ]
    return gettext(
        "%(licenses)s: %(parts)s.", licenses=count_licenses(plan.licenses), parts=", ".join(parts)
    )


# --- plans and upgrade ---


def plans_headline(page: PlansPage) -> str:
    """The first line of the plans page: the people, and what the cheapest plan would cost."""
    if page.state is PlansState.COVERED_BY_SERVER:
        return gettext(
            "Your organization is covered by its server's %(tier)s plan.", tier=page.current_title
        )
    if page.state is PlansState.SUBSCRIBED:
        return gettext("Your plan is %(tier)s.", tier=page.current_title)
    if page.state is PlansState.ENDING and page.ends_at is not None:
        return gettext(
            "Your %(tier)s plan ends on %(day)s.",
            tier=page.current_title,
            day=format_date(page.ends_at),
        )
    if page.people is None:
        return gettext("We do not know yet how many people you have.")
    have = gettext("You have %(people)s.", people=count_people(page.people))
    return f"{have} {_cheapest(page)}".strip()


def _cheapest(page: PlansPage) -> str:
    tier = page.cheapest
    price = tier.prices[0] if tier is not None and tier.prices else None
    if tier is None or price is None or price.first is None:
        return ""
    return gettext(
        "%(tier)s would cost you %(total)s %(unit)s.",
        tier=tier.title,
        total=format_money(price.first, page.currency),
        unit=schedule_unit(price.schedule),
    )


def price_note(price: PriceView, currency: str) -> str:
    """What a bill becomes after the discount: "for 12 months, then $80.50"; else nothing.

    A year's bill uses the whole discount up at once, unless the catalogue grants more than a year.
    """
    if price.later is None or price.discount_ends_at is None or price.first == price.later:
        return ""
    if price.schedule is Schedule.ANNUAL:
        return gettext("the first year, then %(total)s", total=format_money(price.later, currency))
    return gettext(
        "until %(day)s, then %(total)s %(unit)s",
        day=format_date(price.discount_ends_at),
        total=format_money(price.later, currency),
        unit=schedule_unit(price.schedule),
    )


def licenses_note(tier: TierView, people: int | None) -> str:
    """Why so many licenses are billed."""
    if tier.licenses is None or people is None:
        return gettext("At least %(licenses)s", licenses=count_licenses(tier.minimum))
    if tier.licenses > people:
        return gettext(
            "%(licenses)s, the least for this plan", licenses=count_licenses(tier.licenses)
        )
    return gettext("for %(people)s", people=count_people(people))


def upgrade_headline(quote: QuoteView) -> str:
    """ "Basic for 23 people: $60.50 today and each month for a year, then $80.50"."""
    if quote.licenses == quote.people:
        what = gettext(
            "%(tier)s for %(people)s", tier=quote.tier_title, people=count_people(quote.people)
        )
    else:
        what = gettext(
            "%(tier)s with %(licenses)s",
            tier=quote.tier_title,
            licenses=count_licenses(quote.licenses),
        )
    return f"{what}: {_price_over_time(quote)}"


def _price_over_time(quote: QuoteView) -> str:
    each = gettext("each month") if quote.schedule is Schedule.MONTHLY else gettext("each year")
    today = format_money(quote.total, quote.currency)
    later = format_money(quote.undiscounted_total, quote.currency)
    if quote.total == quote.renewal_total == quote.undiscounted_total:
        return gettext("%(today)s today and %(each)s", today=today, each=each)
    months = quote.discount_months
    if quote.total == quote.renewal_total and quote.schedule is Schedule.MONTHLY:
        span = gettext("a year") if months == 12 else count_months(months)
        return gettext(
            "%(today)s today and each month for %(span)s, then %(later)s",
            today=today,
            span=span,
            later=later,
        )
    return gettext(
        "%(today)s today, then %(later)s %(each)s",
        today=today,
        later=format_money(quote.renewal_total, quote.currency),
        each=each,
    )


def renewal_words(quote: QuoteView) -> str:
    """What happens on the day of the first renewal, and what changes after the discount."""
    said = gettext(
        "%(total)s on %(day)s, then %(each)s.",
        total=format_money(quote.renewal_total, quote.currency),
        day=format_date(quote.renews_at),
        each=gettext("each month") if quote.schedule is Schedule.MONTHLY else gettext("each year"),
    )
    if quote.discount_ends_at is None or quote.renewal_total == quote.undiscounted_total:
        return said
    ends = gettext(
        "The discount for new customers ends on %(day)s; from then on it is %(total)s %(unit)s.",
        day=format_date(quote.discount_ends_at),
        total=format_money(quote.undiscounted_total, quote.currency),
        unit=schedule_unit(quote.schedule),
    )
    return f"{said} {ends}"


def change_name(change: QuoteChange) -> str:
    """What changed between the page and its confirmation."""
    return str(_TERMS.get(change.name, change.name))


def change_value(value: object, change: QuoteChange, currency: str) -> str:
    """One of its two values."""
    if change.name in _AMOUNTS and isinstance(value, int):
        return format_money(value, currency)
    if change.name == "schedule":
        return schedule_word(Schedule(str(value)))
    return format_count(value) if isinstance(value, int) else str(value)
