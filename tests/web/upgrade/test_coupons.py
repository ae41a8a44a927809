"""The field for a coupon code: its price, what is wrong with it, and how often one may guess."""

from collections.abc import Callable

import pytest
from flask import Flask

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.shop import Shop, headline, words

pytestmark = pytest.mark.sqlite_only


def test_a_code_is_entered_and_its_price_paid(shop: Shop) -> None:
    shop.open().has_card()
    shop.story.staff("coupon", "create", "SPRING", "--amount", "25", "--months", "3")
    page = shop.get("upgrade", "?coupon=spring")
    assert headline(page) == (
        "Basic for 18 people: $38.00 today and each month for 3 months, then $63.00"
    )
    text = words(page)
    assert "Coupon discount" in text and "new customer" not in text.lower()
    assert "The coupon is good until 2 April 2012; from then on it is $63.00 a month." in text
    assert shop.pay("?coupon=spring").status_code == 303
    assert "You paid $38.00." in words(shop.get("billing"))


def test_a_code_by_invoice(shop: Shop) -> None:
    shop.open()
    shop.story.staff("coupon", "create", "SPRING", "--percent", "10", "--months", "3")
    text = words(shop.get("upgrade", "?coupon=SPRING&pay=invoice&licenses=30"))
    assert "The coupon is good for 3 months; from then on it is $105.00 a month." in text


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("NONE", "This code is not valid."),
        ("GONE", "This code is not valid."),
        ("OLD", "This code has expired."),
        ("BIG", "This code is not for Basic."),
        ("x" * 41, "longer than 40"),
    ],
)
def test_a_code_that_is_no_good_is_told_beside_its_field(shop: Shop, code: str, said: str) -> None:
    shop.open().has_card()
    for name, *more in (
        ("GONE",),
        ("OLD", "--expires", "2012-01-03"),
        ("BIG", "--tier", "business"),
    ):
        shop.story.staff("coupon", "create", name, "--amount", "5", "--months", "1", *more)
    shop.story.staff("coupon", "withdraw", "GONE")
    shop.on("2012-01-04")
    page = shop.get("upgrade", f"?coupon={code}")
    assert page.status_code == 400
    text = words(page)
    assert said in text and "Pay $" not in text


def test_a_code_beside_a_discount_is_refused_with_words(shop: Shop) -> None:
    shop.open().has_card()
    uuid = shop.organization.uuid
    shop.story.staff("coupon", "create", "SPRING", "--amount", "5", "--months", "1")
    shop.story.staff("tier", uuid, "--required", "basic")
    shop.story.staff("discount", uuid, "--percent", "40")
    assert "You have a discount of your own" in words(shop.get("upgrade", "?coupon=SPRING"))


def test_guesses_are_limited(
    make_app: Callable[..., Flask], clock: FixedClock, payments: FakePayments
) -> None:
    app = make_app(rate_limit_coupon="2 per hour", rate_limits_enabled=True)
    ctx: Context = app.extensions["tallyport"]
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    shop = Shop(app, ctx, clock, payments, client).open()
    shop.story.staff("coupon", "create", "SPRING", "--amount", "25", "--months", "3")
    for _ in range(3):
        # A right code is never counted.
        assert shop.get("upgrade", "?coupon=SPRING").status_code == 200
    for guess in ("A", "B"):
        assert "This code is not valid" in words(shop.get("upgrade", f"?coupon={guess}"))
    for guess in ("C", "SPRING"):
        page = shop.get("upgrade", f"?coupon={guess}")
        assert page.status_code == 400
        assert "Too many codes were wrong. Try again in" in words(page)
        assert "Coupon discount" not in words(page)


def test_the_way_to_the_card_page_keeps_the_code(shop: Shop) -> None:
    shop.open()
    shop.story.staff("coupon", "create", "SPRING", "--amount", "25", "--months", "3")
    page = shop.get("upgrade", "?coupon=SPRING")
    assert 'name="coupon" value="SPRING"' in page.get_data(as_text=True)
    shop.client.submit(page, action="/card/")
    back = shop.client.get(shop.page("card/cancelled") + "?next=upgrade&coupon=SPRING")
    assert "coupon=SPRING" in back.headers["Location"]
