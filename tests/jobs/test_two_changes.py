"""Two changes of one plan, one begun between two steps of the other: one winner, a clear loser."""

from typing import Any

import pytest
from flask import Flask

from app.domain.errors import BillingError
from app.domain.kinds import Schedule
from app.services.context import Context
from app.services.customers import Payer
from app.services.next_terms import PlanChoice
from app.services.preview_change import make_change
from app.services.switch_plan import switch_at_cycle_end
from app.services.unit_of_work import unit_of_work
from app.services.upgrade_tier import preview_upgrade, upgrade_tier
from tests.jobs.test_two_runs import after_transaction
from tests.scenarios.story import BUYER, Story

MONTHLY = PlanChoice("business", Schedule.MONTHLY)
ANNUAL = PlanChoice("business", Schedule.ANNUAL)
YEARLY_BASIC = PlanChoice("basic", Schedule.ANNUAL)


def upgrade(ctx: Context, payer: Payer, choice: PlanChoice, terms: Any) -> str:
    try:
        result = upgrade_tier(ctx, payer, choice, actor=BUYER, confirmed=terms)
    except BillingError as error:
        return error.code
    return result.outcome.value


def switch(ctx: Context, payer: Payer) -> str:
    try:
        make_change(ctx, lambda work: switch_at_cycle_end(work, payer, YEARLY_BASIC, actor=BUYER))
    except BillingError as error:
        return error.code
    return "scheduled"


def terms_of(ctx: Context, payer: Payer, choice: PlanChoice) -> Any:
    with unit_of_work(ctx) as work:
        return preview_upgrade(work, payer, choice, actor=BUYER).terms


# After the second the first is still inside of it, where nobody may call the provider.
@pytest.mark.parametrize("number", [1, 3, 4, 5, 6])
@pytest.mark.parametrize("other", ["another upgrade", "the same form", "a switch"])
@pytest.mark.sqlite_only
def test_a_change_begun_between_the_steps_of_an_upgrade(
    app: Flask, ctx: Context, clock: Any, payments: Any, number: int, other: str
) -> None:
    story = Story(app, ctx, clock, payments)
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    with app.app_context():
        mine, theirs = (terms_of(ctx, payer, choice) for choice in (MONTHLY, ANNUAL))
        acts = {
            "another upgrade": lambda: upgrade(ctx, payer, ANNUAL, theirs),
            "the same form": lambda: upgrade(ctx, payer, MONTHLY, mine),
            "a switch": lambda: switch(ctx, payer),
        }
        outcomes: list[str] = []
        with after_transaction(ctx, number) as steps:
            steps.append(lambda: outcomes.append(acts[other]()))
            outcomes.append(upgrade(ctx, payer, MONTHLY, mine))
    assert len(outcomes) == 2 and "paid" in outcomes, outcomes
    if other == "the same form":
        assert set(outcomes) <= {"paid", "unknown"}
    elif other == "another upgrade":
        assert "change_outdated" in outcomes
    else:
        # What was scheduled before is given up by the upgrade; after it, it is of the new plan.
        assert set(outcomes) <= {"paid", "scheduled", "higher_at_once", "change_is_none"}
    story.run_jobs()
    data = story.export(payer)
    assert [plan["status"] for plan in data["plans"]].count("active") == 1
    assert len([name for name, _ in payments.calls if name == "credit_balance"]) == 1
    assert {invoice["status"] for invoice in data["invoices"]} == {"paid"}
    story.assert_nothing_left_to_do()
