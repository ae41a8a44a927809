"""The queues of staff: how much waits in each, and one of them, what has waited longest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.catalog import Catalog
from app.services.pages.paging import PAGE_SIZE, ListPart, part_of_list
from app.services.pages.queue_columns import What
from app.services.pages.queue_sources import SOURCES, Queue

# What staff themselves have to do something about: counted in the bar of every page.
OURS = (
    Queue.SPONSORSHIPS,
    Queue.HELP,
    Queue.LATE_FALLS,
    Queue.PARKED,
    Queue.VANISHED,
    Queue.UNFINISHED,
)
# Of these the newest are of interest.
_NEWEST_FIRST = frozenset({Queue.TRANSFERS})


class Turn(StrEnum):
    """Whose turn it is."""

    SUPPORT = "support"
    SECOND_PERSON = "second_person"
    SALES = "sales"
    CUSTOMER = "customer"
    NOBODY = "nobody"


_TURNS = {
    Queue.SPONSORSHIPS: Turn.SUPPORT,
    Queue.HELP: Turn.SUPPORT,
    Queue.APPROVALS: Turn.SECOND_PERSON,
    Queue.LATE_FALLS: Turn.SUPPORT,
    Queue.PARKED: Turn.SUPPORT,
    Queue.PAYMENTS: Turn.CUSTOMER,
    Queue.VANISHED: Turn.SUPPORT,
    Queue.UNFINISHED: Turn.SUPPORT,
    Queue.DEALS: Turn.SALES,
    Queue.OFFERS: Turn.CUSTOMER,
    Queue.STALE: Turn.CUSTOMER,
    Queue.TRANSFERS: Turn.NOBODY,
}


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One thing that waits. `key` is the id of what it is about; the others are what each queue has
    of it (queue_sources.py): amounts in cents, `owner` a name, `at` an instant to come."""

    key: int
    uuid: str
    name: str
    since: datetime
    what: What | None
    at: datetime | None
    owner: str | None
    tier_title: str | None
    number: int | None
    other: int | None
    amount: int | None
    currency: str | None
    text: str | None
    turn: Turn


@dataclass(frozen=True, slots=True)
class QueuePage:
    """One page of a queue."""

    queue: Queue
    items: tuple[QueueItem, ...]
    part: ListPart


def load_queue_counts(
    session: Session,
    *,
    catalog: Catalog,
    now: datetime,
    queues: Sequence[Queue] = tuple(Queue),
) -> dict[Queue, int]:
    """How much waits in each of these queues, in one query."""
    counts = [
        select(func.count())
        .select_from(SOURCES[queue](now, catalog).subquery())
        .scalar_subquery()
        .label(queue.name)
        for queue in queues
    ]
    row = session.execute(select(*counts)).one()
    return dict(zip(queues, row, strict=True))


def load_queue_page(
    session: Session, queue: Queue, *, number: int, catalog: Catalog, now: datetime
) -> QueuePage:
    """Page `number` of a queue, from 1; one that is not there becomes the nearest."""
    waiting = SOURCES[queue](now, catalog).subquery()
    total = session.scalars(select(func.count()).select_from(waiting)).one()
    part = part_of_list(total, number=number)
    since = waiting.c.since.desc() if queue in _NEWEST_FIRST else waiting.c.since.asc()
    statement = select(waiting).order_by(since, waiting.c.key).offset(part.offset).limit(PAGE_SIZE)
    if queue is Queue.STALE:
        # Silence of those who pay is dear.
        pays = waiting.c.tier.is_(None)
        statement = statement.order_by(None).order_by(pays, since, waiting.c.key)
    items = tuple(
        QueueItem(
            key=row.key,
            uuid=row.uuid,
            name=row.name,
            since=row.since,
            what=What(row.what) if row.what else None,
            at=row.at,
            owner=row.owner,
            tier_title=_title(catalog, row.tier),
            number=row.number,
            other=row.other,
            amount=row.amount,
            currency=row.currency,
            text=row.text,
            turn=_TURNS[queue],
        )
        for row in session.execute(statement)
    )
    return QueuePage(queue, items, part)


def _title(catalog: Catalog, key: str | None) -> str | None:
    tier = catalog.tiers.get(key or "")
    return key if tier is None else tier.title
