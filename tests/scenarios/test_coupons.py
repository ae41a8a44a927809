"""Coupon codes: entered at a purchase, once for each customer, and given back where it fails."""

from threading import Barrier, Thread

import pytest

from app.domain.errors import BillingError
from app.services import change_plan
from app.services.cancel_purchase import cancel_purchase
from app.services.create_coupon import load_coupons
from app.services.customers import Payer
from app.services.purchase_state import Outcome
from app.services.purchases import ConfirmPurchase, confirm_purchase
from app.services.unit_of_work import unit_of_work
from tests.scenarios.story import BUYER, Story


def totals(story: Story, payer: Payer) -> list[int]:
    return [invoice["total"] for invoice in story.export(payer)["invoices"]]


def uses(story: Story) -> int:
    with unit_of_work(story.ctx) as work:
        return int(load_coupons(work.session)[0]["uses"])


def test_an_amount_a_month_takes_the_place_of_the_discount_for_new_customers(
    story: Story,
) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.staff("coupon", "create", "SPRING", "--amount", "25.00", "--months", "2")
    story.upgrade(acme, coupon=" spring ")
    story.run_jobs_until("2012-04-03", acme)
    assert totals(story, payer) == [3800, 3800, 6300, 6300]
    story.assert_statement(payer, "coupon_amount.txt")
    story.assert_nothing_left_to_do()


def test_a_percentage_of_the_licenses_leaves_the_minimum_alone(story: Story) -> None:
    acme = story.server(seats=(2,))
    payer = story.payer(acme)
    story.staff("coupon", "create", "QUARTER", "--percent", "25", "--months", "3")
    story.upgrade(acme, coupon="QUARTER")
    # Two licenses: the six of the discount for new customers are not asked for.
    assert totals(story, payer) == [525]
    story.on("2012-01-12").upload_seats(acme, 4)
    story.run_jobs_until("2012-02-03", acme)
    # The licenses added in the month before are at the full price.
    assert totals(story, payer) == [525, 2 * 237 + 3 * 350]
    story.run_jobs_until("2012-04-03", acme)
    assert totals(story, payer)[2:] == [1050, 1400]
    story.assert_statement(payer, "coupon_percentage.txt")
    story.assert_nothing_left_to_do()


