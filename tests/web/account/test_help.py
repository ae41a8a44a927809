"""Whom to ask, and what is asked most."""

import re
from urllib.parse import unquote

import pytest

from tests.support.login import begin_server_session, load_known_server
from tests.support.plans import add_customer, add_plan
from tests.support.shop import Shop, counted_queries, headline, words
from tests.support.wire import load_server


def test_the_mail_says_who_asks(shop: Shop) -> None:
    page = shop.open(18).buy().get("help")
    assert headline(page) == "Write to support@tallyport.test, and we will help."
    found = re.search(r'href="mailto:support@tallyport\.test\?subject=([^"]+)"', page.text)
    assert found is not None
    assert unquote(found[1]) == (
        f"Billing for chat1.acme.test ({shop.organization.uuid}), plan Basic"
    )
    assert "Never send a key or a card number." in words(page)


def test_the_answers_lead_to_the_pages(shop: Shop) -> None:
    page = shop.open(18).get("help")
    said = words(page)
    assert "Plan none" in said and "no plan" in unquote(page.text)
    for name in ("billing", "plans", "invoices", "people", "activity", "missing-data"):
        address = shop.page(name)
        assert f'href="{address}"' in page.text
        assert shop.client.get(address).status_code in {200, 302}
    for question in (
        "Why did the price change?",
        "Someone left; when do I pay less?",
        "How do I pay by invoice?",
        "for at least 30 licenses",
        "It is due in 30 days",
        "How do I change the card?",
        "How do I remove a person?",
        "Our server is moving to a new host.",
        "free for up to 10 people",
    ):
        assert question in said
    assert "unregister the server" not in said, "an organization cannot"


def test_the_answers_fit_the_plan(shop: Shop) -> None:
    shop.open(18)
    assert "From the next renewal." in words(shop.get("help"))
    shop.buy(licenses=20)
    page = shop.get("help")
    assert "You chose the number of licenses yourself" in words(page)
    assert shop.page("plan/licenses") in page.text


def test_a_covered_organization_has_nothing_to_pay(shop: Shop) -> None:
    shop.open(18)
    add_plan(shop.ctx, add_customer(shop.ctx, load_server(shop.ctx, shop.server.uuid)))
    said = words(shop.get("help"))
    assert "Where do I pay?" in said and "How do I change the card?" not in said
    assert "Plan Basic" in said


def test_a_server_learns_how_to_leave(shop: Shop) -> None:
    shop.open()
    server = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, server)
    page = shop.client.get(server.page("help"))
    assert "How do I unregister the server?" in words(page)
    assert f'href="{server.page("deactivate")}"' in page.text
    assert f"Server {server.hostname}" in words(page)


@pytest.mark.sqlite_only
def test_the_menu_leads_to_help_and_to_the_log(shop: Shop) -> None:
    page = shop.open().get("billing")
    assert f'href="{shop.page("activity")}"' in page.text
    assert f'href="{shop.page("help")}"' in page.text
    assert f'href="{shop.page("people")}"' in page.text
    with counted_queries() as queries:
        assert shop.get("help").status_code == 200
    assert len(queries) <= 4, "\n".join(queries)
