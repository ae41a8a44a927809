"""Why a change of a plan is refused: each pair of the table that is not allowed reads well."""

from itertools import product

import pytest
from flask import Flask

from app.domain.errors import BillingError
from app.domain.kinds import AtCycleEnd, PlanStatus
from app.domain.transitions import TRANSITIONS, Change
from app.web.wording import message_for

REFUSED = [key for key in product(PlanStatus, AtCycleEnd, Change) if key not in TRANSITIONS]
# What to do instead, where there is something to do.
TOLD = {
    ("active", "end", "end_at_cycle_end"): "already set to end. You can take that back",
    ("active", "switch_tier", "end_at_cycle_end"): "is set to change to another plan already.",
    ("active", "switch_schedule", "switch_tier"): "is set to change how often it renews already.",
    ("active", "end", "switch_schedule"): "is set to end already. Take that back",
    ("trial", "renew", "switch_tier"): "Once the trial is over",
    ("trial", "end", "switch_schedule"): "is set to end already. Take that back",
    ("active", "renew", "keep"): "is not set to end or to change",
    ("ended", "renew", "keep"): "nothing to take back any more. Choose a plan",
    ("ended", "end", "switch_tier"): "This plan has ended. Choose a plan",
    ("never_started", "renew", "end_now"): "has not begun yet",
    ("active", "renew", "cancel_next"): "nothing to cancel",
    ("active", "renew", "revive"): "has not ended",
}


@pytest.mark.sqlite_only
def test_every_refusal_says_why_and_is_a_sentence(app: Flask) -> None:
    with app.test_request_context():
        for status, at_cycle_end, change in REFUSED:
            key = (status.value, at_cycle_end.value, change.value)
            params = dict(zip(("status", "at_cycle_end", "change"), key, strict=True))
            said = message_for(BillingError("transition_refused", **params))
            assert said[0].isupper() and said.endswith((".", "!")), key
            assert "%(" not in said and "_" not in said and len(said) < 200, (key, said)
            # A plan in its trial is never set to switch: there is nothing in particular to say.
            is_general = "cannot be changed like this now" in said
            assert is_general <= (status is PlanStatus.TRIAL and "switch" in key[1]), key
            assert TOLD.get(key, "") in said, (key, said)
    assert TOLD.keys() <= {(status, end, change) for status, end, change in REFUSED}
