"""What staff find customers by, compared with the customers; what differs is written anew.

Units of work keep the entries up to date as they go; this mends what bypassed them, as an import
straight into the database does, and makes the entries of a database that has none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs.progress import Progress, Silent
from app.models.registrations import Organization, Server
from app.services.context import Context
from app.services.search_index import CHUNK, write_entries
from app.services.unit_of_work import unit_of_work


@dataclass(slots=True)
class SearchCounts:
    """What the run did: servers and organizations looked at, entries written or removed."""

    looked_at: int = 0
    written: int = 0


def rebuild_search(ctx: Context, *, progress: Progress | None = None) -> SearchCounts:
    """Mend every entry that differs, in small units of work: nobody waits for it."""
    progress = progress or Silent()
    counts = SearchCounts()
    with unit_of_work(ctx) as work:
        servers = list(work.session.scalars(select(Server.id).order_by(Server.id)))
        organizations = list(
            work.session.scalars(select(Organization.id).order_by(Organization.id))
        )
    progress.start("search entries", len(servers) + len(organizations))
    for start in range(0, len(servers), CHUNK):
        ids = servers[start : start + CHUNK]
        _mend(ctx, partial(write_entries, server_ids=ids), len(ids), counts, progress)
    for start in range(0, len(organizations), CHUNK):
        ids = organizations[start : start + CHUNK]
        _mend(ctx, partial(write_entries, organization_ids=ids), len(ids), counts, progress)
    return counts


def _mend(
    ctx: Context,
    write: Callable[[Session], int],
    number: int,
    counts: SearchCounts,
    progress: Progress,
) -> None:
    with unit_of_work(ctx) as work:
        counts.written += write(work.session)
        work.commit()
    counts.looked_at += number
    for _ in range(number):
        progress.advance()
