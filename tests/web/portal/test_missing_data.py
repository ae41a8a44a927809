"""The page for missing uploads: never heard, too long ago, refused; and what to run."""

from typing import Any

import pytest
from sqlalchemy import update

from app.models.registrations import Server
from app.services.unit_of_work import unit_of_work
from tests.support.login import begin_server_session, load_known_server
from tests.support.shop import Shop, headline, words

NEWEST = "./manage.py update_analytics_counts As the user"
OLDER = "./manage.py analyze_counts --send"


def set_server(shop: Shop, **values: Any) -> None:
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Server).values(**values))
        work.commit()


def refuse(shop: Shop, code: str, **params: Any) -> None:
    set_server(shop, refused_at=shop.clock.now(), refused_code=code, refused_params=params)


def test_a_server_that_never_reported(shop: Shop) -> None:
    shop.open(18)
    set_server(shop, last_audit_log_update=None, product_version=None)
    page = shop.get("missing-data")
    said = words(page)
    assert page.status_code == 200
    assert headline(page) == "We have not heard from your server yet."
    assert "curl -sS http://localhost/healthz" in said
    assert "Last report none yet" in said
    # Its version is not known, so a person chooses.
    assert "Version not known: it never said" in said
    assert "Version 8.0 and later:" in said and "Version 1.0 and later:" in said
    assert NEWEST in said and OLDER in said
    assert "mobile notifications are off, since we cannot see whether you have more than" in said


@pytest.mark.parametrize(("version", "is_new"), [("8.0", True), ("9.3-dev", True), ("2.1", False)])
@pytest.mark.sqlite_only
def test_the_commands_are_those_of_the_servers_version(
    shop: Shop, version: str, is_new: bool
) -> None:
    shop.open(18)
    set_server(shop, product_version=version)
    shop.on("2012-01-06", uploads=False)
    said = words(shop.get("missing-data"))
    assert f"Version {version}" in said and "and later:" not in said
    assert (NEWEST in said, OLDER in said) == (is_new, not is_new)


def test_a_server_that_went_silent_under_a_plan(shop: Shop) -> None:
    shop.open(18).buy().on("2012-01-06", uploads=False)
    page = shop.get("missing-data")
    said = words(page)
    assert headline(page) == (
        "We have not heard from your server since 2 January 2012, 03:04:05 UTC."
    )
    assert "Without a report of the last 2 days we would have to guess" in said
    assert "Your plan goes on." in said
    assert "mobile notifications keep working, also for 14 days after" in said


@pytest.mark.parametrize(
    ("code", "params", "why", "remedy"),
    [
        ("data_out_of_order", {}, "Data is out of order.", "restored from a backup"),
        ("invalid_property", {"property": "x"}, "Invalid property x", "Bring it up to date"),
        ("duplicate_registration", {}, "Duplicate registration", "remove the copy of it here"),
        ("field_missing", {"field": "realms"}, "realms: this field is missing.", "up to date"),
        ("a_code_of_long_ago", {}, "has the code a_code_of_long_ago", "up to date"),
        ("invalid_property", {}, "has the code invalid_property", "up to date"),
    ],
)
@pytest.mark.sqlite_only
def test_a_refused_report_says_why_and_what_to_do(
    shop: Shop, code: str, params: dict[str, str], why: str, remedy: str
) -> None:
    shop.open(18).on("2012-01-03")
    refuse(shop, code, **params)
    page = shop.get("missing-data")
    said = words(page)
    assert headline(page) == "Your server's report of 3 January 2012, 03:04:05 UTC was refused."
    assert why in said and remedy in said
    # It is not too late yet: nothing has stopped.
    assert "Everything goes on with the numbers of the report before it, for 2 days" in said
    assert "What happens meanwhile" not in said
    # The server reaches us, so that is not what to look at.
    assert "curl" not in said


@pytest.mark.sqlite_only
def test_what_a_server_sent_does_not_write_the_page(shop: Shop) -> None:
    shop.open(18).on("2012-01-03")
    refuse(shop, "invalid_property", property="<script>alert(1)</script>")
    set_server(shop, product_version="<b>9</b>")
    page = shop.get("missing-data").text
    assert "<script>alert" not in page and "<b>9" not in page


def test_a_refused_report_is_told_on_the_billing_page(shop: Shop) -> None:
    shop.open(18).buy().on("2012-01-03")
    assert "was refused" not in words(shop.get("billing"))
    refuse(shop, "data_out_of_order")
    page = shop.get("billing")
    said = words(page)
    assert "Your server's report of 3 January 2012, 03:04:05 UTC was refused" in said
    assert "Basic, 18 people. Next charge: $43.00" in headline(page)
    # Once it is too long ago, there is one notice, and it is this one.
    shop.on("2012-01-08", uploads=False)
    said = words(shop.get("billing"))
    assert "was refused" in said and "We have not heard from your server since" not in said


def test_a_server_that_reports_is_led_to_its_billing(shop: Shop) -> None:
    shop.open(18)
    answer = shop.get("missing-data")
    assert (answer.status_code, answer.location) == (302, shop.page("billing"))


@pytest.mark.sqlite_only
def test_a_server_customer_reads_the_same(shop: Shop) -> None:
    shop.open(18)
    shop.on("2012-01-06", uploads=False)
    server = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, server)
    page = shop.client.get(server.page("missing-data"))
    assert "We have not heard from your server since" in headline(page)
    assert server.hostname in words(page)


def test_a_purchase_without_reports_is_answered_by_this_page(shop: Shop) -> None:
    shop.open(18)
    shop.on("2012-01-06", uploads=False)
    page = shop.get("upgrade")
    assert page.status_code == 409
    assert "We have not heard from your server since" in headline(page)
    assert "How to fix it" in words(page)
