"""What a search asks for: words, filters, an order. And the conditions they are in the database."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from app.domain.catalog import Catalog
from app.domain.kinds import (
    LIVE_STATUSES,
    AtCycleEnd,
    CustomerKind,
    InvoiceStatus,
    PlanStatus,
    Schedule,
    TierKind,
)
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import LedgerEntry, Plan
from app.models.registrations import Organization, Server
from app.models.staff import SearchEntry
from app.services.seats import STALE_AFTER

Word = TypeVar("Word", bound=StrEnum)

MOST_WORDS = 6
LONGEST_TEXT = 200
# "Ends soon" is within so many days.
SOON = timedelta(days=30)


class CustomerState(StrEnum):
    """Where a customer stands, the first of these that is so. `GONE` is a server that was
    deactivated or an organization that its server stopped listing."""

    GONE = "gone"
    PAST_DUE = "past_due"
    TRIAL = "trial"
    ENDING = "ending"
    ACTIVE = "active"
    COVERED = "covered"
    SCHEDULED = "scheduled"
    ENDED = "ended"
    FREE = "free"


class Flag(StrEnum):
    """What else can be asked for, whatever the state."""

    STALE = "stale"
    PARKED = "parked"
    SPONSORED = "sponsored"
    DISCOUNT = "discount"
    ENDING_SOON = "ending_soon"


class SearchSort(StrEnum):
    """The order of what was found; the first is the one for words, the second the one without."""

    NAME = "name"
    NEWEST = "newest"
    AMOUNT = "amount"
    NEXT_INVOICE = "next_invoice"
    LAST_UPLOAD = "last_upload"


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """All of this must be so; what is empty does not matter. `page` counts from 1. A tier of kind
    free stands for customers without a live plan of their own."""

    text: str = ""
    tiers: tuple[str, ...] = ()
    states: tuple[CustomerState, ...] = ()
    flags: tuple[Flag, ...] = ()
    kind: CustomerKind | None = None
    sort: SearchSort | None = None
    page: int = 1

    @property
    def words(self) -> tuple[str, ...]:
        """The words that have to be there, in lower case, each once."""
        words = self.text[:LONGEST_TEXT].replace("\x00", " ").lower().split()
        return tuple(dict.fromkeys(words))[:MOST_WORDS]

    @property
    def is_empty(self) -> bool:
        """Whether it asks for everybody."""
        return not self.words and not is_narrowed(self)

    def to_json(self) -> dict[str, Any]:
        """As a saved view keeps it: everything but the page."""
        return {
            "text": self.text,
            "tiers": list(self.tiers),
            "states": [state.value for state in self.states],
            "flags": [flag.value for flag in self.flags],
            "kind": self.kind.value if self.kind else None,
            "sort": self.sort.value if self.sort else None,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` gave; words that this version does not know are left out."""
        return cls(
            text=str(value.get("text") or ""),
            tiers=tuple(str(key) for key in value.get("tiers") or ()),
            states=_known(CustomerState, value.get("states")),
            flags=_known(Flag, value.get("flags")),
            kind=next(iter(_known(CustomerKind, [value.get("kind")])), None),
            sort=next(iter(_known(SearchSort, [value.get("sort")])), None),
        )


def is_narrowed(query: SearchQuery) -> bool:
    """Whether a filter is set."""
    return bool(query.tiers or query.states or query.flags or query.kind)


def _known(kind: type[Word], values: Any) -> tuple[Word, ...]:
    known = {word.value: word for word in kind}
    return tuple(known[value] for value in values or () if value in known)


# --- the tables around an entry ---

ServerCustomer = aliased(Customer, name="server_customer")
ServerPlan = aliased(Plan, name="server_plan")
_OtherPlan = aliased(Plan, name="other_plan")


