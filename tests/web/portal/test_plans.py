"""The plans page: every tier with the price of these people, and how it comes about."""

from typing import Any

import pytest
from sqlalchemy import select

from app.domain.kinds import LicenseManagement, Schedule
from app.models.invoices import Invoice
from app.services.customers import claim_payer
from app.services.pages.plans import load_plans_page
from app.services.quote import PurchaseChoice, make_quote
from app.services.unit_of_work import unit_of_work
from tests.support.login import begin_server_session, load_known_server
from tests.support.shop import Shop, counted_queries, headline, words

# Words and links of one page: tests/e2e/test_main_road.py reads it on both databases.
pytestmark = pytest.mark.sqlite_only


def change_customer(shop: Shop, **values: Any) -> None:
    """What was agreed with the shop's customer."""
    payer = shop.story.payer(shop.server)
    with unit_of_work(shop.ctx) as work:
        _, customer = claim_payer(work, payer)
        for name, value in values.items():
            setattr(customer, name, value)
        work.commit()


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
                    quote.undiscounted_total,
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
    assert headline(page) == "Your plan is Basic with 23 licenses."
    renews = "It renews on 2 February 2012 for $60.50, if nobody comes or goes."
    assert f"$3.50 a license a month. {renews}" in said
    assert "Basic Your plan" in said and "Choose Basic" not in said
    assert "Change to Business now" in said and "End the plan…" in said
    # What is left of the discount would go on with another plan.
    assert "As a new customer you pay $20.00 less for 11 months: $180.00 a month." in said
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


# --- how a price is computed ---


def test_more_licenses_than_people_are_explained(shop: Shop) -> None:
    said = words(shop.open(11).get("plans"))
    assert "You have 11 people; Business is sold with at least 25 licenses." in said
    assert "25 × $8.00 = $200.00 a month." in said
    assert "As a new customer you pay $20.00 less for 12 months: $180.00 a month." in said
    assert "25 × $80.00 = $2,000.00 a year." in said
    assert (
        "As a new customer you pay $20.00 a month less for 12 months: $240.00 off the first bill, "
        "which is $1,760.00."
    ) in said
    assert "From 2 January 2013 on it is $200.00 a month." in said


def test_the_least_while_the_discount_lasts_is_explained(shop: Shop) -> None:
    said = words(shop.open(3).get("plans"))
    assert "for 6 licenses, the least while the discount lasts" in said
    assert (
        "You have 3 people; while the discount lasts, at least 6 licenses are sold, because with "
        "fewer the discount would be more than the price."
    ) in said
    assert "From 2 January 2013 on it is $10.50 a month, for 3 licenses." in said
    # 12 bills of $1.00, then 12 of $10.50.
    assert "Basic, Monthly $3.50 6 $1.00 $12.00 $126.00" in said


def test_everybody_needs_a_license(shop: Shop) -> None:
    said = words(shop.open(30).get("plans"))
    assert "You have 30 people, and each needs a license: 30 licenses." in said
    assert "30 × $3.50 = $105.00 a month." in said


def test_nobody_is_there_yet(shop: Shop) -> None:
    shop.open(0)
    change_customer(shop, new_customer_months_left=0)
    said = words(shop.get("plans"))
    assert "You have 0 people; the least that can be bought is 1 license." in said
    assert "As a new customer" not in said


def test_what_was_agreed_is_explained(shop: Shop) -> None:
    shop.open(11)
    change_customer(shop, minimum_licenses=40)
    said = words(shop.get("plans"))
    assert "You have 11 people; at least 40 licenses were agreed with you." in said
    change_customer(shop, exempt_from_license_number_check=True)
    said = words(shop.get("plans"))
    assert "You have 11 people, and each needs a license: 11 licenses." in said


@pytest.mark.parametrize("people", [3, 11])
def test_a_year_is_what_its_bills_add_up_to(shop: Shop, people: int) -> None:
    shop.open(people).has_card()
    payer = shop.story.payer(shop.server)
    with unit_of_work(shop.ctx) as work:
        page = load_plans_page(shop.ctx, work.session, payer, now=shop.clock.now())
    basic = next(tier for tier in page.tiers if tier.key == "basic")
    monthly, annual = basic.prices
    assert monthly.first is not None and monthly.first_year == 12 * monthly.first
    assert monthly.later is not None and monthly.later_year == 12 * monthly.later
    assert (annual.first_year, annual.later_year) == (annual.first, annual.later)
    shop.buy()
    for month in range(1, 14):
        shop.story.on(f"{2012 + month // 12}-{month % 12 + 1:02d}-02")
        shop.story.upload(shop.server)
        shop.story.run_jobs()
    with unit_of_work(shop.ctx) as work:
        totals = list(work.session.scalars(select(Invoice.total).order_by(Invoice.boundary)))
    assert (sum(totals[:12]), totals[12]) == (monthly.first_year, monthly.later)


