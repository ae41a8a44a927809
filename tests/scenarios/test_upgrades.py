"""A higher tier now: credit for everything paid, what was added, months, refusals, failures."""

from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import BillingError
from app.domain.kinds import LicenseManagement, Schedule
from app.services import change_plan
from app.services.change_management import change_management
from app.services.next_terms import PlanChoice
from app.services.preview_change import make_change
from app.services.switch_plan import switch_at_cycle_end
from app.services.unit_of_work import unit_of_work
from app.services.upgrade_tier import (
    UpgradeOutcome,
    UpgradeResult,
    preview_upgrade,
    upgrade_tier,
)
from tests.scenarios.story import BUYER, Story

EXAMPLES = {"catalog": Path(__file__).parent.parent / "catalogs" / "examples.toml"}
examples = pytest.mark.parametrize("settings_overrides", [EXAMPLES])


def upgrade(
    story: Story, payer, tier: str, schedule: str = "monthly", **options: Any
) -> UpgradeResult:
    with story.app.app_context():
        return upgrade_tier(
            story.ctx, payer, PlanChoice(tier, Schedule(schedule)), actor=BUYER, **options
        )


def seen(story: Story, payer, tier: str, schedule: str = "monthly"):
    """What the page would show, and the terms that it would sign."""
    choice = PlanChoice(tier, Schedule(schedule))
    with story.app.app_context(), unit_of_work(story.ctx) as work:
        return preview_upgrade(work, payer, choice, actor=BUYER)


def refusal(act, *arguments, **options) -> BillingError:
    with pytest.raises(BillingError) as caught:
        act(*arguments, **options)
    return caught.value


def totals(story: Story, payer) -> list[int]:
    return [invoice["total"] for invoice in story.export(payer)["invoices"]]


def statuses(story: Story, payer) -> list[str]:
    return [invoice["status"] for invoice in story.export(payer)["invoices"]]


def calls(story: Story, method: str) -> int:
    return [name for name, _ in story.payments.calls].count(method)


def credit_left(story: Story, provider_customer: str) -> int:
    return story.payments.credit_of(provider_customer)


@examples
def test_the_worked_example_in_the_same_second(story: Story) -> None:
    acme = story.server(seats=(9,))
    story.upgrade(acme, tier="standard")
    payer = story.payer(acme)
    shown = seen(story, payer, "plus")
    assert (shown.credit, shown.total, shown.due) == (7200, 12000, 4800)
    assert totals(story, payer) == [7200], "looking changes nothing"
    result = upgrade(story, payer, "plus", confirmed=shown.terms)
    assert (result.outcome, result.total, result.balance_applied) == (
        UpgradeOutcome.PAID,
        12000,
        7200,
    )
    assert calls(story, "credit_balance") == 1
    story.assert_statement(payer, "upgrade_same_second.txt")
    story.assert_nothing_left_to_do()


