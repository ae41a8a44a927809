"""Buying by invoice on the pages: the choice, the price, the page that waits, and its end."""

import pytest
from sqlalchemy import select

from app.models.invoices import Invoice
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.services.unit_of_work import unit_of_work
from tests.support.login import begin_server_session, load_known_server
from tests.support.shop import Shop, headline, words
from tests.web.upgrade.test_upgrade import count, send

BY_INVOICE = "?pay=invoice&schedule=annual"


def order(shop: Shop, query: str = BY_INVOICE) -> str:
    """Press the button; returns the address of the page that waits."""
    answer = shop.pay(query)
    assert answer.status_code == 303
    return str(answer.location)


def invoice_of(shop: Shop) -> str:
    with unit_of_work(shop.ctx) as work:
        return str(work.session.scalars(select(Invoice.stripe_invoice_id)).first())


def test_the_page_says_what_is_due_when_it_starts_and_what_happens_if_it_is_not_paid(
    shop: Shop,
) -> None:
    page = shop.open(18).get("upgrade", BY_INVOICE)
    said = words(page)
    assert headline(page) == (
        "Basic with 30 licenses: $1,020.00 by invoice now, then $1,260.00 each year"
    )
    assert "Basic, 12 months from payment 30 $42.00 $1,260.00" in said
    assert "New customer discount 1 −$240.00 −$240.00" in said
    assert "Total to pay $1,020.00" in said
    assert "It is due on 1 February 2012." in said
    assert "Basic starts on the day it is paid, and its time begins then." in said
    assert "If it is not paid by 2 March 2012, it is void and nothing is owed." in said
    assert "The next invoice, over $1,260.00, comes 12 months after your payment" in said
    assert "2 January 2013" not in said, "nobody knows the day yet"
    assert "Send the invoice over $1,020.00" in said and "Add a card" not in said
    assert "You can end the plan at any time" in said
    assert "For 30 to 1,000 licenses. Due in 30 days" in said


def test_both_ways_to_pay_are_offered(shop: Shop) -> None:
    page = shop.open(18).get("upgrade")
    assert "How to pay Card, now The plan starts at once. By invoice For 30 to 1,000" in words(page)
    assert "today" in headline(page), "by card, unless somebody wants otherwise"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?pay=invoice&licenses=0", "You need at least 30 licenses"),
        ("?pay=invoice&licenses=-1", "You need at least 30 licenses"),
        ("?pay=invoice&licenses=29", "You need at least 30 licenses"),
        ("?pay=invoice&management=manual&licenses=29", "You need at least 30 licenses"),
        ("?pay=invoice&licenses=1001", "Invoices for more than 1,000 licenses are arranged"),
        (f"?pay=invoice&licenses={10**9}", "Invoices for more than 1,000 licenses are arranged"),
        (f"?pay=invoice&licenses={10**40}", "Invoices for more than 1,000 licenses are arranged"),
        ("?pay=invoice&licenses=ten", "Enter a whole number."),
        # Nobody sees this question who pays by invoice, but an address may answer it.
        ("?pay=invoice&management=invoice", "Choose one of the options."),
        ("?pay=invoice&licenses=30.5", "Enter a whole number."),
        ("?pay=invoice&licenses=%D9%A3%D9%A0", "Enter a whole number."),
        ("?pay=invoice&licenses=3_0", "Enter a whole number."),
        ("?pay=invoice&licenses=", "Say how many licenses you want, 30 or more."),
        ("?pay=cheque", "Choose one of the options."),
    ],
)
@pytest.mark.sqlite_only
def test_a_wrong_number_is_told_beside_its_field_and_changes_nothing(
    shop: Shop, query: str, told: str
) -> None:
    page = shop.open(18).get("upgrade", query)
    said = words(page)
    assert page.status_code == 400
    assert said.startswith("There is a problem") and told in said
    assert "Send the invoice" not in said
    assert count(shop, Purchase) == 0


