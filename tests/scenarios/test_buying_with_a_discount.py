"""What staff agreed on with a customer before he buys: a discount, a tier."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.errors import BillingError
from app.services.change_plan import end_plan_at_cycle_end
from app.services.customers import claim_payer
from app.services.purchase_state import Outcome
from app.services.purchases import ConfirmPurchase, confirm_purchase
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import BUYER, Story


def agree(story: Story, payer, **terms: Any) -> None:
    """What staff write down for a customer."""
    with unit_of_work(story.ctx) as work:
        _, customer = claim_payer(work, payer)
        for name, value in terms.items():
            setattr(customer, name, value)
        work.commit()


def test_a_discount_of_staff_takes_the_place_of_the_one_for_new_customers(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    agree(story, payer, required_plan_tier="basic", discount_percent=4000)
    assert story.upgrade(acme).outcome is Outcome.PAID
    story.run_jobs_until("2012-02-02", acme)
    # 18 x 210 = 3780 each month, without the 2000 for new customers.
    story.assert_statement(payer, "bought_with_discount.txt")
    story.assert_nothing_left_to_do()


def test_a_discount_that_ends_before_the_second_year(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    agree(
        story,
        payer,
        required_plan_tier="basic",
        discount_annual_price=2000,
        discount_ends_at=datetime(2012, 12, 1, tzinfo=UTC),
    )
    story.upgrade(acme, schedule="annual")
    story.run_jobs_until("2013-01-03", acme, step=30)
    assert [invoice["total"] for invoice in story.export(payer)["invoices"]] == [
        18 * 2000,
        18 * 4200,
    ]
    story.assert_nothing_left_to_do()


def test_a_discount_that_is_over_leaves_the_one_for_new_customers(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    ended = datetime(2012, 1, 1, tzinfo=UTC)
    agree(story, payer, required_plan_tier="basic", discount_percent=4000, discount_ends_at=ended)
    story.upgrade(acme)
    assert [invoice["total"] for invoice in story.export(payer)["invoices"]] == [4300]


def test_a_discount_given_after_the_quote_refuses_it(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.give_card(payer)
    token = story.quote_token(payer, tier="basic")
    agree(story, payer, required_plan_tier="basic", discount_percent=4000)
    with pytest.raises(BillingError) as caught, story.app.app_context():
        confirm_purchase(story.ctx, ConfirmPurchase(payer, token), actor=BUYER)
    assert caught.value.code == "quote_changed"
    assert caught.value.params["changes"] == (
        "discounted_price",
        "discount_percent",
        "discount_amount",
        "discount_months",
    )


def test_a_discount_survives_the_end_and_the_next_purchase(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    agree(story, payer, required_plan_tier="basic", discount_percent=4000)
    story.upgrade(acme)
    end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-03-10", acme, step=7)
    assert story.upgrade(acme, schedule="annual").outcome is Outcome.PAID
    story.run_jobs_until("2012-04-12", acme, step=7)
    story.assert_statement(payer, "bought_again_with_discount.txt")
    story.assert_nothing_left_to_do()


def test_only_the_agreed_tier_can_be_bought(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    agree(story, payer, required_plan_tier="business")
    with pytest.raises(BillingError) as caught:
        story.quote_token(payer, tier="basic")
    assert (caught.value.code, caught.value.params) == ("tier_required", {"tier": "Business"})
    assert story.upgrade(acme, tier="business").outcome is Outcome.PAID


@pytest.mark.sqlite_only
def test_a_fixed_price_that_was_agreed_is_not_bought_but_offered(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    agree(story, payer, required_plan_tier="enterprise")
    with pytest.raises(BillingError) as caught:
        story.quote_token(payer, tier="enterprise")
    assert caught.value.code == "unknown_tier"
