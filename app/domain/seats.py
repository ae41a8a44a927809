"""Counting people from the audit rows of servers: what one row says, and what rows add up to.

The wire names roles by strings: `extra_data["10"]["11"]` maps a role to its number of people, and
`extra_data["10"]["12"]` is the number of bots, which never count (wire protocol, "Audit rows").
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn, Protocol

from app.domain.errors import BillingError

ROLE_COUNT = "10"
PEOPLE_BY_ROLE = "11"

ORGANIZATION_DEACTIVATED = 201
ORGANIZATION_REACTIVATED = 202
# Every event type that a server may upload; anything else is refused.
EVENT_TYPES = frozenset({101, 102, 103, 104, 105, 201, 202, 229})

# No server has as many people; above it the number would not fit the column it is kept in.
MOST_PEOPLE = 1_000_000_000


class HasExtraData(Protocol):
    """An audit row, as far as counting is concerned."""

    @property
    def extra_data(self) -> str | Mapping[str, Any] | None:
        """An object, a JSON text that holds one, or nothing (rows from before 2020)."""
        ...


def read_extra_data(extra_data: object) -> Mapping[str, Any]:
    """The object that `extra_data` is or, being a text, holds; empty for null, "" and {}.

    Raises BillingError `malformed_audit_log_data`.
    """
    if extra_data is None or extra_data == "":
        return {}
    if isinstance(extra_data, str):
        try:
            extra_data = json.loads(extra_data, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise BillingError("malformed_audit_log_data") from None
    if not isinstance(extra_data, Mapping):
        raise BillingError("malformed_audit_log_data")
    return extra_data


def get_role_counts(row: HasExtraData) -> Mapping[str, int] | None:
    """People of each role, by the string keys of the wire; None when the row has no role data.

    Bots are not in it. Raises BillingError `malformed_audit_log_data` when there is role data that
    is not whole numbers of people.
    """
    roles = read_extra_data(row.extra_data).get(ROLE_COUNT)
    if roles is None:
        return None
    if not isinstance(roles, Mapping):
        raise BillingError("malformed_audit_log_data")
    counts = roles.get(PEOPLE_BY_ROLE)
    if counts is None:
        return None
    if not isinstance(counts, Mapping) or not all(_is_count(count) for count in counts.values()):
        raise BillingError("malformed_audit_log_data")
    return counts


def count_row(row: HasExtraData) -> int | None:
    """Billable people by one row: everyone but the bots, guests included. None without role data.

    Raises BillingError `malformed_audit_log_data`.
    """
    counts = get_role_counts(row)
    if counts is None:
        return None
    people = sum(counts.values())
    if people > MOST_PEOPLE:
        raise BillingError("malformed_audit_log_data")
    return people


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_count(count: object) -> bool:
    return isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MOST_PEOPLE


@dataclass(frozen=True, slots=True)
class SeatState:
    """How many people one organization has after the rows up to some instant.

    `seats` is the number of the latest row with role data, `is_active` what the latest 201 or 202
    says; `locally_deleted_at` is when its server stopped listing it.
    """

    seats: int = 0
    is_active: bool = True
    locally_deleted_at: datetime | None = None

    def people(self, *, at: datetime) -> int:
        """Who counts at `at`: nobody in an organization that is deactivated or gone by then."""
        gone = self.locally_deleted_at is not None and self.locally_deleted_at <= at
        return 0 if gone or not self.is_active else self.seats

    def after(self, *, event_type: int, seats: int | None) -> "SeatState":
        """The state after one more row. Rows come in the order of (event_time, remote id)."""
        is_active = self.is_active
        if event_type == ORGANIZATION_DEACTIVATED:
            is_active = False
        elif event_type == ORGANIZATION_REACTIVATED:
            is_active = True
        return replace(self, seats=self.seats if seats is None else seats, is_active=is_active)
