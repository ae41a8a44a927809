"""The words of what staff agree with customers: discounts, coupons, offers of a fixed price."""

from flask_babel import lazy_gettext as _l

from app.web.wording import Message

MESSAGES: dict[str, Message] = {
    "reason_missing": _l("Say why: a reason is kept with what staff do."),
    "reason_too_long": _l("The reason is too long: at most %(maximum)s characters are kept."),
    "date_not_ahead": _l("%(day)s has begun already. Give a day that lies ahead."),
    # The tier.
    "tier_not_known": _l("There is no tier of that name. The catalog sells: %(known)s."),
    "tier_has_no_price": _l("%(tier)s costs nothing, so nothing can be agreed for it."),
    "tier_unchanged": _l("It is so already. Nothing was changed."),
    "discount_holds_tier": _l(
        "There is a discount for the required tier. Remove the discount first, then change the tier."
    ),
    "offer_holds_tier": _l(
        "There is an open offer for the required tier. Withdraw the offer first, then change the "
        "tier."
    ),
    "required_tier_missing": _l(
        "Say first which tier the customer is to take: flask billing tier UUID --required TIER."
    ),
    # Discounts.
    "discount_needs_price_list": _l(
        "%(tier)s has no price list that something could be taken off. Make an offer instead."
    ),
    "no_discount": _l("There is no discount to remove."),
    "discount_percent_not_possible": _l(
        "A discount is more than 0 and less than 100 percent. For a plan that costs nothing, approve "
        "a sponsorship."
    ),
    "discount_leaves_nothing": _l(
        "That leaves less than a cent of the price of %(list_price)s. Give a smaller percentage."
    ),
    "discount_price_not_positive": _l("A price is more than 0.00."),
    "discount_not_below_list": _l(
        "The price of %(price)s is not below the list price of %(list_price)s (%(schedule)s)."
    ),
    # Licenses.
    "minimum_not_possible": _l("The minimum is a number from 1 to %(maximum)s."),
    "minimum_without_discount": _l(
        "A minimum of licenses is agreed together with a discount. Set the discount first."
    ),
    "minimum_while_subscribed": _l(
        "A paid plan runs or is scheduled, so its minimum cannot be changed. Agree it before the "
        "plan begins, or after it ended."
    ),
}
