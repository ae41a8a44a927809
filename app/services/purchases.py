"""Buying a plan, by card or by invoice: confirm, charge or send, and only then start the plan.

A purchase is a row from its confirmation on. It is stored with its invoice before the provider
hears of it; whatever happens to us or to the network in between, the row tells what was meant and
`resolve_purchase` finds out what became of it. Rules: docs/rules/purchases.md.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.domain.errors import BillingError
from app.domain.kinds import (
    Collection,
    LicenseManagement,
    LineSource,
    PurchaseStatus,
    Schedule,
)
from app.models.customers import Customer
from app.models.purchases import Purchase
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.confirmed_tokens import read_confirmed
from app.services.context import Actor, Context
from app.services.coupons import claim_coupon
from app.services.customers import Payer, claim_payer
from app.services.invoices import InvoiceDraft, InvoicePart, record_invoice
from app.services.leases import owner, take_leases
from app.services.ledger import sync_server_ledgers
from app.services.offer_quote import make_offer_quote
from app.services.purchase_state import UNSETTLED, PurchaseResult, result_of
from app.services.quote import PurchaseChoice, Quote, find_changes, make_quote
from app.services.settle_purchase import LEASE, push_purchase, void_purchase
from app.services.start_trial import finish_trial_purchase, start_trial
from app.services.unit_of_work import UnitOfWork, unit_of_work

QUOTE_PURPOSE = "quote"
# A quote that is older is shown again before anything is paid.
QUOTE_AGE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class ConfirmPurchase:
    """The command: buy what the signed quote says."""

    payer: Payer
    quote_token: str


def sign_quote(ctx: Context, payer: Payer, quote: Quote) -> str:
    """The quote as the confirmation carries it. Each has its own nonce, so that a form sent twice
    buys once.

    Raises BillingError `contact_support_for_more` above the amount that is charged unseen.
    """
    most = ctx.settings.max_invoice_amount
    if max(quote.total, quote.undiscounted_total) > most:
        raise BillingError("contact_support_for_more", total=most, currency=quote.currency)
    value = {
        "payer": payer.uuid,
        "nonce": ctx.tokens.new_secret(),
        "management": quote.license_management.value,
        "collection": quote.collection.value,
        "licenses": quote.licenses,
        "people": quote.people,
        "total": quote.total,
        **quote.terms(),
    }
    return ctx.tokens.sign(QUOTE_PURPOSE, value)


def confirm_purchase(ctx: Context, command: ConfirmPurchase, *, actor: Actor) -> PurchaseResult:
    """Buy: record the purchase and its invoice, then charge the card and start the plan, or send
    the invoice, whose payment starts it. With a free trial the plan starts at once, and nothing is
    charged now.

    Raises BillingError: `quote_expired`, `quote_changed` (with what changed), `no_card`,
    `already_subscribed`, `purchase_in_progress`, `earlier_purchase_open`, and those of
    `make_quote`.
    """
    confirmed = read_quote(ctx, command)
    _close_earlier_purchase(ctx, command.payer, confirmed)
    with unit_of_work(ctx) as work:
        server, customer = claim_payer(work, command.payer)
        known = _get_confirmed(work, confirmed)
        if known is not None:
            return result_of(work.session, known)
        if _get_open(work, customer.id) is not None:
            # Another person, or another tab, was quicker since the look above.
            raise BillingError("purchase_in_progress")
        # A plan whose end has come is ended here, if no job has done so yet.
        sync_server_ledgers(work, server, as_of=work.now)
        quote = _check_quote(work, customer, command.payer, confirmed)
        purchase_id = _record_purchase(work, server, customer, quote, confirmed, actor)
        work.commit()
    if quote.trial_days:
        return finish_trial_purchase(ctx, purchase_id)
    return push_purchase(ctx, purchase_id)


def read_quote(ctx: Context, command: ConfirmPurchase) -> dict[str, Any]:
    """What the person confirmed. Raises BillingError `quote_expired` or `quote_invalid`."""
    found = read_confirmed(
        ctx, command.payer, QUOTE_PURPOSE, command.quote_token, max_age=QUOTE_AGE
    )
    return dict(found)


def _check_quote(
    work: UnitOfWork, customer: Customer, payer: Payer, confirmed: dict[str, Any]
) -> Quote:
    """The quote as it is now. Raises BillingError when what was confirmed cannot be bought."""
    choice = PurchaseChoice(
        tier=confirmed["tier"],
        schedule=Schedule(confirmed["schedule"]),
        license_management=LicenseManagement(confirmed["management"]),
        licenses=confirmed["licenses"],
        collection=Collection(confirmed["collection"]),
        coupon=confirmed.get("coupon"),
        offer_id=confirmed.get("offer"),
    )
    quote = _quote_as_confirmed(work, payer, choice)
    if changes := find_changes(confirmed, quote):
        raise BillingError("quote_changed", changes=tuple(changes))
    if not choice.is_by_invoice and customer.card_payment_method is None:
        raise BillingError("no_card")
    return quote


def _record_purchase(
    work: UnitOfWork,
    server: Server,
    customer: Customer,
    quote: Quote,
    confirmed: dict[str, Any],
    actor: Actor,
) -> int:
    """Store purchase, invoice and lines of a quote that was checked, or the plan of a trial."""
    purchase = _new_purchase(work, server, customer, quote, confirmed, actor)
    work.session.add(purchase)
    work.flush()
    if quote.coupon_id is not None:
        claim_coupon(work, customer, quote.coupon_id)
    record_audit(
        work,
        "purchase.confirmed",
        actor=actor,
        customer_id=customer.id,
        after={"purchase": purchase.id, **quote.terms(), "licenses": purchase.licenses},
    )
    if quote.trial_days:
        start_trial(work, server=server, customer=customer, purchase=purchase, lines=quote.lines)
        return purchase.id
    is_by_invoice = quote.collection is Collection.SEND_INVOICE
    draft = InvoiceDraft(
        boundary=work.now,
        occasion=f"purchase:{purchase.id}",
        currency=quote.currency,
        collection=purchase.collection,
        parts=[
            InvoicePart(
                tier=quote.tier.key,
                lines=quote.lines,
                source_kind=LineSource.PURCHASE,
                source_id=purchase.id,
            )
        ],
        purchase=purchase,
        months_from_payment=quote.schedule.months if is_by_invoice else None,
    )
    record_invoice(work, customer, draft, to_deliver=False)
    return purchase.id


def _new_purchase(
    work: UnitOfWork,
    server: Server,
    customer: Customer,
    quote: Quote,
    confirmed: dict[str, Any],
    actor: Actor,
) -> Purchase:
    return Purchase(
        customer_id=customer.id,
        status=PurchaseStatus.OPEN,
        tier=quote.tier.key,
        schedule=quote.schedule,
        license_management=quote.license_management,
        collection=quote.collection,
        licenses=confirmed["licenses"],
        currency=quote.currency,
        price_per_license=quote.price if quote.fixed_price is None else None,
        fixed_price=quote.fixed_price,
        offer_id=quote.offer_id,
        discount=None if quote.staff_discount is None else quote.staff_discount.percent,
        discounted_price=quote.discounted_price,
        discount_ends_at=None if quote.staff_discount is None else quote.staff_discount.ends_at,
        tier_minimum=quote.tier.minimum_licenses,
        new_customer_months=quote.new_customer.months_at_start,
        new_customer_amount=quote.new_customer.amount,
        new_customer_minimum=quote.new_customer.minimum,
        promo_kind=quote.new_customer.kind,
        promo_percent=quote.new_customer.percent,
        coupon_id=quote.coupon_id,
        people=quote.people,
        known_remote_id=server.last_audit_order,
        quote=confirmed,
        form_nonce=confirmed["nonce"],
        anchor=work.now,
        trial_end=quote.trial_end,
        created_at=work.now,
        actor=actor.name,
        claimed_by=owner(),
        claimed_until=work.ctx.clock.real_now() + LEASE,
    )


def _quote_as_confirmed(work: UnitOfWork, payer: Payer, choice: PurchaseChoice) -> Quote:
    """The present quote with the licenses that were confirmed, whoever came or left since."""
    quote = make_quote if choice.offer_id is None else make_offer_quote
    return quote(
        work.session,
        work.ctx.catalog,
        payer,
        choice,
        now=work.now,
        confirmed_licenses=choice.licenses,
    )


def _close_earlier_purchase(ctx: Context, payer: Payer, confirmed: dict[str, Any]) -> None:
    """A customer has at most one open purchase: buying otherwise voids it, once the provider has
    said that it was not paid after all.

    A form that is sent again, and one that is refused, buy nothing and so leave it alone: its
    money may be on its way.
    """
    with unit_of_work(ctx) as work:
        _, customer = claim_payer(work, payer)
        earlier = _get_open(work, customer.id)
        if earlier is None or _get_confirmed(work, confirmed) is not None:
            return
        _check_quote(work, customer, payer, confirmed)
        taken = take_leases(work, Purchase, due=[Purchase.id == earlier.id], limit=1, lasting=LEASE)
        if not taken:
            raise BillingError("purchase_in_progress")
        earlier_id = earlier.id
        work.commit()
    if void_purchase(ctx, earlier_id).outcome in UNSETTLED:
        # The provider did not say that it is void, so it may still be paid.
        raise BillingError("earlier_purchase_open")


def _get_confirmed(work: UnitOfWork, confirmed: dict[str, Any]) -> Purchase | None:
    """The purchase that this very form made earlier."""
    return work.session.scalars(
        select(Purchase).where(Purchase.form_nonce == confirmed["nonce"])
    ).one_or_none()


def _get_open(work: UnitOfWork, customer_id: int) -> Purchase | None:
    """The one purchase of this customer that is neither done nor given up."""
    return work.session.scalars(
        select(Purchase).where(
            Purchase.customer_id == customer_id, Purchase.status == PurchaseStatus.OPEN
        )
    ).one_or_none()
