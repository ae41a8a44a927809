"""Ending a plan, keeping it, and the number of licenses."""

import re

import pytest
from sqlalchemy import select

from app.domain.kinds import AtCycleEnd
from app.models.plans import LedgerEntry, Plan
from tests.support.shop import Shop, counted_queries, headline, words


def plan_of(shop: Shop) -> Plan:
    with shop.ctx.sessions() as session:
        return session.scalars(select(Plan)).one()


def test_ending_says_what_it_means_before_it_does(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, 23)
    page = shop.get("plan/end")
    said = words(page)
    assert headline(page) == "End Basic on 2 February 2012?"
    assert "Your plan runs until 2 February 2012, 03:04:05 UTC" in said
    assert "On 2 February 2012 you are charged $16.35 one last time" in said
    assert "it is free for up to 10 people, and you have 23 people" in said
    assert "5 licenses added on 4 January" in said
    assert plan_of(shop).at_cycle_end is AtCycleEnd.RENEW, "looking changes nothing"

    answer = shop.client.submit(page, action="/plan/end/")
    assert (answer.status_code, answer.location) == (303, shop.page("billing"))
    assert plan_of(shop).at_cycle_end is AtCycleEnd.END

    # The flash takes it back with one click.
    page = shop.get("billing")
    assert "Your plan will end on 2 February 2012. Undo" in words(page)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None
    keep = {"csrf_token": token[1]}
    answer = shop.client.post(shop.page("plan/keep"), data=keep)
    assert answer.location == shop.page("billing")
    page = shop.get("billing")
    assert "Your plan goes on." in words(page)
    assert "Next charge: $76.85 on 2 February." in headline(page)

    # A second click of another tab: said, not done.
    answer = shop.client.post(shop.page("plan/keep"), data=keep)
    assert answer.status_code == 400
    assert "Your plan is not set to end" in words(answer)


def test_ending_twice_is_refused_with_words(shop: Shop) -> None:
    shop.open(5).buy()
    page = shop.get("plan/end")
    assert "you have 5 people, and up to 10 people are free" in words(page)
    assert "Nothing more is charged, unless people join until then" in words(page)
    shop.client.submit(page, action="/plan/end/")
    for answer in (shop.client.submit(page, action="/plan/end/"), shop.get("plan/end")):
        assert answer.status_code == 400
        assert "Your plan is already set to end." in words(answer)


def test_an_end_that_is_past_cannot_be_taken_back(shop: Shop) -> None:
    shop.open(18).buy()
    page = shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    page = shop.get("billing")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None
    shop.story.on("2012-02-02").upload(shop.server)
    shop.log_in()
    again = re.search(r'name="csrf_token" value="([^"]+)"', shop.get("billing").text)
    assert again is not None
    answer = shop.client.post(shop.page("plan/keep"), data={"csrf_token": again[1]})
    assert answer.status_code == 400
    assert "Choose a plan" in words(answer)


@pytest.mark.parametrize("page", ["plan/end", "plan/licenses"])
def test_without_a_plan_there_is_nothing_to_change(shop: Shop, page: str) -> None:
    answer = shop.open(18).get(page)
    assert answer.status_code == 400
    assert "There is no plan to change. Choose a plan first." in words(answer)


def test_a_post_needs_the_token_of_its_session(shop: Shop) -> None:
    shop.open(18).buy()
    for page in ("plan/end", "plan/keep", "plan/licenses", "plan/licenses/renewal", "card"):
        assert shop.client.post(shop.page(page), data={}).status_code == 400
    assert plan_of(shop).at_cycle_end is AtCycleEnd.RENEW
    assert shop.get("plan/keep").status_code == 405


def entries(shop: Shop) -> list[tuple[int, int]]:
    with shop.ctx.sessions() as session:
        statement = select(LedgerEntry.licenses, LedgerEntry.licenses_at_next_renewal)
        return [(now, later) for now, later in session.execute(statement.order_by(LedgerEntry.id))]


def test_a_chosen_number_can_be_raised_now(shop: Shop) -> None:
    shop.open(18).buy(licenses=20).on("2012-01-04")
    page = shop.get("plan/licenses")
    said = words(page)
    assert headline(page) == "You have 20 licenses for 18 people."
    assert "Each license added now costs $3.27 until 2 February 2012" in said
    assert "the least is 18 licenses" in said

    answer = shop.client.submit(page, {"now-licenses": "25"}, action="/plan/licenses/")
    assert (answer.status_code, answer.location) == (303, shop.page("billing"))
    assert "You have 25 licenses from now on." in words(shop.get("billing"))
    assert entries(shop)[-1] == (25, 25)