def test_an_unknown_number_has_no_computation(shop: Shop) -> None:
    said = words(shop.open(18).on("2012-01-05", uploads=False).get("plans"))
    assert "computed" not in said and "Side by side" not in said
    assert "At least 6 licenses" in said


# --- what is free ---


@pytest.mark.parametrize(
    ("people", "said"),
    [
        (10, "Up to 10 people are free without a plan. You have 10, so you need none."),
        (11, "Up to 10 people are free without a plan. You have 11, so you need one."),
    ],
)
def test_the_free_limit_is_told_with_your_number(shop: Shop, people: int, said: str) -> None:
    page = shop.open(people).get("plans")
    assert said in words(page)
    assert ("Free Your plan" in words(page)) == (people <= 10)


def test_a_server_counts_all_of_its_organizations(shop: Shop) -> None:
    shop.open(7)
    for number, people in enumerate((12, 4), start=1):
        shop.story.add_organization(shop.server, realm_id=2 + number)
        shop.story.set_people(shop.server, people, organization=number)
    shop.story.upload(shop.server)
    known = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, known)
    page = shop.client.get(known.page("plans"))
    said = words(page)
    assert headline(page) == (
        "You have 23 people in 3 organizations. Basic would cost you $60.50 a month."
    )
    assert "1 of your organizations has more." in said
    assert "for up to 10 people in each organization; 1 of yours has more" in said
    assert "A plan of the server counts everyone in all of its organizations" in said
    assert f'href="{known.page("upgrade")}?tier=basic"' in page.text

    shop.story.upgrade(shop.server, organization=None)
    begin_server_session(shop.client, shop.ctx, known)
    page = shop.client.get(known.page("plans"))
    assert headline(page) == "Your plan is Basic with 23 licenses."


def test_a_server_of_small_organizations_needs_no_plan(shop: Shop) -> None:
    shop.open(9)
    shop.story.add_organization(shop.server, realm_id=3)
    shop.story.set_people(shop.server, 9, organization=1)
    shop.story.upload(shop.server)
    known = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, known)
    said = words(shop.client.get(known.page("plans")))
    assert "None of yours has more, so you need no plan." in said
    assert "Free Your plan" in said


def test_who_may_be_sponsored_learns_where_to_ask(shop: Shop) -> None:
    page = shop.open(18).get("plans")
    said = words(page)
    assert "Open source, education, non-profit?" in said
    assert "Community: Sponsored, for open source, education and non-profits." in said
    assert "Ask to be sponsored" in said and '/sponsorship/">' in page.text


# --- other states ---


def test_covered_by_the_server_a_plan_of_its_own_is_only_told(shop: Shop) -> None:
    shop.open(18)
    shop.story.upgrade(shop.server, organization=None)
    page = shop.get("plans")
    said = words(page)
    assert headline(page) == "Your organization is covered by its server's Basic plan."
    assert "This is what a plan of your own would cost." in said
    assert "Choose Basic" not in said and "$43.00 a month" in said


def test_an_unfinished_payment_is_told_first(shop: Shop) -> None:
    shop.open(18).has_card("requires_authentication")
    shop.pay()
    page = shop.get("plans")
    assert "You have an unfinished payment" in words(page)
    assert "upgrade/status/" in page.text


def test_a_plan_whose_end_has_come_can_be_followed_by_another(shop: Shop) -> None:
    shop.open(18).buy()
    shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    shop.on("2012-02-02")
    page = shop.get("plans")
    assert headline(page) == "You have 18 people. Basic would cost you $43.00 a month."
    assert "Choose Basic" in words(page)


def test_a_plan_that_runs_costs_no_more_queries_for_more_people(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, *range(19, 60))
    shop.get("plans")
    with counted_queries() as queries:
        assert shop.get("plans").status_code == 200
    assert len(queries) <= 7, "\n".join(queries)


def test_the_own_plan_tells_the_end_of_the_discount_that_runs(shop: Shop) -> None:
    shop.open(23).has_card().buy()
    said = words(shop.get("plans"))
    # Eleven months are left from the next renewal on: the same day as at the purchase.
    assert "$60.50 a month until 2 January 2013, then $80.50 a month" in said
