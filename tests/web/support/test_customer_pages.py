"""The pages of staff about one customer: what they say, and that they grow with nothing."""

import json

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.domain.kinds import StaffRole
from app.models import Customer, Mail, Server
from app.services.context import staff_actor
from app.services.customers import Payer
from app.services.outbox import record_mail
from app.services.staff_notes import add_note
from app.services.unit_of_work import unit_of_work
from tests.support.client import CheckedClient
from tests.support.shop import Shop, counted_queries, headline, words
from tests.support.staff import add_staff, begin_staff_session

TABS = (
    "",
    "organizations/",
    "billing/",
    "ledger/",
    "uploads/",
    "people/",
    "deals/",
    "mails/",
    "notes/",
    "audit/",
)
# What stands on a tab of a customer that has a bit of everything.
SAYS = {
    "uploads": ("Arriving", "Accepted ids", "Rows that count people", "18"),
    "people": ("iago@acme.test", "Owner", "Nobody was invited."),
    "deals": ("has a discount: 40%", "the fair", "Nora", "Required tier Basic"),
    "mails": ("Uploads stopped", "olive@acme.test", "Not delivered", "no such box"),
    "notes": ("Call before noon.", "Sam Sterling"),
    "audit": ("Sam Sterling (staff)", "note.added"),
}
# A session, the person, and the rows of the page; more would be a loop.
MOST_QUERIES = {"": 32, "uploads/": 22}


def address(payer: Payer, tab: str = "") -> str:
    return f"/support/customers/{payer.uuid}/{tab}"


def server_of(shop: Shop) -> Payer:
    return shop.story.payer(shop.server, None)


def number_of_queries(desk: CheckedClient, payer: Payer, tab: str) -> int:
    with counted_queries() as queries:
        page = desk.get(address(payer, tab))
    assert page.status_code == 200, words(page)
    assert len(queries) <= MOST_QUERIES.get(tab, 16), "\n".join(queries)
    return len(queries)


@pytest.fixture
def payer(shop: Shop) -> Payer:
    """An organization with a plan and a card."""
    shop.open(people=18).has_card().buy()
    return shop.story.payer(shop.server)


def test_who_what_they_pay_and_what_comes(shop: Shop, desk: CheckedClient, payer: Payer) -> None:
    page = desk.get(address(payer))
    assert "has Basic and pays $63.00 a month, less $20.00 a month until" in headline(page)
    said = words(page)
    assert "Basic, active, billed monthly" in said
    assert "18 licenses at $3.50 a license a month, less $20.00 a month until" in said
    assert "Next invoice $43.00 on" in said and "No end is set: it renews" in said
    assert "What is wrong" not in said and "On the same server" in said
    # Each group of acts stands there once.
    assert page.get_data(as_text=True).count("<h3>") == 3
    assert payer.uuid in said and "timeline-bar-now" in page.get_data(as_text=True)
    assert "Plans over time: Basic, monthly from 2 January 2012." in page.get_data(as_text=True)


def test_what_is_wrong_stands_in_a_line_each(shop: Shop, desk: CheckedClient, payer: Payer) -> None:
    with unit_of_work(shop.ctx) as work:
        work.session.execute(
            update(Customer).values(parked_at=work.now, parked_reason="the run broke")
        )
        refused = {"refused_code": "data_out_of_order", "refused_params": {}}
        work.session.execute(update(Server).values(refused_at=work.now, **refused))
        work.commit()
    said = words(desk.get(address(payer)))
    assert "so no run touches it: the run broke" in said and "was refused:" in said


def test_a_server_and_who_never_paid_have_every_page(shop: Shop, desk: CheckedClient) -> None:
    shop.open(people=18)
    server = server_of(shop)
    organization = shop.story.payer(shop.server)
    for payer in (server, organization):
        for tab in TABS:
            number_of_queries(desk, payer, tab)
    assert headline(desk.get(address(server))).endswith("has no plan and pays nothing.")
    assert "18 people without a plan: 10 are free." in words(desk.get(address(organization)))
    assert organization.display_name in words(desk.get(address(server, "organizations/")))
    unknown = f"/support/customers/{'0' * 8}-0000-4000-8000-{'0' * 12}/"
    assert desk.get(unknown).status_code == 404


