"""Making the crowd: so many recorded customers, stored in bulk."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select

from app.demo.recorded.crowd import Making, add_customer
from app.demo.recorded.reports import is_recorded
from app.demo.recorded.rows import Batch, values_of
from app.models.deals import Coupon
from app.models.registrations import Server
from app.services.context import Context
from app.services.search_index import CHUNK as MOST_ENTRIES
from app.services.search_index import write_entries
from app.services.unit_of_work import UnitOfWork, unit_of_work

# Customers of one unit of work; a few megabytes of rows.
CHUNK = 800
SEED = 1
COUPON = "CROWD10"


@dataclass(frozen=True, slots=True)
class Wish:
    """How many, and whether unpaid invoices are to be delivered (the demo has a provider)."""

    customers: int
    deliver: bool = False
    seed: int = SEED


def seed_recorded(
    ctx: Context,
    wish: Wish,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Add recorded customers until there are as many as wished; returns how many were added."""
    begun = count_recorded(ctx)
    for first in range(begun, wish.customers, CHUNK):
        if progress is not None:
            progress(first, wish.customers)
        with unit_of_work(ctx) as work:
            last = min(first + CHUNK, wish.customers)
            _add_chunk(work, wish, range(first, last))
            work.commit()
    return max(0, wish.customers - begun)


def count_recorded(ctx: Context) -> int:
    """How many there are: their servers' hosts tell them apart, and nobody else's have no key."""
    with unit_of_work(ctx) as work:
        recorded = select(func.count()).select_from(Server).where(is_recorded())
        return work.session.scalar(recorded) or 0


def _add_chunk(work: UnitOfWork, wish: Wish, numbers: range) -> None:
    batch = Batch(work.session)
    coupon = _coupon(work)
    making = Making(work.ctx, batch, coupon, wish.seed, wish.deliver)
    places = [add_customer(making, number) for number in numbers]
    batch.rows["customers"] += [values_of(place.customer) for place in places]
    servers = [row["id"] for row in batch.rows["servers"]]
    organizations = [row["id"] for row in batch.rows["organizations"]]
    batch.store()
    # What is stored in bulk tells the search nothing by itself.
    write_entries(work.session, server_ids=servers)
    for start in range(0, len(organizations), MOST_ENTRIES):
        write_entries(work.session, organization_ids=organizations[start : start + MOST_ENTRIES])


def _coupon(work: UnitOfWork) -> Coupon:
    """The one that some of them used."""
    found = work.session.scalars(select(Coupon).where(Coupon.code == COUPON)).one_or_none()
    if found is None:
        found = Coupon(
            code=COUPON,
            percent=1000,
            months=3,
            uses=0,
            reason="For the crowd of the demo.",
            actor="cli",
            created_at=work.now,
        )
        work.session.add(found)
        work.flush()
    return found