def join_all(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """An entry with its server, its organization, its customer, the live plan that is its own, and
    the live plan of its server."""
    return (
        statement.select_from(SearchEntry)
        .join(Server, Server.id == SearchEntry.server_id)
        .outerjoin(Organization, Organization.id == SearchEntry.organization_id)
        .outerjoin(Customer, Customer.uuid == SearchEntry.uuid)
        .outerjoin(Plan, and_(Plan.customer_id == Customer.id, Plan.status.in_(LIVE_STATUSES)))
        .outerjoin(ServerCustomer, ServerCustomer.server_id == SearchEntry.server_id)
        .outerjoin(
            ServerPlan,
            and_(
                ServerPlan.customer_id == ServerCustomer.id,
                ServerPlan.status.in_(LIVE_STATUSES),
            ),
        )
    )


def state_of_entry(now: datetime) -> ColumnElement[str]:
    """The `CustomerState` of an entry, by value; over the tables of `join_all`."""
    is_of_organization = SearchEntry.organization_id.is_not(None)
    return case(
        (is_gone(), CustomerState.GONE.value),
        (is_past_due(now), CustomerState.PAST_DUE.value),
        (Plan.status == PlanStatus.TRIAL, CustomerState.TRIAL.value),
        (
            and_(Plan.at_cycle_end == AtCycleEnd.END, Plan.next_plan_id.is_(None)),
            CustomerState.ENDING.value,
        ),
        (Plan.id.is_not(None), CustomerState.ACTIVE.value),
        (and_(is_of_organization, ServerPlan.id.is_not(None)), CustomerState.COVERED.value),
        (_has_plan(PlanStatus.NEVER_STARTED), CustomerState.SCHEDULED.value),
        (_has_plan(PlanStatus.ENDED), CustomerState.ENDED.value),
        else_=CustomerState.FREE.value,
    )


def is_gone() -> ColumnElement[bool]:
    """Nobody is there any more."""
    return or_(Server.deactivated_at.is_not(None), Organization.locally_deleted_at.is_not(None))


def is_silent(now: datetime) -> ColumnElement[bool]:
    """The server is there and its counts cannot be trusted."""
    heard = Server.last_audit_log_update
    return and_(Server.deactivated_at.is_(None), or_(heard.is_(None), heard < now - STALE_AFTER))


def is_past_due(now: datetime) -> ColumnElement[bool]:
    """An invoice was not paid: its day is over, or its card was refused."""
    return exists().where(
        Invoice.customer_id == Customer.id,
        Invoice.status == InvoiceStatus.OPEN,
        or_(Invoice.due_at <= now, Invoice.failure_message.is_not(None)),
    )


def has_discount(now: datetime) -> ColumnElement[bool]:
    """Staff gave a discount that is not over: to the customer, or on its plan."""
    agreed = or_(
        Customer.discount_percent.is_not(None),
        Customer.discount_monthly_price.is_not(None),
        Customer.discount_annual_price.is_not(None),
    )
    return or_(
        and_(agreed, _is_ahead(Customer.discount_ends_at, now)),
        and_(Plan.discounted_price.is_not(None), _is_ahead(Plan.discount_ends_at, now)),
    )


def _is_ahead(column: Any, now: datetime) -> ColumnElement[bool]:
    return or_(column.is_(None), column > now)


def _has_plan(status: PlanStatus) -> ColumnElement[bool]:
    return exists().where(_OtherPlan.customer_id == Customer.id, _OtherPlan.status == status)


def licenses_now(now: datetime) -> ColumnElement[int]:
    """The licenses of the live plan that is its own."""
    return _of_last_entry(LedgerEntry.licenses, now)


def people_of_plan(now: datetime) -> ColumnElement[int]:
    """The people that were counted for it last; NULL where nothing was counted."""
    return _of_last_entry(LedgerEntry.people, now)


def _of_last_entry(column: Any, now: datetime) -> ColumnElement[int]:
    found: ColumnElement[int] = (
        select(column)
        .where(LedgerEntry.plan_id == Plan.id, LedgerEntry.event_time <= now)
        .order_by(LedgerEntry.event_time.desc(), LedgerEntry.id.desc())
        .limit(1)
        .correlate(Plan)
        .scalar_subquery()
    )
    return found


def price_now(now: datetime) -> ColumnElement[int]:
    """Cents for a license and a cycle, with the discount of staff while it lasts."""
    is_reduced = and_(Plan.discounted_price.is_not(None), _is_ahead(Plan.discount_ends_at, now))
    return case((is_reduced, Plan.discounted_price), else_=Plan.price_per_license)


def _yearly(now: datetime) -> ColumnElement[int]:
    """Cents a year of the live plan; nothing while it is on trial."""
    cycles = case((Plan.schedule == Schedule.MONTHLY, 12), else_=1)
    per_license = licenses_now(now) * price_now(now) * cycles
    amount = func.coalesce(Plan.fixed_price, per_license, 0)
    return case((Plan.status == PlanStatus.TRIAL, 0), else_=amount)


# --- filters and order ---


def add_filters(
    statement: Select[Any], query: SearchQuery, *, catalog: Catalog, now: datetime
) -> Select[Any]:
    """Only entries that the filters leave. Joins what filters and order need, which is nothing
    for words alone."""
    if not is_narrowed(query) and query.sort in {None, SearchSort.NAME, SearchSort.NEWEST}:
        return statement
    statement = join_all(statement)
    if query.kind is not None:
        statement = statement.where(SearchEntry.kind == query.kind)
    if query.tiers:
        statement = statement.where(_has_tier(query.tiers, catalog))
    if query.states:
        statement = statement.where(state_of_entry(now).in_([one.value for one in query.states]))
    for flag in query.flags:
        statement = statement.where(_has_flag(flag, catalog=catalog, now=now))
    return statement


def _has_tier(keys: tuple[str, ...], catalog: Catalog) -> ColumnElement[bool]:
    free = {
        key for key in keys if key in catalog.tiers and catalog.tiers[key].kind is TierKind.FREE
    }
    has = Plan.tier.in_(sorted(set(keys) - free))
    return or_(has, Plan.id.is_(None)) if free else has


def _has_flag(flag: Flag, *, catalog: Catalog, now: datetime) -> ColumnElement[bool]:
    sponsored = [key for key, tier in catalog.tiers.items() if tier.kind is TierKind.SPONSORED]
    conditions: dict[Flag, Callable[[], ColumnElement[bool]]] = {
        Flag.STALE: lambda: and_(is_silent(now), Organization.locally_deleted_at.is_(None)),
        Flag.PARKED: lambda: Customer.parked_at.is_not(None),
        Flag.SPONSORED: lambda: Plan.tier.in_(sponsored),
        Flag.DISCOUNT: lambda: has_discount(now),
        Flag.ENDING_SOON: lambda: or_(
            Plan.end_date.between(now, now + SOON),
            Plan.discount_ends_at.between(now, now + SOON),
            Customer.discount_ends_at.between(now, now + SOON),
        ),
    }
    return conditions[flag]()


def sort_order(
    sort: SearchSort | None, *, now: datetime
) -> list[tuple[str, ColumnElement[Any], Callable[[Any], Any]]]:
    """What comes before the name: for each a label, the column, and its direction."""
    if sort is SearchSort.NEWEST:
        return [("newest", SearchEntry.id + literal(0), lambda column: column.desc())]
    if sort is SearchSort.AMOUNT:
        return [("amount", _yearly(now), lambda column: column.desc())]
    if sort is SearchSort.NEXT_INVOICE:
        return [_by("next_invoice", Plan.next_invoice_date, lambda column: column.asc())]
    if sort is SearchSort.LAST_UPLOAD:
        return [_by("heard", Server.last_audit_log_update, lambda column: column.desc())]
    return []


def _by(
    name: str, column: Any, direction: Callable[[Any], Any]
) -> tuple[str, ColumnElement[Any], Callable[[Any], Any]]:
    return (name, column, lambda found: direction(found).nulls_last())
