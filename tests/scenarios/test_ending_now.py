"""Staff end a plan inside its cycle."""

import pytest

from app.domain.errors import BillingError
from app.domain.kinds import Schedule
from app.services.context import CLI
from app.services.end_plan_now import end_plan_now
from app.services.next_terms import PlanChoice
from app.services.preview_change import make_change
from app.services.switch_plan import switch_at_cycle_end
from tests.scenarios.story import BUYER, Story


def end(story: Story, payer, **options) -> None:
    with story.app.app_context():
        end_plan_now(story.ctx, payer, actor=CLI, reason="asked for by phone", **options)


def statuses(story: Story, payer) -> list[tuple[int, str]]:
    return [(i["total"], i["status"]) for i in story.export(payer)["invoices"]]


def test_what_was_added_is_billed_until_then_and_nothing_comes_back(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    story.on("2012-01-04").upload_seats(acme, 23)
    story.on("2012-01-17 15:04:05").upload(acme)
    end(story, payer)
    # 13.5 of 31 days of 3.50 for each of five.
    assert statuses(story, payer) == [(4300, "paid"), (5 * 152, "paid")]
    (plan,) = story.export(payer)["plans"]
    assert (plan["status"], plan["next_invoice_date"]) == ("ended", None)
    assert not [name for name, _ in story.payments.calls if name == "credit_balance"]
    story.assert_statement(payer, "ended_now.txt")
    with pytest.raises(BillingError) as caught:
        end(story, payer)
    assert caught.value.code == "no_plan"
    story.assert_nothing_left_to_do()


def test_open_invoices_stay_open_or_are_voided(story: Story) -> None:
    for is_voided, expected in ((False, "open"), (True, "void")):
        acme = story.server(seats=(18,))
        story.upgrade(acme)
        payer = story.payer(acme)
        story.give_card(payer, "declines")
        story.clock.advance(days=32)
        story.upload(acme)
        story.run_jobs()
        end(story, payer, void_open_invoices=is_voided)
        assert statuses(story, payer) == [(4300, "paid"), (4300, expected)]
        assert story.export(payer)["plans"][-1]["status"] == "ended"


def test_a_plan_that_was_to_follow_is_given_up_and_the_customer_buys_again(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    payer = story.payer(acme)
    choice = PlanChoice("basic", Schedule.ANNUAL)
    make_change(story.ctx, lambda work: switch_at_cycle_end(work, payer, choice, actor=BUYER))
    story.on("2012-01-10").upload(acme)
    end(story, payer)
    assert [plan["status"] for plan in story.export(payer)["plans"]] == ["ended", "ended"]
    story.upgrade(acme, tier="basic", schedule="annual")
    story.run_jobs_until("2012-03-12", acme)
    story.assert_statement(payer, "ended_now_bought_again.txt")
    story.assert_nothing_left_to_do()
