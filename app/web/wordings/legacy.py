"""What staff and customers are told when a legacy plan cannot be given, moved or followed."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain.kinds import Schedule
from app.services.pages.complimentary import ComplimentaryView
from app.services.pages.schedule import ScheduleView
from app.web.wording import (
    Message,
    count_licenses,
    count_people,
    format_date,
    format_instant,
    format_money,
)


def _end_not_ahead(params: Mapping[str, Any]) -> str:
    return gettext(
        "%(time)s is not ahead. A date means 00:00 UTC at its start; give a later one.",
        time=format_instant(params["date"]),
    )


def _end_too_far(params: Mapping[str, Any]) -> str:
    return gettext(
        "%(day)s is more than 20 years ahead. Check the year.", day=format_date(params["date"])
    )


def _end_unchanged(params: Mapping[str, Any]) -> str:
    return gettext("It ends on %(day)s already.", day=format_date(params["date"]))


def _customer_has_plan(params: Mapping[str, Any]) -> str:
    if params["ends_at"] is None:
        return gettext(
            "This customer has the plan %(tier)s. End it first, or wait until it has ended.",
            tier=params["tier"],
        )
    return gettext(
        "This customer has the plan %(tier)s until %(day)s. End it first, or wait until it has "
        "ended.",
        tier=params["tier"],
        day=format_date(params["ends_at"]),
    )


def _customer_has_scheduled_plan(params: Mapping[str, Any]) -> str:
    return gettext(
        "This customer has the plan %(tier)s scheduled for %(day)s. Cancel that first.",
        tier=params["tier"],
        day=format_date(params["at"]),
    )


def _upgrade_is_scheduled(params: Mapping[str, Any]) -> str:
    return gettext(
        "A plan is scheduled for %(day)s already. Take it back first to choose another.",
        day=format_date(params["at"]),
    )


MESSAGES: dict[str, Message] = {
    "end_not_ahead": _end_not_ahead,
    "end_too_far": _end_too_far,
    "end_unchanged": _end_unchanged,
    "customer_has_plan": _customer_has_plan,
    "customer_has_scheduled_plan": _customer_has_scheduled_plan,
    "covered_by_others": _l(
        "This organization is covered by the plan of its server %(host)s, so it needs none of its "
        "own."
    ),
    "no_legacy_plan": _l("There is no legacy plan that is running."),
    "upgrade_is_scheduled": _upgrade_is_scheduled,
    "nothing_scheduled": _l("No plan is scheduled, so there is nothing to take back."),
}


def schedule_headline(quote: ScheduleView, day: str) -> str:
    """ "Business for 18 people from 2 March 2012: $1,760.00 then, nothing before"."""
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
    return gettext(
        "%(what)s from %(day)s: %(total)s then, nothing before",
        what=what,
        day=day,
        total=format_money(quote.total, quote.currency),
    )


def schedule_words(quote: ScheduleView) -> str:
    """What follows the first bill."""
    each = gettext("each month") if quote.schedule is Schedule.MONTHLY else gettext("each year")
    return gettext(
        "On %(day)s it renews for %(total)s, then %(each)s.",
        day=format_date(quote.renews_at),
        total=format_money(quote.renewal_total, quote.currency),
        each=each,
    )


def complimentary_headline(view: ComplimentaryView) -> str:
    """ "Legacy, free until 2 March 2012. Then Business begins, for $1,760.00."."""
    about = gettext(
        "%(tier)s, free until %(day)s.", tier=view.tier_title, day=format_date(view.until)
    )
    if view.next_plan is None:
        return about
    values = {"tier": view.next_plan.tier_title}
    if view.is_over:
        waits = gettext("%(tier)s begins as soon as your server reports.", **values)
        return f"{about} {waits}"
    if view.next_plan.total is None:
        return f"{about} {gettext('Then %(tier)s begins.', **values)}"
    then = gettext(
        "Then %(tier)s begins, for %(total)s.",
        total=format_money(view.next_plan.total, view.next_plan.currency),
        **values,
    )
    return f"{about} {then}"
