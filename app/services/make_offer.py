"""Staff offer a customer a fixed price for a year, tied to an invoice of the provider or not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.domain.catalog import Tier
from app.domain.errors import BillingError
from app.domain.invoicing import PlanTerms, first_lines
from app.domain.kinds import (
    Collection,
    InvoiceStatus,
    LicenseManagement,
    LineSource,
    OfferStatus,
    PurchaseStatus,
    Schedule,
)
from app.gateways.payments import RemoteInvoice
from app.models.customers import Customer
from app.models.deals import Offer
from app.models.invoices import DeliveryAttempt
from app.models.purchases import Purchase
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer
from app.services.invoices import InvoiceDraft, InvoicePart, record_invoice
from app.services.ledger import sync_server_ledgers
from app.services.offered_invoice import check_unused, load_offered_invoice
from app.services.offers import MONTHS, close_if_expired
from app.services.plan_ledger import get_counted_organization_ids
from app.services.purchase_state import GRACE
from app.services.seats import count_people
from app.services.set_required_tier import SOLD
from app.services.staff_change import StaffChange, checked_reason
from app.services.staff_terms import get_open_offer, has_paid_plan
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeOffer:
    """Cents for a year; the provider's invoice whose payment accepts it, or until when it can be
    accepted; who promised it, and why."""

    yearly_price: int
    stripe_invoice_id: str | None = None
    expires_at: datetime | None = None
    owner: str | None = None
    reason: str


def make_offer(
    ctx: Context, payer: Payer, command: MakeOffer, *, actor: Actor, dry_run: bool = False
) -> StaffChange:
    """Offer the required tier for a fixed price.

    Raises BillingError `offer_price_not_possible`, `offer_expiry_is_invoice`, `date_not_ahead`,
    `required_tier_missing`, `offer_open`, `offer_while_subscribed`, `offer_while_buying`, those of
    `load_offered_invoice`, `check_unused` and `checked_reason`.
    """
    said = checked_reason(command.reason)
    check_price(ctx, command.yearly_price)
    if command.stripe_invoice_id is not None and command.expires_at is not None:
        raise BillingError("offer_expiry_is_invoice")
    remote = None
    if command.stripe_invoice_id is not None:
        remote = load_offered_invoice(
            ctx, payer, command.stripe_invoice_id, total=command.yearly_price
        )
    with unit_of_work(ctx) as work:
        server, customer = claim_payer(work, payer)
        sync_server_ledgers(work, server, as_of=work.now)
        work.flush()
        tier = load_offered_tier(ctx, customer)
        _check(work, customer, command)
        if remote is not None:
            check_unused(work.session, remote)
        offer = Offer(
            customer_id=customer.id,
            tier=tier.key,
            yearly_price=command.yearly_price,
            currency=ctx.catalog.currency,
            status=OfferStatus.OPEN,
            stripe_invoice_id=None if remote is None else remote.id,
            expires_at=command.expires_at,
            reason=said,
            owner=command.owner,
            actor=actor.name,
            created_at=work.now,
        )
        work.session.add(offer)
        work.flush()
        if remote is not None:
            _record_tied_purchase(work, server, customer, offer, remote, actor)
        after = described_offer(offer)
        record_audit(
            work,
            "offer.made",
            actor=actor,
            customer_id=customer.id,
            after={"offer": offer.id, **after, "reason": said},
        )
        if not dry_run:
            work.commit()
    return StaffChange({}, after)


def check_price(ctx: Context, yearly_price: int) -> None:
    """Raises BillingError `offer_price_not_possible`: nothing is charged unseen above the limit."""
    most = ctx.settings.max_invoice_amount
    if not 0 < yearly_price <= most:
        raise BillingError("offer_price_not_possible", total=most, currency=ctx.catalog.currency)


def load_offered_tier(ctx: Context, customer: Customer) -> Tier:
    """The tier that offers to this customer are for. Raises BillingError
    `required_tier_missing`."""
    tier = ctx.catalog.tiers.get(customer.required_plan_tier or "")
    if tier is None or tier.kind not in SOLD:
        raise BillingError("required_tier_missing")
    return tier


def described_offer(offer: Offer) -> dict[str, Any]:
    """An offer by name, without whoever promised it."""
    expires = offer.expires_at
    return {
        "tier": offer.tier,
        "yearly_price": offer.yearly_price,
        "currency": offer.currency,
        "status": offer.status.value,
        "stripe_invoice": offer.stripe_invoice_id,
        "expires_at": None if expires is None else expires.isoformat(),
    }


def _check(work: UnitOfWork, customer: Customer, command: MakeOffer) -> None:
    if command.expires_at is not None and command.expires_at <= work.now:
        raise BillingError("date_not_ahead", day=command.expires_at)
    earlier = get_open_offer(work.session, customer.id)
    if earlier is not None and not close_if_expired(work, earlier):
        raise BillingError("offer_open")
    if has_paid_plan(work.session, customer.id):
        raise BillingError("offer_while_subscribed")
    buying = select(Purchase.id).where(
        Purchase.customer_id == customer.id, Purchase.status == PurchaseStatus.OPEN
    )
    if command.stripe_invoice_id is not None and work.session.scalars(buying).first() is not None:
        raise BillingError("offer_while_buying")


def _record_tied_purchase(
    work: UnitOfWork,
    server: Server,
    customer: Customer,
    offer: Offer,
    remote: RemoteInvoice,
    actor: Actor,
) -> None:
    """A purchase that waits for the payment of the provider's invoice, like one that was confirmed
    by invoice: webhooks, the page that waits and the delivery job know it already."""
    counted = get_counted_organization_ids(work.session, customer, server)
    people = sum(count_people(work.session, organization_ids=counted, at=work.now).values())
    due_at = remote.due_at or work.now + timedelta(days=work.ctx.catalog.days_until_due)
    purchase = Purchase(
        customer_id=customer.id,
        status=PurchaseStatus.OPEN,
        tier=offer.tier,
        schedule=Schedule.ANNUAL,
        license_management=LicenseManagement.AUTOMATIC,
        collection=Collection.SEND_INVOICE,
        licenses=max(people, 1),
        currency=offer.currency,
        fixed_price=offer.yearly_price,
        offer_id=offer.id,
        tier_minimum=1,
        people=people,
        known_remote_id=server.last_audit_order,
        quote={"total": offer.yearly_price, "people": people, "offer": offer.id},
        form_nonce=f"offer:{offer.id}",
        anchor=work.now,
        created_at=work.now,
        expires_at=due_at + GRACE,
        hosted_url=remote.hosted_url,
        actor=actor.name,
    )
    work.session.add(purchase)
    work.flush()
    terms = PlanTerms(work.now, Schedule.ANNUAL, 0, fixed_price=offer.yearly_price)
    draft = InvoiceDraft(
        boundary=work.now,
        occasion=f"purchase:{purchase.id}",
        currency=offer.currency,
        collection=Collection.SEND_INVOICE,
        parts=[
            InvoicePart(
                offer.tier, first_lines(terms, licenses=1), LineSource.PURCHASE, purchase.id
            )
        ],
        purchase=purchase,
        months_from_payment=MONTHS,
        due_at=due_at,
    )
    invoice = record_invoice(work, customer, draft, to_deliver=False)
    invoice.stripe_invoice_id, invoice.number = remote.id, remote.number
    invoice.hosted_url, invoice.pdf_url = remote.hosted_url, remote.pdf_url
    invoice.status, invoice.finalized_at = InvoiceStatus.OPEN, work.now
    # Staff made and sent it; we do not send it again.
    work.session.add(
        DeliveryAttempt(
            invoice_id=invoice.id,
            step="send",
            attempt=1,
            started_at=work.now,
            finished_at=work.now,
            outcome="ok",
        )
    )
    work.flush()
