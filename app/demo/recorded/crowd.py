"""Who is in the crowd: kinds of customers by their share, and what makes one of each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from app.demo.recorded.deals import STEADY, Deal, Fate
from app.demo.recorded.gifts import (
    ask_for_help,
    ask_for_sponsorship,
    find_late_fall,
    give_plan,
    make_offer,
    write_note,
)
from app.demo.recorded.paid import Story
from app.demo.recorded.place import Figure, Place, make_place
from app.demo.recorded.rows import Batch
from app.domain.discounts import StaffDiscount
from app.domain.kinds import (
    CancellationReason,
    Collection,
    EndReason,
    LicenseManagement,
    Schedule,
    SponsorshipStatus,
    TierKind,
)
from app.models.deals import Coupon
from app.services.context import Context
from app.services.coupons import coupon_terms

NOTES = (
    "Prefers to be called in the morning.",
    "Pays by a purchase order; the number has to stand on the invoice.",
    "Asked twice about single sign-on. Tell them when it comes to Basic.",
    "Two people share the mailbox billing@: answer to both.",
)
QUESTIONS = (
    "Can the invoice name our department instead of the company?",
    "We will merge with another office in spring. What happens to our plan?",
    "Which of our people count? We expected fewer.",
)
CANCELLATIONS = tuple(CancellationReason)


@dataclass(frozen=True, slots=True)
class Making:
    """What the kinds are made with. deliver: unpaid invoices go to the provider at once."""

    ctx: Context
    batch: Batch
    coupon: Coupon
    seed: int
    deliver: bool

    def place(self, number: int, figure: Figure) -> Place:
        """The customer before it had a plan."""
        return make_place(self.batch, number, figure, now=self.ctx.now(), seed=self.seed)


Maker = Callable[[Making, int], Place]


def _people(number: int) -> int:
    """Many are small, few are large."""
    return (9, 12, 14, 17, 21, 26, 34, 48, 75, 140)[number * 7 % 10] + number % 6


def _sell(
    making: Making,
    number: int,
    deal: Deal,
    fate: Fate = STEADY,
    *,
    figure: Figure | None = None,
) -> Place:
    place = making.place(number, figure or Figure(_people(number), deal.bought + 20))
    _put_card(place)
    Story(making.ctx, making.batch, place, deal, fate).tell()
    return place


def _put_card(place: Place) -> None:
    """A card as pages show it. The provider does not know it unless somebody tells it."""
    customer, year = place.customer, place.now.year
    customer.card_brand = ("visa", "mastercard", "amex")[place.number % 3]
    customer.card_last4 = f"{place.number * 37 % 10_000:04d}"
    customer.card_exp_month, customer.card_exp_year = place.number % 12 + 1, year + 2


def _monthly(making: Making, number: int) -> Place:
    deal = Deal(70 + number * 13 % 110, ("basic", "basic", "business")[number % 3])
    figure = Figure(_people(number), deal.bought + 30, 1 + number % 2, number % 5 == 0)
    return _sell(making, number, deal, figure=figure)


def _annual(making: Making, number: int) -> Place:
    deal = Deal(20 + number * 29 % 330, ("business", "basic")[number % 2], Schedule.ANNUAL)
    return _sell(making, number, deal)


def _by_invoice(making: Making, number: int) -> Place:
    deal = Deal(
        40 + number * 17 % 380,
        ("basic", "business")[number % 2],
        Schedule.ANNUAL,
        LicenseManagement.MANUAL,
        Collection.SEND_INVOICE,
        extra=number % 4 * 5,
    )
    return _sell(making, number, deal)


def _manual(making: Making, number: int) -> Place:
    deal = Deal(30 + number * 11 % 90, "basic", management=LicenseManagement.MANUAL, extra=4)
    return _sell(making, number, deal)


def _discounted(making: Making, number: int) -> Place:
    deal = Deal(30 + number * 11 % 300, "business", (Schedule.ANNUAL, Schedule.MONTHLY)[number % 2])
    place = making.place(number, Figure(_people(number), deal.bought + 25))
    _put_card(place)
    percent = (1000, 1500, 2500, 4000)[number % 4]
    customer = place.customer
    customer.required_plan_tier, customer.discount_percent = "business", percent
    customer.discount_reason, customer.discount_owner = "Agreed by mail.", "Sales"
    if number % 3 == 0:
        customer.discount_ends_at = place.now + timedelta(days=120)
    discount = StaffDiscount(percent=percent, ends_at=customer.discount_ends_at)
    whole = Deal(deal.bought, deal.tier, deal.schedule, discount=discount)
    Story(making.ctx, making.batch, place, whole, STEADY).tell()
    return place


def _with_coupon(making: Making, number: int) -> Place:
    terms = coupon_terms(making.coupon)
    deal = Deal(25 + number * 7 % 80, "basic", coupon_id=making.coupon.id, coupon=terms)
    making.coupon.uses += 1
    return _sell(making, number, deal)


def _ending(making: Making, number: int) -> Place:
    fate = Fate(set_to_end=True, cancellation=CANCELLATIONS[number % len(CANCELLATIONS)])
    return _sell(making, number, Deal(40 + number * 3 % 50, "basic"), fate)


def _ended(making: Making, number: int) -> Place:
    reason = CANCELLATIONS[number % len(CANCELLATIONS)]
    fate = Fate(EndReason.CYCLE_END, reason)
    return _sell(making, number, Deal(90 + number * 7 % 150, "basic"), fate)


def _given_up(making: Making, number: int) -> Place:
    fate = Fate(EndReason.UNPAID, unpaid=True)
    return _sell(making, number, Deal(100 + number * 7 % 60, "basic"), fate)


def _past_due(making: Making, number: int) -> Place:
    days = 31 + number % 5
    fate = Fate(unpaid=True, deliver=making.deliver)
    place = _sell(making, number, Deal(days, "basic"), fate)
    return place


def _fixed(making: Making, number: int) -> Place:
    bought = 30 + number * 19 % 310
    place = making.place(number, Figure(60 + number % 200, bought + 30))
    _put_card(place)
    price = 240_000 + number % 9 * 60_000
    offer = make_offer(
        making.ctx, making.batch, place, yearly_price=price, made=bought + 1, accepted=True
    )
    schedule = (Schedule.ANNUAL, Schedule.MONTHLY)[number % 2]
    deal = Deal(bought, "enterprise", schedule, fixed_price=price, offer_id=offer)
    Story(making.ctx, making.batch, place, deal, STEADY).tell()
    return place


def _offered(making: Making, number: int) -> Place:
    place = making.place(number, Figure(80 + number % 90, 25))
    price = 300_000 + number % 5 * 50_000
    make_offer(
        making.ctx, making.batch, place, yearly_price=price, made=number % 20 + 1, accepted=False
    )
    return place


def _legacy(making: Making, number: int) -> Place:
    place = making.place(number, Figure(_people(number), 200))
    ends_in = -20 if number % 4 == 0 else 40 + number * 5 % 300
    give_plan(making.ctx, making.batch, place, TierKind.LEGACY, given=190, ends_in=ends_in)
    return place


def _sponsored(making: Making, number: int) -> Place:
    place = making.place(number, Figure(_people(number), 150))
    ends_in = 100 + number * 3 % 120
    plan_id = give_plan(
        making.ctx, making.batch, place, TierKind.SPONSORED, given=130, ends_in=ends_in
    )
    until = place.now + timedelta(days=ends_in)
    approved = SponsorshipStatus.APPROVED
    ask_for_sponsorship(making.batch, place, approved, asked=132, plan_id=plan_id, until=until)
    return place


def _asking(making: Making, number: int) -> Place:
    place = making.place(number, Figure(_people(number), 30))
    ask_for_sponsorship(making.batch, place, SponsorshipStatus.PENDING, asked=number % 12 + 1)
    return place


def _refused(making: Making, number: int) -> Place:
    place = making.place(number, Figure(_people(number), 60))
    ask_for_sponsorship(making.batch, place, SponsorshipStatus.REJECTED, asked=40)
    return place


def _trying(making: Making, number: int) -> Place:
    return _sell(making, number, Deal(3 + number % 20, "basic", trial_days=30))


def _silent(making: Making, number: int) -> Place:
    silent_for = 3 + number * 3 % 15
    figure = Figure(_people(number), 140, silent_for=silent_for)
    schedule = (Schedule.MONTHLY, Schedule.ANNUAL)[number % 2]
    return _sell(making, number, Deal(100, "basic", schedule), figure=figure)


def _parked(making: Making, number: int) -> Place:
    place = _sell(making, number, Deal(60 + number % 40, "business"))
    place.customer.parked_at = place.now - timedelta(days=number % 3, hours=5)
    place.customer.parked_reason = "invoice_too_large"
    return place


def _disputed(making: Making, number: int) -> Place:
    place = making.place(number, Figure(_people(number), 120))
    _put_card(place)
    deal = Deal(95 + number % 60, "basic")
    plan = Story(making.ctx, making.batch, place, deal, STEADY).tell()
    find_late_fall(making.batch, place, plan)
    return place


def _free(making: Making, number: int) -> Place:
    place = making.place(number, Figure(4 + number % 6, 20 + number % 150))
    _put_card(place)
    return place


# How many of a hundred each kind is.
SHARES: tuple[tuple[Maker, int], ...] = (
    (_monthly, 20),
    (_annual, 19),
    (_by_invoice, 8),
    (_manual, 3),
    (_discounted, 7),
    (_with_coupon, 2),
    (_ending, 3),
    (_ended, 6),
    (_given_up, 2),
    (_past_due, 2),
    (_fixed, 4),
    (_offered, 2),
    (_legacy, 5),
    (_sponsored, 3),
    (_asking, 2),
    (_refused, 1),
    (_trying, 2),
    (_silent, 3),
    (_parked, 1),
    (_disputed, 1),
    (_free, 4),
)
_TURNS = tuple(maker for maker, share in SHARES for _ in range(share))


def add_customer(making: Making, number: int) -> Place:
    """Write the customer of that number down."""
    # 37 and 100 share no factor: each hundred has every kind, well mixed.
    place = _TURNS[number * 37 % len(_TURNS)](making, number)
    if number % 9 == 0:
        write_note(making.batch, place, NOTES[number // 9 % len(NOTES)])
    if number % 31 == 0:
        ask_for_help(making.batch, place, QUESTIONS[number // 31 % len(QUESTIONS)])
    return place
