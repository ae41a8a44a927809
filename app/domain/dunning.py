"""How long an unpaid invoice is asked for before its plan ends.

A refused card is tried again after each of the catalog's gaps, counted from the attempt before; an
invoice that was sent has 30 days after its due date. Rules: docs/rules/unpaid.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

# After the due date of a sent invoice its plan goes on for so long.
SENT_INVOICE_PATIENCE = timedelta(days=30)


def decide_next_retry(
    gap_days: Sequence[int], *, retries: int, refused_at: datetime
) -> datetime | None:
    """When a card is tried again that was refused at `refused_at`, after `retries` tries beside the
    first one; None when that was the last."""
    if retries >= len(gap_days):
        return None
    return refused_at + timedelta(days=gap_days[retries])


def end_of_patience(due_at: datetime) -> datetime:
    """When the plan ends whose sent invoice was due at `due_at` and is not paid."""
    return due_at + SENT_INVOICE_PATIENCE
