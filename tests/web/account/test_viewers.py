"""A viewer sees every page of the customer and acts on none."""

import re
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.routing import Rule

from app.domain.kinds import BillingRole
from app.models.people import BillingUser
from app.services.unit_of_work import unit_of_work
from tests.support.client import CheckedClient
from tests.support.login import add_server, begin_server_session, begin_session
from tests.support.shop import Shop, words

CANNOT = "You can see, not change"


def log_in_as(shop: Shop, role: BillingRole) -> CheckedClient:
    """The browser of somebody with that role, beside the owner."""
    browser = shop.another_browser()
    person = begin_session(
        browser, shop.ctx, shop.organization, email=f"{role}@acme.test", user_uuid=uuid4()
    )
    with unit_of_work(shop.ctx) as work:
        work.session.execute(update(BillingUser).where(BillingUser.id == person).values(role=role))
        work.commit()
    return browser


def token_in(text: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)
    assert found is not None, "the page has a form"
    return found[1]


def acts_of(app: Flask) -> list[tuple[Rule, BillingRole]]:
    """Every route of a customer that takes a POST, with the least role that it declares."""
    found = []
    for rule in app.url_map.iter_rules():
        access = getattr(app.view_functions[rule.endpoint], "__access__", "")
        if access.startswith("billing_user:") and "POST" in (rule.methods or ()):
            found.append((rule, BillingRole(access.rpartition(":")[2])))
    return found


def address_of(rule: Rule, uuid: str) -> str:
    """An address of the rule for that customer, other numbers being those of nothing."""
    filled = rule.rule.replace("<any(realm, server):prefix>", "realm")
    filled = filled.replace("<uuid:entity_uuid>", uuid)
    filled = re.sub(r"<uuid:[^>]+>", str(uuid4()), filled)
    return re.sub(r"<[^>]+>", "9", filled)


@pytest.mark.sqlite_only
def test_no_post_of_a_viewer_is_found(shop: Shop) -> None:
    shop.open().has_card().buy()
    viewer = log_in_as(shop, BillingRole.VIEWER)
    token = token_in(viewer.get(shop.page("people")).text)
    asked = 0
    for rule, least in acts_of(shop.story.app):
        if least is BillingRole.VIEWER or rule.rule.startswith("/server/"):
            continue
        answer = viewer.post(address_of(rule, shop.organization.uuid), data={"csrf_token": token})
        assert answer.status_code == 404, rule.rule
        asked += 1
    assert asked > 10


@pytest.mark.sqlite_only
def test_a_viewer_cannot_switch_off_the_server(shop: Shop) -> None:
    shop.open()
    server, browser = add_server(shop.ctx), shop.another_browser()
    person = begin_server_session(browser, shop.ctx, server)
    with unit_of_work(shop.ctx) as work:
        work.session.get_one(BillingUser, person).role = BillingRole.VIEWER
        work.commit()
    page = browser.get(server.page("deactivate"))
    assert CANNOT in words(page)
    answer = browser.post(server.page("deactivate"), data={"csrf_token": token_in(page.text)})
    assert answer.status_code == 404


@pytest.mark.sqlite_only
def test_pages_offer_a_viewer_no_buttons(shop: Shop) -> None:
    shop.open().has_card().buy()
    viewer = log_in_as(shop, BillingRole.VIEWER)
    for name in ("billing", "plans", "invoices", "usage", "activity", "help", "plan/end"):
        page = viewer.get(shop.page(name))
        assert page.status_code == 200, name
        main = page.text.partition("<main")[2].partition("</main>")[0]
        posts = re.findall(r'<form[^>]*method="post".*?</form>', main, re.DOTALL)
        assert not re.search(r"<button(?![^>]*disabled)", " ".join(posts)), name
    assert CANNOT in words(viewer.get(shop.page("plan/end")))
    assert "Viewer" in viewer.get(shop.page("billing")).text


@pytest.mark.sqlite_only
def test_viewers_keep_their_own_details_and_billing_acts_on_money(shop: Shop) -> None:
    shop.open().has_card().buy()
    viewer = log_in_as(shop, BillingRole.VIEWER)
    page = viewer.get(shop.page("people"))
    answer = viewer.submit(page, {"full_name": "Vera"}, action="/people/me/")
    assert answer.status_code == 303
    assert "Vera" in words(viewer.get(shop.page("people")))
    billing = log_in_as(shop, BillingRole.BILLING)
    ended = billing.submit(billing.get(shop.page("plan/end")), action="/plan/end/")
    assert ended.status_code == 303
