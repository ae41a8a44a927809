"""The billing page in each of its states."""

import re
from uuid import uuid4

import pytest
from sqlalchemy import update

from app.models.customers import Customer
from app.models.people import BillingUser
from app.models.plans import Plan
from app.services.unit_of_work import unit_of_work
from tests.support.login import begin_server_session, begin_session, load_known_server
from tests.support.shop import Shop, counted_queries, headline, words

# Words and links of one page: tests/e2e/test_main_road.py reads it on both databases.
pytestmark = pytest.mark.sqlite_only


def test_the_next_charge_is_told_line_by_line_with_its_reasons(shop: Shop) -> None:
    shop.open(18).buy()
    assert headline(shop.get("billing")) == "Basic, 18 people. Next charge: $43.00 on 2 February."

    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, 19, 20, 21, 22, 23)
    page = shop.get("billing")
    said = words(page)
    assert headline(page) == "Basic, 23 people. Next charge: $76.85 on 2 February."
    assert "23 licenses: 18 at the start, 5 added on 4 January." in said
    assert (
        "5 licenses added on 4 January 4 January 2012 – 2 February 2012 5 people joined on "
        "4 January. A license for 29 of 31 days of $3.50 costs $3.27, rounded to the cent."
    ) in said
    assert "5 $3.27 $16.35" in said
    assert (
        "Basic - renewal 2 February 2012 – 2 March 2012 One license for each of your 23 people. "
        "23 $3.50 $80.50"
    ) in said
    assert (
        "New customer discount 2 February 2012 – 2 March 2012 New customers pay $20.00 a month "
        "less. For you this ends on 2 January 2013. 1 −$20.00 −$20.00"
    ) in said
    assert "Total $76.85" in said
    # Each added license names its audit row.
    assert re.findall(r"Licenses (\d+) → (\d+)", said) == [
        ("18", "19"),
        ("19", "20"),
        ("20", "21"),
        ("21", "22"),
        ("22", "23"),
    ]
    assert said.count("Person added row") == 5
    assert "Visa ending 4242, expires 12/2034" in said
    assert "Licenses follow the number of people." in said


def test_the_page_says_what_the_jobs_then_charge(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, 23)
    shop.on("2012-01-10", uploads=False)
    shop.story.upload_seats(shop.server, 15)
    shop.on("2012-01-20", uploads=False)
    shop.story.upload_seats(shop.server, 26)
    told = re.search(r"Next charge: (\$[\d.]+)", headline(shop.get("billing")))
    assert told is not None
    shop.run_until("2012-02-02")
    assert f"{told[1]}, paid on 2 February 2012." in headline(shop.get("invoices/2"))


