"""The pages of a free trial: what is promised, how it begins, how many days are left."""

from pathlib import Path

import pytest

from app.services.change_plan import end_plan_at_cycle_end
from tests.scenarios.story import BUYER
from tests.support.shop import Shop, headline, words

TRIAL = {"catalog": Path(__file__).parents[2] / "catalogs" / "trial.toml"}

pytestmark = [pytest.mark.sqlite_only, pytest.mark.parametrize("settings_overrides", [TRIAL])]


def test_the_plans_say_what_can_be_tried(shop: Shop) -> None:
    shop.open()
    page = shop.get("plans")
    text = words(page)
    assert text.count("30 days free first") == 2
    assert "Try Basic for free" in text


def test_a_trial_needs_a_card_and_says_what_is_charged_when(shop: Shop) -> None:
    shop.open()
    page = shop.get("upgrade")
    assert headline(page) == (
        "Basic for 18 people: free for 30 days, then $43.00 each month for a year and $63.00 "
        "after it"
    )
    text = words(page)
    assert "A free trial needs a card on file." in text
    assert "Start the free trial" not in text
    shop.has_card()
    text = words(shop.get("upgrade"))
    assert (
        "Basic begins at once and is free for 30 days. $43.00 is charged on 1 February 2012, if "
        "nobody comes or goes, unless you end the plan before."
    ) in text
    assert "$43.00 on 1 March 2012, then each month." in text


def test_it_begins_and_counts_its_days(shop: Shop) -> None:
    shop.open().has_card()
    assert shop.pay().status_code == 303
    page = shop.get("billing")
    assert (
        headline(page) == "Basic, 18 people. Free trial: 30 days left, then $43.00 on 1 February."
    )
    text = words(page)
    assert "Your free trial has started. Nothing is charged before 1 February 2012." in text
    assert "Free until 1 February 2012" in text
    assert "After the free trial 18 licenses" in text
    assert "During the free trial they cost nothing" in text
    shop.on("2012-01-31 04:00:00")
    assert "Free trial: 1 day left" in headline(shop.get("billing"))
    shop.run_until("2012-02-02")
    assert headline(shop.get("billing")) == "Basic, 18 people. Next charge: $43.00 on 1 March."


def test_another_schedule_is_chosen_inside_the_trial(shop: Shop) -> None:
    shop.open().has_card()
    shop.pay()
    assert "Pay by the year" in words(shop.get("plans"))
    page = shop.get("plan/change", "?tier=basic&schedule=annual")
    assert headline(page) == "Pay for Basic by the year from 1 February 2012 on?"
    text = words(page)
    assert "Your free trial goes on to the same day, 1 February 2012." in text
    assert "you are charged $516.00 for 18 licenses" in text
    answer = shop.client.submit(page, action="/plan/change/")
    assert (answer.status_code, answer.location) == (303, shop.page("billing"))
    page = shop.get("billing")
    assert "Your plan is paid by the year from the end of the free trial on." in words(page)
    assert (
        headline(page) == "Basic, 18 people. Free trial: 30 days left, then $516.00 on 1 February."
    )
    # Sent twice, the form says that the plan has changed.
    page = shop.get("plan/change", "?tier=basic&schedule=annual")
    assert page.status_code in {303, 400, 409} or "already" in words(page)


def test_a_trial_that_is_ended(shop: Shop) -> None:
    shop.open().has_card().pay()
    end_plan_at_cycle_end(shop.ctx, shop.story.payer(shop.server), actor=BUYER)
    page = shop.get("billing")
    assert headline(page) == "Basic, 18 people. Free trial: 30 days left. It ends on 1 February."
    assert "Keep the plan" in words(page)
    shop.run_until("2012-02-02", step=31)
    assert headline(shop.get("billing")) == "Your free trial of Basic ended on 1 February."
    assert "free first" not in words(shop.get("plans"))
    assert "free for" not in headline(shop.get("upgrade"))


def test_by_invoice(shop: Shop) -> None:
    shop.open()
    page = shop.get("upgrade", "?pay=invoice&schedule=annual")
    assert headline(page) == (
        "Basic with 30 licenses: free for 30 days, then $1,020.00, later $1,260.00 each year"
    )
    text = words(page)
    assert "It is due on 1 February 2012, when the free trial is over." in text
    assert "Paid within 30 days after it, the plan goes on." in text
    response = shop.client.submit(page, action="/upgrade/confirm/")
    assert response.status_code == 303
    page = shop.get("billing")
    assert headline(page) == (
        "Basic, 18 people. Free trial: 30 days left. Pay $1,020.00 by 1 February to go on after it."
    )
    text = words(page)
    assert "The invoice is on its way; paid by 1 February 2012, your plan goes on." in text
    assert "If not, it ends with it, and nothing is owed." in text


def test_a_trial_by_invoice_that_nobody_paid(shop: Shop) -> None:
    shop.open()
    shop.client.submit(
        shop.get("upgrade", "?pay=invoice&schedule=annual"), action="/upgrade/confirm/"
    )
    shop.run_until("2012-02-02", step=31)
    page = shop.get("billing")
    assert headline(page) == "Your free trial of Basic ended on 1 February."
    text = words(page)
    assert "Pay it within 30 days of its end, and your plan goes on." in text
