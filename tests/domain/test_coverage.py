"""Whether the paid feature is on: the order of the rules, one row for each of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.coverage import (
    Cover,
    Entitlement,
    EntitlementReason,
    decide_entitlement,
    decide_plan_end,
)
from app.domain.kinds import Schedule

NOW = datetime(2012, 1, 20, 12, tzinfo=UTC)
END = datetime(2012, 2, 2, 3, 4, 5, tzinfo=UTC)
FRESH: dict[str, Any] = {"last_audit_log_update": NOW, "is_stale": False}
STALE: dict[str, Any] = {"last_audit_log_update": NOW - timedelta(days=3), "is_stale": True}
NEVER: dict[str, Any] = {"last_audit_log_update": None, "is_stale": True}


def decide(**facts: Any) -> Entitlement:
    values: dict[str, Any] = {
        "now": NOW,
        "is_deactivated": False,
        "is_sponsored": False,
        "cover": None,
        "people": 5,
        "free_seats": 10,
    }
    return decide_entitlement(**(values | FRESH | facts))


def deferred(days: int, **facts: Any) -> Cover:
    return Cover(deferred_since=NOW - timedelta(days=days), **facts)


@pytest.mark.parametrize(
    ("facts", "allowed", "reason", "end"),
    [
        # A deactivated registration: never, whatever else.
        ({"is_deactivated": True, "is_sponsored": True}, False, "deactivated", None),
        ({"is_deactivated": True, "cover": Cover()}, False, "deactivated", None),
        # Sponsored: always.
        ({"is_sponsored": True, **NEVER, "people": 500}, True, "sponsored", None),
        ({"is_sponsored": True, "cover": deferred(30)}, True, "sponsored", None),
        # A live plan.
        ({"cover": Cover(), "people": 500}, True, "plan", None),
        ({"cover": Cover(), **STALE}, True, "plan", None),
        ({"cover": Cover(), **NEVER}, True, "plan", None),
        # Set to end: the end matters to those who need the plan.
        ({"cover": Cover(ends_at=END)}, True, "plan_ending", None),
        ({"cover": Cover(ends_at=END), "people": 11}, True, "plan_ending", END),
        ({"cover": Cover(ends_at=END), **STALE}, True, "plan_ending", END),
        ({"cover": Cover(ends_at=END), **NEVER}, True, "plan_ending", END),
        # Its end has passed, though the daily run has not come to it.
        ({"cover": Cover(ends_at=NOW), "people": 11}, False, "over_free_limit", None),
        ({"cover": Cover(ends_at=NOW)}, True, "free", None),
        # Silence must not be free service.
        ({"cover": deferred(14), **STALE}, True, "plan", None),
        ({"cover": deferred(15), **STALE}, False, "stale", None),
        ({"cover": deferred(15, ends_at=END), **STALE}, False, "stale", None),
        ({"cover": deferred(15)}, True, "plan", None),
        ({"cover": deferred(15, is_per_license=False), **STALE}, True, "plan", None),
        # No plan.
        ({"people": 10}, True, "free", None),
        ({"people": 11}, False, "over_free_limit", None),
        ({"people": 0}, True, "free", None),
        ({**STALE}, False, "stale", None),
        ({**STALE, "people": 0}, False, "stale", None),
        ({**NEVER}, False, "never_uploaded", None),
    ],
)
def test_the_rules_in_their_order(
    facts: dict[str, Any], allowed: bool, reason: str, end: datetime | None
) -> None:
    assert decide(**facts) == Entitlement(allowed, EntitlementReason(reason), end)


ANCHOR = datetime(2012, 1, 31, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "next_invoice", "end_date", "end"),
    [
        (Schedule.MONTHLY, (2012, 2, 29), None, (2012, 2, 29)),
        (Schedule.ANNUAL, (2012, 2, 29), None, (2013, 1, 31)),
        (Schedule.ANNUAL, (2013, 1, 31), None, (2013, 1, 31)),
        (Schedule.ANNUAL, (2013, 2, 28), None, (2014, 1, 31)),
        # A trial: the anchor is its end.
        (Schedule.MONTHLY, (2012, 1, 31), None, (2012, 1, 31)),
        (Schedule.ANNUAL, (2012, 2, 29), (2012, 6, 1), (2012, 6, 1)),
        (Schedule.MONTHLY, None, None, None),
    ],
)
def test_when_a_plan_that_is_set_to_end_does(
    schedule: Schedule, next_invoice: Any, end_date: Any, end: Any
) -> None:
    def at(day: Any) -> datetime | None:
        if day is None:
            return None
        year, month, number = day
        return datetime(year, month, number, 3, 4, 5, tzinfo=UTC)

    found = decide_plan_end(
        billing_cycle_anchor=ANCHOR,
        schedule=schedule,
        next_invoice_date=at(next_invoice),
        end_date=at(end_date),
    )
    assert found == at(end)
