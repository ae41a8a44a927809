"""The pages that change a running plan: what they say, what they do, and what is refused."""

import re
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.kinds import AtCycleEnd, LicenseManagement, PlanStatus
from app.models.invoices import Invoice
from app.models.plans import Plan
from tests.support.shop import Shop, counted_queries, headline, words


def plans(shop: Shop) -> list[tuple[str, str, str]]:
    with shop.ctx.sessions() as session:
        found = session.scalars(select(Plan).order_by(Plan.id))
        return [(plan.tier, plan.schedule.value, plan.status.value) for plan in found]


def live_plan(shop: Shop) -> Plan:
    with shop.ctx.sessions() as session:
        return session.scalars(select(Plan).where(Plan.status == PlanStatus.ACTIVE)).one()


def totals(shop: Shop) -> list[tuple[int, int, str]]:
    with shop.ctx.sessions() as session:
        found = session.scalars(select(Invoice).order_by(Invoice.id))
        return [(i.total, i.balance_applied, i.status.value) for i in found]


def change(shop: Shop, tier: str, schedule: str = "monthly") -> TestResponse:
    return shop.get("plan/change", "?" + urlencode({"tier": tier, "schedule": schedule}))


def keep(shop: Shop) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]+)"', shop.get("billing").text)
    assert token is not None
    return shop.client.post(shop.page("plan/keep"), data={"csrf_token": token[1]})


def test_the_plans_page_leads_to_every_change(shop: Shop) -> None:
    shop.open(30).buy()
    assert "Change plan" in words(shop.get("billing"))
    page = shop.get("plans")
    said = words(page)
    assert "Change to Business now" in said and "Pay by the year…" in said
    assert "Choose the number yourself…" in said and "End the plan…" in said
    assert "plan/change/?tier=business&amp;schedule=monthly" in page.text


def test_a_higher_tier_says_what_it_costs_and_does_exactly_that(shop: Shop) -> None:
    shop.open(30).buy().on("2012-01-17", uploads=False)
    shop.story.upload_seats(shop.server, 32)
    page = change(shop, "business")
    said = words(page)
    # 16 of 31 days are left of 105.00, and of the discount of 20.00: 54.20 less 10.32.
    assert headline(page) == "Change to Business now: $192.12 today"
    assert "Basic ends now and Business begins, for 32 licenses: one for each of your 32" in said
    assert "$43.88 that you paid for time you do not use come back as credit" in said
    assert "Your card is charged $192.12 now." in said
    assert "It renews on 17 February 2012 for $236.00" in said
    assert totals(shop) == [(8500, 0, "paid")], "looking changes nothing"

    answer = shop.client.submit(page, action="/plan/change/")
    assert (answer.status_code, answer.location) == (303, shop.page("billing"))
    assert totals(shop)[1:] == [(23600, 4388, "paid")]
    said = words(shop.get("billing"))
    assert (
        "Your plan is Business now. You paid $192.12; credit from your balance paid $43.88." in said
    )
    # Sent again, it changes nothing more.
    assert shop.client.submit(page, action="/plan/change/").status_code == 303
    assert len(totals(shop)) == 2 and len(plans(shop)) == 2


def test_the_invoice_says_what_credit_paid(shop: Shop) -> None:
    shop.open(30).buy()
    shop.client.submit(change(shop, "business"), action="/plan/change/")
    with shop.ctx.sessions() as session:
        invoice_id = session.scalars(select(Invoice.id).order_by(Invoice.id.desc())).first()
    said = words(shop.get(f"invoices/{invoice_id}"))
    assert "Paid from your balance $85.00" in said
    assert "Paid otherwise $135.00" in said


