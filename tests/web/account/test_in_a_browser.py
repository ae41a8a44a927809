"""The pages about people, activity, help and leaving in a browser: for everybody."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from app.web.sessions import session_cookie_name
from tests.support.leaving import add_purchase
from tests.support.login import begin_server_session, begin_session, load_known_server, login_as
from tests.support.plans import add_customer, add_plan
from tests.support.shop import Shop
from tests.support.wire import load_organization, load_server
from tests.web.portal.test_in_a_browser import LOOKS, look_at, problems_of

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def crowd(shop: Shop) -> Shop:
    """A running plan, three people of whom one was removed, and what they did."""
    shop.open(18).buy()
    login_as(shop.client, shop.ctx, shop.organization)
    for name in ("zoe", "ada"):
        browser = shop.another_browser()
        begin_session(
            browser,
            shop.ctx,
            shop.organization,
            email=f"{name}.with.a.long.address@mail.acme.test",
            user_uuid=uuid4(),
        )
    shop.client.submit(shop.get("people/2/remove"), action="/remove/")
    return shop


def test_nobody_is_kept_out(crowd: Shop, open_page: Callable[..., Page], axe_source: str) -> None:
    pages = ["people", "people/3/remove", "activity", "help"]
    look_at(open_page, axe_source, [(name, "") for name in pages])


def test_nobody_is_kept_from_leaving(
    shop: Shop, chromium: Any, address: str, axe_source: str
) -> None:
    shop.open(18)
    server = load_known_server(shop.ctx, shop.organization.server_id)
    begin_server_session(shop.client, shop.ctx, server)
    cookie = shop.client.get_cookie(session_cookie_name(shop.ctx.settings))
    assert cookie is not None
    context = chromium.new_context()
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": address}])
    page = context.new_page()
    plan = add_customer(shop.ctx, load_organization(shop.ctx, shop.organization.uuid))
    for prepare in (
        lambda: None,
        lambda: add_plan(shop.ctx, plan),
        lambda: add_purchase(shop.ctx, add_customer(shop.ctx, load_server(shop.ctx, server.uuid))),
    ):
        prepare()
        for scheme, viewport in LOOKS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(viewport)
            page.goto(f"{address}{server.page('deactivate')}")
            assert problems_of(page, axe_source) == []
    context.close()


def test_removing_somebody_by_keyboard(crowd: Shop, open_page: Callable[..., Page]) -> None:
    page = open_page("people", java_script_enabled=False)
    page.get_by_role("link", name="Remove ada").press("Enter")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Remove Iago from billing")
    page.get_by_role("button", name="Remove").press("Enter")
    expect(heading).to_contain_text("One person can manage billing")
    page.get_by_label("Your full name").fill("")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
