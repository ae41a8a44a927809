"""Asking for a sponsorship, as a customer's people do, and taking that back."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import BillingError
from app.domain.kinds import KIND_PROFILES, SponsorshipStatus, TierKind
from app.domain.sponsorship import REMIND_AHEAD, OrganizationType
from app.models.customers import Customer
from app.models.deals import SponsorshipRequest
from app.services.audit import record_audit
from app.services.complimentary import is_of_kind
from app.services.context import Actor, Context
from app.services.customers import Payer, claim_payer, get_live_plan
from app.services.identity import CustomerRef
from app.services.ledger import sync_server_ledgers
from app.services.outbox import record_mail
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class AskForSponsorship:
    """What the people say about themselves. `plan_wished` is the key of a tier."""

    organization_type: OrganizationType
    website: str
    description: str
    expected_users: str
    paid_staff: str
    plan_wished: str


def request_sponsorship(
    ctx: Context, ref: CustomerRef, command: AskForSponsorship, *, actor: Actor
) -> int:
    """Ask; returns the id of the request. Staff get a mail whose answer goes to who asked.

    Raises BillingError `sponsorship_is_pending`, `is_sponsored` while a sponsorship runs that
    does not end soon, `unknown_tier` or `server_deactivated`.
    """
    if command.plan_wished not in ctx.catalog.tiers:
        raise BillingError("unknown_tier")
    with unit_of_work(ctx) as work:
        server, customer = claim_payer(work, ref.payer)
        if server.deactivated_at is not None:
            raise BillingError("server_deactivated")
        sync_server_ledgers(work, server, as_of=work.now)
        work.flush()
        check_may_ask(work, customer)
        request = SponsorshipRequest(
            customer_id=customer.id,
            status=SponsorshipStatus.PENDING,
            organization_type=command.organization_type.value,
            website=command.website,
            description=command.description,
            expected_users=command.expected_users,
            paid_staff=command.paid_staff,
            plan_wished=command.plan_wished,
            requested_by=ref.billing_user_id,
            requested_at=work.now,
        )
        work.session.add(request)
        customer.sponsorship_pending = True
        work.flush()
        record_audit(
            work,
            "sponsorship.requested",
            actor=actor,
            customer_id=customer.id,
            after={
                "request": request.id,
                "organization_type": request.organization_type,
                "plan_wished": request.plan_wished,
            },
        )
        _tell_staff(work, ref, customer, request, actor)
        work.commit()
        return request.id


def withdraw_sponsorship(ctx: Context, payer: Payer, *, actor: Actor) -> None:
    """Take a request back. Raises BillingError `no_sponsorship_request`."""
    with unit_of_work(ctx) as work:
        _, customer = claim_payer(work, payer)
        request = load_pending_request(work.session, customer)
        close_request(work, customer, request, SponsorshipStatus.WITHDRAWN, actor=actor)
        record_audit(
            work,
            "sponsorship.withdrawn",
            actor=actor,
            customer_id=customer.id,
            after={"request": request.id},
        )
        work.commit()


def check_may_ask(work: UnitOfWork, customer: Customer) -> None:
    """Raises BillingError `sponsorship_is_pending`, or `is_sponsored` with the end."""
    if get_pending_request(work.session, customer.id) is not None:
        raise BillingError("sponsorship_is_pending")
    plan = get_live_plan(work.session, customer.id)
    if plan is None or not is_of_kind(work.ctx.catalog, plan, TierKind.SPONSORED):
        return
    if not may_ask_again(plan.end_date, now=work.now):
        raise BillingError("is_sponsored", ends_at=plan.end_date)


def may_ask_again(ends_at: datetime | None, *, now: datetime) -> bool:
    """Whether a sponsorship ends so soon that its people can ask for another term."""
    return ends_at is not None and ends_at - now <= REMIND_AHEAD


def get_pending_request(session: Session, customer_id: int) -> SponsorshipRequest | None:
    """The request that waits for staff; at most one, by a unique index."""
    return session.scalars(
        select(SponsorshipRequest).where(
            SponsorshipRequest.customer_id == customer_id,
            SponsorshipRequest.status == SponsorshipStatus.PENDING,
        )
    ).one_or_none()


def load_pending_request(session: Session, customer: Customer) -> SponsorshipRequest:
    """The same. Raises BillingError `no_sponsorship_request`."""
    request = get_pending_request(session, customer.id)
    if request is None:
        raise BillingError("no_sponsorship_request")
    return request


def close_request(
    work: UnitOfWork,
    customer: Customer,
    request: SponsorshipRequest,
    status: SponsorshipStatus,
    *,
    actor: Actor,
) -> None:
    """Nothing waits any more."""
    request.status = status
    request.decided_at, request.decided_by = work.now, actor.name
    customer.sponsorship_pending = False
    work.flush()


def _tell_staff(
    work: UnitOfWork,
    ref: CustomerRef,
    customer: Customer,
    request: SponsorshipRequest,
    actor: Actor,
) -> None:
    tier = work.ctx.catalog.tiers[request.plan_wished]
    prefix = KIND_PROFILES[customer.kind].url_prefix
    record_mail(
        work,
        template="staff_sponsorship_requested",
        recipient=work.ctx.catalog.brand.support_email,
        params={
            "customer": customer.display_name,
            "host": ref.host,
            "uuid": customer.uuid,
            "url": f"{work.ctx.settings.base_url}/{prefix}/{customer.uuid}/sponsorship/",
            "organization_type": request.organization_type,
            "website": request.website,
            "description": request.description,
            "expected_users": request.expected_users,
            "paid_staff": request.paid_staff,
            "plan_wished": tier.title,
            "asked_by": actor.email or "",
            "reply_to": actor.email,
        },
        event_key=f"sponsorship.requested:{request.id}",
        customer_id=customer.id,
    )
