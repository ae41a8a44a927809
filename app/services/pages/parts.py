"""The values that several pages show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.catalog import Catalog
from app.domain.invoicing import LineDraft
from app.domain.kinds import AdjustmentReason, Collection, LineKind, PromoKind
from app.models.customers import Customer
from app.models.purchases import Purchase
from app.services.context import Context
from app.services.purchase_state import GRACE


@dataclass(frozen=True, slots=True)
class RowView:
    """An uploaded audit row. `roles` maps the wire's role to its number of people, in its order;
    empty where the page does not go that deep."""

    remote_id: int
    at: datetime
    event_type: int
    people: int | None
    roles: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class EntryView:
    """A ledger entry behind a line: licenses before and after, and what caused it.

    `rows` are the audit rows it follows; `actor` is who or what wrote it where no row did.
    """

    at: datetime
    is_renewal: bool
    licenses_before: int | None
    licenses: int
    licenses_at_next_renewal: int
    people: int | None
    actor: str | None
    rows: tuple[RowView, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """What one license costs for a part of its cycle: `remaining` of `length` of `price` cents."""

    price: int
    remaining: timedelta
    length: timedelta


@dataclass(frozen=True, slots=True)
class PageLine:
    """A line of an invoice or of what one will say; amounts in cents. A line whose time begins
    with its payment has no period yet.

    `why` are the ledger entries that made it; `hidden` counts those left out of a very long list.
    `share` is set where a line charges for a part of a cycle and the page can say so exactly;
    `correction` says why an adjustment is one, and `told_by` which uploaded row told.
    """

    description: str
    quantity: int
    unit_amount: int
    amount: int
    period_start: datetime | None
    period_end: datetime | None
    why: tuple[EntryView, ...] = ()
    hidden: int = 0
    kind: LineKind | None = None
    share: Share | None = None
    correction: AdjustmentReason | None = None
    told_by: RowView | None = None


@dataclass(frozen=True, slots=True)
class CardView:
    """The card on file, as far as anybody may see it."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class OpenPurchase:
    """A payment that was begun and has neither succeeded nor failed."""

    id: int
    tier_title: str
    total: int
    currency: str
    created_at: datetime
    hosted_url: str | None
    is_by_invoice: bool = False
    due_at: datetime | None = None


def card_of(customer: Customer | None) -> CardView | None:
    """The card on file, if there is one."""
    if customer is None or customer.card_payment_method is None:
        return None
    return CardView(
        brand=customer.card_brand or "",
        last4=customer.card_last4 or "",
        exp_month=customer.card_exp_month or 1,
        exp_year=customer.card_exp_year or 1970,
    )


def open_purchase_of(catalog: Catalog, purchase: Purchase | None) -> OpenPurchase | None:
    """The same of a loaded purchase."""
    if purchase is None:
        return None
    is_by_invoice = purchase.collection is Collection.SEND_INVOICE
    ends = purchase.expires_at
    return OpenPurchase(
        id=purchase.id,
        tier_title=tier_title(catalog, purchase.tier),
        total=int(purchase.quote["total"]),
        currency=purchase.currency,
        created_at=purchase.created_at,
        hosted_url=purchase.hosted_url,
        is_by_invoice=is_by_invoice,
        due_at=ends - GRACE if is_by_invoice and ends is not None else None,
    )


def tier_title(catalog: Catalog, key: str) -> str:
    """What the tier is called; its key when the catalog does not sell it any more."""
    tier = catalog.tiers.get(key)
    return tier.title if tier is not None else key


def page_lines(
    ctx: Context,
    lines: Sequence[LineDraft],
    *,
    title: str,
    months_from_payment: int | None = None,
    promo: PromoKind = PromoKind.NEW_CUSTOMER,
) -> tuple[PageLine, ...]:
    """Computed lines with their words, without the entries behind them.

    promo: whose discount a discount line gives. months_from_payment: the length of a first cycle that begins when its invoice is paid; no line
    has a period then.
    """
    return tuple(
        page_line(ctx, line, title=title, months_from_payment=months_from_payment, promo=promo)
        for line in lines
    )


def page_line(
    ctx: Context,
    line: LineDraft,
    *,
    title: str,
    why: tuple[EntryView, ...] = (),
    hidden: int = 0,
    share: Share | None = None,
    months_from_payment: int | None = None,
    promo: PromoKind = PromoKind.NEW_CUSTOMER,
) -> PageLine:
    """One computed line with its words."""
    is_dated = months_from_payment is None
    return PageLine(
        description=ctx.describe_line(
            line.kind,
            tier_title=title,
            quantity=line.quantity,
            since=line.period_start,
            months_from_payment=months_from_payment,
            promo=promo,
        ),
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        amount=line.amount,
        period_start=line.period_start if is_dated else None,
        period_end=line.period_end if is_dated else None,
        why=why,
        hidden=hidden,
        kind=line.kind,
        share=share,
    )
