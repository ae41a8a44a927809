"""The usage page in each of its states, for organizations and for servers."""

import csv
import io

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.models.registrations import Organization, Server
from app.services.unit_of_work import unit_of_work
from tests.support.login import KnownServer, begin_server_session, load_known_server
from tests.support.shop import Shop, counted_queries, headline, words


def log_in_as_server(shop: Shop) -> KnownServer:
    """Let the shop's browser be that of somebody who logged in as the server."""
    known = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, known)
    return known


def get_file(shop: Shop, path: str, query: str = "") -> list[dict[str, str]]:
    """The rows of the file beside the usage page at `path`."""
    response: TestResponse = shop.client.get(f"{path.rstrip('/')}.csv{query}")
    assert response.status_code == 200
    text = response.get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# --- one organization ---


@pytest.mark.sqlite_only
def test_few_people_are_free(shop: Shop) -> None:
    page = shop.open(7).get("usage")
    said = words(page)
    assert headline(page) == "7 of 10 people free."
    assert "3 more people are free. Then a plan is needed for everyone." in said
    assert "1 owner, 6 members. Bots are not counted, guests are." in said
    assert '<meter class="meter-bar" min="0" max="10" value="7"' in page.text
    assert f'href="{shop.page("plans")}"' in page.text and "over the free limit" not in said


@pytest.mark.sqlite_only
def test_at_the_limit_the_next_person_counts(shop: Shop) -> None:
    page = shop.open(10).get("usage")
    assert headline(page) == "10 of 10 people free."
    assert "The next person who joins makes a plan necessary for everyone." in words(page)


@pytest.mark.sqlite_only
def test_above_the_limit_it_says_what_happens(shop: Shop) -> None:
    page = shop.open(23).get("usage")
    said = words(page)
    assert headline(page) == "23 people; 10 would be free."
    assert "Your organization is over the free limit" in said
    assert "the paid part (mobile notifications) is switched off for everyone" in said
    assert 'class="btn btn-primary" href="' + shop.page("plans") in page.text


def test_a_plan_tells_people_and_licenses(shop: Shop) -> None:
    shop.open(23).buy(tier="business")
    page = shop.get("usage")
    said = words(page)
    assert headline(page) == "23 people, 25 licenses."
    assert "Your plan pays for everyone who is counted." in said
    assert "free limit" not in said.casefold() and "See plans" not in said
    assert "2 January 2012 , so far 23 – 25" in said.replace("2012,", "2012 ,")
    assert page.text.count("chart-line-main") == 2, "licenses are drawn, in both sizes"


@pytest.mark.sqlite_only
def test_a_plan_that_is_over_does_not_pay_any_more(shop: Shop) -> None:
    shop.open(23).buy()
    shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    shop.on("2012-02-02")
    assert headline(shop.get("usage")) == "23 people; 10 would be free."


def test_covered_by_its_server_it_says_who_pays(shop: Shop) -> None:
    shop.open(18)
    shop.story.upgrade(shop.server, organization=None)
    page = shop.get("usage")
    assert headline(page) == "18 people, paid for by your server's Basic plan."
    assert "Whoever runs your server pays for your organization" in words(page)
    assert "See plans" not in words(page)


def test_a_deactivated_organization_counts_nobody(shop: Shop) -> None:
    shop.open(18)
    shop.story.set_people(shop.server, 18, event_type=201)
    shop.story.upload(shop.server)
    page = shop.get("usage")
    assert headline(page) == "Your organization is deactivated on its server: nobody is counted."
    assert "Nobody is counted and nothing is owed" in words(page)


def test_an_organization_that_vanished_counts_nobody(shop: Shop) -> None:
    shop.open(18)
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Organization).values(locally_deleted_at=work.now))
        work.commit()
    told = headline(shop.get("usage"))
    assert told == "Your server does not list your organization any more: nobody is counted."


# --- without data ---


