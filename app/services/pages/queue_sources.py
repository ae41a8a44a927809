"""What waits for somebody, queue by queue: each a statement whose rows have the same columns.

The registry of the queues is `SOURCES`; their pages and counts are made of it (queues.py).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_

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
from app.models.charges import LateFall
from app.models.customers import Customer
from app.models.deals import Offer, SponsorshipRequest
from app.models.invoices import Invoice
from app.models.people import BillingUser
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.models.staff import HelpRequest, StaffAction, StaffUser
from app.services.pages.queue_columns import Source, of_kinds, queue_row
from app.services.pages.queue_unions import deals, transfers
from app.services.seats import STALE_AFTER

# An act takes seconds; one that has not ended by now was interrupted.
INTERRUPTED_AFTER = timedelta(minutes=15)


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


def _sponsorships(now: datetime, _catalog: Catalog) -> Source:
    asked = SponsorshipRequest
    return (
        queue_row(
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
        queue_row(
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
        queue_row(
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
        queue_row(
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
    return queue_row(
        Customer.id,
        Customer.uuid,
        Customer.display_name,
        Customer.parked_at,
        text=Customer.parked_reason,
    ).where(Customer.parked_at.is_not(None))


def _payments(now: datetime, _catalog: Catalog) -> Source:
    return (
        queue_row(
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
    paid = of_kinds(catalog, TierKind.PAID, TierKind.FIXED)
    return (
        queue_row(
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


def _offers(now: datetime, _catalog: Catalog) -> Source:
    return (
        queue_row(
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
        queue_row(
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


SOURCES: Mapping[Queue, Callable[[datetime, Catalog], Source]] = {
    Queue.SPONSORSHIPS: _sponsorships,
    Queue.HELP: _help,
    Queue.APPROVALS: _approvals,
    Queue.LATE_FALLS: _late_falls,
    Queue.PARKED: _parked,
    Queue.PAYMENTS: _payments,
    Queue.VANISHED: _vanished,
    Queue.UNFINISHED: _unfinished,
    Queue.DEALS: deals,
    Queue.OFFERS: _offers,
    Queue.STALE: _stale,
    Queue.TRANSFERS: transfers,
}
