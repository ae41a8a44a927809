"""What a person is told when a purchase or a change of a plan is refused."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from app.web.wording import Message, format_count


def _too_few_licenses(params: Mapping[str, Any]) -> str:
    minimum = params["minimum"]
    said = ngettext(
        "You need at least %(count)s license",
        "You need at least %(count)s licenses",
        minimum,
        count=format_count(minimum),
    )
    if params["people"] < minimum:
        return gettext("%(said)s here, even for fewer people.", said=said)
    return gettext("%(said)s: everyone counts.", said=said)


_TERMS = {
    "tier": _l("the plan"),
    "schedule": _l("how often it renews"),
    "currency": _l("the currency"),
    "price": _l("the price"),
    "discount_amount": _l("your discount"),
    "discount_months": _l("your discount"),
    "tier_minimum": _l("the least number of licenses"),
    "discounted_price": _l("your price"),
    "discount_percent": _l("your discount"),
    "discount_until": _l("your discount"),
    "trial_days": _l("the free trial"),
    "starts_at": _l("the day on which it begins"),
}


def _quote_changed(params: Mapping[str, Any]) -> str:
    what = dict.fromkeys(str(_TERMS.get(name, name)) for name in params["changes"])
    return gettext(
        "Since you opened this page, %(what)s changed. Nothing was charged. Look at the new "
        "amounts and confirm again.",
        what=", ".join(what),
    )


MESSAGES: dict[str, Message] = {
    # Buying.
    "unknown_tier": _l("There is no such plan to buy. Choose one of the plans shown."),
    "already_subscribed": _l("You are already subscribed. Your plan is on the billing page."),
    "covered_by_server": _l(
        "Your organization is covered by the plan of its server, so it needs no plan of its own."
    ),
    "licenses_missing": _l("Say how many licenses you want, %(minimum)s or more."),
    "too_few_licenses": _too_few_licenses,
    "too_many_licenses": _l("Choose at most %(maximum)s licenses."),
    "contact_support_for_more": _l(
        "Purchases above %(total)s are arranged with support. Write to us and we will help."
    ),
    "no_card": _l("Please add a credit card before upgrading."),
    "quote_expired": _l("This page was open for too long. Look at the amounts again and confirm."),
    "quote_invalid": _l("This confirmation is not complete. Open the page again and confirm."),
    "quote_changed": _quote_changed,
    "purchase_in_progress": _l(
        "Another payment for this plan is being made right now. Wait a moment, then try again."
    ),
    # Changing a plan.
    "no_plan": _l("There is no plan to change. Choose a plan first."),
    "plan_has_ended": _l("This plan has ended. Choose a plan to start a new one."),
    "plan_is_ending": _l("Your plan is set to end, so there will be no renewal to change."),
    "not_manual": _l("Your licenses follow the number of people, so they are not set by hand."),
    "licenses_not_raised": _l(
        "You have %(licenses)s licenses already. Within a cycle the number can only be raised; "
        "for a lower one, set the number for the next renewal."
    ),
    "licenses_unchanged": _l("Your plan already renews with %(licenses)s licenses."),
    # What a job runs into; staff read it.
    "invoice_too_large": _l("An invoice of %(total)s is above the limit and waits for a person."),
    "too_many_invoices": _l("More than %(count)s invoices in one run; somebody has to look at it."),
}
