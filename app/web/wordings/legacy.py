"""What staff and customers are told when a legacy plan cannot be given, moved or followed."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.web.wording import Message, format_date, format_instant


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
