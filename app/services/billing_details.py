"""Who is billed, and where: entered by the customer's people, told to the payment provider.

What was entered is stored first; the provider is told after the commit. When that fails, the next
delivery tells it: nothing is lost, nothing stands half there.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.gateways.payments import BillingDetails, PaymentsError
from app.models.customers import Customer
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer, get_customer
from app.services.unit_of_work import unit_of_work

log = logging.getLogger("tallyport.billing_details")
LENGTHS = {
    "name": 200,
    "email": 254,
    "line1": 200,
    "line2": 200,
    "city": 100,
    "postal_code": 20,
    "state": 100,
    "country": 2,
}
SECOND = timedelta(seconds=1)
# How many customers one delivery tells the provider about.
MOST = 200


@dataclass(frozen=True, slots=True)
class KnownDetails:
    """What was entered; `is_told` says that the provider has it (or is not asked yet)."""

    details: BillingDetails | None
    is_told: bool


def load_billing_details(session: Session, payer: Payer) -> KnownDetails:
    """What a customer entered, None when it never did."""
    customer = get_customer(session, payer)
    if customer is None or customer.billing_entered_at is None:
        return KnownDetails(None, True)
    is_told = customer.stripe_customer_id is None or (
        customer.billing_pushed_at == customer.billing_entered_at
    )
    return KnownDetails(_details(customer), is_told)


def save_billing_details(
    ctx: Context, payer: Payer, details: BillingDetails, *, actor: Actor
) -> None:
    """Keep what was entered and tell the provider. The audit log names the parts that changed, not
    their values: they may be somebody's home.

    Raises BillingError `billing_name_missing` or `billing_part_too_long`.
    """
    if not details.name.strip():
        raise BillingError("billing_name_missing")
    for part, longest in LENGTHS.items():
        if len(getattr(details, part)) > longest:
            raise BillingError("billing_part_too_long", part=part, maximum=longest)
    with unit_of_work(ctx) as work:
        _, customer = claim_payer(work, payer)
        before = _details(customer)
        changed = [part for part in LENGTHS if getattr(before, part) != getattr(details, part)]
        if not changed and customer.billing_entered_at is not None:
            return
        _keep(customer, details)
        # Two changes within one second are two: whether one was told is seen by its instant.
        last = customer.billing_entered_at
        customer.billing_entered_at = work.now if last is None else max(work.now, last + SECOND)
        customer_id = customer.id
        record_audit(
            work,
            "customer.billing_details_changed",
            actor=actor,
            customer_id=customer_id,
            after={"parts": changed},
        )
        work.commit()
    try:
        push_billing_details(ctx, customer_id)
    except PaymentsError as error:
        log.warning("customer %s: address not told: %s", customer_id, error.code)


def push_billing_details(ctx: Context, customer_id: int) -> bool:
    """Tell the provider what it does not know yet; False when there is nothing to tell. Raises
    PaymentsError as the gateway does. Not to be called in a transaction."""
    with unit_of_work(ctx) as work:
        customer = work.session.get_one(Customer, customer_id)
        entered, known = customer.billing_entered_at, customer.stripe_customer_id
        if entered is None or known is None or customer.billing_pushed_at == entered:
            return False
        details = _details(customer)
    # An update may be repeated, so each has a key of its own: under an older one the provider would
    # answer from memory and leave whatever another update has put there since.
    ctx.payments.update_customer(
        known, details, key=f"billing-details:{customer_id}:{ctx.tokens.new_secret()}"
    )
    with unit_of_work(ctx) as work:
        customer = work.claim_customer(customer_id)
        customer.billing_pushed_at = entered
        work.commit()
    return True


def deliver_billing_details(ctx: Context) -> int:
    """Tell the provider of every customer whose details it does not have; returns how many."""
    with unit_of_work(ctx) as work:
        query = (
            select(Customer.id)
            .where(
                Customer.billing_entered_at.is_not(None),
                Customer.stripe_customer_id.is_not(None),
                or_(
                    Customer.billing_pushed_at.is_(None),
                    Customer.billing_pushed_at != Customer.billing_entered_at,
                ),
            )
            .order_by(Customer.id)
            .limit(MOST)
        )
        waiting = work.session.scalars(query).all()
    told = 0
    for customer_id in waiting:
        try:
            told += push_billing_details(ctx, customer_id)
        except PaymentsError as error:
            log.warning("customer %s: address not told: %s", customer_id, error.code)
    return told


def _details(customer: Customer) -> BillingDetails:
    return BillingDetails(
        name=customer.billing_name or "",
        email=customer.billing_email or "",
        line1=customer.address_line1 or "",
        line2=customer.address_line2 or "",
        city=customer.address_city or "",
        postal_code=customer.address_postal_code or "",
        state=customer.address_state or "",
        country=customer.address_country or "",
    )


def _keep(customer: Customer, details: BillingDetails) -> None:
    customer.billing_name = details.name
    customer.billing_email = details.email or None
    customer.address_line1 = details.line1 or None
    customer.address_line2 = details.line2 or None
    customer.address_city = details.city or None
    customer.address_postal_code = details.postal_code or None
    customer.address_state = details.state or None
    customer.address_country = details.country or None
