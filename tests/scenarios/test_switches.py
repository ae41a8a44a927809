"""Another schedule or another tier at the end of the cycle, and taking that back."""

from pathlib import Path

import pytest

from app.domain.errors import BillingError
from app.domain.kinds import LicenseManagement, Schedule
from app.services import change_plan
from app.services.change_management import change_management
from app.services.next_terms import PlanChoice
from app.services.preview_change import make_change
from app.services.switch_plan import Scheduled, switch_at_cycle_end
from tests.scenarios.story import BUYER, Story

EXAMPLES = {"catalog": Path(__file__).parent.parent / "catalogs" / "examples.toml"}


def switch(story: Story, payer, tier: str, schedule: str, **options) -> Scheduled:
    choice = PlanChoice(tier, Schedule(schedule))
    with story.app.app_context():
        return make_change(
            story.ctx,
            lambda work: switch_at_cycle_end(work, payer, choice, actor=BUYER, **options),
        )


def refusal(act, *arguments, **options) -> BillingError:
    with pytest.raises(BillingError) as caught:
        act(*arguments, **options)
    return caught.value


def totals(story: Story, payer) -> list[int]:
    return [invoice["total"] for invoice in story.export(payer)["invoices"]]


@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
def test_c5_monthly_to_annual_with_people_at_the_very_boundary(story: Story) -> None:
    acme = story.server(seats=(6,))
    story.upgrade(acme, tier="standard")
    story.upload_seats(acme, 20)
    payer = story.payer(acme)
    switch(story, payer, "standard", "annual")
    story.on("2012-02-02").upload_seats(acme, 25)
    story.run_jobs()
    assert totals(story, payer) == [4800, 11200 + 200000]
    story.on("2012-03-02").upload_seats(acme, 30)
    story.run_jobs()
    assert totals(story, payer) == [4800, 211200, 5 * 7366]
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["ended", "active"]
    story.assert_statement(payer, "c5.txt")
    story.assert_nothing_left_to_do()


def test_annual_to_monthly_begins_after_the_year(story: Story) -> None:
    acme = story.server(seats=(26,))
    story.upgrade(acme, tier="business", schedule="annual")
    payer = story.payer(acme)
    story.on("2012-05-10").upload(acme)
    found = switch(story, payer, "business", "monthly")
    assert found.at.isoformat() == "2013-01-02T03:04:05+00:00"
    story.run_jobs_until("2013-02-03", acme)
    # A year less the discount of twelve months, which is used up; then 26 × 8.00 a month.
    assert totals(story, payer) == [26 * 8000 - 24000, 26 * 800, 26 * 800]
    story.assert_statement(payer, "annual_to_monthly.txt")
    story.assert_nothing_left_to_do()


