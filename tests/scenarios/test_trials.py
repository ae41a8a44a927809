"""Free trials by card: nothing is charged until their end, and everything can still be changed."""

from pathlib import Path

import pytest

from app.domain.kinds import Schedule
from app.services.change_plan import end_plan_at_cycle_end, keep_plan
from app.services.next_terms import PlanChoice
from app.services.preview_change import make_change
from app.services.purchase_state import Outcome
from app.services.switch_plan import switch_at_cycle_end
from tests.scenarios.story import BUYER, Story

TRIAL = {"catalog": Path(__file__).parent.parent / "catalogs" / "trial.toml"}

pytestmark = pytest.mark.parametrize("settings_overrides", [TRIAL])


def totals(story: Story, payer) -> list[int]:
    return [invoice["total"] for invoice in story.export(payer)["invoices"]]


def statuses(story: Story, payer) -> list[str]:
    return [plan["status"] for plan in story.export(payer)["plans"]]


def test_a_month_for_nothing_then_the_first_charge(story: Story) -> None:
    acme = story.server(seats=(18,))
    assert story.upgrade(acme).outcome is Outcome.TRIAL
    payer = story.payer(acme)
    (plan,) = story.export(payer)["plans"]
    assert (plan["status"], plan["billing_cycle_anchor"], plan["next_invoice_date"]) == (
        "trial",
        "2012-02-01T03:04:05Z",
        "2012-02-01T03:04:05Z",
    )
    assert totals(story, payer) == []
    story.run_jobs_until("2012-01-31", acme, step=7)
    assert (statuses(story, payer), totals(story, payer)) == (["trial"], [])
    story.run_jobs_until("2012-03-01", acme, step=1)
    assert statuses(story, payer) == ["active"]
    story.assert_statement(payer, "trial_month.txt")
    story.assert_nothing_left_to_do()


def test_a_year_after_a_trial(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, schedule="annual")
    payer = story.payer(acme)
    story.run_jobs_until("2013-02-01", acme, step=31)
    # 18 x 4200 - 12 x 2000; the second year without the discount.
    assert totals(story, payer) == [51600, 75600]
    story.assert_statement(payer, "trial_year.txt")
    story.assert_nothing_left_to_do()


def test_people_who_come_in_a_trial_cost_nothing_before_its_end(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-01-10").upload_seats(acme, 30)
    story.on("2012-01-20").upload_seats(acme, 23)
    story.run_jobs_until("2012-02-05", acme, step=1)
    story.on("2012-02-06").upload_seats(acme, 25)
    story.run_jobs_until("2012-03-02", acme, step=5)
    # 23 for the first month; two more from 6 February on stand on the next charge.
    story.assert_statement(payer, "trial_growth.txt")
    story.assert_nothing_left_to_do()


def test_a_trial_that_is_ended_costs_nothing(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-01-15").upload(acme)
    assert end_plan_at_cycle_end(story.ctx, payer, actor=BUYER).isoformat().startswith("2012-02-01")
    story.run_jobs_until("2012-02-02", acme, step=1)
    story.assert_statement(payer, "trial_ended.txt")
    story.assert_nothing_left_to_do()


def test_an_end_in_a_trial_can_be_taken_back(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.on("2012-01-31").upload(acme)
    keep_plan(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-02-02", acme, step=1)
    assert (statuses(story, payer), totals(story, payer)) == (["active"], [4300])
    story.assert_nothing_left_to_do()


def test_another_schedule_in_a_trial_begins_at_once(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-01-12").upload_seats(acme, 20)
    choice = PlanChoice("basic", Schedule.ANNUAL)
    make_change(story.ctx, lambda work: switch_at_cycle_end(work, payer, choice, actor=BUYER))
    assert statuses(story, payer) == ["ended", "trial"]
    story.on("2012-01-20").upload_seats(acme, 21)
    story.run_jobs_until("2012-03-02", acme, step=6)
    # 21 x 4200 - 24000: for the year from the end that the trial had from the first day.
    assert totals(story, payer) == [64200]
    story.assert_statement(payer, "trial_switched.txt")
    story.assert_nothing_left_to_do()


def test_nobody_tries_twice(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-02-10", acme, step=8)
    assert story.upgrade(acme, tier="business").outcome is Outcome.PAID
    assert statuses(story, payer) == ["ended", "active"]
    story.assert_statement(payer, "trial_only_once.txt")
    story.assert_nothing_left_to_do()


def test_an_organization_whose_server_had_a_plan_gets_no_trial(story: Story) -> None:
    acme = story.server(seats=(12, 8))
    assert story.upgrade(acme, organization=None).outcome is Outcome.TRIAL
    server = story.payer(acme, None)
    (plan,) = story.export(server)["plans"]
    assert plan["billing_cycle_anchor"] == "2012-01-16T03:04:05Z", "a server has 14 days"
    end_plan_at_cycle_end(story.ctx, server, actor=BUYER)
    story.run_jobs_until("2012-01-17", acme, step=1)
    assert story.upgrade(acme).outcome is Outcome.PAID
    story.assert_nothing_left_to_do()


def test_a_trial_whose_server_falls_silent_is_charged_when_it_speaks(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2012-02-03", step=4)
    assert totals(story, payer) == []
    story.on("2012-02-06").upload_seats(acme, 20)
    story.run_jobs()
    assert totals(story, payer) == [4300]
    story.run_jobs_until("2012-03-01", acme, step=6)
    story.assert_statement(payer, "trial_silent.txt")
    story.assert_nothing_left_to_do()


def test_a_card_that_is_refused_at_the_end_leaves_an_open_invoice(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.give_card(payer, "declines")
    story.run_jobs_until("2012-02-02", acme, step=31)
    (invoice,) = story.export(payer)["invoices"]
    assert (statuses(story, payer), invoice["status"]) == (["active"], "open")
