"""Choosing a plan, its exact price, and paying for it."""

import re

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.domain.kinds import InvoiceStatus, PurchaseStatus
from app.models.customers import Customer
from app.models.invoices import Invoice
from app.models.plans import Plan
from app.models.purchases import Purchase
from app.services.unit_of_work import unit_of_work
from tests.support.login import make_link
from tests.support.shop import Shop, counted_queries, headline, words


def count(shop: Shop, table: type) -> int:
    with unit_of_work(shop.ctx) as work:
        return int(work.session.scalar(select(func.count()).select_from(table)) or 0)


def quote_of(page: str) -> str:
    found = re.search(r'name="quote" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_the_exact_price_is_shown_before_anything_is_confirmed(shop: Shop) -> None:
    shop.open(18).has_card()
    page = shop.get("upgrade")
    said = words(page)
    assert (
        headline(page) == "Basic for 18 people: $43.00 today and each month for a year, then $63.00"
    )
    assert "Basic 2 January 2012 – 2 February 2012 18 $3.50 $63.00" in said
    assert "New customer discount 2 January 2012 – 2 February 2012 1 −$20.00" in said
    assert "Total today $43.00" in said
    assert "$43.00 on 2 February 2012, then each month." in said
    assert "ends on 2 January 2013; from then on it is $63.00 a month." in said
    assert "Basic - renewal 2 February 2012 – 2 March 2012 18 $3.50 $63.00" in said
    assert "Visa ending 4242, expires 12/2034" in said and "Pay $43.00" in said
    assert "You can end the plan at any time" in said


@pytest.mark.parametrize(
    ("people", "query", "told"),
    [
        (11, "?tier=business&schedule=annual", "$1,760.00 today, then $2,000.00 each year"),
        (30, "?schedule=annual", "$1,020.00 today, then $1,260.00 each year"),
        (30, "?tier=business", "$220.00 today and each month for a year, then $240.00"),
        (2, "", "Basic with 6 licenses: $1.00 today and each month for a year, then $7.00"),
        (18, "?management=manual&licenses=25", "Basic with 25 licenses: $67.50 today"),
        (18, "?management=automatic&licenses=25", "Basic for 18 people: $43.00 today"),
    ],
)
@pytest.mark.sqlite_only
def test_each_choice_has_its_price(shop: Shop, people: int, query: str, told: str) -> None:
    assert told in headline(shop.open(people).get("upgrade", query))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?tier=gold", "Choose one of the options."),
        ("?tier=enterprise", "Choose one of the options."),
        ("?tier=", "Choose one of the options."),
        ("?schedule=weekly", "Choose one of the options."),
        ("?management=nobody", "Choose one of the options."),
        ("?management=manual", "Say how many licenses you want, 18 or more."),
        ("?management=manual&licenses=17", "You need at least 18 licenses"),
        ("?management=manual&licenses=-5", "You need at least 18 licenses"),
        ("?management=manual&licenses=many", "Enter a whole number."),
        ("?management=manual&licenses=1e3", "Enter a whole number."),
        (f"?management=manual&licenses={10**40}", "Choose at most 1,000,000 licenses."),
        (f"?management=manual&licenses={'9' * 5000}", "Enter a whole number."),
        ("?licenses=x%00%07", "Enter a whole number."),
    ],
)
@pytest.mark.sqlite_only
def test_a_wrong_choice_is_told_beside_its_field(shop: Shop, query: str, told: str) -> None:
    page = shop.open(18).has_card().get("upgrade", query)
    said = words(page)
    assert page.status_code == 400
    assert said.startswith("There is a problem") and told in said
    assert "Pay $" not in said


def test_paying_starts_the_plan(shop: Shop) -> None:
    shop.open(18).has_card()
    answer = shop.pay()
    assert (answer.status_code, answer.location) == (303, shop.page("billing"))
    said = words(shop.get("billing"))
    assert "Your Basic plan has started. You paid $43.00." in said
    answer = shop.get("upgrade")
    assert (answer.status_code, answer.location) == (303, shop.page("billing"))
    assert "You are already subscribed." in words(shop.get("billing"))


def test_a_form_sent_twice_buys_once(shop: Shop) -> None:
    shop.open(18).has_card()
    page = shop.get("upgrade")
    for _ in range(2):
        answer = shop.client.submit(page, action="/upgrade/confirm/")
        assert (answer.status_code, answer.location) == (303, shop.page("billing"))
    assert count(shop, Plan) == count(shop, Purchase) == count(shop, Invoice) == 1


