"""The upgrade page: a choice, its exact price, and what the page needs around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import Collection, LicenseManagement, Schedule
from app.services.context import Context
from app.services.customers import Payer
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
from app.services.purchase_state import AUTHENTICATION_AGE, GRACE
from app.services.purchases import QUOTE_PURPOSE, ConfirmPurchase, read_quote, sign_quote
from app.services.quote import PurchaseChoice, Quote, check_may_buy, count_payer_people, make_quote

# A price of a choice that is refused cannot be shown; the choices themselves can.
WRONG_CHOICE = frozenset(
    {
        "unknown_tier",
        "licenses_missing",
        "too_few_licenses",
        "too_many_licenses",
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
    lines: tuple[PageLine, ...]
    total: int
    renews_at: datetime
    renewal_licenses: int
    renewal_lines: tuple[PageLine, ...]
    renewal_total: int
    discount_months: int
    discount_ends_at: datetime | None
    undiscounted_total: int
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
    then says why. An invoice is for `least_by_invoice` to `most_by_invoice` licenses, due in
    `days_until_due`."""

    tiers: tuple[TierOption, ...]
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
        tiers=tier_options(ctx),
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
    )


def find_quote_changes(
    ctx: Context, session: Session, payer: Payer, token: str, *, now: datetime
) -> tuple[QuoteChange, ...]:
    """What is not as it was confirmed any more, and the total before and after."""
    confirmed = read_quote(ctx, ConfirmPurchase(payer, token))
    choice = read_choice(ctx, payer, token)
    assert choice is not None, "the quote was read"
    quote = make_quote(session, ctx.catalog, payer, choice, now=now)
    current: Mapping[str, Any] = {**quote.terms(), "total": quote.total}
    return tuple(
        QuoteChange(name, confirmed[name], value)
        for name, value in current.items()
        if confirmed.get(name) != value
    )


def get_confirmed_total(ctx: Context, payer: Payer, token: str) -> tuple[str, int, str]:
    """Title of the tier, total in cents and currency of a signed quote. Raises as `read_quote`."""
    confirmed = read_quote(ctx, ConfirmPurchase(payer, token))
    return tier_title(ctx.catalog, confirmed["tier"]), confirmed["total"], confirmed["currency"]


def default_choice(ctx: Context) -> PurchaseChoice:
    """The cheapest tier that can be bought alone, monthly, licenses by themselves."""
    cheapest = next(iter(ctx.catalog.self_serve_tiers()), None)
    return PurchaseChoice(
        # Without anything to buy the key of no tier: the page says that it is not for sale.
        tier=cheapest.key if cheapest is not None else "",
        schedule=Schedule.MONTHLY,
        license_management=LicenseManagement.AUTOMATIC,
    )


def tier_options(ctx: Context) -> tuple[TierOption, ...]:
    """The tiers that can be bought alone, cheapest first."""
    currency = ctx.catalog.currency
    return tuple(
        TierOption(
            key=tier.key,
            title=tier.title,
            summary=tier.summary,
            monthly=tier.price(currency, Schedule.MONTHLY),
            annual=tier.price(currency, Schedule.ANNUAL),
        )
        for tier in ctx.catalog.self_serve_tiers()
    )


def _view(ctx: Context, payer: Payer, quote: Quote) -> QuoteView:
    title = quote.tier.title
    is_by_invoice = quote.collection is Collection.SEND_INVOICE
    months = quote.schedule.months if is_by_invoice else None
    due_at = quote.starts_at + timedelta(days=ctx.catalog.days_until_due)
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
        lines=page_lines(ctx, quote.lines, title=title, months_from_payment=months),
        total=quote.total,
        renews_at=quote.renews_at,
        renewal_licenses=quote.renewal_licenses,
        renewal_lines=page_lines(ctx, quote.renewal_lines, title=title, months_from_payment=months),
        renewal_total=quote.renewal_total,
        discount_months=quote.new_customer.months_at_start,
        discount_ends_at=quote.discount_ends_at,
        undiscounted_total=quote.undiscounted_total,
        is_by_invoice=is_by_invoice,
        due_at=due_at,
        void_at=due_at + GRACE,
    )
