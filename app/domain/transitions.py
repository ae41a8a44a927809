"""The one table of what may happen to a plan; everything else is refused with a reason."""

from collections.abc import Mapping
from enum import StrEnum

from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, PlanStatus

State = tuple[PlanStatus, AtCycleEnd]


class Change(StrEnum):
    """What can be asked of a plan."""

    END_AT_CYCLE_END = "end_at_cycle_end"
    KEEP = "keep"
    CHANGE_LICENSES = "change_licenses"
    REACH_END = "reach_end"


TRANSITIONS: Mapping[tuple[PlanStatus, AtCycleEnd, Change], State] = {
    (PlanStatus.ACTIVE, AtCycleEnd.RENEW, Change.END_AT_CYCLE_END): (
        PlanStatus.ACTIVE,
        AtCycleEnd.END,
    ),
    (PlanStatus.ACTIVE, AtCycleEnd.END, Change.KEEP): (PlanStatus.ACTIVE, AtCycleEnd.RENEW),
    (PlanStatus.ACTIVE, AtCycleEnd.RENEW, Change.CHANGE_LICENSES): (
        PlanStatus.ACTIVE,
        AtCycleEnd.RENEW,
    ),
    (PlanStatus.ACTIVE, AtCycleEnd.END, Change.CHANGE_LICENSES): (
        PlanStatus.ACTIVE,
        AtCycleEnd.END,
    ),
    (PlanStatus.ACTIVE, AtCycleEnd.END, Change.REACH_END): (PlanStatus.ENDED, AtCycleEnd.END),
}


def decide_transition(status: PlanStatus, at_cycle_end: AtCycleEnd, change: Change) -> State:
    """The state after `change`.

    Raises BillingError `transition_refused` with params `status`, `at_cycle_end`, `change`.
    """
    state = TRANSITIONS.get((status, at_cycle_end, change))
    if state is None:
        raise BillingError(
            "transition_refused",
            status=status.value,
            at_cycle_end=at_cycle_end.value,
            change=change.value,
        )
    return state