def test_a_second_tab_finds_that_it_is_bought_already(shop: Shop) -> None:
    shop.open(18).has_card()
    tabs = [shop.get("upgrade"), shop.get("upgrade", "?schedule=annual")]
    answers = [shop.client.submit(tab, action="/upgrade/confirm/") for tab in tabs]
    assert [answer.location for answer in answers] == [shop.page("billing")] * 2
    assert "You are already subscribed." in words(shop.get("billing"))
    assert count(shop, Plan) == 1


def test_a_declined_card_says_why_and_changes_nothing(shop: Shop) -> None:
    shop.open(18).has_card("insufficient_funds")
    answer = shop.pay("?schedule=annual")
    said = words(answer)
    assert answer.status_code == 400
    assert said.startswith("There is a problem")
    assert "Your bank says: “Your card has insufficient funds.” Nothing was charged" in said
    assert "Use another card" in said and "$516.00 today" in said, "the choice is kept"
    assert count(shop, Plan) == 0
    with unit_of_work(shop.ctx) as work:
        assert work.session.scalars(select(Invoice.status)).all() == [InvoiceStatus.VOID]

    # The same page, with another card on file, buys.
    shop.has_card("visa")
    answer = shop.client.submit(answer, action="/upgrade/confirm/")
    assert answer.location == shop.page("billing")


def test_without_a_card_the_page_leads_to_one_and_buying_is_refused(shop: Shop) -> None:
    shop.open(18)
    page = shop.get("upgrade", "?tier=business&management=manual&licenses=30")
    assert "Add a card" in words(page) and "Pay $" not in words(page)
    for name, value in (
        ("next", "upgrade"),
        ("tier", "business"),
        ("schedule", "monthly"),
        ("management", "manual"),
        ("licenses", "30"),
    ):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page.text

    # Another tab still has the button: what it sends is refused with the way out.
    token = quote_of(shop.has_card().get("upgrade").text)
    with unit_of_work(shop.ctx) as work:
        customer = work.session.scalars(select(Customer)).unique().one()
        customer.card_payment_method = None
        work.commit()
    answer = send(shop, token)
    assert answer.status_code == 400
    assert "Please add a credit card before upgrading." in words(answer)


def send(shop: Shop, token: str | None) -> TestResponse:
    """Send a confirmation by hand, with the token of a session that has a page open."""
    page = shop.get("invoices").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    fields = {"csrf_token": found[1]} | ({} if token is None else {"quote": token})
    return shop.client.post(shop.page("upgrade/confirm"), data=fields)


def test_confirmations_that_are_wrong(shop: Shop) -> None:
    shop.open(18).has_card()
    token = quote_of(shop.get("upgrade").text)
    for wrong in (None, "", "nonsense", token[:-2] + "xx", "." * 5000, "\x00"):
        answer = send(shop, wrong)
        assert answer.status_code == 400
        assert "This confirmation is not complete." in words(answer)
    assert shop.client.post(shop.page("upgrade/confirm"), data={"quote": token}).status_code == 400
    # Fetching the address leads to the page, so that reloading does no harm.
    assert shop.get("upgrade/confirm").location == shop.page("upgrade")
    # A quote of somebody else's.
    other = shop.story.server(seats=(2,))
    theirs = shop.story.quote_token(shop.story.payer(other), tier="basic")
    assert "This confirmation is not complete." in words(send(shop, theirs))
    assert count(shop, Purchase) == 0


def test_an_old_confirmation_asks_to_look_again(shop: Shop) -> None:
    shop.open(18).has_card()
    token = quote_of(shop.get("upgrade", "?schedule=annual").text)
    shop.on("2012-01-02 05:04:06")
    answer = send(shop, token)
    assert answer.status_code == 400
    assert "This page was open for too long." in words(answer)
    assert "then $756.00 each year" in headline(answer), "the choice is kept"
    assert count(shop, Purchase) == 0


