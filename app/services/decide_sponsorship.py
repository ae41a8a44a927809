"""What staff do about sponsorships: the queue, approving, rejecting, noting one asked for by mail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.calendar import month_boundary
from app.domain.errors import BillingError
from app.domain.kinds import KIND_PROFILES, EndReason, SponsorshipStatus, TierKind
from app.domain.sponsorship import MONTHS, OrganizationType
from app.domain.transitions import Change
from app.models.customers import Customer
from app.models.deals import SponsorshipRequest
from app.models.plans import Plan
from app.models.registrations import Server
from app.services.audit import record_audit
from app.services.complimentary import (
    Complimentary,
    check_nothing_runs,
    check_until,
    get_scheduled_plan,
    is_of_kind,
    start_complimentary_plan,
    tier_of_kind,
)
from app.services.context import Actor, Context
from app.services.customer_mails import common_params, get_recipients
from app.services.customers import Payer, claim_payer, get_live_plan
from app.services.ledger import sync_server_ledgers
from app.services.outbox import record_mail
from app.services.plan_life import apply_change, end_plan
from app.services.running_plan import audit_change
from app.services.sponsorship import (
    check_may_ask,
    close_request,
    get_pending_request,
    load_pending_request,
)
from app.services.staff_change import StaffChange, checked_reason
from app.services.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A request in the queue of staff."""

    uuid: str
    customer: str
    since: datetime
    organization_type: str
    website: str
    expected_users: str
    plan_wished: str


def list_waiting_requests(session: Session) -> list[WaitingRequest]:
    """Every request that waits for staff, the oldest first."""
    rows = session.execute(
        select(SponsorshipRequest, Customer.uuid, Customer.display_name)
        .join(Customer, Customer.id == SponsorshipRequest.customer_id)
        .where(SponsorshipRequest.status == SponsorshipStatus.PENDING)
        .order_by(SponsorshipRequest.requested_at, SponsorshipRequest.id)
    )
    return [
        WaitingRequest(
            uuid=uuid,
            customer=name,
            since=request.requested_at,
            organization_type=request.organization_type,
            website=request.website,
            expected_users=request.expected_users,
            plan_wished=request.plan_wished,
        )
        for request, uuid, name in rows
    ]


def approve_sponsorship(
    ctx: Context,
    payer: Payer,
    *,
    until: datetime | None,
    reason: str,
    actor: Actor,
    dry_run: bool = False,
) -> StaffChange:
    """Sponsor a customer until `until` (default: a year from now, or from the end of a sponsorship
    that runs). A legacy plan ends with it; whoever manages the billing gets a mail.

    Raises BillingError `customer_has_plan` or `customer_has_scheduled_plan` while a paid or
    scheduled plan lives, `end_not_ahead`, `end_too_far`, `server_deactivated`, and those of a
    reason.
    """
    reason = checked_reason(reason)
    with unit_of_work(ctx) as work:
        server, customer = _claim(work, payer)
        if server.deactivated_at is not None:
            raise BillingError("server_deactivated")
        before = _shown(work, customer)
        plan = _sponsor(work, server, customer, until, reason=reason, actor=actor)
        request = get_pending_request(work.session, customer.id)
        if request is not None:
            close_request(work, customer, request, SponsorshipStatus.APPROVED, actor=actor)
            request.plan_id, request.approved_until = plan.id, plan.end_date
        customer.sponsorship_pending = False
        assert plan.end_date is not None, "it was given until a date"
        record_audit(
            work,
            "sponsorship.approved",
            actor=actor,
            customer_id=customer.id,
            after={"plan": plan.id, "until": plan.end_date.isoformat(), "reason": reason},
        )
        _tell_people(
            work,
            customer,
            "sponsorship_approved",
            key=f"sponsorship.approved:{plan.id}:{plan.end_date.isoformat()}",
            until=plan.end_date,
            tier=tier_of_kind(ctx.catalog, TierKind.SPONSORED).title,
        )
        change = StaffChange(before, _shown(work, customer))
        if not dry_run:
            work.commit()
        return change


def reject_sponsorship(
    ctx: Context, payer: Payer, *, reason: str, actor: Actor, dry_run: bool = False
) -> StaffChange:
    """Say no, with the reason in the mail that everybody who manages the billing gets.

    Raises BillingError `no_sponsorship_request`, and those of a reason.
    """
    reason = checked_reason(reason)
    with unit_of_work(ctx) as work:
        _, customer = _claim(work, payer)
        request = load_pending_request(work.session, customer)
        before = _shown(work, customer)
        close_request(work, customer, request, SponsorshipStatus.REJECTED, actor=actor)
        request.reason = reason
        record_audit(
            work,
            "sponsorship.rejected",
            actor=actor,
            customer_id=customer.id,
            after={"request": request.id, "reason": reason},
        )
        _tell_people(
            work,
            customer,
            "sponsorship_rejected",
            key=f"sponsorship.rejected:{request.id}",
            reason=reason,
            reply_to=work.ctx.catalog.brand.support_email,
        )
        change = StaffChange(before, _shown(work, customer))
        if not dry_run:
            work.commit()
        return change