def test_what_is_left_of_the_discount_goes_on_after_a_switch(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.run_jobs_until("2012-03-10", acme)
    assert story.export(payer)["customer"]["new_customer_months_left"] == 9
    switch(story, payer, "basic", "annual")
    story.run_jobs_until("2012-04-03", acme)
    assert totals(story, payer) == [4300, 4300, 4300, 18 * 4200 - 9 * 2000]
    assert story.export(payer)["customer"]["new_customer_months_left"] == 0
    story.assert_statement(payer, "switch_with_discount.txt")
    story.assert_nothing_left_to_do()


def test_a_switch_can_be_taken_back_until_it_comes(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    switch(story, payer, "basic", "annual")
    assert refusal(switch, story, payer, "basic", "annual").code == "transition_refused"
    story.on("2012-01-20").upload(acme)
    change_plan.keep_plan(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-02-03", acme)
    plans = story.export(payer)["plans"]
    assert [plan["status"] for plan in plans] == ["active", "ended"]
    assert totals(story, payer) == [4300, 4300]
    # And asked for once more, it comes.
    switch(story, payer, "basic", "annual")
    story.run_jobs_until("2012-03-03", acme)
    assert totals(story, payer)[-1] == 18 * 4200 - 10 * 2000
    story.assert_statement(payer, "switch_taken_back.txt")
    story.assert_nothing_left_to_do()


def test_a_lower_tier_comes_with_the_next_cycle_under_its_own_minimum(story: Story) -> None:
    acme = story.server(seats=(11,))
    story.upgrade(acme, tier="business")
    payer = story.payer(acme)
    switch(story, payer, "basic", "monthly")
    entry = story.export(payer)["ledger"][-1]
    # The number at renewal is that of the plan that follows, whose minimum is smaller.
    assert (entry["licenses"], entry["licenses_at_next_renewal"]) == (25, 11)
    story.on("2012-01-20").upload_seats(acme, 12)
    story.run_jobs_until("2012-03-03", acme)
    assert totals(story, payer) == [25 * 800 - 2000, 12 * 350 - 2000, 12 * 350 - 2000]
    story.assert_statement(payer, "lower_tier.txt")
    story.assert_nothing_left_to_do()


def test_a_lower_tier_can_be_taken_back(story: Story) -> None:
    acme = story.server(seats=(11,))
    story.upgrade(acme, tier="business")
    payer = story.payer(acme)
    switch(story, payer, "basic", "annual")
    change_plan.keep_plan(story.ctx, payer, actor=BUYER)
    entry = story.export(payer)["ledger"][-1]
    assert (entry["licenses"], entry["licenses_at_next_renewal"]) == (25, 25)
    story.run_jobs_until("2012-02-03", acme)
    assert totals(story, payer) == [18000, 18000]
    story.assert_statement(payer, "lower_tier_taken_back.txt")
    story.assert_nothing_left_to_do()


def test_a_chosen_number_is_kept_through_a_switch(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, licenses=30)
    payer = story.payer(acme)
    switch(story, payer, "basic", "annual")
    story.on("2012-01-10").upload(acme)
    change_plan.change_licenses_at_renewal(story.ctx, payer, licenses=22, actor=BUYER)
    story.run_jobs_until("2012-02-03", acme)
    assert totals(story, payer) == [30 * 350 - 2000, 22 * 4200 - 11 * 2000]
    assert story.export(payer)["plans"][-1]["license_management"] == "manual"
    story.assert_statement(payer, "switch_manual.txt")
    story.assert_nothing_left_to_do()


def test_a_switch_waits_for_data_and_then_comes_where_it_belongs(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    switch(story, payer, "basic", "annual")
    story.on("2012-02-06")
    assert story.run_jobs().deferred == 1
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["active", "never_started"]
    story.on("2012-02-07").upload_seats(acme, 20)
    story.run_jobs()
    story.assert_statement(payer, "switch_after_silence.txt")
    story.assert_nothing_left_to_do()


def test_what_cannot_be_switched_is_told(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    assert refusal(switch, story, payer, "basic", "annual").code == "no_plan"
    story.upgrade(acme)
    codes = {
        ("basic", "monthly"): "change_is_none",
        ("business", "monthly"): "higher_at_once",
        ("enterprise", "annual"): "unknown_tier",
        ("free", "monthly"): "unknown_tier",
        ("nonsense", "monthly"): "unknown_tier",
    }
    for (tier, schedule), code in codes.items():
        assert refusal(switch, story, payer, tier, schedule).code == code
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    assert refusal(switch, story, payer, "basic", "annual").code == "transition_refused"
    assert len(story.export(payer)["plans"]) == 1
    story.assert_nothing_left_to_do()


def test_a_confirmation_of_other_terms_is_refused(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    seen = switch(story, payer, "basic", "annual").terms
    change_plan.keep_plan(story.ctx, payer, actor=BUYER)
    outdated = {**seen, "price": 4100}
    error = refusal(switch, story, payer, "basic", "annual", confirmed=outdated)
    assert (error.code, error.params["changes"]) == ("change_outdated", ("price",))
    switch(story, payer, "basic", "annual", confirmed=seen)
    story.assert_nothing_left_to_do()


def manage(story: Story, payer, management: str) -> None:
    make_change(
        story.ctx,
        lambda work: change_management(work, payer, LicenseManagement(management), actor=BUYER),
    )


def pairs(story: Story, payer) -> list[tuple[int, int]]:
    return [(e["licenses"], e["licenses_at_next_renewal"]) for e in story.export(payer)["ledger"]]


def test_licenses_that_followed_people_stand_when_somebody_takes_over(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-01-05").upload_seats(acme, 23)
    manage(story, payer, "manual")
    story.on("2012-01-10").upload_seats(acme, 26)
    # A row of before that comes late changes nothing of what stands.
    story.set_people(acme, 21, at=story.clock.now().replace(day=4))
    story.upload(acme)
    assert pairs(story, payer) == [(18, 18), (23, 23)]
    change_plan.change_licenses_at_renewal(story.ctx, payer, licenses=27, actor=BUYER)
    story.run_jobs_until("2012-02-03", acme)
    assert refusal(manage, story, payer, "manual").code == "management_unchanged"
    story.assert_statement(payer, "automatic_to_manual.txt")
    story.assert_nothing_left_to_do()


def test_licenses_follow_people_from_the_change_on_and_never_fall_inside_a_cycle(
    story: Story,
) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme, licenses=20)
    payer = story.payer(acme)
    story.on("2012-01-10").upload_seats(acme, 24)
    story.on("2012-01-15").upload_seats(acme, 17)
    manage(story, payer, "automatic")
    assert pairs(story, payer) == [(20, 20), (20, 17)]
    story.on("2012-01-20").upload_seats(acme, 22)
    # More people while the number was chosen by hand, told late: nothing is billed for that time.
    story.set_people(acme, 25, at=story.clock.now().replace(day=12))
    story.upload(acme)
    assert pairs(story, payer) == [(20, 20), (20, 17), (22, 22)]
    story.run_jobs_until("2012-02-03", acme)
    story.assert_statement(payer, "manual_to_automatic.txt")
    story.assert_nothing_left_to_do()


def test_management_changes_the_plan_that_follows_too(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    switch(story, payer, "basic", "annual")
    manage(story, payer, "manual")
    plans = story.export(payer)["plans"]
    assert [plan["license_management"] for plan in plans] == ["manual", "manual"]
    story.run_jobs_until("2012-02-03", acme)
    story.assert_nothing_left_to_do()
