"""The words of the plans page: prices, and how each of them is computed."""

from flask_babel import gettext, ngettext

from app.domain.kinds import CustomerKind, Schedule
from app.services.pages.plans import CurrentPlan, PlansPage, PlansState
from app.services.pages.tier_prices import LicensesReason, PriceView, TierView
from app.web.wording import (
    Message,
    count_licenses,
    count_months,
    count_people,
    format_count,
    format_date,
    format_money,
    schedule_unit,
    schedule_word,
)

MESSAGES: dict[str, Message] = {}


def plans_headline(page: PlansPage) -> str:
    """The first line: what there is, else the people and what the cheapest plan would cost."""
    if page.state is PlansState.COVERED_BY_SERVER:
        return gettext(
            "Your organization is covered by its server's %(tier)s plan.", tier=page.current_title
        )
    if page.state is PlansState.SUBSCRIBED:
        return _what_you_have(page)
    if page.state is PlansState.ENDING and page.ends_at is not None:
        return gettext(
            "Your %(tier)s plan ends on %(day)s.",
            tier=page.current_title,
            day=format_date(page.ends_at),
        )
    if page.complimentary_until is not None:
        return gettext(
            "Your %(tier)s plan is free until %(day)s.",
            tier=page.current_title,
            day=format_date(page.complimentary_until),
        )
    if page.people is None:
        return gettext("We do not know yet how many people you have.")
    have = gettext("You have %(people)s.", people=_people_and_places(page))
    return f"{have} {_cheapest(page)}".strip()


def _what_you_have(page: PlansPage) -> str:
    plan = page.current
    if plan is None or plan.licenses is None:
        return gettext("Your plan is %(tier)s.", tier=page.current_title)
    return gettext(
        "Your plan is %(tier)s with %(licenses)s.",
        tier=page.current_title,
        licenses=count_licenses(plan.licenses),
    )


def _people_and_places(page: PlansPage) -> str:
    people = count_people(page.people or 0)
    if page.kind is not CustomerKind.SERVER:
        return people
    return ngettext(
        "%(people)s in %(count)s organization",
        "%(people)s in %(count)s organizations",
        page.places,
        people=people,
        count=format_count(page.places),
    )


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


def current_words(plan: CurrentPlan) -> str:
    """The plan that runs, in a sentence: how it is billed, and what the next renewal costs."""
    if plan.price is None:
        return gettext("It has a price that was agreed with you.")
    said = gettext(
        "%(price)s a license %(unit)s.",
        price=format_money(plan.price, plan.currency),
        unit=schedule_unit(plan.schedule),
    )
    if plan.renews_at is None:
        return said
    day = format_date(plan.renews_at)
    if plan.renewal_total is None:
        renews = gettext("It renews on %(day)s.", day=day)
    else:
        total = format_money(plan.renewal_total, plan.currency)
        renews = gettext(
            "It renews on %(day)s for %(total)s, if nobody comes or goes.", day=day, total=total
        )
    return f"{said} {renews}"


def price_note(price: PriceView, currency: str) -> str:
    """What a bill becomes after the discount: "for 12 months, then $80.50"; else nothing.

    A year's bill uses the whole discount up at once, unless the catalog grants more than a year.
    """
    if price.later is None or price.discount_ends_at is None or price.first == price.later:
        return ""
    later = format_money(price.later, currency)
    if price.schedule is Schedule.ANNUAL and price.per_license == price.list_price:
        return gettext("the first year, then %(total)s", total=later)
    return gettext(
        "until %(day)s, then %(total)s %(unit)s",
        day=format_date(price.discount_ends_at),
        total=later,
        unit=schedule_unit(price.schedule),
    )


def list_price_note(price: PriceView, currency: str) -> str:
    """What a license costs everybody, where staff took something off; else nothing."""
    if price.per_license == price.list_price:
        return ""
    return gettext(
        "%(price)s a license for you, instead of %(list_price)s",
        price=format_money(price.per_license, currency),
        list_price=format_money(price.list_price, currency),
    )


def trial_note(tier: TierView) -> str:
    """That a tier can be tried for nothing first; else nothing."""
    if not tier.trial_days:
        return ""
    return ngettext("%(num)s day free first", "%(num)s days free first", tier.trial_days)


def required_note(page: PlansPage) -> str:
    """That staff agreed on one tier with this customer; empty when any can be bought."""
    if page.required_tier is None or page.state is not PlansState.CAN_BUY:
        return ""
    return gettext(
        "We agreed on %(tier)s with you, so this is the plan that you can choose here. For another "
        "one, write to support.",
        tier=page.required_tier,
    )


