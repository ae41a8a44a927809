"""The page of an offer: its words, accepting it by card and by invoice, and when it is gone."""

import pytest

from tests.support.shop import Shop, headline, words

pytestmark = pytest.mark.sqlite_only


def offered(shop: Shop, *options: str) -> Shop:
    """Somebody with an offer of 1000.00 for a year of Enterprise."""
    shop.open(40)
    uuid = shop.organization.uuid
    shop.story.staff("tier", uuid, "--required", "enterprise")
    shop.story.staff("offer", "create", uuid, "--price", "1000", *options)
    return shop


def test_an_offer_is_accepted_by_the_month(shop: Shop) -> None:
    offered(shop, "--expires", "2012-02-01").has_card()
    page = shop.get("upgrade", "?schedule=monthly")
    assert headline(page) == "We offer you Enterprise for $1,000.00 a year"
    text = words(page)
    assert "however many people you have. The offer is open until 1 February 2012" in text
    assert "$83.33 each month, twelve times in all; the last time it is $83.37." in text
    assert "The plan ends on 2 January 2013 and does not renew by itself." in text
    assert shop.pay("?schedule=monthly").status_code == 303
    assert "Your Enterprise plan has started. You paid $83.33." in words(shop.get("billing"))


def test_an_offer_is_paid_at_once_unless_chosen_otherwise(shop: Shop) -> None:
    text = words(offered(shop).has_card().get("upgrade"))
    assert "Accept and pay $1,000.00" in text and "each month" not in text


def test_an_offer_is_accepted_by_invoice(shop: Shop) -> None:
    offered(shop)
    page = shop.get("upgrade", "?pay=invoice")
    assert "Send the invoice over $1,000.00" in words(page)
    answer = shop.client.submit(page, action="/upgrade/confirm/")
    assert answer.status_code == 303 and "/status/" in answer.headers["Location"]


def test_without_a_card_one_is_added_first(shop: Shop) -> None:
    page = offered(shop).get("upgrade", "?schedule=monthly")
    assert "There is no card on file yet" in words(page)
    assert 'name="schedule" value="monthly"' in page.get_data(as_text=True)


def test_a_choice_that_is_none_is_refused(shop: Shop) -> None:
    assert offered(shop).get("upgrade", "?schedule=weekly").status_code == 400


def test_an_offer_that_was_withdrawn_is_not_accepted(shop: Shop) -> None:
    page = offered(shop).has_card().get("upgrade")
    shop.story.staff("offer", "withdraw", shop.organization.uuid)
    answer = shop.client.submit(page, action="/upgrade/confirm/")
    assert answer.status_code == 400
    assert "This offer is not open any more." in words(answer)


def test_another_price_is_shown_again(shop: Shop) -> None:
    page = offered(shop).has_card().get("upgrade")
    uuid = shop.organization.uuid
    shop.story.staff("offer", "withdraw", uuid)
    shop.story.staff("offer", "create", uuid, "--price", "1100")
    answer = shop.client.submit(page, action="/upgrade/confirm/")
    assert answer.status_code == 400
    assert "We offer you Enterprise for $1,100.00 a year" in words(answer)


def test_an_offer_that_has_its_invoice_leads_there(shop: Shop) -> None:
    shop.open(40)
    uuid = shop.organization.uuid
    shop.story.staff("tier", uuid, "--required", "enterprise")
    customer = shop.story.give_card(shop.story.payer(shop.server))
    remote = shop.payments.make_invoice(customer, amount=120_000)
    shop.story.staff("offer", "create", uuid, "--price", "1200", "--stripe-invoice", remote.id)
    text = words(shop.get("upgrade"))
    assert "Pay the invoice over $1,200.00 that we sent you" in text
    assert "Go on with it" in text and "Accept and pay" not in text
    assert "waits for its payment" in words(shop.get("plans"))
