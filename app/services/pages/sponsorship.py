"""The sponsorship page: what sponsored customers get, the form, and what became of a request."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import CustomerKind, SponsorshipStatus, TierKind
from app.models.deals import SponsorshipRequest
from app.models.plans import Plan
from app.services.complimentary import is_of_kind, tier_of_kind
from app.services.context import Context
from app.services.customers import Payer
from app.services.pages.head import Head, load_head
from app.services.pages.parts import tier_title
from app.services.sponsorship import may_ask_again


class SponsorshipState(StrEnum):
    """Which sponsorship page it is."""

    CAN_ASK = "can_ask"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SERVER_IS_SPONSORED = "server_is_sponsored"


@dataclass(frozen=True, slots=True)
class RequestView:
    """What was said in a request. `plan_wished` is the title of a tier; `is_by_staff` says that it
    came otherwise, by mail for instance."""

    organization_type: str
    website: str
    description: str
    expected_users: str
    paid_staff: str
    plan_wished: str
    at: datetime
    is_by_staff: bool


@dataclass(frozen=True, slots=True)
class TierChoice:
    """A plan that can be wished for."""

    key: str
    title: str


@dataclass(frozen=True, slots=True)
class SponsorshipPage:
    """Everything the sponsorship page shows. `until` is when the sponsorship ends, `reason` why a
    request was not approved; `paid_title` is the paid plan that has to end before one can begin."""

    kind: CustomerKind
    state: SponsorshipState
    tier_title: str
    tier_summary: str
    includes: tuple[str, ...]
    may_ask: bool
    until: datetime | None
    decided_at: datetime | None
    reason: str | None
    request: RequestView | None
    paid_title: str | None


def load_sponsorship_page(
    ctx: Context, session: Session, payer: Payer, *, now: datetime
) -> SponsorshipPage:
    """The sponsorship page of `payer` as of now."""
    head = load_head(session, payer, now=now)
    tier = tier_of_kind(ctx.catalog, TierKind.SPONSORED)
    request = _get_latest(session, head)
    plan = running_plan(head)
    sponsored = plan if plan is not None and _is(ctx, plan, TierKind.SPONSORED) else None
    state = _state(ctx, head, request, sponsored)
    until = sponsored.end_date if sponsored is not None else None
    free = (TierKind.SPONSORED, TierKind.LEGACY)
    is_paid = plan is not None and not any(_is(ctx, plan, kind) for kind in free)
    return SponsorshipPage(
        kind=payer.kind,
        state=state,
        tier_title=tier.title,
        tier_summary=tier.summary,
        includes=tier.includes,
        may_ask=_may_ask(state, until, now=now),
        until=until,
        decided_at=request.decided_at if request is not None else None,
        reason=request.reason if request is not None else None,
        request=_view(ctx, request) if request is not None else None,
        paid_title=tier_title(ctx.catalog, plan.tier) if plan is not None and is_paid else None,
    )


def tier_choices(catalog: Catalog) -> tuple[TierChoice, ...]:
    """The plans that can be wished for, in the order of the catalog."""
    kinds = (TierKind.SPONSORED, TierKind.PAID, TierKind.FIXED)
    return tuple(
        TierChoice(tier.key, tier.title) for tier in catalog.tiers.values() if tier.kind in kinds
    )


def running_plan(head: Head) -> Plan | None:
    """The customer's own plan, unless its end has come before a job has seen that."""
    plan = head.live_plan
    is_over = (
        plan is not None
        and plan.end_date is not None
        and plan.end_date <= head.now
        and plan.next_plan_id is None
    )
    return None if is_over else plan


def _is(ctx: Context, plan: Plan, kind: TierKind) -> bool:
    return is_of_kind(ctx.catalog, plan, kind)


def _get_latest(session: Session, head: Head) -> SponsorshipRequest | None:
    if head.customer is None:
        return None
    return session.scalars(
        select(SponsorshipRequest)
        .where(SponsorshipRequest.customer_id == head.customer.id)
        .order_by(SponsorshipRequest.id.desc())
        .limit(1)
    ).one_or_none()


def _state(
    ctx: Context, head: Head, request: SponsorshipRequest | None, sponsored: Plan | None
) -> SponsorshipState:
    if request is not None and request.status is SponsorshipStatus.PENDING:
        return SponsorshipState.PENDING
    if sponsored is not None:
        return SponsorshipState.APPROVED
    server_tier = ctx.catalog.tiers.get(head.server_tier or "")
    if head.is_covered_by_server and server_tier and server_tier.kind is TierKind.SPONSORED:
        return SponsorshipState.SERVER_IS_SPONSORED
    if request is not None and request.status is SponsorshipStatus.REJECTED:
        return SponsorshipState.REJECTED
    return SponsorshipState.CAN_ASK


def _may_ask(state: SponsorshipState, until: datetime | None, *, now: datetime) -> bool:
    if state is SponsorshipState.APPROVED:
        return may_ask_again(until, now=now)
    return state in {SponsorshipState.CAN_ASK, SponsorshipState.REJECTED}


def _view(ctx: Context, request: SponsorshipRequest) -> RequestView:
    return RequestView(
        organization_type=request.organization_type,
        website=request.website,
        description=request.description,
        expected_users=request.expected_users,
        paid_staff=request.paid_staff,
        plan_wished=tier_title(ctx.catalog, request.plan_wished),
        at=request.requested_at,
        is_by_staff=request.requested_by is None,
    )