def test_no_page_asks_more_of_the_database_for_more_rows(
    shop: Shop, desk: CheckedClient, payer: Payer
) -> None:
    before = {tab: number_of_queries(desk, payer, tab) for tab in TABS}
    for month in ("2012-02-10", "2012-03-10", "2012-04-10"):
        shop.story.upload_seats(shop.server, int(month[5:7]) + 20)
        shop.run_until(month, step=5)
    desk = shop.another_browser()
    begin_staff_session(desk, shop.ctx)
    assert {tab: number_of_queries(desk, payer, tab) for tab in TABS} == before


def test_an_invoice_down_to_the_rows_and_attempts(
    shop: Shop, desk: CheckedClient, payer: Payer
) -> None:
    billing = desk.get(address(payer, "billing/"))
    assert "1 invoice" in headline(billing) and "Paid" in words(billing)
    html = billing.get_data(as_text=True)
    link = html.split("/billing/")[-1].split("/")[0]
    page = desk.get(address(payer, f"billing/{link}/"))
    said = words(page)
    assert "Why?" in said and "Attempts" in said and "finalize" in said
    assert "dashboard.stripe.com" in page.get_data(as_text=True)
    assert "Renewal" in words(desk.get(address(payer, "ledger/")))
    assert desk.get(address(payer, "billing/999/")).status_code == 404
    assert desk.get(address(server_of(shop), f"billing/{link}/")).status_code == 404


def test_the_export_is_that_of_the_command_line(
    app: Flask, desk: CheckedClient, payer: Payer
) -> None:
    answer = desk.get(address(payer, "export.json"))
    printed = app.test_cli_runner().invoke(args=["billing", "export", payer.uuid])
    assert json.loads(answer.get_data(as_text=True)) == json.loads(printed.output)
    assert "attachment" in answer.headers["Content-Disposition"]


def test_the_tabs_say_what_was_agreed_sent_noted_and_done(
    shop: Shop, desk: CheckedClient, payer: Payer
) -> None:
    author = add_staff(shop.ctx, name="Sam Sterling", email="sam@tallyport.test")
    discount = {"discount_percent": 4000, "discount_reason": "the fair", "discount_owner": "Nora"}
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(Customer).values(required_plan_tier="basic", **discount))
        record_mail(
            work,
            event_key="stopped",
            template="uploads_stopped",
            recipient="olive@acme.test",
            params={},
            customer_id=work.session.scalars(select(Customer.id)).one(),
        )
        failed = {"failed_at": work.now, "last_error": "no such box"}
        work.session.execute(update(Mail).where(Mail.event_key == "stopped").values(**failed))
        work.commit()
    with unit_of_work(shop.ctx) as work:
        by = staff_actor(author)
        add_note(work, payer, "Call before noon.", staff_user_id=author, actor=by)
        work.commit()
    for tab, sentences in SAYS.items():
        said = words(desk.get(address(payer, f"{tab}/")))
        for sentence in sentences:
            assert sentence in said, f"{tab}: {said}"
    narrowed = words(desk.get(address(payer, "audit/?area=note")))
    assert "1 entry in the audit log" in narrowed and "Sam Sterling (staff)" in narrowed
    assert "One mail could not be delivered." in words(desk.get(address(payer)))


def test_who_only_reads_sees_everything_and_is_offered_nothing(shop: Shop, payer: Payer) -> None:
    reader = shop.another_browser()
    begin_staff_session(reader, shop.ctx, StaffRole.READ_ONLY)
    for tab in TABS:
        page = reader.get(address(payer, tab))
        assert page.status_code == 200 and "/do/" not in page.get_data(as_text=True)
    assert "Your role reads only." in words(reader.get(address(payer)))
    assert shop.client.get(address(payer, "audit/")).status_code == 404
    assert shop.another_browser().get(address(payer, "audit/")).status_code == 302