def test_a_plot_and_a_table_show_people_and_licenses(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-10", uploads=False)
    shop.story.upload_seats(shop.server, 20)
    shop.on("2012-01-12", uploads=False)
    shop.story.upload_seats(shop.server, 17)
    page = shop.get("billing")
    assert '<svg class="chart-plot chart-plot-wide"' in page.text
    said = words(page)
    assert "10 January 2012, 03:04:05 UTC 20 20" in said
    assert "12 January 2012, 03:04:05 UTC 17 20" in said, "licenses do not fall within a cycle"
    assert "At the next renewal 17 licenses" in said


def test_an_annual_plan_charges_what_was_added_at_the_next_month(shop: Shop) -> None:
    shop.open(30).buy(tier="basic", schedule="annual")
    page = shop.get("billing")
    assert headline(page) == "Basic, 30 people. Next charge: $1,260.00 on 2 January 2013."

    shop.on("2012-01-12", uploads=False)
    shop.story.upload_seats(shop.server, 31)
    said = words(shop.get("billing"))
    assert "on 2 February" in said and "1 license added on 12 January" in said
    assert "The plan renews on 2 January 2013 for $1,302.00" in said


def test_without_a_plan_the_page_leads_to_the_plans(shop: Shop) -> None:
    shop.open(3)
    page = shop.get("billing")
    assert headline(page) == "You have no plan, so there is nothing to pay."
    assert f'href="{shop.page("plans")}"' in page.text


def test_an_organization_covered_by_its_server_has_nothing_to_do(shop: Shop) -> None:
    shop.open(18)
    shop.story.upgrade(shop.server, organization=None)
    page = shop.get("billing")
    assert headline(page) == "Your organization is covered by its server's Basic plan."
    assert "Choose a plan" not in words(page)
    assert "Whoever runs your server pays" in words(shop.get("plans"))
    answer = shop.get("upgrade")
    assert (answer.status_code, answer.location) == (303, shop.page("billing"))


def test_stale_uploads_show_no_number_but_how_to_mend_them(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-05", uploads=False)
    page = shop.get("billing")
    said = words(page)
    assert page.status_code == 200
    assert headline(page) == "Basic, 18 licenses. We are waiting to hear from your server."
    assert "We have not heard from your server since 2 January 2012, 03:04:05 UTC" in said
    assert "$43.00" not in said and "18 people" not in said
    answer = shop.get("missing-data")
    assert "We have not heard from your server since" in words(answer)

    # The invoice that is due waits, and says so.
    shop.on("2012-02-03", uploads=False)
    shop.story.run_jobs()
    assert "The invoice of 2 February waits for your server's report." in words(shop.get("billing"))

    # After two weeks the paid part is off, as its server is told.
    shop.on("2012-02-17", uploads=False)
    said = words(shop.get("billing"))
    assert "the paid part (mobile notifications) is switched off" in said

    # Once it reports, the charge is told again, and the page about it leads back.
    shop.on("2012-02-17")
    assert "$43.00" in headline(shop.get("billing"))
    assert shop.get("missing-data").location == shop.page("billing")


def test_a_boundary_that_no_job_has_reached_yet(shop: Shop) -> None:
    shop.open(18).buy().on("2012-02-02")
    page = shop.get("billing")
    assert headline(page) == "Basic, 18 people. Being charged now: $43.00 for 2 February."


def test_a_plan_that_ends_has_a_way_back_until_then(shop: Shop) -> None:
    shop.open(18).buy()
    shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    page = shop.get("billing")
    said = words(page)
    assert headline(page) == "Basic, 18 people. It ends on 2 February."
    assert "Your plan will end on 2 February 2012. Undo" in said
    assert "none: the plan ends" in said

    shop.on("2012-01-05", uploads=False)
    shop.story.upload_seats(shop.server, 20)
    told = headline(shop.get("billing"))
    assert told == "Basic, 20 people. It ends on 2 February, with a last charge of $6.32."
    shop.on("2012-02-02")
    page = shop.get("billing")
    assert headline(page) == "Your Basic plan ended on 2 February."
    shop.story.run_jobs()
    page = shop.get("billing")
    assert headline(page) == "Your Basic plan ended on 2 February."
    assert f'href="{shop.page("plans")}"' in page.text


def test_a_failed_payment_is_told_with_the_way_to_pay(shop: Shop) -> None:
    shop.open(18).buy().has_card("insufficient_funds").run_until("2012-02-02")
    page = shop.get("billing")
    said = words(page)
    assert "An invoice waits for its payment $43.00 of 2 February could not be charged." in said
    assert "Your card has insufficient funds." in said
    assert headline(page) == "Basic, 18 people. $43.00 of 2 February waits for its payment."
    assert "Pay $43.00" in said
    assert re.search(rf'action="{shop.page("invoices")}\d+/pay/"', page.text)
    assert 'href="https://invoice.fake.test/' in page.text and "Pay in another way" in said
    assert "1 invoice waits for its payment: $43.00." in words(shop.get("invoices"))


def test_a_sent_invoice_is_no_trouble_before_it_is_due(shop: Shop) -> None:
    shop.open(18)
    shop.story.order(shop.server, schedule="monthly", licenses=30)
    shop.story.receive_whatever_is_open()
    shop.run_until("2012-02-02")
    page = shop.get("billing")
    assert headline(page) == (
        "Basic, 18 people. $85.00 of 2 February waits for its payment, due on 3 March 2012."
    )
    told = (
        "$85.00 of 2 February is not paid yet. It is due on 3 March. Your plan goes on meanwhile."
    )
    assert told in words(page)
    assert "notice-bad" not in page.text and "notice-notice" in page.text
    shop.on("2012-03-04")
    page = shop.get("billing")
    assert "waits for its payment, was due on 3 March 2012." in headline(page)
    assert "It was due on 3 March. Your plan goes on meanwhile." in words(page)
    assert "notice-bad" in page.text


def test_an_unfinished_payment_is_shown_as_such(shop: Shop) -> None:
    shop.open(18).has_card("requires_authentication")
    assert shop.pay().location.startswith("https://invoice.fake.test/")
    said = words(shop.get("billing"))
    assert "You have an unfinished payment" in said and "An invoice waits" not in said
    said = words(shop.get("invoices"))
    assert "You have 1 invoice, and nothing to pay." in said and "Finish" in said


def test_more_people_than_chosen_licenses(shop: Shop) -> None:
    shop.open(18).buy(licenses=20)
    said = words(shop.get("billing"))
    assert "You choose the number yourself." in said and "over by" not in said
    shop.on("2012-01-05", uploads=False)
    shop.story.upload_seats(shop.server, 23)
    page = shop.get("billing")
    assert "You have 23 people and 20 licenses: over by 3." in words(page)
    # At the renewal the number is raised to the people.
    assert headline(page) == "Basic, 23 people. Next charge: $60.50 on 2 February."


def test_a_parked_customer_reads_that_somebody_looks(shop: Shop) -> None:
    shop.open(18).buy()
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Customer).values(parked_at=work.now))
        work.commit()
    assert "Our staff look at your next invoice" in words(shop.get("billing"))


