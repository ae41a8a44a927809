"""To the provider's card page and back."""

import re

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.models.customers import Customer
from app.services.card_setup import apply_card_setup
from app.services.unit_of_work import unit_of_work
from tests.support.shop import Shop, headline, words


def sent_to(shop: Shop) -> tuple[str, str]:
    """Session id and return address of the visit that was just begun."""
    visit = list(shop.payments._state._sessions.values())[-1]
    return visit.id, visit.success_url.removeprefix(shop.ctx.settings.base_url)


def begin(shop: Shop, page: TestResponse) -> tuple[str, str]:
    answer = shop.client.submit(page, action="/card/")
    assert answer.status_code == 303
    return sent_to(shop)


def test_a_card_on_the_way_to_a_plan(shop: Shop) -> None:
    shop.open(30)
    query = "?tier=business&schedule=annual&management=manual&licenses=40"
    session_id, back = begin(shop, shop.get("upgrade", query))
    shop.payments.complete_card_setup(session_id)

    # The browser is quicker than the webhook: the page waits, and can be asked to look.
    page = shop.client.get(back)
    assert headline(page) == "We are waiting for the confirmation of your card."
    answer = post_back(shop, page, back)
    assert answer.status_code == 303
    assert answer.location.startswith(f"{shop.page('upgrade')}?")
    page = shop.client.get(answer.location)
    said = words(page)
    assert "Your card is on file: Visa ending 4242, expires 12/2034." in said
    assert "Business with 40 licenses" in headline(page), "the choices are kept"
    assert "Pay $" in said


def post_back(shop: Shop, page: TestResponse, address: str) -> TestResponse:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return shop.client.post(address, data={"csrf_token": found[1]})


def test_a_card_that_the_webhook_brought_first(shop: Shop) -> None:
    shop.open(18).buy()
    session_id, back = begin(shop, shop.get("billing"))
    shop.payments.complete_card_setup(session_id, "mastercard")
    apply_card_setup(shop.ctx, session_id)
    answer = shop.client.get(back)
    assert (answer.status_code, answer.location) == (303, shop.page("billing"))
    said = words(shop.get("billing"))
    assert "Your card is on file: Mastercard ending 4444" in said


def test_looking_before_a_card_was_entered(shop: Shop) -> None:
    shop.open(18)
    _, back = begin(shop, shop.get("upgrade"))
    page = shop.client.get(back)
    answer = post_back(shop, page, back)
    assert answer.status_code == 400
    assert "No card has arrived yet." in words(answer)
    assert shop.page("upgrade") in answer.text, "there is a way on"


def test_coming_back_without_a_card(shop: Shop) -> None:
    shop.open(18)
    answer = shop.get("card/cancelled", "?next=upgrade&tier=business&schedule=annual")
    assert answer.location == f"{shop.page('upgrade')}?tier=business&schedule=annual"
    page = shop.client.get(answer.location)
    assert "No card was entered, so nothing has changed." in words(page)
    assert shop.get("card/cancelled").location == shop.page("billing")


@pytest.mark.parametrize(
    "query",
    [
        "?next=https://evil.test/",
        "?next=//evil.test",
        "?next=upgrade&tier=" + "x" * 500,
        "?next=upgrade&next=billing&extra=1",
    ],
)
@pytest.mark.sqlite_only
def test_the_way_on_is_never_somebody_elses_address(shop: Shop, query: str) -> None:
    answer = shop.open(18).get("card/cancelled", query)
    assert answer.location in {shop.page("billing"), shop.page("upgrade")}


def test_visits_of_others_and_invented_ones_do_not_exist(shop: Shop) -> None:
    shop.open(18)
    _, back = begin(shop, shop.get("upgrade"))
    page = shop.client.get(back)
    other = Shop(shop.story.app, shop.ctx, shop.clock, shop.payments, shop.client)
    other.server = shop.story.server(seats=(5,))
    other.organization = shop.known(other.server)
    other.log_in()
    theirs = other.page("card/return")
    query = back.partition("?")[2]
    for address in (
        f"{theirs}?{query}",
        theirs,
        f"{theirs}?session_id=",
        f"{theirs}?session_id=cs_invented",
        f"{theirs}?session_id={'x' * 5000}",
        f"{theirs}?session_id=%00",
    ):
        assert shop.client.get(address).status_code == 404
    token_page = other.get("plans")
    assert post_back(shop, token_page, f"{theirs}?{query}").status_code == 404
    assert page.status_code == 200


def test_the_provider_does_not_answer(shop: Shop) -> None:
    shop.open(18)
    page = shop.get("upgrade", "?schedule=annual")
    shop.payments.fail("create_card_setup")
    answer = shop.client.submit(page, action="/card/")
    assert answer.status_code == 303
    again = shop.client.get(answer.location)
    assert "Our payment provider does not answer right now." in words(again)
    assert "each year" in headline(again)

    session_id, back = begin(shop, again)
    shop.payments.complete_card_setup(session_id)
    page = shop.client.get(back)
    shop.payments.fail("get_card_setup")
    answer = post_back(shop, page, back)
    assert answer.status_code == 400
    assert "Our payment provider does not answer right now." in words(answer)
    assert post_back(shop, page, back).status_code == 303
    with unit_of_work(shop.ctx) as work:
        customer = work.session.scalars(select(Customer)).unique().one()
        assert customer.card_last4 == "4242"