@pytest.mark.sqlite_only
def test_a_silent_server_shows_its_last_report_as_such(shop: Shop) -> None:
    shop.open(18).on("2012-01-09", uploads=False)
    page = shop.get("usage")
    said = words(page)
    assert page.status_code == 200
    assert headline(page) == "18 people; 10 would be free."
    assert "We have not heard from your server since 2 January 2012, 03:04:05 UTC" in said
    assert "The numbers on this page are those of that report." in said
    assert "People then" in said and "People now" not in said
    assert f'href="{shop.page("missing-data")}"' in page.text
    assert [row["day"] for row in get_file(shop, shop.page("usage"))] == ["2012-01-02"]


@pytest.mark.sqlite_only
def test_a_server_that_never_reported(shop: Shop) -> None:
    shop.open(18)
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Server).values(last_audit_log_update=None))
        work.commit()
    page = shop.get("usage")
    said = words(page)
    assert headline(page) == "We do not know yet how many people you have."
    assert "We have not heard from your server yet" in said and "18" not in said
    assert get_file(shop, shop.page("usage")) == []


@pytest.mark.sqlite_only
def test_no_people_were_ever_reported(shop: Shop) -> None:
    shop.open(18)
    shop.story.add_organization(shop.server, realm_id=3)
    shop.story.upload(shop.server)
    shop.organization = shop.known(shop.server, 1)
    shop.log_in()
    page = shop.get("usage")
    assert headline(page) == "0 of 10 people free."
    assert "Nothing to show day by day yet" in words(page)


# --- day by day ---


def test_each_day_ends_with_a_number(shop: Shop) -> None:
    shop.open(18)
    shop.on("2012-01-04 23:59:59", uploads=False)
    shop.story.upload_seats(shop.server, 20, 21)
    shop.on("2012-01-05 00:00:00", uploads=False)
    shop.story.upload_seats(shop.server, 19)
    shop.on("2012-01-06 12:00:00")
    path = shop.page("usage")
    told = [(row["day"], row["people"], row["day_is_over"]) for row in get_file(shop, path)]
    assert told == [
        ("2012-01-02", "18", "yes"),
        ("2012-01-03", "18", "yes"),
        ("2012-01-04", "21", "yes"),
        ("2012-01-05", "19", "yes"),
        ("2012-01-06", "19", "no"),
    ]
    page = shop.get("usage")
    said = words(page)
    assert "5 January 2012 19 −2 4 January 2012 21 +3 2 January 2012 18 –" in said
    assert "3 January 2012" not in said, "a day on which nothing changed"
    assert '<svg class="chart-plot chart-plot-wide"' in page.text
    assert "between 18 and 21, at last 19 people." in page.text


def test_how_much_of_the_past_is_shown(shop: Shop) -> None:
    shop.open(18).on("2012-05-01")
    path = shop.page("usage")
    assert len(get_file(shop, path)) == 30
    assert len(get_file(shop, path, "?days=90")) == 90
    assert len(get_file(shop, path, "?days=365")) == 121, "not before anything was known"
    for nonsense in ("0", "-1", "31", "x", "", "9" * 50, "٣٠"):
        assert len(get_file(shop, path, f"?days={nonsense}")) == 30
    page = shop.get("usage", "?days=90")
    assert 'days=90#days" aria-current="true">90 days<' in page.text
    assert "/usage.csv?days=90" in page.text


@pytest.mark.sqlite_only
def test_the_file_has_a_name_of_its_own(shop: Shop) -> None:
    shop.open(7)
    headers = shop.client.get(f"{shop.page('usage').rstrip('/')}.csv").headers
    name = 'attachment; filename="usage-chat1.acme.test-2012-01-02.csv"'
    assert headers["Content-Disposition"] == name
    assert headers["Cache-Control"] == "no-store"


# --- a server ---


def test_a_server_shows_each_of_its_organizations(shop: Shop) -> None:
    shop.open(7)
    for number, people in enumerate((12, 4), start=1):
        shop.story.add_organization(shop.server, realm_id=2 + number)
        shop.story.set_people(shop.server, people, organization=number)
    shop.story.upload(shop.server)
    known = log_in_as_server(shop)
    page = shop.client.get(known.page("usage"))
    said = words(page)
    assert headline(page) == "23 people in 3 organizations; 1 organization is over the free limit."
    assert "1 organization is over the free limit" in said
    assert "12 people, over the free limit of 10" in said
    assert "7 of 10 people free" in said and "4 of 10 people free" in said
    assert page.text.count("<meter") == 3
    assert get_file(shop, known.page("usage"))[-1]["people"] == "23"


