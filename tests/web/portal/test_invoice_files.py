"""Invoices as a file for a spreadsheet."""

import csv
import gc
import io
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import QueuePool, select, update
from werkzeug.test import TestResponse

from app.domain.kinds import InvoiceStatus
from app.extensions import db
from app.models.invoices import Invoice, InvoiceLine
from app.models.registrations import Organization
from app.services.unit_of_work import unit_of_work
from app.web.csv_files import amount, csv_name, csv_response
from tests.support.login import begin_server_session, load_known_server
from tests.support.shop import Shop, counted_queries
from tests.web.portal.test_invoices import add_invoices

NOON = datetime(2012, 1, 2, 12, tzinfo=UTC)


def get_file(shop: Shop, query: str = "") -> TestResponse:
    """The file of the shop's organization."""
    return shop.client.get(f"{shop.page('invoices').rstrip('/')}.csv{query}")


def rows_of(response: TestResponse) -> list[dict[str, str]]:
    """Its rows, read as a program is to read it."""
    text = response.get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_one_row_for_each_line(shop: Shop) -> None:
    shop.open(18).buy()
    shop.on("2012-01-04", uploads=False)
    shop.story.upload_seats(shop.server, 23)
    shop.run_until("2012-02-02")
    response = get_file(shop)
    assert response.status_code == 200
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.get_data().startswith("\ufeffinvoice,".encode())
    assert b"\r\n" in response.get_data()
    rows = rows_of(response)
    told = [(r["description"], r["quantity"], r["unit_amount"], r["amount"]) for r in rows]
    assert told == [
        ("5 licenses added on 4 January", "5", "3.27", "16.35"),
        ("Basic - renewal", "23", "3.50", "80.50"),
        ("New customer discount", "1", "-20.00", "-20.00"),
        ("Basic", "18", "3.50", "63.00"),
        ("New customer discount", "1", "-20.00", "-20.00"),
    ]
    last = rows[1]
    assert (last["state"], last["currency"], last["invoice_total"]) == ("paid", "USD", "76.85")
    assert last["date"] == last["period_start"] == "2012-02-02T03:04:05Z"
    assert last["period_end"] == "2012-03-02T03:04:05Z"
    assert last["invoice"] and last["paid"] and not last["due"] + last["voided"] + last["refunded"]


def test_the_file_holds_what_the_list_shows(shop: Shop) -> None:
    shop.open(18).buy()
    add_invoices(shop, 3)
    assert len(rows_of(get_file(shop))) == 5
    assert len(rows_of(get_file(shop, "?year=2011"))) == 3
    assert len(rows_of(get_file(shop, "?state=void"))) == 0
    # An invoice whose lines are not made yet stands in it all the same.
    row = rows_of(get_file(shop, "?year=2011&state=paid"))[0]
    assert (row["invoice_total"], row["description"], row["amount"]) == ("10.00", "", "")


def test_nothing_yet_is_a_file_with_its_heads(shop: Shop) -> None:
    shop.open(18)
    assert rows_of(get_file(shop)) == []
    assert get_file(shop).get_data().count(b"\r\n") == 1


@pytest.mark.sqlite_only
def test_it_is_saved_under_a_name_and_nowhere_else(shop: Shop) -> None:
    shop.open(18).buy()
    headers = get_file(shop).headers
    name = 'attachment; filename="invoices-chat1.acme.test-2012-01-02.csv"'
    assert headers["Content-Disposition"] == name
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1"])
@pytest.mark.sqlite_only
def test_no_text_is_run_as_a_formula(shop: Shop, text: str) -> None:
    shop.open(18).buy()
    with unit_of_work(shop.ctx) as work:
        work.session.execute(
            update(InvoiceLine).where(InvoiceLine.position == 0).values(description=text)
        )
        work.commit()
    first, discount = rows_of(get_file(shop))
    assert first["description"] == f"'{text}"
    assert discount["amount"] == "-20.00", "an amount stays a number"


@pytest.mark.sqlite_only
def test_a_hostile_host_is_only_a_name(shop: Shop) -> None:
    shop.open(18).buy()
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Organization).values(host='a"\\/../=b;é.test'))
        work.commit()
    disposition = get_file(shop).headers["Content-Disposition"]
    assert disposition == 'attachment; filename="invoices-a-..-b-.test-2012-01-02.csv"'


@given(st.text(max_size=300))
def test_every_host_makes_a_name(host: str) -> None:
    name = csv_name("usage", host, NOON)
    assert name.startswith("usage-") and name.endswith("2012-01-02.csv") and len(name) < 140
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_amounts_have_two_places(cents: int) -> None:
    text = str(amount(cents))
    assert text.rpartition(".")[2].isdigit() and len(text.rpartition(".")[2]) == 2
    assert int(text.replace(".", "")) == cents


def test_a_long_file_is_sent_in_pieces(shop: Shop) -> None:
    with shop.story.app.test_request_context():
        rows = [[f"row {number}", number, None, NOON] for number in range(2_000)]
        response = csv_response(["a", "b", "c", "d"], lambda: rows, file_name="x.csv")
        pieces = list(response.iter_encoded())
    assert len(pieces) > 2
    assert b"".join(pieces).count(b"\r\n") == 2_001


@pytest.mark.parametrize("invoices", [1, 1_200])
def test_it_takes_as_many_queries_for_many_as_for_one(shop: Shop, invoices: int) -> None:
    shop.open(18).buy()
    add_invoices(shop, invoices)
    with counted_queries() as queries:
        assert len(rows_of(get_file(shop))) == invoices + 2
    assert len(queries) <= 2, "\n".join(queries)


@pytest.mark.parametrize("name", ["invoices.csv", "seats.csv", "usage.csv"])
def test_the_connection_goes_back_with_the_last_piece(shop: Shop, name: str) -> None:
    shop.open(18).buy()
    with shop.story.app.app_context():
        pool = cast(QueuePool, db.engine.pool)
    gc.disable()
    try:
        assert shop.client.get(shop.page(name).rstrip("/")).get_data()
        assert pool.checkedout() == 0
    finally:
        gc.enable()


def test_dates_of_what_became_of_an_invoice(shop: Shop) -> None:
    shop.open(18).buy()
    at = shop.clock.now() + timedelta(hours=1)
    with unit_of_work(shop.ctx) as work:
        invoice = work.session.scalars(select(Invoice)).one()
        invoice.refunded_at, invoice.due_at = at, at
        work.commit()
    row = rows_of(get_file(shop))[0]
    assert (row["state"], row["refunded"], row["due"]) == (
        "refunded",
        "2012-01-02T04:04:05Z",
        "2012-01-02T04:04:05Z",
    )
    with unit_of_work(shop.ctx) as work:
        invoice = work.session.scalars(select(Invoice)).one()
        invoice.status, invoice.voided_at = InvoiceStatus.VOID, at
        work.commit()
    row = rows_of(get_file(shop))[0]
    assert (row["state"], row["voided"]) == ("void", "2012-01-02T04:04:05Z")


def test_what_is_not_yours_is_not_there(shop: Shop) -> None:
    shop.open(18).buy()
    other = shop.story.server(seats=(30,))
    path = shop.known(other).page("invoices").rstrip("/")
    assert shop.client.get(f"{path}.csv").status_code == 404
    known = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, known)
    # The server pays for itself; what its organization pays is the organization's.
    assert get_file(shop).status_code == 404
    assert rows_of(shop.client.get(f"/server/{known.uuid}/invoices.csv")) == []