@pytest.mark.parametrize(
    ("query", "licenses"),
    [
        ("?pay=invoice", 30),
        # The number of somebody who paid by card until now is not his choice.
        ("?pay=invoice&management=automatic&licenses=18", 30),
        ("?pay=invoice&licenses=77", 77),
        ("?pay=invoice&management=manual&licenses=77", 77),
        ("?pay=invoice&licenses=1000", 1000),
    ],
)
@pytest.mark.sqlite_only
def test_the_number_that_is_offered(shop: Shop, query: str, licenses: int) -> None:
    page = shop.open(18).get("upgrade", query)
    assert f"Basic with {licenses:,} licenses" in headline(page)
    assert f'value="{licenses}"' in page.text


@pytest.mark.sqlite_only
def test_more_people_than_an_invoice_is_for(shop: Shop) -> None:
    page = shop.open(1200).get("upgrade", "?pay=invoice")
    assert page.status_code == 400
    assert "Invoices for more than 1,000 licenses are arranged with support." in words(page)
    assert "For up to 1,000 licenses; for more, write to support." in words(page)
    assert shop.get("upgrade").status_code == 200


def test_from_the_confirmation_to_the_plan(shop: Shop) -> None:
    shop.open(18)
    address = order(shop)
    assert address == shop.page("upgrade/status/1")
    status = shop.client.get(address)
    said = words(status)
    assert headline(status).startswith("Waiting for payment: invoice ")
    assert headline(status).endswith(" over $1,020.00, due on 1 February 2012")
    assert "Basic starts on the day it is paid." in said
    assert "It can be paid until 2 March 2012, 03:04:05 UTC" in said
    assert "mailed it to iago@acme.test. The wrong person?" in said
    hosted = f"https://invoice.fake.test/{invoice_of(shop)}"
    assert f'href="{hosted}"' in status.text and f'href="{hosted}/pdf"' in status.text
    # Asking changes nothing yet.
    answer = shop.client.submit(status, action="/status/1/")
    assert (answer.status_code, answer.location) == (303, address)
    assert "We asked again: it is not paid yet." in words(shop.client.get(address))
    # The billing page and the upgrade page lead to it.
    for name in ("billing", "upgrade"):
        page = shop.get(name)
        told = "Your invoice over $1,020.00 for Basic waits for its payment; due on 1 February 2012"
        assert told in words(page), name
        assert address in page.text
    # The money comes.
    shop.on("2012-01-20")
    shop.payments.pay_hosted(invoice_of(shop))
    answer = shop.client.submit(shop.client.get(address), action="/status/1/")
    assert answer.location == shop.page("billing")
    page = shop.get("billing")
    said = words(page)
    assert "Your Basic plan has started. You paid $1,020.00." in said
    assert headline(page) == "Basic, 18 people. Next invoice: $1,260.00 on 20 January 2013."
    assert "By invoice: Stripe mails each" in said and "Next charge" not in said
    assert "20 January 2013" in said, "its time begins with the payment"
    assert "Your Basic plan has started." in headline(shop.client.get(address))


def test_it_can_be_given_up(shop: Shop) -> None:
    shop.open(18)
    status = shop.client.get(order(shop, "?pay=invoice&licenses=40"))
    answer = shop.client.submit(status, action="/cancel/")
    assert answer.status_code == 303
    assert (
        answer.location
        == f"{shop.page('upgrade')}?tier=basic&schedule=monthly&pay=invoice&licenses=40"
    )
    page = shop.client.get(answer.location)
    assert "The invoice over $120.00 is void. Nothing is owed." in words(page)
    assert "Basic with 40 licenses" in headline(page), "the choice is kept"
    page = shop.client.get(shop.page("upgrade/status/1"))
    assert headline(page) == "The invoice over $120.00 is void."


