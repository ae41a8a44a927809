"""What hypothesis draws for the laws: plans, and the rows of a server's organizations.

Instants cluster where the rules have edges: at boundaries, a second beside them, on one another.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from app.domain.calendar import month_boundary
from app.domain.discounts import NewCustomerTerms
from app.domain.kinds import LicenseManagement, Schedule
from app.domain.ledger import (
    ORGANIZATION_DEACTIVATED,
    ORGANIZATION_REACTIVATED,
    LedgerRules,
    SeatRow,
)
from tests.domain.book import instant

ANCHORS = tuple(
    map(
        instant,
        (
            "2012-01-02 03:04:05",
            "2012-01-31 23:59:59",
            "2012-02-29 00:00:00",
            "2011-12-30 12:00:00",
        ),
    )
)
JITTERS = tuple(
    timedelta(seconds=seconds) for seconds in (0, 0, 0, -1, 1, 2, -86_400, 86_400, 1_209_600)
)
anchors = st.sampled_from(ANCHORS)
schedules = st.sampled_from(Schedule)
discounts = st.sampled_from(
    (NewCustomerTerms(), NewCustomerTerms(2000, 12, 6), NewCustomerTerms(2000, 2, 6))
)


@dataclass(frozen=True)
class History:
    """One plan and everything that will ever be uploaded about it.

    `known` came before the purchase, `rows` after it; `until` is later than all of them.
    """

    rules: LedgerRules
    first: int
    price: int
    known: tuple[SeatRow, ...]
    rows: tuple[SeatRow, ...]
    until: datetime

    def in_order(self) -> list[SeatRow]:
        """The rows by time, as a server would send them."""
        return sorted(self.rows, key=lambda row: (row.event_time, row.remote_id))


def months_of(schedule: Schedule) -> int:
    """How many months of a plan's life the laws look at."""
    return 3 if schedule is Schedule.MONTHLY else 25


def moments(anchor: datetime, months: int, *, before: int = 0) -> st.SearchStrategy[datetime]:
    """Instants in the months around the anchor; `before` counts months before it."""
    boundaries = st.integers(-before, months).map(lambda n: month_boundary(anchor, n))
    return st.builds(
        lambda boundary, jitter: boundary + jitter, boundaries, st.sampled_from(JITTERS)
    )


@st.composite
def rules(draw: st.DrawFn, **fixed: Any) -> LedgerRules:
    """The terms of one plan; a fixed field is not drawn."""
    drawn: dict[str, Any] = {
        "anchor": draw(anchors),
        "schedule": draw(schedules),
        "tier_minimum": draw(st.sampled_from((1, 1, 5))),
        "exempt": draw(st.sampled_from((False, False, True))),
        "new_customer": draw(discounts),
        "management": draw(st.sampled_from(LicenseManagement)),
    }
    return LedgerRules(**(drawn | fixed))


@st.composite
def rows_at(
    draw: st.DrawFn, times: st.SearchStrategy[datetime], *, most: int, ids: list[int]
) -> tuple[SeatRow, ...]:
    """Rows of up to three organizations; takes their remote ids from `ids`."""
    rows = []
    for _ in range(draw(st.integers(0, most))):
        event_type = draw(
            st.sampled_from((101, 101, 103, ORGANIZATION_DEACTIVATED, ORGANIZATION_REACTIVATED))
        )
        silent = event_type > 200 and draw(st.booleans())
        rows.append(
            SeatRow(
                id=0,
                organization_id=draw(st.integers(1, 3)),
                remote_id=ids.pop(),
                event_type=event_type,
                event_time=draw(times),
                seats=None if silent else draw(st.integers(0, 12)),
            )
        )
    return tuple(rows)


@st.composite
def histories(draw: st.DrawFn, *, late: int = 1, most: int = 8, **fixed: Any) -> History:
    """A plan and its rows, some of them older than the plan by up to `late` months."""
    drawn = draw(rules(**fixed))
    months = months_of(drawn.schedule)
    ids = list(draw(st.permutations(range(1, 20))))
    known = draw(rows_at(st.just(drawn.anchor - timedelta(days=1)), most=2, ids=ids))
    rows = draw(rows_at(moments(drawn.anchor, months, before=late), most=most, ids=ids))
    until = month_boundary(drawn.anchor, months) + timedelta(days=40)
    return History(drawn, draw(st.integers(1, 12)), 350, known, rows, until)


@st.composite
def deliveries(draw: st.DrawFn, history: History) -> list[tuple[list[SeatRow], datetime]]:
    """The rows in any order, some of them several times, in batches with ascending instants."""
    again = draw(st.lists(st.sampled_from(history.rows), max_size=3)) if history.rows else []
    order = draw(st.permutations([*history.rows, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    parts = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    times = sorted(
        draw(
            st.lists(
                moments(history.rules.anchor, months_of(history.rules.schedule)),
                min_size=len(cuts),
                max_size=len(cuts),
            )
        )
    )
    # Nothing is synced before the plan exists.
    started = [max(at, history.rules.anchor) for at in times]
    return list(zip(parts, [*started, history.until], strict=True))
