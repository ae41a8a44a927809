"""The upgrade page: a choice, its exact price, and what the page needs around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from app.domain.catalog import Tier
from app.domain.errors import BillingError
from app.domain.kinds import Collection, LicenseManagement, Schedule
from app.models.customers import Customer
from app.services.context import Context
from app.services.customers import Payer, get_customer
from app.services.may_buy import check_may_buy, get_sold_tiers
from app.services.offer_quote import make_offer_quote
from app.services.pages.head import load_head
from app.services.pages.parts import (
    CardView,
    OpenPurchase,
    PageLine,
    card_of,
    open_purchase_of,
    page_lines,
    tier_title,
)
from app.services.plan_factory import get_staff_discount
from app.services.purchase_state import AUTHENTICATION_AGE, GRACE
from app.services.purchases import QUOTE_PURPOSE, ConfirmPurchase, read_quote, sign_quote
from app.services.quote import PurchaseChoice, Quote, count_payer_people, make_quote

# Of these, trying codes learns something.
COUPON_GUESSES = frozenset({"coupon_unknown", "coupon_expired", "coupon_used_up"})
COUPON_PROBLEMS = COUPON_GUESSES | {
    "coupon_used_before",
    "coupon_for_other_tier",
    "coupon_beside_discount",
}
# A price of a choice that is refused cannot be shown; the choices themselves can.
WRONG_CHOICE = frozenset(
    {
        "unknown_tier",
        "tier_required",
        "licenses_missing",
        "too_few_licenses",
        "too_many_licenses",
        *COUPON_PROBLEMS,
        "too_many_for_invoice",
        "contact_support_for_more",
    }
)


@dataclass(frozen=True, slots=True)
class TierOption:
    """A tier to choose: cents for a license and a month, and for a license and a year."""

    key: str
    title: str
    summary: str
    monthly: int
    annual: int


@dataclass(frozen=True, slots=True)
class QuoteView:
    """The exact price of a choice; amounts in cents of `currency`. `token` is the signed quote.

    `price` is the list price of a license and a cycle, `discounted_price` what staff made of it
    (None: nothing), by so many hundredths of a percent or by naming it, until `discount_until`.
    `discount_months` is how long a discount of any kind lasts, 0 without one or when it does not
    end.

    With a free trial of `trial_days` the plan begins at once; the first bill, of `total`, is for
    the time from `trial_ends_at` on, when it is charged or due.

    By invoice, `due_at` and `void_at` are those of an invoice that is sent now, and nothing has a
    date that its payment decides.
    """

    token: str
    tier_key: str
    tier_title: str
    schedule: Schedule
    management: LicenseManagement
    currency: str
    people: int
    minimum: int
    licenses: int
    price: int
    discounted_price: int | None
    discount_percent: int | None
    discount_until: datetime | None
    lines: tuple[PageLine, ...]
    total: int
    trial_days: int
    trial_ends_at: datetime | None
    renews_at: datetime
    renewal_licenses: int
    renewal_lines: tuple[PageLine, ...]
    renewal_total: int
    discount_months: int
    discount_ends_at: datetime | None
    undiscounted_total: int
    coupon: str | None
    is_by_invoice: bool
    due_at: datetime
    void_at: datetime

    @property
    def is_below_minimum(self) -> bool:
        """Whether more licenses than people are billed because the tier wants so many."""
        return self.people < self.minimum <= self.licenses


@dataclass(frozen=True, slots=True)
class UpgradePage:
    """Everything the upgrade page shows. `quote` is None when the choice is refused, `problem`
    then says why. `required_tier` is the title of the only tier that staff let this customer buy.
    An invoice is for `least_by_invoice` to `most_by_invoice` licenses, due in
    `days_until_due`."""

    tiers: tuple[TierOption, ...]
    required_tier: str | None
    currency: str
    people: int
    quote: QuoteView | None
    problem: BillingError | None
    card: CardView | None
    open_purchase: OpenPurchase | None
    least_by_invoice: int
    most_by_invoice: int
    days_until_due: int


@dataclass(frozen=True, slots=True)
class QuoteChange:
    """A term that is no longer what was confirmed: its name, and both values."""

    name: str
    before: Any
    after: Any


def load_upgrade_page(
    ctx: Context, session: Session, payer: Payer, choice: PurchaseChoice | None, *, now: datetime
) -> UpgradePage:
    """The price of `choice` for `payer` now; the page without a price when it is None.

    Raises BillingError `already_subscribed` or `covered_by_server`, and MissingDataError.
    """
    head = load_head(session, payer, now=now)
    required = head.customer.required_plan_tier if head.customer is not None else None
    check_may_buy(session, payer, head.customer, now=now)
    people = count_payer_people(session, payer, now=now).people
    quote: QuoteView | None = None
    problem: BillingError | None = None
    try:
        if choice is not None:
            quote = _view(ctx, payer, make_quote(session, ctx.catalog, payer, choice, now=now))
    except BillingError as error:
        if error.code not in WRONG_CHOICE:
            raise
        problem = error
    return UpgradePage(
        tiers=tier_options(ctx, head.customer),
        required_tier=None if required is None else tier_title(ctx.catalog, required),
        currency=ctx.catalog.currency,
        people=people,
        quote=quote,
        problem=problem,
        card=card_of(head.customer),
        open_purchase=open_purchase_of(ctx.catalog, head.purchase),
        least_by_invoice=max(people, ctx.catalog.min_invoiced_licenses),
        most_by_invoice=ctx.catalog.max_self_serve_licenses,
        days_until_due=ctx.catalog.days_until_due,
    )


def read_choice(ctx: Context, payer: Payer, token: str) -> PurchaseChoice | None:
    """The choice that a signed quote of `payer` stands for, however old it is; None when it is
    none of his."""
    try:
        value, _ = ctx.tokens.read(QUOTE_PURPOSE, token, max_age=AUTHENTICATION_AGE * 366)
    except BillingError:
        return None
    if value["payer"] != payer.uuid:
        return None
    management = LicenseManagement(value["management"])
    manual = management is LicenseManagement.MANUAL
    return PurchaseChoice(
        tier=value["tier"],
        schedule=Schedule(value["schedule"]),
        license_management=management,
        licenses=value["licenses"] if manual else None,
        collection=Collection(value["collection"]),
        coupon=value.get("coupon"),
        offer_id=value.get("offer"),
    )


def find_quote_changes(
    ctx: Context, session: Session, payer: Payer, token: str, *, now: datetime
) -> tuple[QuoteChange, ...]:
    """What is not as it was confirmed any more, and the total before and after."""
    confirmed = read_quote(ctx, ConfirmPurchase(payer, token))
    choice = read_choice(ctx, payer, token)
    assert choice is not None, "the quote was read"
    make = make_quote if choice.offer_id is None else make_offer_quote
    quote = make(session, ctx.catalog, payer, choice, now=now)
    current: Mapping[str, Any] = {**quote.terms(), "total": quote.total}
    return tuple(
        QuoteChange(name, confirmed.get(name), value)
        for name, value in current.items()
        if confirmed.get(name) != value
    )


def get_confirmed_total(ctx: Context, payer: Payer, token: str) -> tuple[str, int, str]:
    """Title of the tier, total in cents and currency of a signed quote. Raises as `read_quote`."""
    confirmed = read_quote(ctx, ConfirmPurchase(payer, token))
    return tier_title(ctx.catalog, confirmed["tier"]), confirmed["total"], confirmed["currency"]


def default_choice(tiers: tuple[TierOption, ...]) -> PurchaseChoice:
    """The cheapest of the tiers that can be bought alone, monthly, licenses by themselves."""
    return PurchaseChoice(
        # Without anything to buy the key of no tier: the page says that it is not for sale.
        tier=tiers[0].key if tiers else "",
        schedule=Schedule.MONTHLY,
        license_management=LicenseManagement.AUTOMATIC,
    )


def load_tier_options(ctx: Context, session: Session, payer: Payer) -> tuple[TierOption, ...]:
    """The tiers that `payer` can buy alone, cheapest first."""
    return tier_options(ctx, get_customer(session, payer))


def tier_options(ctx: Context, customer: Customer | None) -> tuple[TierOption, ...]:
    """The same for a customer who has been looked up; the prices are his."""
    return tuple(
        TierOption(
            key=tier.key,
            title=tier.title,
            summary=tier.summary,
            monthly=_price_of(ctx, customer, tier, Schedule.MONTHLY),
            annual=_price_of(ctx, customer, tier, Schedule.ANNUAL),
        )
        for tier in get_sold_tiers(ctx.catalog, customer)
    )


def _price_of(ctx: Context, customer: Customer | None, tier: Tier, schedule: Schedule) -> int:
    list_price = tier.price(ctx.catalog.currency, schedule)
    discount = get_staff_discount(customer, tier.key, at=ctx.now())
    price = None if discount is None else discount.price_for(list_price, schedule)
    return list_price if price is None else price


def _view(ctx: Context, payer: Payer, quote: Quote) -> QuoteView:
    title, staff = quote.tier.title, quote.staff_discount
    is_by_invoice = quote.collection is Collection.SEND_INVOICE
    trial_end = quote.trial_end
    months = quote.schedule.months if is_by_invoice and trial_end is None else None
    words = partial(
        page_lines, ctx, title=title, months_from_payment=months, promo=quote.new_customer.kind
    )
    due_at = trial_end or quote.starts_at + timedelta(days=ctx.catalog.days_until_due)
    return QuoteView(
        token=sign_quote(ctx, payer, quote),
        tier_key=quote.tier.key,
        tier_title=title,
        schedule=quote.schedule,
        management=quote.license_management,
        currency=quote.currency,
        people=quote.people,
        minimum=quote.minimum,
        licenses=quote.licenses,
        price=quote.price,
        discounted_price=quote.discounted_price,
        discount_percent=None if staff is None else staff.percent,
        discount_until=None if staff is None else staff.ends_at,
        lines=words(quote.lines),
        total=quote.total,
        trial_days=quote.trial_days,
        trial_ends_at=trial_end,
        renews_at=quote.renews_at,
        renewal_licenses=quote.renewal_licenses,
        renewal_lines=words(quote.renewal_lines),
        renewal_total=quote.renewal_total,
        discount_months=quote.discounted_months,
        discount_ends_at=quote.discount_ends_at,
        undiscounted_total=quote.undiscounted_total,
        coupon=quote.coupon_code,
        is_by_invoice=is_by_invoice,
        due_at=due_at,
        void_at=due_at + GRACE,
    )