@pytest.mark.parametrize("changes", [1, 40])
def test_the_number_of_queries_is_small_and_constant(shop: Shop, changes: int) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, *range(19, 19 + changes))
    shop.get("billing")
    with counted_queries() as queries:
        page = shop.get("billing")
    assert page.status_code == 200
    assert len(queries) <= 6, "\n".join(queries)


def test_a_price_that_is_gone_from_the_catalog_shows_its_key(shop: Shop) -> None:
    shop.open(18).buy()
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Plan).values(tier="gold"))
        work.commit()
    assert headline(shop.get("billing")).startswith("gold, 18 people.")


def test_count_again_now_names_the_command_of_the_server(shop: Shop) -> None:
    shop.open(18).buy()
    said = words(shop.get("billing"))
    assert "These numbers are from 2 January 2012, 03:04:05 UTC . Your server reports every" in said
    assert "Run this on your server, then reload this page: " in said
    assert "./manage.py update_analytics_counts" in said
    # Where nobody reports, the notice says how; a plan that is over has nothing to count.
    shop.on("2012-01-06", uploads=False)
    assert "How to fix it" in words(shop.get("billing"))


def test_contacts_are_named_removed_ones_are_not(shop: Shop) -> None:
    shop.open(18).buy()
    said = words(shop.get("billing"))
    assert "Receipts go to iago@acme.test" in said
    assert "Who can manage billing iago@acme.test Company name and address" in said
    for number in range(4):
        email = f"person{number}@acme.test"
        begin_session(shop.client, shop.ctx, shop.organization, email=email, user_uuid=uuid4())
    with unit_of_work(shop.ctx) as work:
        removed = update(BillingUser).where(BillingUser.email == "person0@acme.test")
        work.session.execute(removed.values(deactivated_at=work.now))
        work.commit()
    said = words(shop.get("billing"))
    assert "iago@acme.test, person1@acme.test, person2@acme.test and others" in said


def test_a_server_reads_its_own_billing(shop: Shop) -> None:
    shop.open(18)
    shop.story.upgrade(shop.server, organization=None)
    server = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, server)
    page = shop.client.get(server.page("billing"))
    said = words(page)
    assert headline(page) == "Basic, 18 people. Next charge: $43.00 on 2 February."
    assert "One license for each of your 18 people." in said
    assert f'action="/server/{server.uuid}/' in page.text and "/realm/" not in page.text
    file = shop.client.get(f"/server/{server.uuid}/seats.csv")
    assert "2012-01-02,18,18" in file.get_data(as_text=True)


def test_added_licenses_at_an_odd_time_show_their_exact_share(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04 12:00:00")
    shop.story.upload_seats(shop.server, 19)
    said = words(shop.get("billing"))
    assert "1 person joined on 4 January." in said
    assert "A license for 28 days and 15:04:05 hours of 31 days of $3.50 costs $3.23" in said


def test_a_minimum_is_the_reason_of_a_renewal(shop: Shop) -> None:
    shop.open(12).buy(tier="business")
    said = words(shop.get("billing"))
    assert "You have 12 people; the least for this plan is 25 licenses." in said


def test_chosen_licenses_are_the_reason_of_a_renewal(shop: Shop) -> None:
    shop.open(18).buy(licenses=20)
    assert "The number that you chose for the renewal: 20 licenses." in words(shop.get("billing"))


def test_the_account_menu_says_who_is_here_and_leads_on(shop: Shop) -> None:
    shop.open(18)
    page = shop.get("billing").text
    menu = " ".join(re.sub(r"<[^>]+>", " ", page.partition("menu-panel")[2]).split())
    assert (
        "Logged in as Iago iago@acme.test Role: Owner People Activity Your data Log out System"
        in menu
    )
    assert f'class="menu-item" href="{shop.page("activity")}"' in page
