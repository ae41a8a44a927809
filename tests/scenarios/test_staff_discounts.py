"""Discounts that staff give: kept on the customer, on the plan at once, and on every later one."""

from pathlib import Path
from typing import Any

import pytest

from app.services import change_plan
from app.services.customers import Payer
from tests.scenarios.story import BUYER, Story

EXAMPLES = {"catalog": Path(__file__).parent.parent / "catalogs" / "examples.toml"}


def plan_of(story: Story, payer: Payer) -> dict[str, Any]:
    return story.export(payer)["plans"][-1]


def totals(story: Story, payer: Payer) -> list[int]:
    return [invoice["total"] for invoice in story.export(payer)["invoices"]]


def prices(story: Story, payer: Payer) -> tuple[int, int, str | None]:
    plan = plan_of(story, payer)
    return (
        plan["price_per_license"],
        plan["undiscounted_price_per_license"],
        plan["discount"],
    )


@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
def test_a_percentage_is_on_the_next_invoice_and_on_licenses_added_meanwhile(story: Story) -> None:
    acme = story.server(seats=(6,))
    story.upgrade(acme, tier="standard")
    payer = story.payer(acme)
    story.on("2012-01-10").upload_seats(acme, 8)
    story.staff("tier", payer.uuid, "--required", "standard")
    story.staff("discount", payer.uuid, "--percent", "87.25")
    # 87.25 % off 800 is 102: rounded down.
    assert prices(story, payer) == (102, 800, "87.25")
    story.run_jobs_until("2012-02-03", acme)
    # Two people for 23 of 31 days at 102, then eight for a month.
    assert totals(story, payer) == [4800, 2 * 76 + 816]
    story.assert_statement(payer, "discount_percentage.txt")
    story.assert_nothing_left_to_do()


