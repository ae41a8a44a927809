"""How many coupon codes may be tried that are none."""

from dataclasses import replace

from app.domain.errors import BillingError
from app.extensions import caller_network
from app.services.identity import CustomerRef
from app.services.pages.upgrade import COUPON_GUESSES, UpgradePage
from app.services.quote import PurchaseChoice
from app.web.attempts import Counted, count_attempt, seconds_to_wait
from app.web.context import get_context
from app.web.upgrade.forms import ChoiceForm
from app.web.wording import message_for

_COUPONS = "coupon"


def without_guess(
    ref: CustomerRef, form: ChoiceForm, choice: PurchaseChoice | None
) -> PurchaseChoice | None:
    """The choice without its coupon, and a message beside the field, for somebody who has tried
    too many wrong codes: not even a right one is told from others then."""
    if choice is None or choice.coupon is None:
        return choice
    limits = get_context().settings.rate_limit_coupon
    seconds = seconds_to_wait(_COUPONS, limits, *_counted(ref))
    if seconds is None:
        return choice
    error = BillingError("coupon_guesses_used_up", minutes=-(-seconds // 60))
    form.coupon.errors = [*form.coupon.errors, message_for(error)]
    return replace(choice, coupon=None)


def count_guess(ref: CustomerRef, page: UpgradePage) -> None:
    """Count a code that was wrong, expired or used up, by who calls and by the customer."""
    if page.problem is not None and page.problem.code in COUPON_GUESSES:
        count_attempt(_COUPONS, get_context().settings.rate_limit_coupon, *_counted(ref))


def _counted(ref: CustomerRef) -> tuple[Counted, Counted]:
    return ("customer", ref.uuid), ("ip", caller_network())
