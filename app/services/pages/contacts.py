"""Whom we and the payment provider write to about a customer's billing."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Executable, ScalarSelect, bindparam, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.kinds import CustomerKind
from app.models.audit import AuditEntry
from app.models.customers import Customer
from app.models.people import BillingUser, PersonalDetail
from app.services.pages.head import Head

# People who are named; the page about people has all of them.
MOST_NAMED = 3
# Acts at which a server says its contact address, which stands with the actor of their entry.
_SAID_CONTACT = ("server.registered", "server.contact_changed")


@dataclass(frozen=True, slots=True)
class Contacts:
    """`receipts_to` is the address that the provider was given at the first purchase, None before
    it; `people` are addresses of those who manage the billing, `more` whether there are others."""

    receipts_to: str | None
    people: tuple[str, ...]
    more: bool


def load_contacts(session: Session, head: Head) -> Contacts:
    """The contacts of the payer of `head`, in one query."""
    values = {
        "customer_id": head.customer.id if head.customer is not None else None,
        "server_id": head.payer.server_id,
        "organization_id": head.payer.organization_id,
    }
    rows = session.execute(_contacts_query(head.payer.kind), values).all()
    return Contacts(
        receipts_to=_entered(head.customer) or (rows[0].receipts_to if rows else None),
        people=tuple(row.email for row in rows[:MOST_NAMED]),
        more=len(rows) > MOST_NAMED,
    )


def get_receipts_address(session: Session, customer: Customer) -> str | None:
    """The address that app/services/provider_customer.py told the provider when the customer was
    made there, whoever was removed since, or that people entered here later; None before that.

    What people change on the provider's own pages we are not told.
    """
    values = {
        "customer_id": customer.id,
        "server_id": customer.server_id,
        "organization_id": customer.organization_id,
    }
    address: str | None = session.execute(_receipts_query(customer.kind), values).scalar_one()
    return _entered(customer) or address


def _entered(customer: Customer | None) -> str | None:
    """The address that the customer's people entered, once the provider was told."""
    if customer is None or customer.billing_pushed_at is None:
        return None
    return customer.billing_email


# Building a statement costs more than running it, so each kind's is built once.
@cache
def _contacts_query(kind: CustomerKind) -> Executable:
    """The first people who manage the billing of :organization_id or :server_id, each row with the
    address for the receipts of :customer_id."""
    is_organization = kind is CustomerKind.ORGANIZATION
    return (
        select(BillingUser.email, _receipts_to(kind).label("receipts_to"))
        .where(
            BillingUser.organization_id == bindparam("organization_id")
            if is_organization
            else BillingUser.server_id == bindparam("server_id"),
            BillingUser.deactivated_at.is_(None),
        )
        .order_by(BillingUser.id)
        .limit(MOST_NAMED + 1)
    )


@cache
def _receipts_query(kind: CustomerKind) -> Executable:
    return select(_receipts_to(kind))


def _receipts_to(kind: CustomerKind) -> ScalarSelect[str | None]:
    """The address that the provider was told with :customer_id: of an organization, the first
    person who was not removed then; of a server, its contact then."""
    told_at = _told_at()
    if kind is CustomerKind.ORGANIZATION:
        person = aliased(BillingUser)
        return (
            select(person.email)
            .where(
                person.organization_id == bindparam("organization_id"),
                person.created_at <= told_at,
                or_(person.deactivated_at.is_(None), person.deactivated_at > told_at),
            )
            .order_by(person.id)
            .limit(1)
            .scalar_subquery()
        )
    return (
        select(PersonalDetail.email)
        .join(AuditEntry, AuditEntry.personal_detail_id == PersonalDetail.id)
        .where(
            AuditEntry.server_id == bindparam("server_id"),
            AuditEntry.action.in_(_SAID_CONTACT),
            AuditEntry.at <= told_at,
        )
        .order_by(AuditEntry.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _told_at() -> ScalarSelect[datetime]:
    """When the provider was told of :customer_id."""
    entry = aliased(AuditEntry)
    return (
        select(entry.at)
        .where(
            entry.customer_id == bindparam("customer_id"),
            entry.action == "customer.known_to_provider",
        )
        .order_by(entry.id)
        .limit(1)
        .scalar_subquery()
    )