@examples
def test_everything_paid_of_this_period_comes_back_line_by_line(story: Story) -> None:
    acme = story.server(seats=(9,))
    story.upgrade(acme, tier="standard", schedule="annual")
    payer = story.payer(acme)
    provider_customer = story.give_card(payer)
    story.on("2012-02-10").upload_seats(acme, 12)
    story.run_jobs_until("2012-03-05", acme)
    # Two more come and are not billed yet: they are billed up to the change.
    story.on("2012-03-20").upload_seats(acme, 14)
    story.on("2012-04-02").upload(acme)
    story.run_jobs()
    story.on("2012-04-10").upload_seats(acme, 15)
    story.on("2012-04-12").upload(acme)
    result = upgrade(story, payer, "plus", "annual")
    assert result.outcome is UpgradeOutcome.PAID
    # 366 days; 265 are left of the renewal, of the three added (327) and of the two added (288).
    credit = -(-72000 * 265 // 366) + -(-3 * 7148 * 265 // 327) + -(-2 * 6295 * 265 // 288)
    assert credit == 52132 + 17379 + 11585
    assert result.balance_applied == credit
    assert credit_left(story, provider_customer) == 0
    story.assert_statement(payer, "upgrade_in_the_middle.txt")
    story.run_jobs_until("2012-06-15", acme)
    assert totals(story, payer)[-1] == result.total, "nobody came since"
    story.assert_nothing_left_to_do()


def test_months_of_the_discount_that_were_not_used_come_back(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme, tier="basic", schedule="annual")
    payer = story.payer(acme)
    assert story.export(payer)["customer"]["new_customer_months_left"] == 0
    story.on("2012-04-17").upload(acme)
    result = upgrade(story, payer, "business")
    # 260 of 366 days are left, of the licenses and of the discount; so are eight whole months.
    assert result.balance_applied == min(result.total, -(-126000 * 260 // 366) - 24000 * 260 // 366)
    assert result.total == 30 * 800 - 2000
    assert story.export(payer)["customer"]["new_customer_months_left"] == 7
    story.run_jobs_until("2012-06-01", acme)
    story.assert_statement(payer, "upgrade_months_back.txt")
    story.assert_nothing_left_to_do()


def test_an_unpaid_renewal_is_voided_and_not_credited(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.give_card(payer, "declines")
    story.on("2012-02-02").upload(acme)
    story.run_jobs()
    story.on("2012-02-04").upload(acme)
    story.give_card(payer)
    result = upgrade(story, payer, "business")
    assert (result.outcome, result.balance_applied) == (UpgradeOutcome.PAID, 0)
    assert statuses(story, payer) == ["paid", "void", "paid"]
    # The month of the discount that the void invoice had used is used by this one.
    assert story.export(payer)["customer"]["new_customer_months_left"] == 10
    story.assert_statement(payer, "upgrade_unpaid.txt")
    story.assert_nothing_left_to_do()


def test_an_invoice_that_turns_out_to_be_paid_counts_as_paid(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.give_card(payer, "declines")
    story.on("2012-02-02").upload(acme)
    story.run_jobs()
    # Paid on its hosted page, and nobody has told us yet.
    story.receive_whatever_is_open()
    story.give_card(payer)
    result = upgrade(story, payer, "business")
    assert statuses(story, payer) == ["paid", "paid", "paid"]
    assert result.balance_applied == 30 * 350 - 2000
    story.deliver_events()
    story.assert_nothing_left_to_do()


def test_a_boundary_that_has_passed_is_charged_before_the_change(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-01-20").upload_seats(acme, 33)
    story.on("2012-02-02 06:00:00").upload(acme)
    shown = seen(story, payer, "business")
    result = upgrade(story, payer, "business", confirmed=shown.terms)
    assert statuses(story, payer) == ["paid", "paid", "paid"]
    assert (shown.credit, shown.total) == (result.balance_applied, result.total)
    story.assert_statement(payer, "upgrade_after_the_boundary.txt")
    story.assert_nothing_left_to_do()


def test_a_card_that_is_refused_leaves_the_invoice_open(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.give_card(payer, "declines")
    story.on("2012-01-10").upload(acme)
    result = upgrade(story, payer, "business")
    assert result.outcome is UpgradeOutcome.UNPAID and result.message
    plans = story.export(payer)["plans"]
    assert [(plan["tier"], plan["status"]) for plan in plans] == [
        ("basic", "ended"),
        ("business", "active"),
    ]
    assert statuses(story, payer) == ["paid", "open"]
    # A good card pays what is left after the credit.
    story.give_card(payer)
    story.receive_whatever_is_open()
    story.deliver_events()
    assert statuses(story, payer) == ["paid", "paid"]
    story.assert_statement(payer, "upgrade_declined.txt")
    story.assert_nothing_left_to_do()


def test_a_bank_that_asks_for_the_person(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.give_card(payer, "requires_authentication")
    result = upgrade(story, payer, "business")
    assert result.outcome is UpgradeOutcome.AUTHENTICATE and result.hosted_url
    story.receive_whatever_is_open()
    story.deliver_events()
    assert statuses(story, payer) == ["paid", "paid"]
    story.assert_nothing_left_to_do()


def test_chosen_licenses_stay_chosen_under_the_new_minimum(story: Story) -> None:
    acme = story.server(seats=(12,))
    story.upgrade(acme, licenses=20)
    payer = story.payer(acme)
    story.on("2012-01-10").upload(acme)
    upgrade(story, payer, "business")
    plan = story.export(payer)["plans"][-1]
    entry = story.export(payer)["ledger"][-1]
    assert plan["license_management"] == "manual"
    assert (entry["licenses"], entry["licenses_at_next_renewal"]) == (25, 25)
    story.run_jobs_until("2012-02-11", acme)
    story.assert_statement(payer, "upgrade_manual.txt")
    story.assert_nothing_left_to_do()


def test_a_plan_paid_by_invoice_gets_the_new_invoice_sent(story: Story) -> None:
    acme = story.server(seats=(40,))
    ordered = story.order(acme, licenses=40)
    story.receive(ordered.purchase_id)
    story.deliver_events()
    payer = story.payer(acme)
    story.on("2012-03-10").upload(acme)
    result = upgrade(story, payer, "business", "annual")
    assert result.outcome is UpgradeOutcome.SENT
    assert statuses(story, payer) == ["paid", "open"]
    story.receive_whatever_is_open()
    story.deliver_events()
    story.assert_statement(payer, "upgrade_by_invoice.txt")
    story.assert_nothing_left_to_do()


def test_what_was_scheduled_is_given_up_and_an_end_is_forgotten(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    make_change(
        story.ctx,
        lambda work: switch_at_cycle_end(
            work, payer, PlanChoice("basic", Schedule.ANNUAL), actor=BUYER
        ),
    )
    upgrade(story, payer, "business")
    plans = story.export(payer)["plans"]
    assert [(plan["tier"], plan["status"]) for plan in plans] == [
        ("basic", "ended"),
        ("basic", "ended"),
        ("business", "active"),
    ]
    story.run_jobs_until("2012-02-03", acme)
    story.assert_nothing_left_to_do()


def test_what_cannot_be_upgraded_is_told_and_nothing_is_voided(story: Story) -> None:
    acme = story.server(seats=(30,))
    payer = story.payer(acme)
    assert refusal(upgrade, story, payer, "business").code == "no_plan"
    story.upgrade(acme, tier="business")
    story.give_card(payer, "declines")
    story.on("2012-02-02").upload(acme)
    story.run_jobs()
    for tier, code in {
        "business": "change_is_none",
        "basic": "lower_at_cycle_end",
        "enterprise": "unknown_tier",
        "nonsense": "unknown_tier",
    }.items():
        assert refusal(upgrade, story, payer, tier).code == code
    assert statuses(story, payer) == ["paid", "open"]
    story.assert_nothing_left_to_do()


def test_a_form_sent_twice_changes_once_and_one_of_two_people_wins(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    mine, theirs = (
        seen(story, payer, "business", schedule).terms for schedule in ("monthly", "annual")
    )
    first = upgrade(story, payer, "business", confirmed=mine)
    assert upgrade(story, payer, "business", confirmed=mine) == first
    error = refusal(upgrade, story, payer, "business", "annual", confirmed=theirs)
    assert (error.code, error.params["changes"]) == ("change_outdated", ("plan",))
    assert calls(story, "credit_balance") == 1
    assert len(story.export(payer)["plans"]) == 2
    story.assert_nothing_left_to_do()


def test_terms_that_changed_are_not_taken(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    terms = {**seen(story, payer, "business").terms, "price": 700, "discount_months": 3}
    error = refusal(upgrade, story, payer, "business", confirmed=terms)
    assert error.params["changes"] == ("price", "discount_months")
    assert statuses(story, payer) == ["paid"]


def test_the_provider_does_not_answer_to_the_credit(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    provider_customer = story.give_card(payer)
    story.payments.fail("credit_balance", "after")
    result = upgrade(story, payer, "business")
    # The invoice is not made final before the credit is there.
    assert (result.outcome, result.balance_applied) == (UpgradeOutcome.UNKNOWN, 0)
    story.clock.advance(hours=7)
    story.upload(acme)
    story.run_jobs()
    found = story.export(payer)["invoices"][-1]
    assert found["status"] == "paid"
    assert credit_left(story, provider_customer) == 0
    assert calls(story, "finalize_invoice") == 2
    story.assert_nothing_left_to_do()


def test_after_an_upgrade_management_and_an_end_work_as_ever(story: Story) -> None:
    acme = story.server(seats=(30,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-01-10").upload(acme)
    upgrade(story, payer, "business")
    make_change(
        story.ctx,
        lambda work: change_management(work, payer, LicenseManagement.MANUAL, actor=BUYER),
    )
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-02-11", acme)
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["ended", "ended"]
    assert story.upgrade(acme, tier="basic").outcome.value == "paid"
    story.assert_statement(payer, "upgrade_ended_bought_again.txt")
    story.assert_nothing_left_to_do()