def test_it_says_that_it_was_not_paid_in_time(shop: Shop) -> None:
    shop.open(18)
    address = order(shop)
    shop.on("2012-02-10")
    assert "was due on 1 February 2012" in headline(shop.client.get(address))
    shop.on("2012-03-05")
    shop.story.run_jobs()
    page = shop.client.get(address)
    assert headline(page) == "The invoice over $1,020.00 was not paid in time, so it is void."


def test_a_provider_that_does_not_answer(shop: Shop) -> None:
    shop.open(18)
    shop.payments.fail("finalize_invoice")
    page = shop.client.get(order(shop))
    assert headline(page) == "Your invoice over $1,020.00 is being made."
    assert "no invoice is made twice" in words(page)
    shop.client.submit(page, action="/status/1/")
    assert "Waiting for payment" in headline(shop.client.get(shop.page("upgrade/status/1")))
    assert count(shop, Purchase) == 1


def test_an_invoice_that_cannot_be_made(shop: Shop) -> None:
    shop.open(18)
    shop.payments.fail("send_invoice", "stored")
    page = shop.client.get(order(shop))
    answer = shop.client.submit(page, action="/status/1/")
    page = shop.client.get(answer.location)
    assert headline(page) == "The invoice over $1,020.00 could not be made."
    assert count(shop, Plan) == 0


def test_the_card_is_not_asked_for_and_the_way_back_to_it_is_open(shop: Shop) -> None:
    shop.open(18)
    order(shop)
    shop.has_card()
    page = shop.get("upgrade")
    assert "Pay it, or buy otherwise here: that makes it void." in words(page)
    assert shop.client.submit(page, action="/upgrade/confirm/").location == shop.page("billing")
    assert "Your Basic plan has started. You paid $43.00." in words(shop.get("billing"))
    page = shop.client.get(shop.page("upgrade/status/1"))
    assert headline(page) == "The invoice over $1,020.00 is void."


def test_what_was_paid_in_vain_says_so_and_goes_back(shop: Shop) -> None:
    shop.open(18)
    address = order(shop)
    shop.story.upgrade(shop.server, organization=None)
    shop.payments.pay_hosted(invoice_of(shop))
    shop.payments.fail("refund_invoice")
    status = shop.client.get(address)
    answer = shop.client.submit(status, action="/status/1/")
    assert answer.location == address
    page = shop.client.get(address)
    assert headline(page) == "Your payment of $1,020.00 goes back to you."
    assert "Your organization was already covered by its server's plan" in words(page)
    shop.clock.advance(minutes=30)
    shop.story.upload(shop.server)
    shop.story.run_jobs()
    page = shop.client.get(address)
    assert headline(page) == "Your payment of $1,020.00 went back to you."


def test_a_quote_by_invoice_is_checked_as_any_other(shop: Shop) -> None:
    shop.open(18)
    page = shop.get("upgrade", BY_INVOICE)
    token = page.text.partition('name="quote" value="')[2].partition('"')[0]
    for wrong in (token[:-2] + "xx", token[1:]):
        assert send(shop, wrong).status_code == 400
    assert count(shop, Purchase) == 0
    assert send(shop, token).location == shop.page("upgrade/status/1")
    assert send(shop, token).location == shop.page("upgrade/status/1")
    assert count(shop, Purchase) == count(shop, Invoice) == 1


def test_a_server_buys_by_invoice_too(shop: Shop) -> None:
    shop.open(18)
    server_id = shop.story.payer(shop.server, None).server_id
    begin_server_session(shop.client, shop.ctx, load_known_server(shop.ctx, server_id))
    page = shop.client.get(f"/server/{shop.server.uuid}/upgrade/{BY_INVOICE}")
    answer = shop.client.submit(page, action="/upgrade/confirm/")
    assert answer.location == f"/server/{shop.server.uuid}/upgrade/status/1/"
    status = shop.client.get(answer.location)
    assert "Waiting for payment" in headline(status)
    assert "mailed it to root@acme.test." in words(status), "the contact of the server"