def test_small_organizations_need_no_plan_however_many_they_are(shop: Shop) -> None:
    shop.open(9)
    shop.story.add_organization(shop.server, realm_id=3)
    shop.story.set_people(shop.server, 8, organization=1)
    shop.story.upload(shop.server)
    page = shop.client.get(log_in_as_server(shop).page("usage"))
    assert headline(page) == "17 people in 2 organizations, within the free limit."


def test_who_pays_for_itself_is_not_counted_for_the_server(shop: Shop) -> None:
    shop.open(18).buy()
    shop.story.add_organization(shop.server, realm_id=3)
    shop.story.set_people(shop.server, 12, organization=1)
    shop.story.upload(shop.server)
    shop.story.upgrade(shop.server, organization=None)
    known = log_in_as_server(shop)
    page = shop.client.get(known.page("usage"))
    said = words(page)
    assert headline(page) == "12 people in 1 organization, 12 licenses."
    assert "18 people, paid for by its own Basic plan and not counted for the server" in said
    assert "12 people, paid for by the server's Basic plan" in said
    assert get_file(shop, known.page("usage"))[-1]["people"] == "12"


def test_what_is_gone_or_deactivated_says_so(shop: Shop) -> None:
    shop.open(18)
    shop.story.add_organization(shop.server, realm_id=3)
    shop.story.set_people(shop.server, 12, organization=1)
    shop.story.upload(shop.server)
    shop.story.set_people(shop.server, 12, organization=1, event_type=201)
    shop.story.upload(shop.server)
    with unit_of_work(shop.ctx) as work:
        first = Organization.id == shop.organization.id
        work.session.execute(update(Organization).where(first).values(locally_deleted_at=work.now))
        work.commit()
    said = words(shop.client.get(log_in_as_server(shop).page("usage")))
    assert "deactivated on the server, nobody is counted" in said
    assert "not listed by the server any more, nobody is counted" in said
    assert said.startswith("Usage 0 people in 0 organizations, within the free limit.")


def test_a_server_without_organizations(shop: Shop) -> None:
    shop.open(0)
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Organization).values(is_system_bot_realm=True))
        work.commit()
    page = shop.client.get(log_in_as_server(shop).page("usage"))
    assert headline(page) == "Your server has not told us about any organization yet."


def test_many_organizations_have_pages(shop: Shop) -> None:
    shop.open(3)
    for number in range(1, 31):
        shop.story.add_organization(shop.server, realm_id=2 + number)
        shop.story.set_people(shop.server, 3 + number, organization=number)
    shop.story.upload(shop.server)
    known = log_in_as_server(shop)
    first = shop.client.get(known.page("usage") + "?days=90")
    second = shop.client.get(known.page("usage") + "?days=90&page=2")
    assert "1–25 of 31" in words(first) and first.text.count("<meter") == 25
    assert "days=90&amp;page=2" in first.text
    assert "26–31 of 31" in words(second) and second.text.count("<meter") == 6
    with counted_queries() as queries:
        shop.client.get(known.page("usage"))
    assert len(queries) <= 7, "\n".join(queries)


@pytest.mark.parametrize("changes", [1, 60])
def test_the_number_of_queries_is_constant(shop: Shop, changes: int) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, *range(19, 19 + changes))
    shop.get("usage")
    with counted_queries() as queries:
        assert shop.get("usage", "?days=365").status_code == 200
    assert len(queries) <= 10, "\n".join(queries)


def test_what_is_not_yours_is_not_there(shop: Shop) -> None:
    shop.open(18)
    other = shop.known(shop.story.server(seats=(30,)))
    assert shop.client.get(other.page("usage")).status_code == 404
    assert shop.client.get(f"{other.page('usage').rstrip('/')}.csv").status_code == 404
    known = log_in_as_server(shop)
    assert shop.get("usage").status_code == 404
    assert shop.client.get(known.page("usage")).status_code == 200
