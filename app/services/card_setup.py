"""The card on file: a visit to the provider's card page, and what came of it.

Cards are entered on the provider's own page only. Its webhook tells us when that is done; a person
who is back before the webhook can ask for it ("check now"). Both end in the same function. A new card
then pays what is open of the customer's plans.
"""

import secrets
from typing import Any

from sqlalchemy import select

from app.domain.errors import NotFoundError
from app.gateways.payments import Card, CardSetup, ProviderRejected
from app.models.customers import Customer
from app.services.audit import record_audit
from app.services.charge_open_invoices import charge_marked_invoices, mark_open_invoices
from app.services.context import Actor, Context
from app.services.provider_customer import ensure_provider_customer
from app.services.provider_words import provider_words
from app.services.unit_of_work import unit_of_work

PROVIDER = Actor("payment_provider")


def begin_card_setup(
    ctx: Context, customer_id: int, *, return_url: str, cancel_url: str, actor: Actor
) -> str:
    """Open a card page for this customer; returns its address.

    `{SESSION_ID}` in `return_url` becomes the id to give to `check_card_setup`. Every call opens
    another page, which does no harm: the card that is entered last counts. Raises NotFoundError,
    and BillingError `payments_unavailable` or `payments_refused`.
    """
    with provider_words():
        stripe_customer_id = ensure_provider_customer(ctx, customer_id, actor=actor)
        session_id, url = ctx.payments.create_card_setup(
            stripe_customer_id,
            success_url=return_url,
            cancel_url=cancel_url,
            key=f"card_setup:{customer_id}:{secrets.token_hex(8)}",
        )
    with unit_of_work(ctx) as work:
        record_audit(
            work,
            "card_setup.started",
            actor=actor,
            customer_id=customer_id,
            after={"session_id": session_id},
        )
        work.commit()
    return url


def check_card_setup(ctx: Context, session_id: str, *, customer_id: int, actor: Actor) -> bool:
    """Ask the provider what became of a visit of this customer; True when the card is on file.

    Raises NotFoundError for a visit that does not exist or is another customer's, and BillingError
    `payments_unavailable` or `payments_refused`.
    """
    with provider_words():
        try:
            setup = ctx.payments.get_card_setup(session_id)
        except ProviderRejected as error:
            if error.code == "resource_missing":
                raise NotFoundError("card_setup") from None
            raise
        with unit_of_work(ctx) as work:
            customer = work.session.get(Customer, customer_id)
            if customer is None or customer.stripe_customer_id is None:
                raise NotFoundError("card_setup")
            if customer.stripe_customer_id != setup.customer_id:
                raise NotFoundError("card_setup")
        return _apply(ctx, setup, actor=actor)


def apply_card_setup(ctx: Context, session_id: str, *, actor: Actor = PROVIDER) -> bool:
    """Put the card of a completed visit on file; False when there is nothing to put.

    Safe to repeat, in any order of visits and from several places at once: what counts is not the
    visit but the card that the provider has had last. Raises PaymentsError as the gateway does.
    """
    return _apply(ctx, ctx.payments.get_card_setup(session_id), actor=actor)


def _apply(ctx: Context, setup: CardSetup, *, actor: Actor) -> bool:
    stripe_customer_id = setup.customer_id
    if not setup.complete or stripe_customer_id is None:
        return False
    card = ctx.payments.get_newest_card(stripe_customer_id)
    if card is None:
        return False
    while True:
        if not _record_card(ctx, stripe_customer_id, card, actor=actor):
            return False
        # A key of its own each time: under an earlier one the provider would replay its answer and
        # leave standing what another visit has set since.
        key = f"default_card:{card.payment_method}:{secrets.token_hex(8)}"
        ctx.payments.set_default_card(stripe_customer_id, card, key=key)
        newest = ctx.payments.get_newest_card(stripe_customer_id)
        if newest is None or newest == card:
            charge_marked_invoices(ctx, stripe_customer_id)
            return True
        # Another card was entered meanwhile, and what we wrote may have come after it was applied.
        card = newest


def _record_card(ctx: Context, stripe_customer_id: str, card: Card, *, actor: Actor) -> bool:
    """Write the card into our customer; False when the provider's customer is none of ours."""
    with unit_of_work(ctx) as work:
        owner = select(Customer.id).where(Customer.stripe_customer_id == stripe_customer_id)
        customer_id = work.session.scalars(owner).one_or_none()
        if customer_id is None:
            return False
        # The claim reads the row afresh: what was read above was only its id.
        customer = work.claim_customer(customer_id)
        before = customer.card_payment_method
        if before == card.payment_method:
            return True
        customer.card_payment_method = card.payment_method
        customer.card_brand = card.brand
        customer.card_last4 = card.last4
        customer.card_exp_month = card.exp_month
        customer.card_exp_year = card.exp_year
        # The provider's reference only: the log can never be erased.
        after: dict[str, Any] = {"payment_method": card.payment_method}
        if marked := mark_open_invoices(work, customer):
            after["invoices"] = marked
        record_audit(
            work,
            "card.changed",
            actor=actor,
            customer_id=customer.id,
            before={"payment_method": before},
            after=after,
        )
        work.commit()
        return True