def test_a_discount_ends_with_a_renewal_at_the_full_price(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.staff("tier", payer.uuid, "--required", "basic")
    story.upgrade(acme)
    story.staff("discount", payer.uuid, "--percent", "33.33", "--ends", "2012-03-02")
    assert prices(story, payer) == (233, 350, "33.33")
    story.run_jobs_until("2012-03-03", acme)
    # The renewal of 2 March comes three hours after the discount's end. What is left of the
    # discount for new customers is given again then.
    assert totals(story, payer) == [4300, 18 * 233, 18 * 350 - 2000]
    assert prices(story, payer) == (350, 350, "33.33")
    story.assert_statement(payer, "discount_ended.txt")
    story.assert_nothing_left_to_do()


def test_a_discount_survives_an_end_and_a_new_purchase(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.upgrade(acme)
    story.staff("tier", payer.uuid, "--required", "basic")
    story.staff("discount", payer.uuid, "--percent", "40", "--owner", "Ada")
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-02-10", acme)
    assert plan_of(story, payer)["status"] == "ended"
    story.upgrade(acme)
    assert totals(story, payer) == [4300, 18 * 210]
    story.assert_statement(payer, "discount_bought_again.txt")
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
def test_agreed_prices_for_a_year(story: Story) -> None:
    acme = story.server(seats=(6,))
    payer = story.payer(acme)
    story.staff("tier", payer.uuid, "--required", "standard")
    story.staff("discount", payer.uuid, "--monthly-price", "5.00", "--annual-price", "50.00")
    story.upgrade(acme, tier="standard", schedule="annual")
    assert prices(story, payer) == (5000, 8000, None)
    story.on("2012-07-02").upload_seats(acme, 7)
    story.run_jobs_until("2012-08-03", acme)
    # 5000 x 184/366 for the one who came.
    assert totals(story, payer) == [30_000, 2514]
    story.assert_statement(payer, "discount_annual.txt")
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
def test_a_price_for_one_schedule_leaves_the_other_alone(story: Story) -> None:
    acme = story.server(seats=(6,))
    payer = story.payer(acme)
    story.staff("tier", payer.uuid, "--required", "standard")
    story.staff("discount", payer.uuid, "--annual-price", "50")
    story.upgrade(acme, tier="standard", schedule="monthly")
    assert prices(story, payer) == (800, 800, None)
    assert totals(story, payer) == [4800]


def test_a_plan_of_another_tier_is_left_alone(story: Story) -> None:
    acme = story.server(seats=(30,))
    payer = story.payer(acme)
    story.upgrade(acme, tier="basic")
    story.staff("tier", payer.uuid, "--required", "business")
    story.staff("discount", payer.uuid, "--percent", "50")
    assert prices(story, payer) == (350, 350, None)
    story.run_jobs_until("2012-02-03", acme)
    assert totals(story, payer) == [8500, 8500]


def test_a_discount_is_taken_back(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.upgrade(acme)
    story.staff("tier", payer.uuid, "--required", "basic")
    story.staff("discount", payer.uuid, "--percent", "50")
    story.run_jobs_until("2012-02-03", acme)
    story.staff("discount", payer.uuid, "--remove")
    assert prices(story, payer) == (350, 350, None)
    story.run_jobs_until("2012-03-03", acme)
    # The months of the discount for new customers have gone on; the third of them is given.
    assert totals(story, payer) == [4300, 18 * 175, 4300]
    story.staff("tier", payer.uuid, "--clear")
    story.assert_statement(payer, "discount_taken_back.txt")


def test_the_minimum_of_new_customers_goes_with_their_discount(story: Story) -> None:
    acme = story.server(seats=(2,))
    payer = story.payer(acme)
    story.upgrade(acme)
    story.staff("tier", payer.uuid, "--required", "basic")
    said = story.staff("discount", payer.uuid, "--percent", "10")
    assert "price_of_plan_1: 350 -> 315" in said
    entry = story.export(payer)["ledger"][-1]
    assert (entry["licenses"], entry["licenses_at_next_renewal"], entry["actor"]) == (6, 2, "cli")
    story.run_jobs_until("2012-02-03", acme)
    assert totals(story, payer) == [100, 630]
    story.assert_statement(payer, "discount_instead_of_new.txt")
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
def test_a_minimum_that_was_agreed(story: Story) -> None:
    acme = story.server(seats=(6,))
    payer = story.payer(acme)
    story.staff("tier", payer.uuid, "--required", "standard")
    story.staff("discount", payer.uuid, "--percent", "50")
    story.staff("licenses", payer.uuid, "--minimum", "20")
    story.upgrade(acme, tier="standard")
    assert totals(story, payer) == [20 * 400]
    story.run_jobs_until("2012-02-03", acme)
    assert totals(story, payer) == [8000, 8000]
    # It goes with the discount.
    story.staff("discount", payer.uuid, "--remove")
    assert story.export(payer)["customer"]["minimum_licenses"] is None
    story.run_jobs_until("2012-03-03", acme)
    assert totals(story, payer) == [8000, 8000, 4800]
    story.assert_statement(payer, "discount_minimum.txt")
    story.assert_nothing_left_to_do()


def test_exempt_the_automatic_licenses_follow_the_people_alone(story: Story) -> None:
    acme = story.server(seats=(11,))
    payer = story.payer(acme)
    story.upgrade(acme, tier="business", schedule="monthly")
    story.on("2012-01-10").upload(acme)
    story.staff("licenses", payer.uuid, "--exempt")
    entry = story.export(payer)["ledger"][-1]
    assert (entry["licenses"], entry["licenses_at_next_renewal"], entry["actor"]) == (25, 11, "cli")
    story.run_jobs_until("2012-02-10", acme)
    story.upload_seats(acme, 12)
    story.staff("licenses", payer.uuid, "--not-exempt")
    entry = story.export(payer)["ledger"][-1]
    assert (entry["licenses"], entry["licenses_at_next_renewal"], entry["actor"]) == (25, 25, "cli")
    story.run_jobs_until("2012-03-03", acme)
    story.assert_statement(payer, "exempt_automatic.txt")
    story.assert_nothing_left_to_do()


def test_exempt_the_chosen_number_stands(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.staff("licenses", payer.uuid, "--exempt")
    story.upgrade(acme, licenses=5)
    story.on("2012-01-20").upload_seats(acme, 30)
    story.run_jobs_until("2012-03-03", acme)
    pairs = {(e["licenses"], e["licenses_at_next_renewal"]) for e in story.export(payer)["ledger"]}
    assert pairs == {(5, 5)}
    story.assert_statement(payer, "exempt_manual.txt")
    story.assert_nothing_left_to_do()
