"""Somebody new of staff, where a second factor is required: from the link to an idle end."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.staff_tour import (
    choose_password,
    enter_code,
    enter_password,
    setup_address,
    shown_secret,
)
from tests.e2e.world import World

pytestmark = pytest.mark.sqlite_only


@pytest.fixture(autouse=True)
def _factor_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in production; the world reads its environment when it starts."""
    monkeypatch.setenv("STAFF_REQUIRE_2FA", "on")


def test_from_the_link_to_the_console_and_out(
    _factor_is_required: None, page: Page, world: World
) -> None:
    account = f"{world.portal_url}/support/account/"
    choose_password(page, setup_address(world))
    page.goto(account)
    page.wait_for_url("**/support/login/?next=*")
    enter_password(page)
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    # Half a login opens nothing.
    other = page.context.new_page()
    other.goto(account)
    expect(other.get_by_role("heading", name="Log in to support")).to_be_visible()
    other.close()
    enter_code(page, world, shown_secret(page))
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    code = page.locator(".recovery-codes code").first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url(account)
    world.at("2012-01-02 04:03:00")
    page.reload()
    expect(page.get_by_role("heading", name="You are logged in at 1 browser")).to_be_visible()
    world.at("2012-01-02 05:03:00")
    page.reload()
    # Nobody clicked for an hour.
    expect(page.get_by_role("heading", name="Log in to support")).to_be_visible()
    enter_password(page)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(account)
    expect(page.get_by_text("9 recovery codes are left.")).to_be_visible()
