"""What our staff do for the sample customers: the services behind the commands of `flask billing`."""

from datetime import timedelta

from app.demo.happenings import (
    ByStaff,
    GiveDiscount,
    GiveLegacy,
    MakeCoupon,
    OfferFixedPrice,
    Sponsor,
)
from app.domain.discounts import StaffDiscount
from app.services.context import CLI, Context
from app.services.create_coupon import CreateCoupon, create_coupon
from app.services.customers import Payer
from app.services.decide_sponsorship import approve_sponsorship
from app.services.legacy import create_legacy_plan
from app.services.make_offer import MakeOffer, make_offer
from app.services.set_customer_discount import SetDiscount, set_customer_discount
from app.services.set_required_tier import set_required_tier

# Stands in the log of the customer.
REASON = "Agreed by mail, for the demo."


def do_by_staff(ctx: Context, payer: Payer, happening: ByStaff) -> None:
    """Make one thing of the cast happen."""
    match happening:
        case GiveLegacy():
            end = ctx.now() + timedelta(days=happening.days_ago + happening.days_ahead)
            until = end.replace(hour=0, minute=0, second=0, microsecond=0)
            create_legacy_plan(ctx, payer, until=until, reason=REASON, actor=CLI)
        case Sponsor():
            approve_sponsorship(ctx, payer, until=None, reason=REASON, actor=CLI)
        case OfferFixedPrice():
            set_required_tier(ctx, payer, happening.tier, reason=REASON, actor=CLI)
            offered = MakeOffer(yearly_price=happening.yearly_price, reason=REASON)
            make_offer(ctx, payer, offered, actor=CLI)
        case GiveDiscount():
            set_required_tier(ctx, payer, happening.tier, reason=REASON, actor=CLI)
            discount = StaffDiscount(percent=happening.percent)
            command = SetDiscount(discount=discount, reason=REASON)
            set_customer_discount(ctx, payer, command, actor=CLI)
        case MakeCoupon():
            made = CreateCoupon(
                code=happening.code,
                percent=happening.percent,
                months=happening.months,
                reason=REASON,
            )
            create_coupon(ctx, made, actor=CLI)