def test_a_changed_price_says_what_it_was_and_is(shop: Shop) -> None:
    shop.open(18).has_card()
    token = quote_of(shop.get("upgrade").text)
    with unit_of_work(shop.ctx) as work:
        customer = work.session.scalars(select(Customer)).unique().one()
        customer.new_customer_months_left = 5
        work.commit()
    answer = send(shop, token)
    said = words(answer)
    assert answer.status_code == 400
    assert "Since you opened this page, your discount changed." in said
    assert "What changed" in said and "Months with the discount 12 5" in said
    assert "$43.00 today and each month for 5 months, then $63.00" in headline(answer)
    assert count(shop, Purchase) == 0
    assert shop.client.submit(answer, action="/upgrade/confirm/").location == shop.page("billing")


def test_people_who_come_meanwhile_do_not_refuse_it(shop: Shop) -> None:
    shop.open(18).has_card()
    page = shop.get("upgrade")
    shop.story.upload_seats(shop.server, 20)
    assert shop.client.submit(page, action="/upgrade/confirm/").location == shop.page("billing")
    assert "You paid $43.00." in words(shop.get("billing"))
    assert "2 invoices, and nothing to pay" in headline(shop.get("invoices"))


# --- payments that hang ---


def test_the_bank_asks_for_the_person(shop: Shop) -> None:
    shop.open(18).has_card("requires_authentication")
    answer = shop.pay()
    assert answer.status_code == 303
    assert answer.location.startswith("https://invoice.fake.test/in_fake_")

    page = shop.get("upgrade")
    assert "You have an unfinished payment of $43.00 for Basic." in words(page)
    status = shop.client.get(shop.page("upgrade/status/1"))
    assert headline(status) == "Your bank asks you to confirm the payment of $43.00."
    assert f'href="{answer.location}"' in status.text
    assert "It stays open until 3 January 2012, 03:04:05 UTC" in words(status)

    # Nothing has happened yet.
    answer = shop.client.submit(status, action="/status/1/")
    assert (answer.status_code, answer.location) == (303, shop.page("upgrade/status/1"))

    # The person confirms; before the webhook comes, "check now" finds it.
    shop.payments.pay_hosted(invoice_of(shop))
    answer = shop.client.submit(status, action="/status/1/")
    assert answer.location == shop.page("billing")
    assert "Your Basic plan has started. You paid $43.00." in words(shop.get("billing"))
    assert "Your Basic plan has started." in headline(
        shop.client.get(shop.page("upgrade/status/1"))
    )


def invoice_of(shop: Shop) -> str:
    with unit_of_work(shop.ctx) as work:
        return str(work.session.scalars(select(Invoice.stripe_invoice_id)).one())


def test_starting_over_calls_the_payment_off(shop: Shop) -> None:
    shop.open(18).has_card("requires_authentication")
    shop.pay("?schedule=annual")
    status = shop.client.get(shop.page("upgrade/status/1"))
    answer = shop.client.submit(status, action="/cancel/")
    assert answer.status_code == 303
    assert answer.location.startswith(f"{shop.page('upgrade')}?tier=basic&schedule=annual")
    said = words(shop.client.get(answer.location))
    assert "The payment of $516.00 was called off. Nothing was charged." in said
    assert "unfinished" not in said
    assert "was called off" in headline(shop.client.get(shop.page("upgrade/status/1")))
    with unit_of_work(shop.ctx) as work:
        assert work.session.scalars(select(Purchase.status)).one() is PurchaseStatus.VOIDED
        assert work.session.scalars(select(Invoice.status)).one() is InvoiceStatus.VOID


def test_starting_over_after_all_was_paid_starts_the_plan(shop: Shop) -> None:
    shop.open(18).has_card("requires_authentication")
    shop.pay()
    shop.payments.pay_hosted(invoice_of(shop))
    status = shop.client.get(shop.page("upgrade/status/1"))
    answer = shop.client.submit(status, action="/cancel/")
    assert answer.location == shop.page("billing")
    assert "Your Basic plan has started." in words(shop.get("billing"))
    # Pressing it again changes nothing.
    assert shop.client.submit(status, action="/cancel/").location == shop.page("billing")
    assert count(shop, Plan) == 1


def test_buying_otherwise_calls_the_unfinished_payment_off(shop: Shop) -> None:
    shop.open(18).has_card("requires_authentication")
    shop.pay()
    shop.has_card("visa")
    assert shop.pay("?schedule=annual").location == shop.page("billing")
    with unit_of_work(shop.ctx) as work:
        statuses = work.session.scalars(select(Purchase.status).order_by(Purchase.id)).all()
        assert statuses == [PurchaseStatus.VOIDED, PurchaseStatus.COMPLETED]


