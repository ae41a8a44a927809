"""What waits for somebody, queue by queue: each a statement whose rows have the same columns.

The registry of the queues is `SOURCES`; their pages and counts are made of it (queues.py).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
    String,
    and_,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from app.domain.catalog import Catalog
from app.domain.kinds import (
    LIVE_STATUSES,
    HelpStatus,
    InvoiceStatus,
    OfferStatus,
    SponsorshipStatus,
    StaffActionStatus,
    TierKind,
)
from app.models.audit import AuditEntry
from app.models.base import UtcDateTime
from app.models.charges import LateFall
from app.models.customers import Customer
from app.models.deals import Offer, OrganizationMove, PlanMove, SponsorshipRequest
from app.models.invoices import Invoice
from app.models.people import BillingUser
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.models.staff import HelpRequest, StaffAction, StaffUser
from app.services.seats import STALE_AFTER

# Deals are looked at while there is time to talk about the next one.
AHEAD = timedelta(days=62)
# Transfers that somebody may ask about.
LATELY = timedelta(days=30)
# An act takes seconds; one that has not ended by now was interrupted.
INTERRUPTED_AFTER = timedelta(minutes=15)

Source = Select[Any] | CompoundSelect[Any]


class Queue(StrEnum):
    """The queues, by the last part of their address, in the order in which they are shown."""

    SPONSORSHIPS = "sponsorships"
    HELP = "help"
    APPROVALS = "approvals"
    LATE_FALLS = "late-falls"
    PARKED = "parked"
    PAYMENTS = "failed-payments"
    VANISHED = "vanished"
    UNFINISHED = "unfinished-acts"
    DEALS = "deals"
    OFFERS = "offers"
    STALE = "stale-servers"
    TRANSFERS = "transfers"


class What(StrEnum):
    """What kind of thing waits, where one queue has several."""

    DISCOUNT = "discount"
    FIXED_PRICE = "fixed_price"
    LEGACY = "legacy"
    SPONSORED = "sponsored"
    REGISTRATION = "registration"
    ORGANIZATION = "organization"
    PLAN = "plan"


def _row(
    key: Any,
    uuid: Any,
    name: Any,
    since: Any,
    *,
    at: Any = None,
    owner: Any = None,
    what: What | None = None,
    tier: Any = None,
    number: Any = None,
    other: Any = None,
    amount: Any = None,
    currency: Any = None,
    text: Any = None,
) -> Select[Any]:
    """The columns of every queue. What a queue does not have is NULL of the right type, since some
    are made of several statements."""
    columns: dict[str, tuple[Any, Any]] = {
        "at": (at, UtcDateTime()),
        "owner": (owner, String()),
        "tier": (tier, String()),
        "number": (number, BigInteger()),
        "other": (other, BigInteger()),
        "amount": (amount, BigInteger()),
        "currency": (currency, String()),
        "text": (text, String()),
    }
    return select(
        key.label("key"),
        uuid.label("uuid"),
        name.label("name"),
        since.label("since"),
        literal(what.value if what else "").label("what"),
        *(
            (cast(null(), kind) if column is None else column).label(label)
            for label, (column, kind) in columns.items()
        ),
    )


def _of_kinds(catalog: Catalog, *kinds: TierKind) -> list[str]:
    return [key for key, tier in catalog.tiers.items() if tier.kind in kinds]


def _sponsorships(now: datetime, _catalog: Catalog) -> Source:
    asked = SponsorshipRequest
    return (
        _row(
            asked.id,
            Customer.uuid,
            Customer.display_name,
            asked.requested_at,
            tier=asked.plan_wished,
            text=asked.organization_type,
        )
        .join(Customer, Customer.id == asked.customer_id)
        .where(asked.status == SponsorshipStatus.PENDING)
    )


def _help(now: datetime, _catalog: Catalog) -> Source:
    person = func.coalesce(func.nullif(BillingUser.full_name, ""), BillingUser.email)
    return (
        _row(
            HelpRequest.id,
            func.coalesce(Organization.uuid, Server.uuid),
            func.coalesce(
                func.nullif(Organization.name, ""),
                func.nullif(Organization.host, ""),
                Server.hostname,
            ),
            HelpRequest.created_at,
            owner=person,
            text=HelpRequest.message,
        )
        .join(Server, Server.id == HelpRequest.server_id)
        .outerjoin(Organization, Organization.id == HelpRequest.organization_id)
        .outerjoin(BillingUser, BillingUser.id == HelpRequest.billing_user_id)
        .where(HelpRequest.status == HelpStatus.OPEN)
    )


def _acts(condition: ColumnElement[bool]) -> Source:
    return (
        _row(
            StaffAction.id,
            StaffAction.payer_uuid,
            func.coalesce(Customer.display_name, StaffAction.payer_uuid),
            StaffAction.created_at,
            owner=func.coalesce(func.nullif(StaffUser.full_name, ""), StaffUser.email),
            text=StaffAction.action,
        )
        .join(StaffUser, StaffUser.id == StaffAction.asked_by)
        .outerjoin(Customer, Customer.id == StaffAction.customer_id)
        .where(condition)
    )


def _approvals(now: datetime, _catalog: Catalog) -> Source:
    return _acts(StaffAction.status == StaffActionStatus.WAITING)


def is_interrupted(now: datetime) -> ColumnElement[bool]:
    """An act that began and never said how it ended."""
    begun = func.coalesce(StaffAction.decided_at, StaffAction.created_at)
    return and_(StaffAction.status == StaffActionStatus.RUNNING, begun < now - INTERRUPTED_AFTER)


def _unfinished(now: datetime, _catalog: Catalog) -> Source:
    return _acts(is_interrupted(now))


def _late_falls(now: datetime, _catalog: Catalog) -> Source:
    return (
        _row(
            LateFall.id,
            Customer.uuid,
            Customer.display_name,
            LateFall.found_at,
            at=LateFall.cycle_start,
            tier=Plan.tier,
            number=LateFall.billed_licenses,
            other=LateFall.licenses,
        )
        .join(Customer, Customer.id == LateFall.customer_id)
        .join(Plan, Plan.id == LateFall.plan_id)
        .where(LateFall.resolved_at.is_(None))
    )


def _parked(now: datetime, _catalog: Catalog) -> Source:
    return _row(
        Customer.id,
        Customer.uuid,
        Customer.display_name,
        Customer.parked_at,
        text=Customer.parked_reason,
    ).where(Customer.parked_at.is_not(None))


def _payments(now: datetime, _catalog: Catalog) -> Source:
    return (
        _row(
            Invoice.id,
            Customer.uuid,
            Customer.display_name,
            func.coalesce(Invoice.due_at, Invoice.finalized_at, Invoice.boundary),
            at=Invoice.next_retry_at,
            owner=Invoice.number,
            number=Invoice.retries,
            amount=Invoice.total,
            currency=Invoice.currency,
            text=Invoice.failure_message,
        )
        .join(Customer, Customer.id == Invoice.customer_id)
        .where(
            Invoice.status == InvoiceStatus.OPEN,
            or_(Invoice.due_at <= now, Invoice.failure_message.is_not(None)),
        )
    )


def _vanished(now: datetime, catalog: Catalog) -> Source:
    paid = _of_kinds(catalog, TierKind.PAID, TierKind.FIXED)
    return (
        _row(
            Organization.id,
            Customer.uuid,
            Customer.display_name,
            Organization.locally_deleted_at,
            owner=Server.hostname,
            tier=Plan.tier,
        )
        .join(Server, Server.id == Organization.server_id)
        .join(Customer, Customer.organization_id == Organization.id)
        .join(Plan, Plan.customer_id == Customer.id)
        .where(
            Organization.locally_deleted_at.is_not(None),
            Plan.status.in_(LIVE_STATUSES),
            Plan.tier.in_(paid),
        )
    )


def _deals(now: datetime, catalog: Catalog) -> Source:
    """Discounts, fixed prices, legacy plans and sponsorships, by the day of their end."""

    def plans(what: What, condition: ColumnElement[bool], owner: Any = None) -> Select[Any]:
        return (
            _row(
                Plan.id,
                Customer.uuid,
                Customer.display_name,
                Plan.end_date,
                at=Plan.end_date,
                owner=owner,
                what=what,
                tier=Plan.tier,
                amount=Plan.fixed_price,
                currency=Plan.currency,
            )
            .join(Customer, Customer.id == Plan.customer_id)
            .outerjoin(Offer, Offer.id == Plan.offer_id)
            .where(
                Plan.status.in_(LIVE_STATUSES),
                Plan.next_plan_id.is_(None),
                Plan.end_date > now,
                Plan.end_date <= now + AHEAD,
                condition,
            )
        )

    discounts = _row(
        Customer.id,
        Customer.uuid,
        Customer.display_name,
        Customer.discount_ends_at,
        at=Customer.discount_ends_at,
        owner=Customer.discount_owner,
        what=What.DISCOUNT,
        tier=Customer.required_plan_tier,
        number=Customer.discount_percent,
    ).where(Customer.discount_ends_at > now, Customer.discount_ends_at <= now + AHEAD)
    return union_all(
        discounts,
        plans(What.FIXED_PRICE, Plan.fixed_price.is_not(None), Offer.owner),
        plans(What.LEGACY, Plan.tier.in_(_of_kinds(catalog, TierKind.LEGACY))),
        plans(What.SPONSORED, Plan.tier.in_(_of_kinds(catalog, TierKind.SPONSORED))),
    )


def _offers(now: datetime, _catalog: Catalog) -> Source:
    return (
        _row(
            Offer.id,
            Customer.uuid,
            Customer.display_name,
            Offer.created_at,
            at=Offer.expires_at,
            owner=Offer.owner,
            tier=Offer.tier,
            amount=Offer.yearly_price,
            currency=Offer.currency,
        )
        .join(Customer, Customer.id == Offer.customer_id)
        .where(
            Offer.status == OfferStatus.OPEN,
            or_(Offer.expires_at.is_(None), Offer.expires_at > now),
        )
    )


def _stale(now: datetime, _catalog: Catalog) -> Source:
    heard = Server.last_audit_log_update
    return (
        _row(
            Server.id,
            Server.uuid,
            Server.hostname,
            func.coalesce(heard, Server.created_at),
            at=heard,
            owner=Server.product_version,
            tier=Plan.tier,
        )
        .outerjoin(Customer, Customer.server_id == Server.id)
        .outerjoin(Plan, and_(Plan.customer_id == Customer.id, Plan.status.in_(LIVE_STATUSES)))
        .where(
            Server.deactivated_at.is_(None),
            or_(heard.is_(None), heard < now - STALE_AFTER),
        )
    )


def _transfers(now: datetime, _catalog: Catalog) -> Source:
    """Registrations, organizations and plans that changed hands lately."""
    old = aliased(Server)
    # Written as a literal, so that the index of these entries is used.
    is_transfer = AuditEntry.action == literal_column("'server.transferred'")
    registrations = (
        _row(AuditEntry.id, Server.uuid, Server.hostname, AuditEntry.at, what=What.REGISTRATION)
        .join(Server, Server.id == AuditEntry.server_id)
        .where(is_transfer, AuditEntry.at > now - LATELY)
    )
    organizations = (
        _row(
            OrganizationMove.id,
            Organization.uuid,
            func.coalesce(func.nullif(Organization.name, ""), Organization.host),
            OrganizationMove.moved_at,
            owner=old.hostname,
            what=What.ORGANIZATION,
            text=Server.hostname,
        )
        .join(Organization, Organization.id == OrganizationMove.organization_id)
        .join(old, old.id == OrganizationMove.from_server_id)
        .join(Server, Server.id == OrganizationMove.to_server_id)
        .where(OrganizationMove.moved_at > now - LATELY)
    )
    plans = (
        _row(
            PlanMove.id,
            Customer.uuid,
            Customer.display_name,
            PlanMove.moved_at,
            owner=Server.hostname,
            what=What.PLAN,
            text=cast(PlanMove.to_kind, String()),
        )
        .join(Customer, Customer.id == PlanMove.to_customer_id)
        .join(Server, Server.id == PlanMove.server_id)
        .where(PlanMove.moved_at > now - LATELY)
    )
    return union_all(registrations, organizations, plans)


SOURCES: Mapping[Queue, Callable[[datetime, Catalog], Source]] = {
    Queue.SPONSORSHIPS: _sponsorships,
    Queue.HELP: _help,
    Queue.APPROVALS: _approvals,
    Queue.LATE_FALLS: _late_falls,
    Queue.PARKED: _parked,
    Queue.PAYMENTS: _payments,
    Queue.VANISHED: _vanished,
    Queue.UNFINISHED: _unfinished,
    Queue.DEALS: _deals,
    Queue.OFFERS: _offers,
    Queue.STALE: _stale,
    Queue.TRANSFERS: _transfers,
}