def licenses_note(tier: TierView, people: int | None) -> str:
    """For how many a price is, and why it is more than the people."""
    if tier.licenses is None or people is None:
        return gettext("At least %(licenses)s", licenses=count_licenses(tier.minimum))
    if tier.reason is LicensesReason.PEOPLE:
        return gettext("for %(people)s", people=count_people(people))
    if tier.reason is LicensesReason.DISCOUNT_MINIMUM:
        return gettext(
            "for %(licenses)s, the least while the discount lasts",
            licenses=count_licenses(tier.licenses),
        )
    return gettext(
        "for %(licenses)s, the least for this plan", licenses=count_licenses(tier.licenses)
    )


def computation(tier: TierView, price: PriceView, currency: str) -> str:
    """How a bill comes about, a sentence for each step."""
    said = [_multiplied(tier, price, currency)]
    if price.discount:
        said.append(_discounted(tier, price, currency))
    if price.discount_ends_at is not None and price.later is not None:
        said.append(_afterwards(tier, price, currency))
    return " ".join(said)


def why_so_many(tier: TierView, people: int) -> str:
    """Why so many licenses are billed, in a sentence."""
    have = {"people": count_people(people), "licenses": count_licenses(tier.licenses or 0)}
    if tier.reason is LicensesReason.TIER_MINIMUM:
        return gettext(
            "You have %(people)s; %(tier)s is sold with at least %(licenses)s.",
            tier=tier.title,
            **have,
        )
    if tier.reason is LicensesReason.AGREED_MINIMUM:
        return gettext("You have %(people)s; at least %(licenses)s were agreed with you.", **have)
    if tier.reason is LicensesReason.DISCOUNT_MINIMUM:
        return gettext(
            "You have %(people)s; while the discount lasts, at least %(licenses)s are sold, "
            "because with fewer the discount would be more than the price.",
            **have,
        )
    if tier.reason is LicensesReason.AT_LEAST_ONE:
        return gettext("You have %(people)s; the least that can be bought is %(licenses)s.", **have)
    return gettext("You have %(people)s, and each needs a license: %(licenses)s.", **have)


def _multiplied(tier: TierView, price: PriceView, currency: str) -> str:
    return gettext(
        "%(count)s × %(each)s = %(full)s %(unit)s.",
        count=format_count(tier.licenses or 0),
        each=format_money(price.per_license, currency),
        full=format_money(price.full or 0, currency),
        unit=schedule_unit(price.schedule),
    )


def _discounted(tier: TierView, price: PriceView, currency: str) -> str:
    values = {
        "amount": format_money(tier.discount_amount, currency),
        "months": count_months(tier.discount_months),
        "less": format_money(price.discount, currency),
        "first": format_money(price.first or 0, currency),
    }
    if price.schedule is Schedule.ANNUAL:
        return gettext(
            "As a new customer you pay %(amount)s a month less for %(months)s: %(less)s off the "
            "first bill, which is %(first)s.",
            **values,
        )
    return gettext(
        "As a new customer you pay %(less)s less for %(months)s: %(first)s a month.", **values
    )


def _afterwards(tier: TierView, price: PriceView, currency: str) -> str:
    values = {
        "day": format_date(price.discount_ends_at) if price.discount_ends_at else "",
        "later": format_money(price.later or 0, currency),
        "unit": schedule_unit(price.schedule),
    }
    if tier.later_licenses != tier.licenses:
        licenses = count_licenses(tier.later_licenses or 0)
        return gettext(
            "From %(day)s on it is %(later)s %(unit)s, for %(licenses)s.",
            licenses=licenses,
            **values,
        )
    return gettext("From %(day)s on it is %(later)s %(unit)s.", **values)


def billed_words(price: PriceView) -> str:
    """ "Monthly", "Annual": the heading of a way to be billed."""
    return schedule_word(price.schedule)


def free_words(page: PlansPage) -> str:
    """What is free without a plan, and how these people stand to it."""
    free = format_count(page.free_seats)
    if page.kind is CustomerKind.SERVER:
        return _free_on_server(page, free)
    said = gettext("Up to %(free)s people are free without a plan.", free=free)
    if page.people is None:
        return said
    people = format_count(page.people)
    if page.state is PlansState.COVERED_BY_SERVER:
        covered = gettext("Your %(people)s are covered by your server's plan.", people=people)
        return f"{said} {covered}"
    if page.is_over_free:
        return f"{said} {gettext('You have %(people)s, so you need one.', people=people)}"
    return f"{said} {gettext('You have %(people)s, so you need none.', people=people)}"


def _free_on_server(page: PlansPage, free: str) -> str:
    said = gettext("Up to %(free)s people in each organization are free without a plan.", free=free)
    if page.people is None:
        return said
    if not page.over_places:
        return f"{said} {gettext('None of yours has more, so you need no plan.')}"
    if page.places == 1:
        return f"{said} {gettext('Yours has more.')}"
    over = ngettext(
        "%(count)s of your organizations has more.",
        "%(count)s of your organizations have more.",
        page.over_places,
        count=format_count(page.over_places),
    )
    return f"{said} {over}"
