"""People and licenses over time: how far back, what is left out of a plot, the file by day."""

from datetime import UTC, datetime, timedelta

import pytest

from app.services.pages.seats import Grain, Step, _thinned
from tests.support.shop import Shop, counted_queries, headline, words

BEGIN = datetime(2012, 1, 2, 3, 4, 5, tzinfo=UTC)


def days_of(shop: Shop, query: str = "") -> list[str]:
    answer = shop.client.get(f"/realm/{shop.organization.uuid}/seats.csv{query}")
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    return answer.get_data(as_text=True).lstrip("\ufeff").split("\r\n")


def test_the_first_cycle_offers_no_other_range(shop: Shop) -> None:
    shop.open(18).buy()
    page = shop.get("billing")
    assert "How far back" not in page.text
    assert "2 January 2012 – 2 February 2012" in words(page)


def test_earlier_cycles_are_a_link_away(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-10")
    shop.story.upload_seats(shop.server, 20)
    shop.run_until("2012-03-05")
    page = shop.get("billing")
    assert 'href="' + shop.page("billing") + '?seats=plan#seats">All of the plan</a>' in page.text
    assert "seats=year" not in page.text, "a young plan has no year to show"
    page = shop.get("billing", "?seats=plan")
    said = words(page)
    assert "2 January 2012 – 5 March 2012" in said
    assert "From People Licenses 2 January 2012, 03:04:05 UTC 18 18" in said
    assert "10 January 2012, 03:04:05 UTC 20 20" in said
    # The cycle alone begins with what was so at its start.
    said = words(shop.get("billing", "?seats=cycle"))
    assert "From People Licenses 2 March 2012, 03:04:05 UTC 20 20" in said
    assert "10 January" not in said


def test_licenses_fall_at_a_renewal_only(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-10")
    shop.story.upload_seats(shop.server, 12)
    shop.run_until("2012-02-05")
    said = words(shop.get("billing", "?seats=plan"))
    assert "10 January 2012, 03:04:05 UTC 12 18" in said
    assert "2 February 2012, 03:04:05 UTC 12 12" in said


def test_an_old_plan_offers_a_year(shop: Shop) -> None:
    shop.open(18).buy(schedule="annual")
    shop.run_until("2013-02-03", step=7)
    page = shop.get("billing", "?seats=year")
    assert "?seats=plan#seats" in page.text
    assert "3 February 2012 – 3 February 2013" in words(page)
    assert len(days_of(shop, "?seats=year")) == 1 + 367 + 1
    assert days_of(shop, "?seats=plan")[1].startswith("2012-01-02,")


@pytest.mark.parametrize(
    "query", ["?seats=decade", "?seats=", "?seats=year&seats=plan", "?seats=%00"]
)
def test_nonsense_shows_something_sensible(shop: Shop, query: str) -> None:
    shop.open(18).buy()
    assert "2 January 2012 – 2 February 2012" in words(shop.get("billing", query))


def test_the_file_has_a_row_for_each_day(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, 20, 23)
    shop.on("2012-01-06")
    assert days_of(shop) == [
        "date,people,licenses",
        "2012-01-02,18,18",
        "2012-01-03,18,18",
        "2012-01-04,23,23",
        "2012-01-05,23,23",
        "2012-01-06,23,23",
        "",
    ]
    answer = shop.client.get(f"/realm/{shop.organization.uuid}/seats.csv")
    name = f"seats-{shop.organization.host}-2012-01-06.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_days_after_the_last_report_are_left_open(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-03")
    shop.on("2012-01-06", uploads=False)
    assert days_of(shop)[2:-1] == [
        "2012-01-03,18,18",
        "2012-01-04,,18",
        "2012-01-05,,18",
        "2012-01-06,,18",
    ]
    said = words(shop.get("billing"))
    assert "3 January 2012, 03:04:06 UTC – 18" in said


def test_a_plan_that_ended_keeps_its_history(shop: Shop) -> None:
    shop.open(18).buy()
    shop.client.submit(shop.get("plan/end"), action="/plan/end/")
    shop.run_until("2012-03-01")
    page = shop.get("billing")
    assert headline(page) == "Your Basic plan ended on 2 February."
    assert '<svg class="chart-plot chart-plot-wide"' in page.text
    assert days_of(shop)[-2] == "2012-02-02,18,18"


def test_without_a_plan_the_file_is_empty(shop: Shop) -> None:
    shop.open(3)
    assert days_of(shop) == ["date,people,licenses", ""]
    assert "Save as CSV" not in words(shop.get("billing"))


def test_nobody_elses_file_is_found(shop: Shop) -> None:
    shop.open(18).buy()
    other = shop.known(shop.story.server(seats=(5,)))
    assert shop.client.get(f"/realm/{other.uuid}/seats.csv").status_code == 404


@pytest.mark.parametrize("changes", [1, 80])
def test_the_queries_of_a_long_range_are_few_and_constant(shop: Shop, changes: int) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, *range(19, 19 + changes))
    shop.run_until("2012-02-05")
    with counted_queries() as queries:
        page = shop.get("billing", "?seats=plan")
    assert page.status_code == 200
    assert len(queries) <= 10, "\n".join(queries)


def steps(count: int, apart: timedelta) -> list[Step]:
    return [Step(BEGIN + n * apart, n, n) for n in range(count)]


@pytest.mark.parametrize(
    ("count", "apart", "grain", "kept"),
    [
        (60, timedelta(hours=1), Grain.CHANGE, 60),
        (61, timedelta(hours=1), Grain.DAY, 4),
        (300, timedelta(days=1), Grain.WEEK, 44),
        (800, timedelta(days=1), Grain.MONTH, 28),
    ],
)
def test_a_plot_of_very_many_changes_is_thinned(
    count: int, apart: timedelta, grain: Grain, kept: int
) -> None:
    thinned, shown = _thinned(steps(count, apart))
    assert (shown, len(thinned)) == (grain, kept)
    assert thinned[0].at == BEGIN
    assert thinned[-1].people == count - 1
    assert list(thinned) == sorted(thinned, key=lambda step: step.at)