def mark_sponsorship_pending(
    ctx: Context, payer: Payer, *, reason: str, actor: Actor, dry_run: bool = False
) -> StaffChange:
    """Note that a sponsorship was asked for otherwise, by mail for instance: it waits in the queue.

    Raises BillingError `sponsorship_is_pending`, `is_sponsored`, and those of a reason.
    """
    reason = checked_reason(reason)
    with unit_of_work(ctx) as work:
        _, customer = _claim(work, payer)
        check_may_ask(work, customer)
        before = _shown(work, customer)
        request = SponsorshipRequest(
            customer_id=customer.id,
            status=SponsorshipStatus.PENDING,
            organization_type=OrganizationType.OTHER.value,
            website="",
            description=reason,
            expected_users="",
            paid_staff="",
            plan_wished=tier_of_kind(ctx.catalog, TierKind.SPONSORED).key,
            requested_at=work.now,
        )
        work.session.add(request)
        customer.sponsorship_pending = True
        work.flush()
        record_audit(
            work,
            "sponsorship.marked",
            actor=actor,
            customer_id=customer.id,
            after={"request": request.id, "reason": reason},
        )
        change = StaffChange(before, _shown(work, customer))
        if not dry_run:
            work.commit()
        return change


def _sponsor(
    work: UnitOfWork,
    server: Server,
    customer: Customer,
    until: datetime | None,
    *,
    reason: str,
    actor: Actor,
) -> Plan:
    """The sponsored plan: a new one, or the one that runs until later."""
    live = get_live_plan(work.session, customer.id)
    is_running = live is not None and is_of_kind(work.ctx.catalog, live, TierKind.SPONSORED)
    start = live.end_date if live is not None and is_running and live.end_date else work.now
    ends = until or month_boundary(start, MONTHS)
    check_until(ends, now=work.now)
    if live is not None and is_running:
        if live.end_date == ends:
            raise BillingError("end_unchanged", date=ends)
        moved_from = live.end_date
        apply_change(live, Change.MOVE_END)
        live.end_date = live.next_invoice_date = ends
        work.flush()
        audit_change(
            work,
            "plan.end_moved",
            live,
            actor,
            reason=reason,
            until=ends.isoformat(),
            instead_of=None if moved_from is None else moved_from.isoformat(),
        )
        return live
    is_legacy = live is not None and is_of_kind(work.ctx.catalog, live, TierKind.LEGACY)
    if live is None or not is_legacy or get_scheduled_plan(work.session, customer.id) is not None:
        check_nothing_runs(work, customer)
    else:
        end_plan(
            work,
            live,
            at=work.now,
            change=Change.REPLACE,
            reason=EndReason.REPLACED,
            actor=actor,
        )
    given = Complimentary(TierKind.SPONSORED, ends)
    return start_complimentary_plan(work, server, customer, given, actor=actor, reason=reason)


def _claim(work: UnitOfWork, payer: Payer) -> tuple[Server, Customer]:
    """Lock the payer and let whatever has come to its end by now be over."""
    server, customer = claim_payer(work, payer)
    sync_server_ledgers(work, server, as_of=work.now)
    work.flush()
    return server, customer


def _shown(work: UnitOfWork, customer: Customer) -> dict[str, Any]:
    live = get_live_plan(work.session, customer.id)
    ends_at = None if live is None else live.end_date
    return {
        "plan": None if live is None else live.tier,
        "until": None if ends_at is None else ends_at.isoformat(),
        "sponsorship_pending": customer.sponsorship_pending,
    }


def _tell_people(
    work: UnitOfWork, customer: Customer, template: str, *, key: str, **params: Any
) -> None:
    """A decision is told to everybody who manages the billing, whatever mails they want."""
    common: Mapping[str, Any] = common_params(work, customer)
    prefix = KIND_PROFILES[customer.kind].url_prefix
    page = f"{work.ctx.settings.base_url}/{prefix}/{customer.uuid}/sponsorship/"
    for one in get_recipients(work.session, customer, None):
        record_mail(
            work,
            template=template,
            recipient=one.email,
            params={**common, "sponsorship_url": page, **params},
            event_key=one.key_of(key),
            customer_id=customer.id,
            billing_user_id=one.billing_user_id,
        )
