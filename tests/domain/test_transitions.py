"""What may happen to a plan: every state, every instruction, every change.

The lists below are written by hand from the rules, a second time beside the table of the domain, so
that a slip in one of them is seen.
"""

from itertools import product

import pytest

from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, PlanStatus
from app.domain.transitions import TRANSITIONS, Change, decide_transition

# "status instruction: change > status instruction, ..." for everything that is allowed.
TABLE = """
never_started renew: activate > active renew, cancel > ended renew
never_started end: activate > active end, cancel > ended end
trial renew: end_at_cycle_end > trial end, change_licenses > trial renew, change_management > trial renew
trial renew: end_now > ended renew, replace > ended renew, turn_active > active renew, go_unpaid > ended renew
trial end: keep > trial renew, change_licenses > trial end, change_management > trial end
trial end: end_now > ended end, replace > ended end, reach_end > ended end, go_unpaid > ended end
trial end: turn_active > active end
active renew: end_at_cycle_end > active end, switch_schedule > active switch_schedule
active renew: switch_tier > active switch_tier, change_licenses > active renew
active renew: change_management > active renew, end_now > ended renew, replace > ended renew
active renew: go_unpaid > ended renew
active end: keep > active renew, schedule_next > active switch_tier, move_end > active end
active end: change_licenses > active end, change_management > active end, end_now > ended end
active end: replace > ended end, reach_end > ended end, go_unpaid > ended end
active switch_schedule: keep > active renew, change_licenses > active switch_schedule
active switch_schedule: change_management > active switch_schedule, end_now > ended switch_schedule
active switch_schedule: replace > ended switch_schedule, reach_end > ended switch_schedule
active switch_schedule: go_unpaid > ended switch_schedule
active switch_tier: keep > active renew, cancel_next > active end, move_end > active switch_tier
active switch_tier: change_licenses > active switch_tier, change_management > active switch_tier
active switch_tier: end_now > ended switch_tier, replace > ended switch_tier
active switch_tier: reach_end > ended switch_tier, go_unpaid > ended switch_tier
ended renew: revive > active renew
ended end: revive > active end
ended switch_schedule: revive > active renew
ended switch_tier: revive > active renew
"""


def read_table(
    text: str,
) -> dict[tuple[PlanStatus, AtCycleEnd, Change], tuple[PlanStatus, AtCycleEnd]]:
    """The lists above as the domain's table has them."""
    allowed = {}
    for line in text.strip().splitlines():
        state, _, changes = line.partition(": ")
        status, at_cycle_end = state.split()
        for change in changes.split(", "):
            name, _, after = change.partition(" > ")
            key = (PlanStatus(status), AtCycleEnd(at_cycle_end), Change(name))
            assert key not in allowed, line
            allowed[key] = (PlanStatus(after.split()[0]), AtCycleEnd(after.split()[1]))
    return allowed


ALLOWED = read_table(TABLE)
EVERYTHING = list(product(PlanStatus, AtCycleEnd, Change))


@pytest.mark.parametrize("change", Change)
def test_every_pair_is_allowed_or_refused(change: Change) -> None:
    for status, at_cycle_end in product(PlanStatus, AtCycleEnd):
        expected = ALLOWED.get((status, at_cycle_end, change))
        if expected is not None:
            assert decide_transition(status, at_cycle_end, change) == expected
            continue
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


def test_only_a_payment_brings_an_ended_plan_back() -> None:
    changes = {change for status, _, change in TRANSITIONS if status is PlanStatus.ENDED}
    assert changes == {Change.REVIVE}
