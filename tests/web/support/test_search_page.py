"""The search page of staff, its file and saved views."""

import csv
import io
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app.domain.kinds import StaffRole
from app.services.context import Context
from tests.support.client import CheckedClient
from tests.support.login import add_organization, add_server
from tests.support.shop import counted_queries, headline
from tests.support.staff import begin_staff_session

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def staff(client: CheckedClient, ctx: Context) -> CheckedClient:
    """The browser of somebody who only reads."""
    begin_staff_session(client, ctx, StaffRole.READ_ONLY)
    return client


def test_a_customer_is_found_and_opened(staff: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx, hostname="chat.acme.test")
    acme = add_organization(ctx, host="one.acme.test", name="Acme One", server_id=server.id)
    add_server(ctx, hostname="talk.example.test", contact_email="x@example.test")
    page = staff.get("/support/?q=ACME")
    assert headline(page) == "2 customers found"
    text = page.get_data(as_text=True)
    assert f"/support/customers/{acme.uuid}/" in text and f"/customers/{server.uuid}/" in text
    assert "talk.example.test" not in text and "on chat.acme.test" in text
    assert headline(staff.get("/support/?q=acmme.test")).startswith("Nothing has “acmme.test”.")
    assert headline(staff.get("/support/?q=zzzqqq")) == "No customer found"
    assert headline(staff.get("/support/")) == "3 servers and organizations"


def test_nonsense_in_the_address_narrows_nothing(staff: CheckedClient, ctx: Context) -> None:
    add_server(ctx, hostname="chat.acme.test")
    for query in (
        "tier=nonsense&state=x&flag=&kind=account&sort=random&page=-1",
        "q=" + "%00" * 3,
        "page=99999999999999999999",
        "q=" + "a%20" * 2000,
    ):
        answer = staff.get(f"/support/?{query}")
        assert answer.status_code == 200, query
    text = staff.get("/support/?q=%3Cscript%3E&tier=basic&flag=stale").get_data(as_text=True)
    assert "&lt;script&gt;" in text and 'value="stale" checked' in text


def test_the_file_has_every_page_and_no_formulas(staff: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx, hostname="chat.acme.test")
    for n in range(30):
        add_organization(ctx, host=f"o{n}.acme.test", name="=HYPERLINK(1)", server_id=server.id)
    answer = staff.get("/support/customers.csv?q=acme&page=2&kind=organization")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert len(rows) == 30 and {row["name"] for row in rows} == {"'=HYPERLINK(1)"}
    assert rows[0]["host"] == "o0.acme.test" and rows[0]["state"] == "free"
    assert "customers-" in answer.headers["Content-Disposition"]
    assert headline(staff.get("/support/?q=acme&kind=organization&page=2")) == "30 customers found"


def test_views_are_saved_shared_renamed_and_deleted(
    app: Flask, staff: CheckedClient, ctx: Context
) -> None:
    def save(client: CheckedClient, name: str, **more: str) -> int:
        page = client.get("/support/views/save/?q=acme&flag=stale&tier=basic")
        return client.submit(page, {"name": name} | more).status_code

    assert save(staff, "") == 400
    assert save(staff, "Silent ones") == 303
    assert save(staff, "Silent ones") == 400
    assert save(staff, "Shared", is_shared="y") == 303
    page = staff.get("/support/").get_data(as_text=True)
    assert page.index("Shared") < page.index("Silent ones")
    link = page.split(">Silent ones<")[0].rpartition('href="')[2].partition('"')[0]
    asked = parse_qs(urlsplit(link.replace("&amp;", "&")).query)
    assert asked == {"q": ["acme"], "flag": ["stale"], "tier": ["basic"]}

    other = app.test_client()
    assert isinstance(other, CheckedClient)
    begin_staff_session(other, ctx, StaffRole.SUPPORT)
    seen = other.get("/support/").get_data(as_text=True)
    assert "Shared" in seen and "by Sam read_only" in seen and "Silent ones" not in seen
    for address in ("/support/views/1/", "/support/views/2/", "/support/views/9/"):
        assert other.get(address).status_code == 404
    assert save(other, "Silent ones") == 303

    changed = staff.submit(
        staff.get("/support/views/1/"),
        {"name": "Renamed", "is_shared": "y"},
        action="/support/views/1/",
    )
    assert changed.status_code == 303
    assert "Renamed" in other.get("/support/").get_data(as_text=True)
    view = staff.get("/support/views/1/")
    assert staff.submit(view, {"name": "Shared"}, action="/support/views/1/").status_code == 400
    assert staff.submit(view, {}, action="/support/views/1/delete/").status_code == 303
    assert staff.get("/support/views/1/").status_code == 404
    assert "Renamed" not in other.get("/support/").get_data(as_text=True)


def test_queries_do_not_grow_with_the_rows(staff: CheckedClient, ctx: Context) -> None:
    server = add_server(ctx, hostname="chat.acme.test")

    def queries() -> int:
        with counted_queries() as found:
            staff.get("/support/?q=acme")
        return len(found)

    add_organization(ctx, host="first.acme.test", server_id=server.id)
    few = queries()
    for n in range(24):
        add_organization(ctx, host=f"o{n}.acme.test", server_id=server.id)
    assert queries() == few <= 9