def test_a_provider_that_does_not_answer(shop: Shop) -> None:
    shop.open(18).has_card()
    shop.payments.fail("pay_invoice", "after")
    shop.payments.fail("get_invoice")
    answer = shop.pay()
    assert (answer.status_code, answer.location) == (303, shop.page("upgrade/status/1"))
    status = shop.client.get(answer.location)
    assert "We do not know yet whether the payment of $43.00 arrived." in headline(status)
    assert "never charged twice" in words(status)
    answer = shop.client.submit(status, action="/status/1/")
    assert answer.location == shop.page("billing")
    assert count(shop, Plan) == 1


@pytest.mark.parametrize("step", ["create_invoice", "add_lines", "finalize_invoice"])
@pytest.mark.sqlite_only
def test_a_provider_that_does_not_answer_before_the_charge(shop: Shop, step: str) -> None:
    shop.open(18).has_card()
    shop.payments.fail(step)
    refused = shop.pay("?schedule=annual")
    assert refused.status_code == 400
    assert "The payment was not made: our payment provider did not answer" in words(refused)
    assert "Pay $516.00" in words(refused) and "Nothing was charged." in words(refused)
    assert count(shop, Plan) == 0
    assert shop.client.submit(refused, action="/upgrade/confirm/").location == shop.page("billing")


def test_an_unfinished_payment_that_cannot_be_called_off(shop: Shop) -> None:
    shop.open(18).has_card("requires_authentication")
    shop.pay()
    shop.payments.fail("get_invoice")
    refused = shop.pay("?schedule=annual")
    assert refused.status_code == 400
    assert "An earlier payment of yours is not settled" in words(refused)
    assert "You have an unfinished payment of $43.00 for Basic." in words(refused)
    assert count(shop, Purchase) == 1
    shop.has_card("visa")
    assert shop.pay("?schedule=annual").location == shop.page("billing")


def test_two_tabs_at_the_same_moment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one looks for an open payment before the first has stored its own."""
    shop.open(18).has_card("requires_authentication")
    shop.pay()
    monkeypatch.setattr("app.services.purchases._close_earlier_purchase", lambda *_, **__: None)
    refused = shop.pay("?schedule=annual")
    assert refused.status_code == 400
    assert "Another payment for this plan is being made right now." in words(refused)
    assert count(shop, Purchase) == 1


def test_a_login_that_is_over_when_the_button_is_pressed(shop: Shop) -> None:
    shop.open(18).has_card()
    page = shop.get("upgrade")
    shop.clock.advance(hours=2)
    answer = shop.client.submit(page, action="/upgrade/confirm/")
    assert answer.status_code == 302
    way_back = f"http://{shop.organization.host}/self-hosted-billing/?next_page=upgrade"
    assert answer.location == way_back
    assert count(shop, Purchase) == 0
    link = make_link(shop.ctx, shop.organization, next_page="upgrade")
    login = shop.client.get(link, follow_redirects=True)
    assert "nothing was paid or changed" in words(login)


def test_a_decline_that_is_found_out_later(shop: Shop) -> None:
    shop.open(18).has_card("declines")
    shop.pay()
    page = shop.client.get(shop.page("upgrade/status/1"))
    assert headline(page) == "The payment of $43.00 was declined."
    assert "Your card was declined." in words(page)
    assert f'href="{shop.page("upgrade")}?tier=basic' in page.text


def test_payments_of_others_do_not_exist(shop: Shop) -> None:
    shop.open(18).has_card()
    other = shop.story.server(seats=(30,))
    shop.story.upgrade(other)
    page = shop.get("invoices").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    for number in (1, 999, 2**63, 10**40):
        address = shop.page(f"upgrade/status/{number}")
        assert shop.client.get(address).status_code == 404
        for path in (address, f"{address}cancel/"):
            answer = shop.client.post(path, data={"csrf_token": found[1]})
            assert answer.status_code == 404
    assert count(shop, Plan) == 1


@pytest.mark.parametrize("reports", [1, 30])
def test_the_number_of_queries_is_constant(shop: Shop, reports: int) -> None:
    shop.open(18).has_card().on("2012-01-02 04:00:00", uploads=False)
    shop.story.upload_seats(shop.server, *range(19, 19 + reports))
    shop.get("upgrade")
    with counted_queries() as queries:
        assert shop.get("upgrade").status_code == 200
    assert len(queries) <= 12, "\n".join(queries)
