"""Every page of customers with whom staff agreed on a price: a fixed one, or a discount."""

import pytest

from tests.support.shop import Shop, headline, words

pytestmark = pytest.mark.sqlite_only

PAGES = ("billing", "plans", "usage", "invoices", "people", "help", "activity")


@pytest.mark.parametrize("schedule", ["monthly", "annual"])
def test_pages_of_a_fixed_price(shop: Shop, schedule: str) -> None:
    shop.open(40)
    uuid = shop.organization.uuid
    shop.story.staff("tier", uuid, "--required", "enterprise")
    shop.story.staff("offer", "create", uuid, "--price", "1200")
    shop.story.accept_offer(shop.server, schedule=schedule)
    for name in PAGES:
        page = shop.get(name)
        print(schedule, name, page.status_code, headline(page), words(page)[:1500])
    shop.on("2012-12-20")
    page = shop.get("billing")
    print(headline(page), words(page)[:800])
    assert False


def test_pages_of_a_discount(shop: Shop) -> None:
    shop.open(18)
    uuid = shop.organization.uuid
    shop.story.staff("tier", uuid, "--required", "basic")
    shop.story.staff("discount", uuid, "--percent", "40")
    print(words(shop.get("plans"))[:2500])
    shop.has_card().buy()
    for name in PAGES:
        page = shop.get(name)
        print(name, page.status_code, headline(page), words(page)[:2500])
    assert False