def test_a_year_with_half_a_year_of_a_coupon(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.staff("coupon", "create", "HALF-YEAR", "--percent", "50", "--months", "6")
    story.upgrade(acme, schedule="annual", coupon="HALF-YEAR")
    # 18 x 4200 = 75600, half of it for six of twelve months.
    assert totals(story, payer) == [75_600 - 18_900]
    story.run_jobs_until("2012-02-03", acme)
    story.assert_statement(payer, "coupon_annual.txt")
    story.assert_nothing_left_to_do()


def test_a_coupon_has_so_many_uses_each_by_another_customer(story: Story) -> None:
    story.staff("coupon", "create", "FEW", "--amount", "5", "--months", "1", "--max-uses", "2")
    first, second, third = (story.server(seats=(18,)) for _ in range(3))
    story.upgrade(first, coupon="FEW")
    story.upgrade(second, coupon="FEW")
    with pytest.raises(BillingError) as caught:
        story.upgrade(third, coupon="FEW")
    assert caught.value.code == "coupon_used_up"
    assert uses(story) == 2


def test_a_coupon_that_is_no_good(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.staff(
        "coupon", "create", "OLD", "--amount", "5", "--months", "1", "--expires", "2012-01-10"
    )
    story.staff("coupon", "create", "BIG", "--amount", "5", "--months", "1", "--tier", "business")
    token = story.quote_token(payer, tier="basic", coupon="OLD")
    story.on("2012-01-10 00:00:00").upload(acme)
    refused = {"OLD": "coupon_expired", "NONE": "coupon_unknown", "BIG": "coupon_for_other_tier"}
    for code, error in refused.items():
        with pytest.raises(BillingError) as caught:
            story.quote_token(payer, tier="basic", coupon=code)
        assert caught.value.code == error
    # Seen before its end and confirmed after it.
    story.on("2012-01-02 03:30:00")
    token = story.quote_token(payer, tier="basic", coupon="OLD")
    story.staff("coupon", "withdraw", "OLD")
    with pytest.raises(BillingError) as caught:
        confirm_purchase(story.ctx, ConfirmPurchase(payer, token), actor=BUYER)
    assert caught.value.code == "coupon_unknown"


def test_a_declined_purchase_gives_its_coupon_back(story: Story) -> None:
    story.staff("coupon", "create", "ONE", "--amount", "5", "--months", "1", "--max-uses", "1")
    acme, other = story.server(seats=(18,)), story.server(seats=(18,))
    assert story.upgrade(acme, card="declines", coupon="ONE").outcome is Outcome.DECLINED
    assert uses(story) == 0
    assert story.upgrade(other, coupon="ONE").outcome is Outcome.PAID
    assert uses(story) == 1


def test_an_invoice_that_is_given_up_gives_its_coupon_back(story: Story) -> None:
    story.staff("coupon", "create", "ONE", "--percent", "10", "--months", "1", "--max-uses", "1")
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    ordered = story.order(acme, coupon="ONE")
    assert uses(story) == 1
    # Bought otherwise: the first purchase is voided, and what it had taken is taken again.
    ordered = story.order(acme, schedule="monthly", coupon="ONE")
    assert uses(story) == 1
    cancel_purchase(story.ctx, payer, ordered.purchase_id, actor=BUYER)
    assert uses(story) == 0
    ordered = story.order(acme, coupon="ONE")
    story.receive(ordered.purchase_id)
    story.deliver_events()
    assert uses(story) == 1
    assert totals(story, payer)[-1] == 30 * 4200 - 30 * 35
    story.assert_statement(payer, "coupon_by_invoice.txt")


def test_a_discount_of_staff_comes_first(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.staff("coupon", "create", "SPRING", "--amount", "25", "--months", "2")
    story.staff("tier", payer.uuid, "--required", "basic")
    story.staff("discount", payer.uuid, "--percent", "10")
    with pytest.raises(BillingError) as caught:
        story.upgrade(acme, coupon="SPRING")
    assert caught.value.code == "coupon_beside_discount"


def test_the_same_customer_uses_a_code_once(story: Story) -> None:
    acme = story.server(seats=(18,))
    payer = story.payer(acme)
    story.staff("coupon", "create", "SPRING", "--amount", "25", "--months", "2")
    story.upgrade(acme, coupon="SPRING")
    change_plan.end_plan_at_cycle_end(story.ctx, payer, actor=BUYER)
    story.run_jobs_until("2012-02-03", acme)
    with pytest.raises(BillingError) as caught:
        story.upgrade(acme, coupon="SPRING")
    assert caught.value.code == "coupon_used_before"


def test_the_last_use_goes_to_one_of_two_who_confirm_at_once(story: Story) -> None:
    story.staff("coupon", "create", "LAST", "--amount", "5", "--months", "1", "--max-uses", "1")
    servers = [story.server(seats=(18,)) for _ in range(2)]
    payers = [story.payer(server) for server in servers]
    for payer in payers:
        story.give_card(payer)
    tokens = [story.quote_token(payer, tier="basic", coupon="LAST") for payer in payers]
    came_of: list[str] = []
    start = Barrier(2)

    def confirm(payer: Payer, token: str) -> None:
        start.wait()
        try:
            with story.app.app_context():
                confirm_purchase(story.ctx, ConfirmPurchase(payer, token), actor=BUYER)
            came_of.append("paid")
        except BillingError as error:
            came_of.append(error.code)

    threads = [Thread(target=confirm, args=pair) for pair in zip(payers, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came_of) == ["coupon_used_up", "paid"]
    assert uses(story) == 1
