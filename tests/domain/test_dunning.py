"""How long an unpaid invoice is asked for, in a table."""

from datetime import UTC, datetime

import pytest

from app.domain.dunning import decide_next_retry, end_of_patience

REFUSED = datetime(2012, 2, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("gaps", "retries", "next_day"),
    [
        ((3, 5), 0, 5),
        ((3, 5), 1, 7),
        ((3, 5), 2, None),
        ((3, 5), 9, None),
        ((1,), 0, 3),
        ((1,), 1, None),
        ((), 0, None),
    ],
)
def test_gaps_count_from_the_attempt_before(
    gaps: tuple[int, ...], retries: int, next_day: int | None
) -> None:
    found = decide_next_retry(gaps, retries=retries, refused_at=REFUSED)
    assert found == (None if next_day is None else REFUSED.replace(day=next_day))


def test_a_sent_invoice_has_thirty_days_more() -> None:
    assert end_of_patience(REFUSED) == REFUSED.replace(month=3, day=3)
