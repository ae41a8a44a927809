"""What an act of staff changes: told the same to the audit log, to a dry run and to whoever did it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import BillingError


@dataclass(frozen=True, slots=True)
class StaffChange:
    """Values before and after, by name; JSON values, never personal data."""

    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


# What the audit log and the tables that keep it have room for.
LONGEST_REASON = 300


def checked_reason(reason: str) -> str:
    """Why staff did it, without blanks around it.

    Raises BillingError `reason_missing` or `reason_too_long`.
    """
    said = reason.strip()
    if not said:
        raise BillingError("reason_missing")
    if len(said) > LONGEST_REASON:
        raise BillingError("reason_too_long", maximum=LONGEST_REASON)
    return said
