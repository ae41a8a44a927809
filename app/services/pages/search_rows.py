"""The rows of a search: each customer as staff would recognize it. A fixed number of queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.domain.kinds import LIVE_STATUSES, CustomerKind, PlanStatus, Schedule
from app.domain.metrics import monthly_rate
from app.domain.money import cents_of_twelfths
from app.models.customers import Customer
from app.models.plans import Plan
from app.models.registrations import Organization, Server
from app.models.staff import SearchEntry
from app.services.pages.search_terms import (
    CustomerState,
    ServerPlan,
    has_discount,
    is_silent,
    join_all,
    licenses_now,
    people_of_plan,
    price_now,
    state_of_entry,
)
from app.services.seats import count_people


@dataclass(frozen=True, slots=True)
class SearchRow:
    """One server or organization. `monthly` is what its own plan costs a month, in cents, before
    discounts of so many months; None without a price to pay. `tier_title` is that of the plan that
    it has or is covered by."""

    uuid: str
    kind: CustomerKind
    host: str
    name: str
    server_host: str
    state: CustomerState
    tier_title: str | None
    schedule: Schedule | None
    people: int
    licenses: int | None
    monthly: int | None
    currency: str
    next_invoice_at: datetime | None
    ends_at: datetime | None
    heard_at: datetime | None
    is_stale: bool
    is_parked: bool
    has_discount: bool


def load_rows(
    session: Session, ids: Sequence[int], *, catalog: Catalog, now: datetime
) -> list[SearchRow]:
    """The entries of these ids, in their order."""
    if not ids:
        return []
    statement = join_all(
        select(
            SearchEntry.id,
            SearchEntry.uuid,
            SearchEntry.kind,
            SearchEntry.server_id,
            SearchEntry.organization_id,
            Server.hostname,
            Server.last_audit_log_update,
            Organization.host,
            Organization.name,
            Customer.parked_at,
            Plan.tier,
            Plan.schedule,
            Plan.status,
            Plan.currency,
            Plan.fixed_price,
            Plan.next_invoice_date,
            Plan.end_date,
            ServerPlan.tier.label("server_tier"),
            state_of_entry(now).label("state"),
            licenses_now(now).label("licenses"),
            people_of_plan(now).label("people"),
            price_now(now).label("price"),
            is_silent(now).label("is_stale"),
            has_discount(now).label("has_discount"),
        )
    ).where(SearchEntry.id.in_(ids))
    found = {row.id: row for row in session.execute(statement)}
    people = _count_the_others(session, found.values(), now=now)
    return [_row(found[key], people, catalog=catalog) for key in ids if key in found]


def _row(row: Any, people: dict[int, int], *, catalog: Catalog) -> SearchRow:
    tier = row.tier or (row.server_tier if row.organization_id is not None else None)
    return SearchRow(
        uuid=row.uuid,
        kind=row.kind,
        host=row.hostname if row.organization_id is None else row.host,
        name=row.name or "",
        server_host=row.hostname,
        state=CustomerState(row.state),
        tier_title=None if tier is None else _title(catalog, tier),
        schedule=row.schedule,
        people=people.get(row.id, row.people or 0),
        licenses=row.licenses,
        monthly=_monthly(row),
        currency=row.currency or catalog.currency,
        next_invoice_at=row.next_invoice_date,
        ends_at=row.end_date,
        heard_at=row.last_audit_log_update,
        is_stale=row.is_stale,
        is_parked=row.parked_at is not None,
        has_discount=bool(row.has_discount),
    )


def _title(catalog: Catalog, key: str) -> str:
    tier = catalog.tiers.get(key)
    return key if tier is None else tier.title


def _monthly(row: Any) -> int | None:
    """What the plan costs a month, as the metrics count it (docs/rules/metrics.md)."""
    if row.tier is None or row.status is PlanStatus.TRIAL:
        return None
    if row.fixed_price is not None:
        return cents_of_twelfths(row.fixed_price)
    if not row.price:
        return None
    rate = monthly_rate(row.schedule, licenses=row.licenses or 0, price=row.price)
    return cents_of_twelfths(rate)


def _count_the_others(session: Session, rows: Iterable[Any], *, now: datetime) -> dict[int, int]:
    """People of entries whose plan has counted none: an organization's own, and those of all
    organizations of a server that do not pay for themselves."""
    uncounted = [row for row in rows if row.people is None]
    if not uncounted:
        return {}
    servers = {row.server_id: row.id for row in uncounted if row.organization_id is None}
    members: dict[int, list[int]] = {
        row.id: [row.organization_id] for row in uncounted if row.organization_id is not None
    }
    if servers:
        pays_itself = (
            select(Plan.id)
            .join(Customer, Customer.id == Plan.customer_id)
            .where(Customer.organization_id == Organization.id, Plan.status.in_(LIVE_STATUSES))
            .exists()
        )
        statement = select(Organization.server_id, Organization.id).where(
            Organization.server_id.in_(servers),
            Organization.is_system_bot_realm.is_(False),
            ~pays_itself,
        )
        for server_id, organization_id in session.execute(statement):
            members.setdefault(servers[server_id], []).append(organization_id)
    counted = count_people(
        session, organization_ids=(key for keys in members.values() for key in keys), at=now
    )
    return {key: sum(counted.get(one, 0) for one in ones) for key, ones in members.items()}
