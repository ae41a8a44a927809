"""Every page of customers with whom staff agreed on a price: a fixed one, or a discount."""

import pytest

from tests.support.shop import Shop, headline, words

pytestmark = pytest.mark.sqlite_only

PAGES = ("billing", "plans", "usage", "invoices", "people", "help", "activity")


def with_fixed_price(shop: Shop, schedule: str) -> Shop:
    """Forty people who pay 1200.00 for this year of Enterprise."""
    shop.open(40)
    uuid = shop.organization.uuid
    shop.story.staff("tier", uuid, "--required", "enterprise")
    shop.story.staff("offer", "create", uuid, "--price", "1200")
    shop.story.accept_offer(shop.server, schedule=schedule)
    return shop


def with_discount(shop: Shop, *options: str) -> Shop:
    """Eighteen people with something off Basic."""
    shop.open(18)
    uuid = shop.organization.uuid
    shop.story.staff("tier", uuid, "--required", "basic")
    shop.story.staff("discount", uuid, *options)
    return shop


@pytest.mark.parametrize("schedule", ["monthly", "annual"])
def test_every_page_of_a_fixed_price_opens(shop: Shop, schedule: str) -> None:
    with_fixed_price(shop, schedule)
    for name in PAGES:
        assert shop.get(name).status_code == 200
    assert shop.client.get(shop.page("usage") + "?range=1y").status_code == 200


def test_the_billing_page_of_a_monthly_fixed_price(shop: Shop) -> None:
    page = with_fixed_price(shop, "monthly").get("billing")
    assert headline(page).startswith("Enterprise, 40 people. Next charge: $100.00 on 2 February")
    text = words(page)
    assert "$1,200.00 a year, until 2 January 2013." in text
    assert "The price that was agreed, however many people you have." in text
    assert "ends on 2 January 2013, as it was agreed" in text
    assert "Keep the plan" not in text and "End the plan" not in text
    assert "a license" not in text and "At the next renewal" not in text
    shop.on("2012-02-20", uploads=False)
    shop.story.run_jobs()
    # The server is silent: what is charged next is known all the same.
    assert "$100.00" in words(shop.get("billing"))


def test_the_billing_page_of_a_year_paid_at_once(shop: Shop) -> None:
    text = words(with_fixed_price(shop, "annual").get("billing"))
    assert "$1,200.00 a year, until 2 January 2013." in text
    assert "Next charge 2" not in text


def test_the_invoice_of_a_fixed_price(shop: Shop) -> None:
    page = with_fixed_price(shop, "monthly").get("invoices")
    assert "$100.00" in words(page)
    invoice = shop.client.get(shop.page("invoices") + "1/")
    assert invoice.status_code == 200
    assert "One license for each" not in words(invoice)


def test_a_discount_is_the_price_that_pages_show(shop: Shop) -> None:
    with_discount(shop, "--percent", "40").has_card().buy()
    assert "$2.10 instead of $3.50 a license a month" in words(shop.get("billing"))
    assert "$2.10 a license a month." in words(shop.get("plans"))
    for name in PAGES:
        assert shop.get(name).status_code == 200


def test_licenses_added_under_a_discount_say_what_they_cost(shop: Shop) -> None:
    with_discount(shop, "--percent", "40").has_card().buy()
    shop.on("2012-01-10", uploads=False)
    shop.story.upload_seats(shop.server, 20)
    text = words(shop.get("billing"))
    # 210 x 23/31
    assert "$1.56" in text and "$2.10" in text
    shop.run_until("2012-02-03")
    invoice = words(shop.client.get(shop.page("invoices") + "2/"))
    assert "$1.56" in invoice and "$2.10" in invoice


def test_the_number_of_licenses_is_changed_at_the_price_of_the_discount(shop: Shop) -> None:
    with_discount(shop, "--monthly-price", "3").has_card().buy(licenses=20)
    text = words(shop.get("plan/licenses"))
    assert "$3.00" in text and "$3.50" not in text


def test_the_plan_of_a_fixed_price_is_not_ended_by_the_page(shop: Shop) -> None:
    with_fixed_price(shop, "annual")
    page = shop.get("plan/end")
    assert page.status_code in (303, 400)


def test_a_server_with_a_fixed_price_that_ends_can_leave(shop: Shop) -> None:
    shop.open(40)
    payer = shop.story.payer(shop.server, None)
    shop.story.staff("tier", payer.uuid, "--required", "enterprise")
    shop.story.staff("offer", "create", payer.uuid, "--price", "1200")
    shop.story.accept_offer(shop.server, organization=None)
    said = shop.story.staff("deactivate-server", shop.server.uuid)
    assert "deactivated" in said
