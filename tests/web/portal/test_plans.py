"""The plans page: every tier with the price of these people."""

import pytest

from app.domain.kinds import LicenseManagement, Schedule
from app.services.pages.plans import load_plans_page
from app.services.quote import PurchaseChoice, make_quote
from app.services.unit_of_work import unit_of_work
from tests.support.shop import Shop, counted_queries, headline, words


def test_each_tier_tells_the_price_of_these_people(shop: Shop) -> None:
    shop.open(23)
    page = shop.get("plans")
    said = words(page)
    assert headline(page) == "You have 23 people. Basic would cost you $60.50 a month."
    assert "The first 12 months of a new customer cost $20.00 less each." in said
    assert "$60.50 a month until 2 January 2013, then $80.50 a month" in said
    assert "$726.00 a year the first year, then $966.00" in said
    assert "$180.00 a month" in said and "saves $400.00 a year" in said
    assert "25 licenses, the least for this plan" in said
    assert "for up to 10 people; you have 23 people" in said
    assert f'href="{shop.page("upgrade")}?tier=basic"' in page.text


@pytest.mark.parametrize("people", [0, 1, 5, 6, 24, 25, 400])
@pytest.mark.sqlite_only
def test_the_page_and_the_quote_agree(shop: Shop, people: int) -> None:
    shop.open(people)
    payer = shop.story.payer(shop.server)
    now = shop.clock.now()
    with unit_of_work(shop.ctx) as work:
        page = load_plans_page(shop.ctx, work.session, payer, now=now)
        compared = 0
        for tier in page.tiers:
            for price in tier.prices:
                choice = PurchaseChoice(tier.key, price.schedule, LicenseManagement.AUTOMATIC)
                quote = make_quote(work.session, shop.ctx.catalog, payer, choice, now=now)
                assert (price.first, price.later, price.discount_ends_at, tier.licenses) == (
                    quote.total,
                    quote.price * quote.licenses,
                    quote.discount_ends_at,
                    quote.licenses,
                )
                compared += 1
    assert compared == 2 * len(Schedule)


def test_a_server_that_never_reported_is_told_so_and_no_price_of_its_own(shop: Shop) -> None:
    shop.open(18).on("2012-01-05", uploads=False)
    page = shop.get("plans")
    said = words(page)
    assert page.status_code == 200
    assert headline(page) == "We do not know yet how many people you have."
    assert "We have not heard from your server since 2 January 2012, 03:04:05 UTC" in said
    assert "$3.50 a license a month" in said and "$43.00" not in said
    assert "Choose Basic" not in said

    answer = shop.get("upgrade")
    assert answer.status_code == 409
    assert "We have not heard from your server since" in words(answer)


def test_a_plan_that_runs_is_marked_and_says_what_is_possible(shop: Shop) -> None:
    shop.open(23).buy()
    page = shop.get("plans")
    said = words(page)
    assert headline(page) == "Your plan is Basic."
    assert "Basic Your plan" in said and "Choose" not in said
    assert "You can end it on the billing page" in said
    shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    page = shop.get("plans")
    assert headline(page) == "Your Basic plan ends on 2 February 2012."


def test_few_people_are_free(shop: Shop) -> None:
    shop.open(7)
    said = words(shop.get("plans"))
    assert "Free Your plan" in said and "for up to 10 people Mobile" in said
    assert "6 licenses" not in said


@pytest.mark.parametrize("reports", [1, 30])
def test_the_number_of_queries_is_constant(shop: Shop, reports: int) -> None:
    shop.open(18).on("2012-01-02 04:00:00", uploads=False)
    shop.story.upload_seats(shop.server, *range(19, 19 + reports))
    shop.get("plans")
    with counted_queries() as queries:
        assert shop.get("plans").status_code == 200
    assert len(queries) <= 5, "\n".join(queries)
