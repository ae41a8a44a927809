"""The one table of what may happen to a plan; everything else is refused with a reason.

docs/rules/transitions.md shows it, `flask billing transitions` prints it.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, PlanStatus

State = tuple[PlanStatus, AtCycleEnd]


class Change(StrEnum):
    """What can be asked of a plan, or happen to it."""

    # What people ask for.
    END_AT_CYCLE_END = "end_at_cycle_end"
    KEEP = "keep"
    SWITCH_SCHEDULE = "switch_schedule"
    SWITCH_TIER = "switch_tier"
    CHANGE_LICENSES = "change_licenses"
    CHANGE_MANAGEMENT = "change_management"
    # Something that begins when a plan with an agreed end date ends, and taking that back.
    SCHEDULE_NEXT = "schedule_next"
    CANCEL_NEXT = "cancel_next"
    # Staff move the agreed end date.
    MOVE_END = "move_end"
    # At once: an end by staff; another plan in its place.
    END_NOW = "end_now"
    REPLACE = "replace"
    # What time and money bring.
    REACH_END = "reach_end"
    TURN_ACTIVE = "turn_active"
    ACTIVATE = "activate"
    CANCEL = "cancel"
    GO_UNPAID = "go_unpaid"
    REVIVE = "revive"


_LIVE = (PlanStatus.TRIAL, PlanStatus.ACTIVE)
_SWITCHES = (AtCycleEnd.SWITCH_SCHEDULE, AtCycleEnd.SWITCH_TIER)


def _same(
    change: Change, states: Iterable[State]
) -> dict[tuple[PlanStatus, AtCycleEnd, Change], State]:
    """A change after which the plan stands where it stood."""
    return {(*state, change): state for state in states}


def _to(
    change: Change, states: Iterable[State], status: PlanStatus
) -> dict[tuple[PlanStatus, AtCycleEnd, Change], State]:
    """A change of status that leaves the standing instruction as it was."""
    return {(*state, change): (status, state[1]) for state in states}


def _instruct(
    change: Change, states: Iterable[State], at_cycle_end: AtCycleEnd
) -> dict[tuple[PlanStatus, AtCycleEnd, Change], State]:
    """A change of the standing instruction that leaves the status as it was."""
    return {(*state, change): (state[0], at_cycle_end) for state in states}


_EVERY_LIVE: tuple[State, ...] = (
    (PlanStatus.TRIAL, AtCycleEnd.RENEW),
    (PlanStatus.TRIAL, AtCycleEnd.END),
    (PlanStatus.ACTIVE, AtCycleEnd.RENEW),
    (PlanStatus.ACTIVE, AtCycleEnd.END),
    *((PlanStatus.ACTIVE, switch) for switch in _SWITCHES),
)
_RENEWING: tuple[State, ...] = tuple((status, AtCycleEnd.RENEW) for status in _LIVE)
_AGREED: tuple[State, ...] = (
    (PlanStatus.ACTIVE, AtCycleEnd.END),
    (PlanStatus.ACTIVE, AtCycleEnd.SWITCH_TIER),
)
_WAITING: tuple[State, ...] = (
    (PlanStatus.NEVER_STARTED, AtCycleEnd.RENEW),
    (PlanStatus.NEVER_STARTED, AtCycleEnd.END),
)

TRANSITIONS: Mapping[tuple[PlanStatus, AtCycleEnd, Change], State] = {
    **_instruct(Change.END_AT_CYCLE_END, _RENEWING, AtCycleEnd.END),
    **_instruct(
        Change.KEEP, [state for state in _EVERY_LIVE if state not in _RENEWING], AtCycleEnd.RENEW
    ),
    **_instruct(
        Change.SWITCH_SCHEDULE,
        [(PlanStatus.ACTIVE, AtCycleEnd.RENEW)],
        AtCycleEnd.SWITCH_SCHEDULE,
    ),
    **_instruct(
        Change.SWITCH_TIER, [(PlanStatus.ACTIVE, AtCycleEnd.RENEW)], AtCycleEnd.SWITCH_TIER
    ),
    **_instruct(
        Change.SCHEDULE_NEXT, [(PlanStatus.ACTIVE, AtCycleEnd.END)], AtCycleEnd.SWITCH_TIER
    ),
    **_instruct(Change.CANCEL_NEXT, [(PlanStatus.ACTIVE, AtCycleEnd.SWITCH_TIER)], AtCycleEnd.END),
    **_same(Change.CHANGE_LICENSES, _EVERY_LIVE),
    **_same(Change.CHANGE_MANAGEMENT, _EVERY_LIVE),
    **_same(Change.MOVE_END, _AGREED),
    **_to(Change.END_NOW, _EVERY_LIVE, PlanStatus.ENDED),
    **_to(Change.REPLACE, _EVERY_LIVE, PlanStatus.ENDED),
    **_to(
        Change.REACH_END,
        [state for state in _EVERY_LIVE if state not in _RENEWING],
        PlanStatus.ENDED,
    ),
    **_to(
        Change.TURN_ACTIVE,
        [(PlanStatus.TRIAL, AtCycleEnd.RENEW), (PlanStatus.TRIAL, AtCycleEnd.END)],
        PlanStatus.ACTIVE,
    ),
    **_to(Change.ACTIVATE, _WAITING, PlanStatus.ACTIVE),
    **_to(Change.CANCEL, _WAITING, PlanStatus.ENDED),
    **_to(Change.GO_UNPAID, _EVERY_LIVE, PlanStatus.ENDED),
    **{
        (PlanStatus.ENDED, at_cycle_end, Change.REVIVE): (PlanStatus.ACTIVE, AtCycleEnd.RENEW)
        for at_cycle_end in AtCycleEnd
        if at_cycle_end is not AtCycleEnd.END
    },
    (PlanStatus.ENDED, AtCycleEnd.END, Change.REVIVE): (PlanStatus.ACTIVE, AtCycleEnd.END),
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
