"""Our customer at the payment provider: made once, when it is first needed."""

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.errors import NotFoundError
from app.gateways.payments import ProviderRejected
from app.models.customers import Customer
from app.models.deals import PlanMove
from app.models.people import BillingUser
from app.services.audit import record_audit
from app.services.context import SYSTEM, Actor, Context
from app.services.unit_of_work import unit_of_work

# Answers that say "this key is used up": another key may do, after looking what there is.
_SPENT_KEY = frozenset({"idempotency_conflict", "stored_failure"})
_MAX_ATTEMPTS = 5
# The provider takes no longer names.
_MAX_NAME = 256


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the provider is told of a customer."""

    reference: str
    name: str
    email: str | None


def ensure_provider_customer(ctx: Context, customer_id: int, *, actor: Actor = SYSTEM) -> str:
    """The provider's id of this customer, which is made there if it is not there yet.

    Safe to repeat after any failure: the provider is asked for a customer with our UUID before one
    is made, and keys are numbered, so that one that holds an old failure is left behind. Raises
    NotFoundError, and PaymentsError as the gateway does. Not to be called in a transaction.
    """
    known, facts = _read(ctx, customer_id)
    if known is not None:
        return known
    found = ctx.payments.find_customer(reference=facts.reference, email=facts.email)
    return _record(ctx, customer_id, found or _make(ctx, facts), actor=actor)


def _read(ctx: Context, customer_id: int) -> tuple[str | None, _Facts]:
    with unit_of_work(ctx) as work:
        customer = work.session.get(Customer, customer_id)
        if customer is None:
            raise NotFoundError("customer")
        email = _email(work.session, customer)
        facts = _Facts(_reference(work.session, customer), customer.display_name[:_MAX_NAME], email)
        return customer.stripe_customer_id, facts


def _reference(session: Session, customer: Customer) -> str:
    """Our UUID; with our number where another customer went by this UUID at the provider before,
    whose plan has moved since."""
    place = or_(
        PlanMove.server_id == customer.server_id,
        PlanMove.organization_id == customer.organization_id,
    )
    moved = select(PlanMove.id).where(place, PlanMove.to_customer_id != customer.id)
    if session.scalars(moved.limit(1)).first() is None:
        return customer.uuid
    return f"{customer.uuid}/{customer.id}"


def _email(session: Session, customer: Customer) -> str | None:
    """Where the provider's receipts go: the first person who manages the billing, or the server's
    contact. It should be the same each time, since the provider compares what a key was used for;
    after a removal between two attempts the next key is taken.
    """
    if customer.server is not None:
        return customer.server.contact_email
    first = (
        select(BillingUser.email)
        .where(
            BillingUser.organization_id == customer.organization_id,
            # Whoever was removed must not get receipts of what the others buy.
            BillingUser.deactivated_at.is_(None),
        )
        .order_by(BillingUser.id)
        .limit(1)
    )
    return session.scalars(first).one_or_none()


def _make(ctx: Context, facts: _Facts) -> str:
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        try:
            return ctx.payments.create_customer(
                reference=facts.reference,
                name=facts.name,
                email=facts.email,
                key=f"customer:{facts.reference}:{attempt}",
            )
        except ProviderRejected as error:
            if error.code not in _SPENT_KEY or attempt == _MAX_ATTEMPTS:
                raise
            found = ctx.payments.find_customer(reference=facts.reference, email=facts.email)
            if found is not None:
                return found
    raise AssertionError("the last attempt returns or raises")


def _record(ctx: Context, customer_id: int, made: str, *, actor: Actor) -> str:
    with unit_of_work(ctx) as work:
        customer = work.claim_customer(customer_id)
        if customer.stripe_customer_id is not None:
            # Somebody was quicker; the one that is on record counts.
            return customer.stripe_customer_id
        customer.stripe_customer_id = made
        record_audit(
            work,
            "customer.known_to_provider",
            actor=actor,
            customer_id=customer.id,
            after={"stripe_customer_id": made},
        )
        work.commit()
        return made
