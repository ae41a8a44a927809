"""What may happen to a plan: every state, every instruction, every change."""

from itertools import product

import pytest

from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, PlanStatus
from app.domain.transitions import TRANSITIONS, Change, decide_transition

ACTIVE, ENDED = PlanStatus.ACTIVE, PlanStatus.ENDED
RENEW, END = AtCycleEnd.RENEW, AtCycleEnd.END
ALLOWED = {
    (ACTIVE, RENEW, Change.END_AT_CYCLE_END): (ACTIVE, END),
    (ACTIVE, END, Change.KEEP): (ACTIVE, RENEW),
    (ACTIVE, RENEW, Change.CHANGE_LICENSES): (ACTIVE, RENEW),
    (ACTIVE, END, Change.CHANGE_LICENSES): (ACTIVE, END),
    (ACTIVE, END, Change.REACH_END): (ENDED, END),
}
EVERYTHING = list(product(PlanStatus, AtCycleEnd, Change))


@pytest.mark.parametrize(("status", "at_cycle_end", "change"), EVERYTHING)
def test_every_pair_is_allowed_or_refused(
    status: PlanStatus, at_cycle_end: AtCycleEnd, change: Change
) -> None:
    expected = ALLOWED.get((status, at_cycle_end, change))
    if expected is not None:
        assert decide_transition(status, at_cycle_end, change) == expected
        return
    with pytest.raises(BillingError) as refused:
        decide_transition(status, at_cycle_end, change)
    assert refused.value.code == "transition_refused"
    assert dict(refused.value.params) == {
        "status": status.value,
        "at_cycle_end": at_cycle_end.value,
        "change": change.value,
    }


def test_the_table_allows_nothing_else() -> None:
    assert dict(TRANSITIONS) == ALLOWED


def test_nothing_happens_to_an_ended_plan() -> None:
    assert not any(status is ENDED for status, _, _ in TRANSITIONS)
