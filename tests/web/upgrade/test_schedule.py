"""Scheduling a plan for the end of a legacy plan: the page, what billing and plans say, undoing."""

from datetime import UTC, datetime

import pytest

from app.services.context import CLI
from app.services.legacy import end_legacy_plan, move_legacy_end
from tests.support.shop import Shop, headline, words

ANNUAL = "?tier=business&schedule=annual"


@pytest.fixture
def legacy(shop: Shop) -> Shop:
    """A customer with 18 people and a legacy plan until 2 March."""
    shop.open(18)
    shop.story.give_legacy(shop.server, "2012-03-02")
    return shop


def test_the_page_says_what_will_be_charged_and_when(legacy: Shop) -> None:
    legacy.has_card()
    page = legacy.get("upgrade/schedule", ANNUAL)
    assert headline(page) == (
        "Business with 25 licenses from 2 March 2012: $1,760.00 then, nothing before"
    )
    said = words(page)
    assert "Your Legacy plan ends on that day. Nothing is charged before." in said
    assert "On 2 March 2013 it renews for $2,000.00, then each year." in said
    answer = legacy.client.submit(page, action="/schedule/confirm/")
    assert (answer.status_code, answer.location) == (303, legacy.page("billing"))
    page = legacy.get("billing")
    assert headline(page) == (
        "Legacy, free until 2 March 2012. Then Business begins, for $1,760.00."
    )
    said = words(page)
    assert "Business begins on 2 March 2012. Undo" in page.text.replace("\n", " ") or "Undo" in said
    assert "Business is scheduled for 2 March" in said
    assert "It then has 25 licenses" in said
    assert "$2,000.00" in said and "$240.00" in said
    assert "End the plan" not in said
    assert "Business is scheduled for 2 March 2012" in words(legacy.get("plans"))
    assert legacy.get("upgrade/schedule").location == legacy.page("billing")
    # The message of the confirmation had an undo of its own; it is shown once.
    answer = legacy.client.submit(legacy.get("billing"), action="/schedule/cancel/")
    assert answer.status_code == 303
    page = legacy.get("billing")
    assert "Business is not scheduled any more." in page.text
    assert headline(page) == "Legacy, free until 2 March 2012."


def test_billing_and_plans_lead_to_it(legacy: Shop) -> None:
    address = legacy.page("upgrade/schedule")
    page = legacy.get("billing")
    assert headline(page) == "Legacy, free until 2 March 2012."
    assert f'href="{address}"' in page.text
    assert "Keep the plan" not in words(page)
    page = legacy.get("plans")
    assert "Your Legacy plan is free until 2 March 2012" in words(page)
    assert f'href="{address}"' in page.text


def test_without_a_card_there_is_nothing_to_confirm(legacy: Shop) -> None:
    page = legacy.get("upgrade/schedule", ANNUAL)
    assert "There is no card on file yet." in words(page)
    assert "/schedule/confirm/" not in page.text
    assert 'name="next" value="schedule"' in page.text


def test_by_invoice_it_needs_no_card(legacy: Shop) -> None:
    page = legacy.get("upgrade/schedule", "?tier=basic&pay=invoice&schedule=annual&licenses=40")
    assert headline(page).startswith("Basic with 40 licenses from 2 March 2012: $1,440.00")
    assert legacy.client.submit(page, action="/schedule/confirm/").status_code == 303


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?tier=pirates", "Choose one of the options."),
        ("?tier=legacy", "Choose one of the options."),
        ("?tier=business&management=manual&licenses=24", "at least 25 licenses"),
        ("?tier=business&management=manual&licenses=", "Say how many licenses"),
        ("?tier=business&management=manual&licenses=many", "Enter a whole number."),
        ("?tier=business&management=manual&licenses=99999999999", "at most"),
        ("?tier=basic&pay=invoice&licenses=29", "at least 30 licenses"),
        ("?tier=basic&pay=invoice&licenses=1001", "arranged with support"),
        ("?schedule=weekly", "Choose one of the options."),
    ],
)
@pytest.mark.sqlite_only
def test_a_choice_that_cannot_be_has_no_price(legacy: Shop, query: str, said: str) -> None:
    page = legacy.get("upgrade/schedule", query)
    assert page.status_code == 400
    assert said in words(page)
    assert "Mend the choice to see its price." in words(page)


def test_what_changed_since_is_shown_before_it_is_agreed_to(legacy: Shop) -> None:
    legacy.has_card()
    page = legacy.get("upgrade/schedule", ANNUAL)
    payer = legacy.story.payer(legacy.server)
    until = datetime(2012, 4, 2, tzinfo=UTC)
    move_legacy_end(legacy.ctx, payer, until=until, reason="asked", actor=CLI)
    answer = legacy.client.submit(page, action="/schedule/confirm/")
    assert answer.status_code == 400
    assert "the day on which it begins changed" in words(answer)
    assert "from 2 April 2012" in headline(answer)
    assert legacy.client.submit(answer, action="/schedule/confirm/").status_code == 303


def test_a_confirmation_that_is_none_shows_the_page(legacy: Shop) -> None:
    legacy.has_card()
    page = legacy.get("upgrade/schedule", ANNUAL)
    answer = legacy.client.submit(page, {"quote": "nonsense"}, action="/schedule/confirm/")
    assert answer.status_code == 400
    assert "This confirmation is not complete." in words(answer)
    assert legacy.get("upgrade/schedule/confirm").status_code == 302


def test_without_a_legacy_plan_it_leads_to_billing(shop: Shop) -> None:
    shop.open(18)
    answer = shop.get("upgrade/schedule")
    assert (answer.status_code, answer.location) == (303, shop.page("billing"))
    assert "There is no legacy plan" in shop.get("billing").text


def test_undoing_what_staff_ended_says_so(legacy: Shop) -> None:
    legacy.has_card()
    confirmed = legacy.get("upgrade/schedule", ANNUAL)
    legacy.client.submit(confirmed, action="/schedule/confirm/")
    assert "Undo" in legacy.get("billing").text
    page = legacy.get("billing")
    end_legacy_plan(legacy.ctx, legacy.story.payer(legacy.server), reason="left", actor=CLI)
    answer = legacy.client.submit(page, action="/schedule/cancel/")
    assert (answer.status_code, answer.location) == (303, legacy.page("billing"))
    page = legacy.get("billing")
    assert "There is no legacy plan that is running." in page.text
    assert headline(page).startswith("Your Legacy plan ended on")


def test_silent_uploads_show_no_wrong_number(legacy: Shop) -> None:
    legacy.has_card()
    legacy.client.submit(legacy.get("upgrade/schedule", ANNUAL), action="/schedule/confirm/")
    legacy.on("2012-01-10", uploads=False)
    page = legacy.get("billing")
    assert headline(page) == "Legacy, free until 2 March 2012. Then Business begins."
    assert "$1,760.00" not in page.text
    legacy.on("2012-03-03", uploads=False)
    assert "Business begins as soon as your server reports." in headline(legacy.get("billing"))


def test_a_sponsored_customer_sees_until_when(shop: Shop) -> None:
    from app.services.decide_sponsorship import approve_sponsorship

    shop.open(18)
    payer = shop.story.payer(shop.server)
    approve_sponsorship(shop.ctx, payer, until=None, reason="good", actor=CLI)
    page = shop.get("billing")
    assert headline(page) == "Community, free until 2 January 2013."
    assert "You are sponsored until 2 January 2013" in words(page)
    assert f'href="{shop.page("sponsorship")}"' in page.text