def test_a_chosen_number_for_the_renewal(shop: Shop) -> None:
    shop.open(18).buy(licenses=20).on("2012-01-04")
    page = shop.get("plan/licenses")
    answer = shop.client.submit(page, {"renewal-licenses": "19"}, action="/renewal/")
    assert answer.location == shop.page("billing")
    page = shop.get("billing")
    assert "Your plan will renew with 19 licenses." in words(page)
    assert "Next charge: $46.50 on 2 February." in headline(page)
    assert entries(shop)[-1] == (20, 19)


@pytest.mark.parametrize(
    ("form", "number", "told"),
    [
        ("now", "", "Enter the number of licenses."),
        ("now", "many", "Enter a whole number."),
        ("now", "2.5", "Enter a whole number."),
        ("now", "\x00\x07", "Enter the number of licenses."),
        ("now", "2\x00x", "Enter a whole number."),
        ("now", "20", "You have 20 licenses already."),
        ("now", "19", "You have 20 licenses already."),
        ("now", "-7", "You need at least 18 licenses: everyone counts."),
        ("now", "9" * 30, "Choose at most 1,000,000 licenses."),
        ("renewal", "17", "You need at least 18 licenses"),
        ("renewal", "20", "Your plan already renews with 20 licenses."),
        ("renewal", "", "Enter the number of licenses."),
        ("renewal", "9" * 5000, "Enter a whole number."),
    ],
)
@pytest.mark.sqlite_only
def test_a_wrong_number_is_told_beside_its_field(
    shop: Shop, form: str, number: str, told: str
) -> None:
    shop.open(18).buy(licenses=20)
    before = entries(shop)
    action = "/plan/licenses/" if form == "now" else "/renewal/"
    field = f"{form}-licenses"
    answer = shop.client.submit(shop.get("plan/licenses"), {field: number}, action=action)
    said = words(answer)
    assert answer.status_code == 400
    assert said.startswith("There is a problem") and said.count(told) == 2
    assert f'id="{field}-error"' in answer.text and f'href="#{field}"' in answer.text
    other = "renewal" if form == "now" else "now"
    assert f'id="{other}-licenses-error"' not in answer.text
    assert entries(shop) == before


def test_licenses_that_follow_people_are_not_set_by_hand(shop: Shop) -> None:
    answer = shop.open(18).buy().get("plan/licenses")
    assert answer.status_code == 400
    assert "Your licenses follow the number of people" in words(answer)


def test_a_plan_that_ends_has_no_renewal_to_set(shop: Shop) -> None:
    shop.open(18).buy(licenses=20)
    page = shop.get("plan/licenses")
    shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    answer = shop.client.submit(page, {"renewal-licenses": "30"}, action="/renewal/")
    said = words(answer)
    assert answer.status_code == 400
    assert "Your plan is set to end, so there will be no renewal to change." in said
    assert "so it does not renew" in said
    answer = shop.client.submit(page, {"now-licenses": "30"}, action="/plan/licenses/")
    assert answer.status_code == 303


def test_stale_uploads_lead_to_how_to_mend_them(shop: Shop) -> None:
    shop.open(18).buy(licenses=20)
    page = shop.get("plan/licenses")
    shop.on("2012-01-05", uploads=False)
    answer = shop.get("plan/licenses")
    assert answer.status_code == 409
    assert "We have not heard from your server since" in words(answer)
    assert page.status_code == 200
    # Ending is possible all the same.
    page = shop.get("plan/end")
    assert "is on for up to 10 people only" in words(page)
    assert shop.client.submit(page, action="/plan/end/").status_code == 303


@pytest.mark.parametrize("changes", [1, 30])
def test_the_number_of_queries_is_constant(shop: Shop, changes: int) -> None:
    shop.open(18).buy(licenses=200).on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, *range(19, 19 + changes))
    shop.get("billing")
    for name in ("plan/end", "plan/licenses"):
        with counted_queries() as queries:
            assert shop.get(name).status_code == 200
        assert len(queries) <= 6, "\n".join([name, *queries])
