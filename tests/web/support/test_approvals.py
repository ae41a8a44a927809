"""What two people are needed for: asked by one, seen and approved by another, done once."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.kinds import StaffActionStatus, StaffRole
from app.models import AuditEntry, Customer, StaffAction
from app.services.customers import Payer
from app.services.invoice_plan import park_customer
from app.web.support.actions import access_actions, registry
from app.web.support.actions.framework import Weight
from tests.support.client import CheckedClient
from tests.support.shop import Shop, counted_queries, headline, words
from tests.support.staff import begin_staff_session
from tests.web.support.test_access_actions import address, look


@pytest.fixture
def payer(shop: Shop) -> Payer:
    shop.open(people=18).has_card().buy()
    return shop.story.payer(shop.server)


@pytest.fixture(autouse=True)
def heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parking weighs as much as half of everything."""
    park: Any = replace(access_actions.PARK, weight=lambda _asked: Weight(percent=5000))
    acts = dict(registry.all_actions()) | {"park": park}
    monkeypatch.setattr("app.web.support.actions.views.all_actions", lambda: acts)


@pytest.fixture
def second(shop: Shop) -> CheckedClient:
    """The browser of somebody else of the same role."""
    browser = shop.another_browser()
    begin_staff_session(browser, shop.ctx, StaffRole.SUPPORT, email="second@tallyport.test")
    return browser


def ask(desk: CheckedClient, payer: Payer) -> str:
    page = look(desk, payer, "park")
    assert "A second person has to approve this" in words(page)
    sent = desk.submit(page, action="/confirm/")
    assert sent.status_code == 303
    return str(sent.headers["Location"])


def decide(browser: CheckedClient, where: str, decision: str) -> TestResponse:
    page = browser.get(where)
    if decision == "approve":
        page = browser.submit(page, action="/look/")
    return browser.submit(page, {"reason": "agreed"}, action=f"/{decision}/")


def is_parked(shop: Shop) -> bool:
    with shop.ctx.sessions() as session:
        return session.scalars(select(Customer.parked_at)).one() is not None


def test_approved_by_another_and_done_once(
    shop: Shop, desk: CheckedClient, second: CheckedClient, payer: Payer
) -> None:
    where = ask(desk, payer)
    assert not is_parked(shop)
    assert headline(second.get("/support/approvals/")) == "1 act waits for a second person."
    page = second.submit(second.get(where), action="/look/")
    assert "No invoice is made for" in words(page)
    assert second.submit(page, {"reason": "agreed"}, action="/approve/").status_code == 303
    assert is_parked(shop)
    late = second.submit(page, {"reason": "agreed"}, action="/approve/")
    assert late.status_code == 303
    with shop.ctx.sessions() as session:
        row = session.scalars(select(StaffAction)).one()
        assert row.status is StaffActionStatus.DONE
        assert row.decided_by not in {None, row.asked_by}
        acts = session.scalars(select(AuditEntry.action)).all()
        assert [acts.count(f"action.{verb}") for verb in ("asked", "approved")] == [1, 1]
        assert acts.count("customer.parked") == 1
    assert "done" in words(second.get("/support/approvals/"))


def test_not_by_the_same_person_nor_by_who_only_reads(
    shop: Shop, desk: CheckedClient, second: CheckedClient, payer: Payer
) -> None:
    where = ask(desk, payer)
    page = second.submit(second.get(where), action="/look/")
    token = page.get_data(as_text=True).partition('name="csrf_token" value="')[2].partition('"')[0]
    mine = desk.get(where)
    assert "Somebody else has to approve it." in words(mine)
    csrf = mine.get_data(as_text=True).partition('name="csrf_token" value="')[2].partition('"')[0]
    refused = desk.post(f"{where}approve/", data={"csrf_token": csrf, "reason": "me"})
    assert refused.status_code == 400
    assert "cannot approve it" in words(refused)
    reader = shop.another_browser()
    begin_staff_session(reader, shop.ctx, StaffRole.READ_ONLY)
    assert "Approve" not in words(reader.get(where))
    sent = reader.post(f"{where}approve/", data={"csrf_token": token, "reason": "x"})
    assert sent.status_code in {400, 404}
    assert not is_parked(shop)
    assert decide(second, where, "reject").status_code == 303
    assert "rejected" in words(desk.get(where))
    assert not is_parked(shop)


def test_taken_back_and_changed_meanwhile(
    shop: Shop, desk: CheckedClient, second: CheckedClient, payer: Payer
) -> None:
    where = ask(desk, payer)
    page = second.submit(second.get(where), action="/look/")
    with shop.ctx.sessions() as session:
        (customer_id,) = session.scalars(select(Customer.id))
    park_customer(shop.ctx, customer_id, reason="a run failed")
    told = second.submit(page, {"reason": "agreed"}, action="/approve/", follow_redirects=True)
    assert "has changed since you looked" in told.get_data(as_text=True)
    assert "Parked: was none, is" in words(told)
    assert decide(desk, where, "withdraw").status_code == 303
    with shop.ctx.sessions() as session:
        assert session.scalars(select(StaffAction.status)).all() == [StaffActionStatus.WITHDRAWN]


@pytest.mark.sqlite_only
def test_the_list_asks_as_much_for_many(shop: Shop, desk: CheckedClient, payer: Payer) -> None:
    assert "All decided" in words(desk.get("/support/approvals/"))
    assert desk.get("/support/approvals/99/").status_code == 404
    ask(desk, payer)
    with counted_queries() as one:
        desk.get("/support/approvals/")
    for _ in range(3):
        ask(desk, payer)
    with counted_queries() as several:
        page = desk.get("/support/approvals/")
    assert len(several) == len(one)
    assert headline(page) == "4 acts wait for a second person."
    assert address(payer, "park").split("/do/")[0] in page.get_data(as_text=True)
