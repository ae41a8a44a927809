"""The first screen of staff about a customer: who, what they pay, what comes, what is wrong."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import (
    HelpStatus,
    PlanStatus,
    Schedule,
    StaffActionStatus,
)
from app.models.charges import LateFall
from app.models.mails import Mail
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.models.staff import HelpRequest, SearchEntry, StaffAction
from app.services.context import Context
from app.services.pages.billing import BillingPage, load_billing_page
from app.services.pages.head import Head, load_head
from app.services.pages.paging import ListPart, part_of_list
from app.services.pages.parts import tier_title
from app.services.pages.search_rows import SearchRow, load_rows
from app.services.pages.staff_customer_frame import CustomerFrame
from app.services.pages.staff_customer_problems import Counts, Problem, find_problems
from app.services.plan_rules import has_agreed_end

# Organizations of the server that the first screen names; a page of their own lists all.
MOST_NEIGHBORS = 8


@dataclass(frozen=True, slots=True)
class WhoView:
    """Server and organization as they registered themselves."""

    hostname: str
    server_uuid: str
    contact_email: str
    version: str | None
    registered_at: datetime
    server_deactivated_at: datetime | None
    organization_name: str | None
    organization_url: str | None
    organization_since: datetime | None
    is_organization_deactivated: bool
    organization_gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class NextPlanView:
    """The plan that begins when the present one is over, or the one that waits for its day."""

    tier_title: str
    schedule: Schedule
    begins_at: datetime
    price: int | None
    fixed_price: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class StaffCustomerPage:
    """Everything the first screen shows. `row` is the customer as a search lists it; `neighbors`
    are the first organizations of the same server, `neighbors_total` counts them all."""

    frame: CustomerFrame
    who: WhoView
    row: SearchRow | None
    billing: BillingPage
    next_plan: NextPlanView | None
    ends_at: datetime | None
    has_agreed_end: bool
    problems: tuple[Problem, ...]
    server_row: SearchRow | None
    neighbors: tuple[SearchRow, ...]
    neighbors_total: int
    now: datetime


@dataclass(frozen=True, slots=True)
class OrganizationsPage:
    """One page of the organizations of a server. `nameless` counts those whose own data has not
    arrived yet: they have no pages."""

    frame: CustomerFrame
    rows: tuple[SearchRow, ...]
    part: ListPart
    nameless: int


def load_staff_customer_page(
    ctx: Context, session: Session, frame: CustomerFrame, *, now: datetime
) -> StaffCustomerPage:
    """The first screen as of now; a fixed number of queries."""
    billing = load_billing_page(ctx, session, frame.payer, now=now)
    head = load_head(session, frame.payer, now=now)
    counts = _load_counts(session, frame)
    ids = _load_entry_ids(session, frame)
    rows = {row.uuid: row for row in load_rows(session, ids, catalog=ctx.catalog, now=now)}
    own = rows.pop(frame.uuid, None)
    server_row = rows.pop(frame.server_uuid, None)
    following = _get_following(session, head)
    plan = head.live_plan
    return StaffCustomerPage(
        frame=frame,
        who=_who(head),
        row=own,
        billing=billing,
        next_plan=_next_plan(ctx.catalog, following) if following is not None else None,
        ends_at=_ends_at(plan),
        has_agreed_end=plan is not None and has_agreed_end(plan),
        problems=find_problems(head, billing, own, counts),
        server_row=server_row,
        neighbors=tuple(rows.values())[:MOST_NEIGHBORS],
        neighbors_total=counts.organizations
        if frame.is_server
        else max(counts.organizations - 1, 0),
        now=now,
    )


def load_organizations_page(
    session: Session, frame: CustomerFrame, *, catalog: Catalog, number: int, now: datetime
) -> OrganizationsPage:
    """Page `number` (from 1) of the organizations of the server of `frame`."""
    of_server = SearchEntry.server_id == frame.payer.server_id
    listed = (of_server, SearchEntry.organization_id.is_not(None))
    total = session.scalar(select(func.count(SearchEntry.id)).where(*listed)) or 0
    nameless = select(func.count(Organization.id)).where(
        Organization.server_id == frame.payer.server_id, Organization.uuid.is_(None)
    )
    part = part_of_list(total, number=number)
    ids = session.scalars(
        select(SearchEntry.id)
        .where(*listed)
        .order_by(SearchEntry.id)
        .offset(part.offset)
        .limit(part.last - part.offset)
    ).all()
    return OrganizationsPage(
        frame=frame,
        rows=tuple(load_rows(session, ids, catalog=catalog, now=now)),
        part=part,
        nameless=session.scalar(nameless) or 0,
    )


def _load_counts(session: Session, frame: CustomerFrame) -> Counts:
    """What waits or went wrong beside the plan, in one query."""
    of_customer = frame.customer_id or 0
    mine = (
        HelpRequest.organization_id == frame.payer.organization_id
        if frame.payer.organization_id is not None
        else (HelpRequest.server_id == frame.payer.server_id)
        & HelpRequest.organization_id.is_(None)
    )
    statement = select(
        select(func.count(Mail.id))
        .where(Mail.customer_id == of_customer, Mail.failed_at.is_not(None))
        .scalar_subquery(),
        select(func.count(StaffAction.id))
        .where(
            StaffAction.payer_uuid == frame.uuid, StaffAction.status == StaffActionStatus.WAITING
        )
        .scalar_subquery(),
        select(func.count(LateFall.id))
        .where(LateFall.customer_id == of_customer, LateFall.resolved_at.is_(None))
        .scalar_subquery(),
        select(func.count(HelpRequest.id))
        .where(mine, HelpRequest.status == HelpStatus.OPEN)
        .scalar_subquery(),
        select(func.count(SearchEntry.id))
        .where(
            SearchEntry.server_id == frame.payer.server_id,
            SearchEntry.organization_id.is_not(None),
        )
        .scalar_subquery(),
    )
    return Counts(*session.execute(statement).one())


def _load_entry_ids(session: Session, frame: CustomerFrame) -> list[int]:
    """The entries of the customer, of its server, and of some organizations beside it."""
    named = [frame.uuid, frame.server_uuid]
    own = session.scalars(select(SearchEntry.id).where(SearchEntry.uuid.in_(named))).all()
    beside = session.scalars(
        select(SearchEntry.id)
        .where(
            SearchEntry.server_id == frame.payer.server_id,
            SearchEntry.organization_id.is_not(None),
            SearchEntry.uuid != frame.uuid,
        )
        .order_by(SearchEntry.id)
        .limit(MOST_NEIGHBORS)
    ).all()
    return [*own, *beside]


def _get_following(session: Session, head: Head) -> Plan | None:
    if head.customer is None:
        return None
    return session.scalars(
        select(Plan).where(
            Plan.customer_id == head.customer.id, Plan.status == PlanStatus.NEVER_STARTED
        )
    ).first()


def _next_plan(catalog: Catalog, plan: Plan) -> NextPlanView:
    price = plan.price_per_license if plan.discounted_price is None else plan.discounted_price
    return NextPlanView(
        tier_title=tier_title(catalog, plan.tier),
        schedule=plan.schedule,
        begins_at=plan.billing_cycle_anchor,
        price=price,
        fixed_price=plan.fixed_price,
        currency=plan.currency,
    )


def _ends_at(plan: Plan | None) -> datetime | None:
    """When the plan of now is over, whatever follows it."""
    return plan.end_date if plan is not None else None


def _who(head: Head) -> WhoView:
    server: Server = head.server
    organization = head.organization
    return WhoView(
        hostname=server.hostname,
        server_uuid=server.uuid,
        contact_email=server.contact_email,
        version=server.product_version,
        registered_at=server.created_at,
        server_deactivated_at=server.deactivated_at,
        organization_name=organization.name if organization else None,
        organization_url=organization.url if organization else None,
        organization_since=organization.created_at if organization else None,
        is_organization_deactivated=organization.deactivated if organization else False,
        organization_gone_at=organization.locally_deleted_at if organization else None,
    )
