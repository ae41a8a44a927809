"""What pages say about estimates, late rows and single charges."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.web.demo import SHIPPED
from tests.support.shop import Shop, headline, words

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def estimating(shop: Shop) -> Shop:
    """A shop whose catalog estimates renewals of silent servers, for its pages and its jobs."""
    ctx = replace(shop.ctx, catalog=replace(shop.ctx.catalog, estimate_when_stale=True))
    shop.story.app.extensions["tallyport"] = ctx
    # The demo's switch of free trials starts from the catalog as it is shipped.
    shop.story.app.extensions[SHIPPED] = ctx.catalog
    shop.story.ctx = ctx
    return shop


def test_a_late_row_is_told_on_the_next_charge_and_on_its_invoice(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-02-01")
    shop.story.upload_seats(shop.server, 18)
    shop.run_until("2012-02-10")
    shop.story.set_people(shop.server, 21, at=datetime(2012, 1, 20, 3, 4, 5, tzinfo=UTC))
    shop.story.upload(shop.server)
    said = words(shop.get("billing"))
    late = "Late report: 3 licenses added on 20 January 20 January 2012 – 2 February 2012"
    why = "Your server reported this only after that time had been invoiced."
    assert f"{late} {why}" in said
    assert "3 $1.47 $4.41" in said
    assert "Next charge: $47.41 on 2 March." in headline(shop.get("billing"))
    shop.run_until("2012-03-02")
    said = words(shop.get("invoices/3"))
    assert "$47.41, paid on 2 March 2012." in headline(shop.get("invoices/3"))
    assert f"{late} {why} A license for 13 of 31 days of $3.50 costs $1.47" in said
    assert "Licenses 18 → 21" in said
    assert "Person added row" in said


def test_an_estimate_says_so_and_so_does_what_puts_it_right(estimating: Shop) -> None:
    shop = estimating
    shop.open(18).buy()
    shop.story.run_jobs_until("2012-01-30", shop.server)
    shop.story.run_jobs_until("2012-02-06")
    shop.log_in()
    said = words(shop.get("billing"))
    assert "a renewal is charged by the last number we know, as an estimate" in said
    assert "The renewal of 2 February was estimated" in said
    said = words(shop.get("invoices/2"))
    assert "Estimated Your server was silent, so this was charged by the last number" in said
    assert "Basic - renewal, estimated" in said
    shop.story.set_people(shop.server, 11, at=datetime(2012, 2, 1, 3, 4, 5, tzinfo=UTC))
    shop.story.upload(shop.server)
    said = words(shop.get("billing"))
    assert "Estimate corrected: 7 licenses less from 2 February" in said
    assert "Its reports say less, so you get this back." in said
    assert "7 −$3.50 −$24.50" in said
    shop.run_until("2012-03-02")
    said = words(shop.get("invoices/3"))
    assert "Estimate corrected: 7 licenses less from 2 February" in said
    assert "Its reports say less, so you get this back." in said
    log = words(shop.get("activity"))
    assert "An estimate was corrected: 7 licenses less" in log


def test_a_single_charge_is_seen_coming_and_then_on_its_invoice(shop: Shop) -> None:
    shop.open(18).buy()
    uuid = shop.story.payer(shop.server).uuid
    shop.story.staff("one-off", uuid, "--amount", "250.00", "--description", "Set-up <fee>")
    page = shop.get("billing")
    assert "Set-up &lt;fee&gt;" in page.text
    assert "1 $250.00 $250.00" in words(page)
    assert headline(page).endswith("Next charge: $293.00 on 2 February.")
    assert "A single charge was added: Set-up <fee>, $250.00" in words(shop.get("activity"))
    shop.run_until("2012-02-02")
    said = words(shop.get("invoices/2"))
    assert "Set-up <fee>" in said
    assert headline(shop.get("invoices/2")).startswith("$293.00, paid")


def test_a_charge_in_a_month_that_costs_nothing_is_the_next_charge(shop: Shop) -> None:
    shop.open(18).buy(schedule="annual")
    uuid = shop.story.payer(shop.server).uuid
    shop.story.staff("one-off", uuid, "--amount", "250.00", "--description", "Set-up")
    assert "Next charge: $250.00 on 2 February." in headline(shop.get("billing"))
