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
    # Coupons, for the people who have one ...
    "coupon_unknown": _l("This code is not valid. Check how it is written, or leave it out."),
    "coupon_expired": _l("This code has expired. Leave it out to see the price without it."),
    "coupon_used_up": _l(
        "This code has been used as often as it can be. Leave it out to see the price without it."
    ),
    "coupon_used_before": _l(
        "You have used this code before; it is good for once. Leave it out to go on."
    ),
    "coupon_for_other_tier": _l(
        "This code is not for %(tier)s. Choose another plan, or leave it out."
    ),
    "coupon_beside_discount": _l(
        "You have a discount of your own for this plan, and a code does not add to it. Leave the "
        "code out to go on."
    ),
    "coupon_guesses_used_up": _l(
        "Too many codes were wrong. Try again in %(minutes)s minutes; the price here is without a "
        "code."
    ),
    # ... and for staff.
    "coupon_code_not_possible": _l(
        "A code has 3 to 32 letters, digits or hyphens, and begins with a letter or digit."
    ),
    "coupon_exists": _l("There is a coupon %(coupon)s already. Choose another code."),
    "coupon_months_not_possible": _l("A coupon is good for 1 to %(maximum)s months."),
    "coupon_amount_not_positive": _l("The amount a month is more than 0.00."),
    "coupon_amount_too_large": _l("The amount a month is %(total)s at most."),
    "coupon_uses_not_possible": _l("A coupon can be used at least once."),
    "coupon_not_found": _l("There is no coupon %(coupon)s."),
    "coupon_withdrawn": _l("The coupon %(coupon)s was withdrawn already."),
    # Offers, for the people who get one ...
    "offer_gone": _l(
        "This offer is not open any more. What you see now is what can be bought; write to support "
        "with any question."
    ),
    "offer_has_invoice": _l("This offer is accepted by paying its invoice."),
    # ... and for staff.
    "offer_price_not_possible": _l("The price for a year is more than 0 and at most %(total)s."),
    "offer_expiry_is_invoice": _l(
        "An offer that is tied to an invoice can be accepted as long as that can be paid. Leave the "
        "day out."
    ),
    "offer_open": _l("There is an open offer already. Withdraw it first."),
    "offer_while_subscribed": _l(
        "A paid plan runs or is scheduled. Let a follow-up begin at its end: flask billing offer "
        "follow-up."
    ),
    "offer_while_buying": _l(
        "A purchase of this customer waits for its payment. Wait until that is settled."
    ),
    "offer_invoice_missing": _l("Stripe knows no invoice %(invoice)s."),
    "offer_invoice_unanswered": _l(
        "Stripe did not answer in time. Nothing was changed; try again in a minute."
    ),
    "offer_invoice_of_other": _l("The invoice %(invoice)s is not one of this customer."),
    "offer_invoice_not_open": _l("The invoice %(invoice)s is not open: it cannot be paid in full."),
    "offer_invoice_not_sent": _l(
        "The invoice %(invoice)s charges a card by itself. Make one that is sent to be paid."
    ),
    "offer_invoice_amount": _l(
        "The invoice %(invoice)s is over %(invoice_total)s, and the offer over %(total)s a year."
    ),
    "offer_invoice_in_use": _l("The invoice %(invoice)s pays for something else already."),
    "no_offer": _l("There is no offer to withdraw, and no follow-up that is scheduled."),
    "offer_was_paid": _l("The offer was accepted meanwhile: its plan runs. Nothing was withdrawn."),
    "follow_up_needs_end": _l(
        "The plan that runs has no end date, so nothing can follow it. Let it end first."
    ),
    "follow_up_too_early": _l(
        "A follow-up can be scheduled once the last monthly invoice is made, on %(day)s."
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
