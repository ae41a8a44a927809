"""What pages say of an invoice that is not paid: what is owed, when it is tried again, what ends."""

import pytest

from tests.support.shop import Shop, words

PAGES = ("plans", "usage", "people", "help")


@pytest.fixture
def owing(shop: Shop) -> Shop:
    """The renewal of 2 February was refused."""
    shop.open(18)
    shop.has_card()
    shop.pay()
    shop.story.give_card(shop.story.payer(shop.server), "declines")
    shop.run_until("2012-02-02")
    return shop


@pytest.mark.sqlite_only
def test_the_billing_page_says_when_the_card_is_tried_again(owing: Shop) -> None:
    said = words(owing.get("billing"))
    assert "Your plan goes on meanwhile. We try the card again on 5 February." in said
    owing.run_until("2012-02-05")
    said = words(owing.get("billing"))
    assert "We try the card a last time on 10 February; if that fails, the plan ends." in said
    owing.run_until("2012-02-11")
    said = words(owing.get("billing"))
    assert "Your plan has ended over it. Paid by 11 March, it goes on as before." in said
    owing.run_until("2012-03-12")
    assert "Your plan has ended; the invoice is owed all the same." in words(owing.get("billing"))


@pytest.mark.sqlite_only
def test_every_page_says_what_is_owed_until_it_is_paid(owing: Shop) -> None:
    for page in PAGES:
        said = words(owing.get(page))
        assert "You owe $43.00 1 invoice should have been paid by now." in said, page
    assert "You owe" not in words(owing.get("billing")), "it says so itself"
    owing.story.receive_whatever_is_open()
    owing.story.deliver_events()
    for page in PAGES:
        assert "You owe" not in words(owing.get(page)), page


@pytest.mark.sqlite_only
def test_a_sent_invoice_is_owed_from_its_due_date_on(shop: Shop) -> None:
    shop.open(18)
    shop.story.order(shop.server, schedule="monthly")
    shop.story.receive(1)
    shop.story.deliver_events()
    shop.run_until("2012-02-03", step=1)
    assert "You owe" not in words(shop.get("usage"))
    said = words(shop.get("billing"))
    assert "If it is not paid by 2 April, the plan ends then." in said
    shop.run_until("2012-03-04")
    assert "You owe" in words(shop.get("usage"))
