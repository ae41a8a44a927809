"""The worked examples of docs/rules, to the cent, through uploads, purchases and jobs."""

from pathlib import Path

import pytest

from app.services.purchase_state import Outcome
from tests.scenarios.story import Story

EXAMPLES = {"catalog": Path(__file__).parent.parent / "catalogs" / "examples.toml"}


def totals(story: Story, payer) -> list[int]:
    return [invoice["total"] for invoice in story.export(payer)["invoices"]]


def entries(story: Story, payer) -> list[tuple]:
    return [
        (e["event_time"], e["is_renewal"], e["licenses"], e["licenses_at_next_renewal"])
        for e in story.export(payer)["ledger"]
    ]


def test_p7_a_month_with_five_people_added(story: Story) -> None:
    acme = story.server(seats=(18,))
    assert story.upgrade(acme, tier="basic").outcome is Outcome.PAID
    payer = story.payer(acme)
    assert totals(story, payer) == [4300]
    story.on("2012-01-04").upload_seats(acme, 19, 20, 21, 22, 23)
    story.on("2012-02-02").upload(acme)
    counts = story.run_jobs()
    assert (counts.processed, counts.invoiced, counts.parked) == (1, 1, 0)
    assert totals(story, payer) == [4300, 7685]
    story.assert_statement(payer, "p7.txt")
    story.assert_nothing_left_to_do()


@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
def test_l3_a_year_of_changes_in_a_day(story: Story) -> None:
    acme = story.server(seats=(6,))
    story.upgrade(acme, tier="standard", schedule="annual")
    story.upload_seats(acme, 23, 20, 21)
    payer = story.payer(acme)
    story.on("2013-01-02 03:04:06").upload_seats(acme, 22)
    start = "2012-01-02T03:04:05Z"
    assert entries(story, payer) == [
        (start, True, 6, 6),
        (start, False, 23, 23),
        (start, False, 23, 20),
        (start, False, 23, 21),
        ("2013-01-02T03:04:05Z", True, 21, 21),
        ("2013-01-02T03:04:06Z", False, 22, 22),
    ]


@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
def test_u1_six_people_for_a_year(story: Story) -> None:
    acme = story.server(seats=(6,))
    story.upgrade(acme, tier="standard", schedule="annual")
    payer = story.payer(acme)
    data = story.export(payer)
    (plan,) = data["plans"]
    (invoice,) = data["invoices"]
    (line,) = invoice["lines"]
    (entry,) = data["ledger"]
    assert (line["quantity"], line["unit_amount"], line["amount"]) == (6, 8000, 48000)
    assert line["period_start"] == "2012-01-02T03:04:05Z"
    assert line["period_end"] == "2013-01-02T03:04:05Z"
    assert plan["status"] == "active"
    assert plan["next_invoice_date"] == "2012-02-02T03:04:05Z"
    assert plan["invoiced_through"] == entry["id"]
    assert invoice["status"] == "paid" and invoice["number"]


def test_r1_a_minimum_and_a_discount_used_up_at_once(story: Story) -> None:
    acme = story.server(seats=(11,))
    story.upgrade(acme, tier="business", schedule="annual")
    payer = story.payer(acme)
    data = story.export(payer)
    assert [line["amount"] for line in data["invoices"][0]["lines"]] == [200000, -24000]
    assert data["ledger"][-1]["licenses"] == 25
    assert data["customer"]["new_customer_months_left"] == 0
    story.run_jobs_until("2013-01-02", acme, step=7)
    assert totals(story, payer) == [176000, 200000]
    story.assert_statement(payer, "r1.txt")


@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
def test_c5_added_in_the_same_second_and_in_the_middle_of_a_year(story: Story) -> None:
    acme = story.server(seats=(20,))
    story.upgrade(acme, tier="standard", schedule="annual")
    story.on("2012-02-02").upload(acme)
    story.run_jobs()
    payer = story.payer(acme)
    story.clock.set("2012-02-02T03:04:05")
    story.upload_seats(acme, 25)
    story.on("2012-03-02").upload_seats(acme, 30)
    story.run_jobs()
    lines = story.export(payer)["invoices"][1]["lines"]
    # Both rises are on the invoice of 2 March; 366 days from 2 January.
    assert [(line["quantity"], line["unit_amount"]) for line in lines] == [(5, 7322), (5, 6689)]


@pytest.mark.parametrize("settings_overrides", [EXAMPLES])
def test_c5_monthly_part(story: Story) -> None:
    acme = story.server(seats=(6,))
    story.upgrade(acme, tier="standard")
    story.upload_seats(acme, 20)
    story.on("2012-02-02").upload_seats(acme, 25)
    story.run_jobs()
    payer = story.payer(acme)
    assert totals(story, payer) == [4800, 14 * 800 + 20 * 800 + 5 * 800]
    story.assert_statement(payer, "c5_monthly.txt")
