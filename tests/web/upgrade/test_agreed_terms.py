"""The upgrade page for customers with whom staff agreed on a price or a tier."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.services.customers import claim_payer
from app.services.unit_of_work import unit_of_work
from tests.support.shop import Shop, headline, words

pytestmark = pytest.mark.sqlite_only


def agree(shop: Shop, **terms: Any) -> None:
    with unit_of_work(shop.ctx) as work:
        _, customer = claim_payer(work, shop.story.payer(shop.server))
        for name, value in terms.items():
            setattr(customer, name, value)
        work.commit()


def test_the_price_is_that_of_the_discount(shop: Shop) -> None:
    shop.open().has_card()
    agree(shop, required_plan_tier="basic", discount_percent=4000)
    page = shop.get("upgrade")
    assert headline(page) == "Basic for 18 people: $37.80 today and each month"
    text = words(page)
    assert "Your discount of 40%: a license costs $2.10 instead of $3.50 a month." in text
    assert "$2.10 a license" in text
    assert "We agreed on Basic with you, so this is the plan that you can buy here." in text
    assert "new customers" not in text
    assert shop.pay().status_code == 303
    assert "You paid $37.80." in words(shop.get("billing"))


def test_a_discount_that_ends_says_what_comes_after_it(shop: Shop) -> None:
    shop.open()
    agree(
        shop,
        required_plan_tier="basic",
        discount_monthly_price=200,
        discount_ends_at=datetime(2012, 4, 1, tzinfo=UTC),
    )
    page = shop.get("upgrade")
    assert (
        headline(page)
        == "Basic for 18 people: $36.00 today and each month for 3 months, then $63.00"
    )
    text = words(page)
    assert "Your price: a license costs $2.00 instead of $3.50 a month." in text
    assert "from 2 April 2012 on it is $63.00 a month." in text
    by_invoice = words(shop.get("upgrade", "?pay=invoice&licenses=30"))
    assert "Your discount ends on 1 April 2012" in by_invoice
    assert "$105.00 a month" in by_invoice


def test_what_changed_is_shown_in_words(shop: Shop) -> None:
    shop.open().has_card()
    page = shop.get("upgrade")
    agree(
        shop,
        required_plan_tier="basic",
        discount_percent=8725,
        discount_ends_at=datetime(2013, 1, 1, tzinfo=UTC),
    )
    text = words(shop.client.submit(page, action="/upgrade/confirm/"))
    assert "Your discount none 87.25%" in text
    assert "Your discount lasts until none 1 January 2013" in text


def test_an_agreed_fixed_price_waits_for_its_offer(shop: Shop) -> None:
    shop.open()
    agree(shop, required_plan_tier="enterprise")
    assert "We agreed on Enterprise with you. It begins when you accept our offer" in words(
        shop.get("upgrade")
    )
