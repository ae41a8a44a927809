"""Everything we keep about a customer, for its own people to take along. Reads, and notes that it
was done."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.models.people import BillingUser, Invitation
from app.models.staff import HelpRequest
from app.services.audit import record_audit
from app.services.billing_people import people_of
from app.services.context import Actor, Context
from app.services.customers import get_customer
from app.services.export_customer import export_customer
from app.services.identity import CustomerRef
from app.services.invitations import invitations_of
from app.services.unit_of_work import unit_of_work


def export_own_data(ctx: Context, ref: CustomerRef, *, actor: Actor) -> dict[str, Any]:
    """The export of `flask billing export` and, beside it, the people, whom they invited and what
    they asked; times ISO 8601 in UTC, amounts integer cents. The audit log says who took it."""
    with unit_of_work(ctx) as work:
        customer = get_customer(work.session, ref.payer)
        found = export_customer(work.session, uuid=ref.uuid, now=work.now)
        found["people"] = _people(work.session, ref)
        found["invitations"] = _invitations(work.session, ref)
        found["help_requests"] = _requests(work.session, ref)
        record_audit(
            work,
            "data.exported",
            actor=actor,
            customer_id=customer.id if customer is not None else None,
            server_id=ref.payer.server_id,
            organization_id=ref.payer.organization_id,
        )
        work.commit()
    return found


def _people(session: Session, ref: CustomerRef) -> list[dict[str, Any]]:
    query = select(BillingUser).where(people_of(ref.payer)).order_by(BillingUser.id)
    return [
        {
            "email": person.email,
            "full_name": person.full_name,
            "role": person.role.value,
            "created_at": _instant(person.created_at),
            "last_login_at": _instant(person.last_login_at),
            "removed_at": _instant(person.deactivated_at),
            "terms_accepted": person.tos_version,
            "mails": {
                "major_releases": person.wants_major_release_mails,
                "maintenance": person.wants_maintenance_mails,
                "renewals": person.wants_renewal_mails,
                "usage": person.wants_usage_mails,
                "announcements": person.wants_announcement_mails,
            },
        }
        for person in session.scalars(query)
    ]


def _invitations(session: Session, ref: CustomerRef) -> list[dict[str, Any]]:
    query = select(Invitation).where(invitations_of(ref.payer)).order_by(Invitation.id)
    return [
        {
            "email": row.email,
            "role": row.role.value,
            "invited_at": _instant(row.created_at),
            "works_until": _instant(row.expires_at),
            "accepted_at": _instant(row.accepted_at),
            "withdrawn_at": _instant(row.withdrawn_at),
        }
        for row in session.scalars(query)
    ]


def _requests(session: Session, ref: CustomerRef) -> list[dict[str, Any]]:
    of_whom: ColumnElement[bool]
    if ref.payer.organization_id is not None:
        of_whom = HelpRequest.organization_id == ref.payer.organization_id
    else:
        of_whom = HelpRequest.organization_id.is_(None)
    query = (
        select(HelpRequest)
        .where(HelpRequest.server_id == ref.payer.server_id, of_whom)
        .order_by(HelpRequest.id)
    )
    return [
        {
            "asked_at": _instant(row.created_at),
            "message": row.message,
            "answered_at": _instant(row.closed_at),
            "answer": row.answer,
        }
        for row in session.scalars(query)
    ]


def _instant(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
