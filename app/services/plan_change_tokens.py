"""What a person confirmed about a change of the plan: signed when it is shown, read when it is sent.

The terms name the plan that runs, so that a form sent twice changes once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.kinds import Schedule
from app.services.confirmed_tokens import read_confirmed
from app.services.context import Context
from app.services.customers import Payer
from app.services.next_terms import PlanChoice

CHANGE_PURPOSE = "plan-change"
# What was looked at longer ago is shown again before it is done.
CHANGE_AGE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class PlanChange:
    """The plan that was chosen, whether at once or at the cycle's end, and its terms."""

    choice: PlanChoice
    is_at_once: bool
    terms: Mapping[str, Any]


def sign_change(ctx: Context, payer: Payer, change: PlanChange) -> str:
    """The change as its confirmation carries it."""
    value = {"payer": payer.uuid, "at_once": change.is_at_once, "terms": dict(change.terms)}
    return ctx.tokens.sign(CHANGE_PURPOSE, value)


def read_change(
    ctx: Context, payer: Payer, token: str, *, max_age: timedelta = CHANGE_AGE
) -> PlanChange:
    """What was confirmed. Raises BillingError `quote_expired` or `quote_invalid`."""
    value = read_confirmed(ctx, payer, CHANGE_PURPOSE, token, max_age=max_age)
    terms = value["terms"]
    choice = PlanChoice(terms["tier"], Schedule(terms["schedule"]))
    return PlanChange(choice, bool(value["at_once"]), terms)