def test_a_change_at_the_cycles_end_can_be_taken_back(shop: Shop) -> None:
    shop.open(30).buy()
    page = change(shop, "basic", "annual")
    said = words(page)
    assert headline(page) == "Pay for Basic by the year from 2 February 2012 on?"
    assert "Until 2 February 2012 nothing changes" in said
    # Eleven months of the discount are left.
    assert "On that day you are charged $1,040.00, if nobody comes or goes." in said
    answer = shop.client.submit(page, action="/plan/change/")
    assert answer.location == shop.page("billing")
    page = shop.get("billing")
    said = words(page)
    assert "Your plan will change on 2 February 2012. Undo" in said
    assert "Your plan is paid for by the year from 2 February 2012 on." in said
    assert "Next charge: $1,040.00 on 2 February." in headline(page)
    assert "End the plan…" not in said
    again = change(shop, "basic", "annual")
    assert again.status_code == 400 and "Take that back on the billing page first" in words(again)

    assert keep(shop).location == shop.page("billing")
    page = shop.get("billing")
    assert "The change was taken back. Your plan goes on as it is." in words(page)
    assert "Next charge: $85.00 on 2 February." in headline(page)
    assert plans(shop) == [("basic", "monthly", "active"), ("basic", "annual", "ended")]


def test_a_lower_tier_comes_with_the_next_cycle(shop: Shop) -> None:
    shop.open(11).buy(tier="business").on("2012-01-04")
    assert "Change to Basic on 2 February" in words(shop.get("plans"))
    page = change(shop, "basic")
    said = words(page)
    assert headline(page) == "Change to Basic on 2 February 2012?"
    assert "From then on you have Basic for 11 licenses (one for each of your 11 people)" in said
    assert "On that day you are charged $18.50" in said
    shop.client.submit(page, action="/plan/change/")
    page = shop.get("billing")
    assert "Your plan changes to Basic on 2 February 2012." in words(page)
    assert "Next charge: $18.50 on 2 February." in headline(page)
    assert "Basic - renewal" in words(page)
    shop.story.run_jobs_until("2012-02-02", shop.server)
    assert totals(shop)[-1] == (1850, 0, "paid")


def test_a_card_that_is_refused_is_told_with_what_is_owed(shop: Shop) -> None:
    shop.open(30).buy()
    shop.story.give_card(shop.story.payer(shop.server), "declines")
    answer = shop.client.submit(change(shop, "business"), action="/plan/change/")
    assert answer.location == shop.page("billing")
    page = shop.get("billing")
    said = words(page)
    assert "Your plan is Business now. But your bank refused $135.00" in said
    assert "waits for its payment" in headline(page)
    assert live_plan(shop).tier == "business"


def test_a_provider_that_does_not_answer_changes_nothing(shop: Shop) -> None:
    shop.open(30).buy()
    shop.story.give_card(shop.story.payer(shop.server), "declines")
    shop.story.on("2012-02-02").upload(shop.server)
    shop.story.run_jobs()
    shop.log_in()
    page = change(shop, "business")
    assert "What you have not paid yet, $85.00, is not owed any more" in words(page)
    shop.payments.fail("void_invoice", "before")
    answer = shop.client.submit(page, action="/plan/change/")
    assert answer.status_code == 400
    assert "did not answer, so your plan was not changed" in words(answer)
    assert plans(shop) == [("basic", "monthly", "active")]


def test_terms_that_changed_are_shown_with_both_values(shop: Shop) -> None:
    shop.open(30).buy()
    page = change(shop, "business")
    with shop.ctx.sessions() as session:
        customer = session.scalars(select(Plan)).one().customer
        customer.required_plan_tier, customer.discount_percent = "business", 5000
        session.commit()
    answer = shop.client.submit(page, action="/plan/change/")
    said = words(answer)
    assert answer.status_code == 400
    assert "Since you opened this page, the price, your discount changed. Nothing was done." in said
    assert "Price of a license $8.00 $4.00" in said
    assert headline(answer) == "Change to Business now: $35.00 today"
    shop.client.submit(answer, action="/plan/change/")
    assert totals(shop)[-1] == (12000, 8500, "paid")


def test_somebody_else_was_quicker(shop: Shop) -> None:
    shop.open(30).buy()
    upgrade, yearly = change(shop, "business"), change(shop, "basic", "annual")
    shop.client.submit(upgrade, action="/plan/change/")
    answer = shop.client.submit(yearly, action="/plan/change/")
    assert answer.status_code in {303, 400}
    page = shop.get("billing") if answer.status_code == 303 else answer
    assert "Your plan was changed since you opened this page" in words(page)
    assert [plan[2] for plan in plans(shop)] == ["ended", "active"]


