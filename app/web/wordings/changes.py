"""Why a change of a running plan is refused, and what to do instead."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.web.wording import Message, format_date

# --- refused transitions ---

_ENDED = {
    "keep": _l(
        "This plan has ended, so there is nothing to take back any more. Choose a plan to start a "
        "new one."
    ),
}
_NOT_BEGUN = _l(
    "This plan has not begun yet. Change the plan that runs now, or take the scheduled change back "
    "on the billing page."
)
_INSTRUCTED = {
    "end": _l("is set to end"),
    "switch_schedule": _l("is set to change how often it renews"),
    "switch_tier": _l("is set to change to another plan"),
}
# By the change that was asked for, of a plan that runs.
_REFUSED = {
    "keep": _l("Your plan is not set to end or to change, so there is nothing to take back."),
    "schedule_next": _l(
        "A plan can be scheduled only behind one whose end was agreed. Yours can be changed on the "
        "plans page."
    ),
    "cancel_next": _l("No plan is scheduled to follow yours, so there is nothing to cancel."),
    "move_end": _l("No end was agreed for this plan, so there is none to move."),
    "reach_end": _l("This plan is not set to end, so it goes on."),
    "turn_active": _l("This plan is not in a free trial any more, so there is no trial to end."),
    "activate": _l("This plan has begun already, so it cannot begin once more."),
    "cancel": _l("This plan has begun already. It can be ended, but not called off."),
    "revive": _l("This plan has not ended, so there is nothing to revive."),
}


def _transition_refused(params: Mapping[str, Any]) -> str:
    status, at_cycle_end, change = (params[name] for name in ("status", "at_cycle_end", "change"))
    if status == "ended":
        return str(
            _ENDED.get(change) or _l("This plan has ended. Choose a plan to start a new one.")
        )
    if status == "never_started":
        return str(_NOT_BEGUN)
    if change == "end_at_cycle_end" and at_cycle_end == "end":
        return gettext(
            "Your plan is already set to end. You can take that back on the billing page."
        )
    if change in {"end_at_cycle_end", "switch_schedule", "switch_tier"}:
        return _stands_in_the_way(status, at_cycle_end)
    if change in _REFUSED:
        return str(_REFUSED[change])
    return gettext("Your plan cannot be changed like this now. Write to support, and we will help.")


def _stands_in_the_way(status: str, at_cycle_end: str) -> str:
    if at_cycle_end in _INSTRUCTED:
        return gettext(
            "Your plan %(instructed)s already. Take that back on the billing page first, then "
            "choose again.",
            instructed=_INSTRUCTED[at_cycle_end],
        )
    assert status == "trial", "a plan that renews can be changed"
    return gettext(
        "Your plan is in its free trial. Once the trial is over and the plan is paid for, it can "
        "be changed to another one; until then you can end it on the billing page."
    )


# --- other refusals ---


def _plan_is_agreed(params: Mapping[str, Any]) -> str:
    ends_at = params["ends_at"]
    if not isinstance(ends_at, datetime):
        return gettext(
            "The terms of this plan were agreed with you, so they are not changed here. Write to "
            "support, and we will help."
        )
    return gettext(
        "The terms of this plan and its end on %(day)s were agreed with you, so they are not "
        "changed here. Write to support, and we will help.",
        day=format_date(ends_at),
    )


_TERMS = {
    "plan": _l("your plan"),
    "tier": _l("the plan you chose"),
    "schedule": _l("how often it renews"),
    "currency": _l("the currency"),
    "price": _l("the price"),
    "discount_amount": _l("your discount"),
    "discount_percent": _l("your discount"),
    "discount_months": _l("your discount"),
    "tier_minimum": _l("the least number of licenses"),
}


def term_word(name: str) -> str:
    """What a term is called that is no longer what was confirmed."""
    return str(_TERMS.get(name, name))


def _change_outdated(params: Mapping[str, Any]) -> str:
    names = params["changes"]
    if "plan" in names:
        return gettext(
            "Your plan was changed since you opened this page, by somebody else or in another "
            "window. Nothing was done now. Look at what it is before you change it again."
        )
    what = dict.fromkeys(term_word(name) for name in names)
    return gettext(
        "Since you opened this page, %(what)s changed. Nothing was done. Look at the new amounts "
        "and confirm again.",
        what=", ".join(what),
    )


def _management_unchanged(params: Mapping[str, Any]) -> str:
    if params["management"] == "automatic":
        return gettext("Your licenses follow the number of people already.")
    return gettext("You choose the number of licenses yourself already.")


MESSAGES: dict[str, Message] = {
    "transition_refused": _transition_refused,
    "plan_is_agreed": _plan_is_agreed,
    "change_is_none": _l("Your plan is that already, so there is nothing to change."),
    "higher_at_once": _l(
        "%(tier)s is a higher plan than yours. A change to it happens at once: choose it on the "
        "plans page."
    ),
    "lower_at_cycle_end": _l(
        "%(tier)s is a lower plan than yours. A change to it comes when the time you paid for is "
        "over: choose it on the plans page."
    ),
    "trial_first": _l(
        "Your plan is in its free trial. Change to %(tier)s once the trial is over, or end the plan "
        "and choose %(tier)s then."
    ),
    "change_outdated": _change_outdated,
    "waits_for_staff": _l(
        "Our staff look at your next invoice before it is charged. Once that is done the plan can "
        "be changed; write to support if it cannot wait."
    ),
    "invoice_part_paid": _l(
        "A part of an open invoice has been paid, so the plan is not changed here. Pay the rest "
        "first, or write to support."
    ),
    "change_unanswered": _l(
        "Our payment provider did not answer, so your plan was not changed. Try again in a few "
        "minutes."
    ),
    "management_unchanged": _management_unchanged,
    "automatic_needs_card": _l(
        "Your plan is paid by invoice, and then somebody chooses the number of licenses. They can "
        "follow the people of a plan that is paid by card."
    ),
}