@pytest.mark.parametrize(
    ("tier", "schedule", "told"),
    [
        ("", "", "There is no such plan to buy"),
        ("nonsense", "monthly", "There is no such plan to buy"),
        ("enterprise", "annual", "There is no such plan to buy"),
        ("business", "weekly", "There is no such plan to buy"),
        ("basic", "monthly", "Your plan is that already"),
        ("\x00", "monthly", "There is no such plan to buy"),
    ],
)
@pytest.mark.sqlite_only
def test_an_address_that_makes_no_sense_is_told(
    shop: Shop, tier: str, schedule: str, told: str
) -> None:
    answer = change(shop.open(30).buy(), tier, schedule)
    assert answer.status_code == 400 and told in words(answer)


@pytest.mark.sqlite_only
def test_a_confirmation_that_is_old_or_forged_is_refused(shop: Shop) -> None:
    shop.open(30).buy()
    page = change(shop, "business")
    forged = shop.client.submit(page, {"quote": "x" * 40}, action="/plan/change/")
    assert forged.status_code in {303, 400}
    shop.clock.advance(hours=1, minutes=59)
    shop.story.upload(shop.server)
    shop.clock.advance(minutes=2)
    shop.log_in()
    fresh = change(shop, "business")
    stale = re.search(r'name="quote" value="([^"]+)"', page.text)
    assert stale is not None
    answer = shop.client.submit(fresh, {"quote": stale[1]}, action="/plan/change/")
    assert answer.status_code == 400 and "open for too long" in words(answer)
    assert len(plans(shop)) == 1


def test_management_is_changed_and_changed_back(shop: Shop) -> None:
    shop.open(18).buy()
    page = shop.get("plan/management")
    assert headline(page) == "Choose the number of licenses yourself?"
    assert "On 2 February 2012 the plan renews with 18 licenses" in words(page)
    answer = shop.client.submit(page, action="/plan/management/")
    assert answer.location == shop.page("billing")
    assert live_plan(shop).license_management is LicenseManagement.MANUAL
    assert "You choose the number of licenses from now on." in words(shop.get("billing"))
    again = shop.client.submit(page, action="/plan/management/")
    assert again.status_code == 400 and "yourself already" in words(again)
    shop.on("2012-01-10", uploads=False)
    shop.story.upload_seats(shop.server, 21)
    page = shop.get("plan/management")
    assert "You have 21 people, so 3 licenses are added now" in words(page)
    shop.client.submit(page, action="/plan/management/")
    assert live_plan(shop).license_management is LicenseManagement.AUTOMATIC
    forged = shop.client.submit(
        shop.get("plan/management"), {"management": "x"}, action="management/"
    )
    assert forged.status_code == 400


@pytest.mark.sqlite_only
def test_nothing_is_offered_while_nobody_can_be_counted(shop: Shop) -> None:
    shop.open(30).buy().on("2012-01-06", uploads=False)
    assert change(shop, "business").status_code == 409
    assert "Change to Business" not in words(shop.get("plans"))


@pytest.mark.sqlite_only
def test_a_plan_that_ends_can_still_move_up(shop: Shop) -> None:
    shop.open(30).buy()
    shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    assert live_plan(shop).at_cycle_end is AtCycleEnd.END
    page = change(shop, "business")
    assert "That Basic was set to end is forgotten." in words(page)
    shop.client.submit(page, action="/plan/change/")
    assert live_plan(shop).at_cycle_end is AtCycleEnd.RENEW


@pytest.mark.parametrize("rows", [1, 30])
@pytest.mark.sqlite_only
def test_the_number_of_queries_is_constant(shop: Shop, rows: int) -> None:
    shop.open(18).buy().on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, *range(19, 19 + rows))
    shop.get("billing")
    for tier, schedule in (("business", "monthly"), ("basic", "annual")):
        with counted_queries() as queries:
            assert change(shop, tier, schedule).status_code == 200
        assert len(queries) <= 9, "\n".join(queries)
