"""An organization is exported from one server and imported into another, while it pays on the first.

The second server is told why it cannot go on, and on the first nobody notices anything.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from app.sample_server.registration import register
from app.sample_server.server import ServerHandle
from app.sample_server.uploads import upload_now
from tests.e2e import road
from tests.e2e.world import World

# The moves themselves run on both databases in tests/scenarios/ and tests/services/.
pytestmark = pytest.mark.sqlite_only

# What every page of the organization says in its head.
ACME = "acme.localhost"


def heading(page: Page):
    return expect(page.get_by_role("heading", level=1))


def people(page: Page, base: str) -> str:
    """The page about who manages the billing."""
    page.goto(f"{base}people/")
    return page.locator("main").inner_text()


def log_in_by_key(page: Page, world: World, server: ServerHandle) -> str:
    """Whoever runs a server, at its first visit; returns where its pages begin."""
    page.context.clear_cookies()
    settings = server.store.settings()
    page.goto(f"{world.portal_url}/serverlogin/")
    page.get_by_label("Server id").fill(settings.server_uuid)
    page.get_by_label("Server key").fill(settings.server_key)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Your email address").fill(settings.contact_email)
    page.get_by_role("button", name="Send link").click()
    page.goto(road.mailed_link(world))
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Your full name").fill("Hal Harbor")
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Account", exact=True)).to_be_visible()
    return f"{world.portal_url}/server/{settings.server_uuid}/"


@pytest.mark.breaks_pages
def test_it_goes_on_where_it_pays(page: Page, world: World) -> None:
    base = road.subscribe(page, world)
    uuid = base.rstrip("/").rpartition("/")[2]
    who = people(page, base)
    assert ACME in page.content() and uuid in page.content()
    other = world.start_server("harbor")
    register(other.store)
    assert upload_now(other.store, trigger="control").ok
    before = road.export(world, base)
    moved = world.move_organization(other)
    assert moved.uuid == uuid

    # On the second server: the upload is refused, and its page says why.
    road.upload_by_button(page, other)
    why = "An organization here is registered to another server"
    expect(page.get_by_role("status")).to_contain_text(f"The upload failed: {why}.")
    row = page.get_by_role("row").nth(1)
    expect(row).to_contain_text("“Duplicate registration detected.”")
    expect(row).to_contain_text("Open Billing in the organization that came from elsewhere")
    # As the page says: the menu's Billing there.
    road.click_billing(page, world, server=other)
    heading(page).to_have_text("This organization is registered to another server")
    main = page.locator("main")
    expect(main).to_contain_text("Its plan goes on there.")
    expect(main).to_contain_text("move its billing too")
    support = world.ctx.catalog.brand.support_email
    expect(page.get_by_role("link", name=support)).to_have_attribute("href", f"mailto:{support}")
    page.get_by_text("Details for support").click()
    for named in (other.store.settings().server_uuid, uuid, "REMOTE_REALM_SERVER_MISMATCH_ERROR"):
        expect(main.get_by_text(named, exact=True)).to_be_visible()
    # And once more, since this is not a passing trouble.
    page.get_by_role("link", name="Try again").click()
    heading(page).to_have_text("This organization is registered to another server")

    # The second server's own billing shows nothing of it, and why its reports do not arrive.
    theirs = log_in_by_key(page, world, other)
    page.goto(f"{theirs}missing-data/")
    heading(page).to_have_text(re.compile("^Your server's report of 2 January 2012.* was refused"))
    expect(main).to_contain_text("If it moved here for good, write to us")
    for name in ("billing", "plans", "usage", "invoices", "people", "activity"):
        answer = page.goto(f"{theirs}{name}/")
        assert answer is not None and answer.status == 200
        assert not any(told in page.content() for told in (ACME, uuid))
    answer = page.goto(f"{base}billing/")
    assert answer is not None and answer.status == 404

    # On the first server everything works, and nothing has changed.
    page.context.clear_cookies()
    road.upload_by_button(page, world.sample)
    expect(page.get_by_role("status")).to_contain_text("Uploaded:")
    assert road.export(world, base) == before
    road.later_login(page, world)
    heading(page).to_contain_text("Basic, 18 people")
    assert people(page, base) == who
    world.at("2012-01-04 03:04:05")
    road.open_product(page, world)
    page.goto(world.sample.organization_url("acme") + "/people/")
    page.get_by_role("button", name="Add people").click()
    road.upload_by_button(page, world.sample)
    road.later_login(page, world)
    heading(page).to_contain_text("Basic, 23 people. Next charge: $76.85 on 2 February")


@pytest.mark.breaks_pages
def test_the_owner_finishes_the_move(page: Page, world: World) -> None:
    """From the mismatch page through /realm-transfer/ to the same plan on the new server."""
    base = road.subscribe(page, world)
    uuid = base.rstrip("/").rpartition("/")[2]
    other = world.start_server("harbor")
    register(other.store)
    assert upload_now(other.store, trigger="control").ok
    secret = world.move_organization(other).uuid_owner_secret
    road.click_billing(page, world, server=other)
    page.get_by_role("link", name="Move the organization's billing to this server").click()
    heading(page).to_have_text("Move an organization to another server")
    settings = other.store.settings()
    page.get_by_label("Id of the new server").fill(settings.server_uuid)
    page.get_by_label("Key of the new server").fill(settings.server_key)
    page.get_by_label("Id of the organization").fill(uuid)
    page.get_by_label(re.compile("^Owner secret")).fill("wrong")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Something of this is not right")
    page.get_by_label("Key of the new server").fill(settings.server_key)
    page.get_by_label(re.compile("^Owner secret")).fill(secret)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("main")).to_contain_text("Basic")
    page.get_by_role("button", name="Move the organization").click()
    heading(page).to_contain_text("has moved")
    # Billing works from the new server, after the address is confirmed once more.
    assert upload_now(other.store, trigger="control").ok
    road.click_billing(page, world, server=other)
    page.get_by_role("button", name="Send link").click()
    page.goto(road.mailed_link(world))
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Continue").click()
    heading(page).to_contain_text("Basic, 18 people")
    assert page.url.startswith(base)
    # And the old server's uploads go on, with its old copy left out.
    world.upload()
    road.open_product(page, world)
    page.locator("summary[aria-label=Menu]").click()
    page.get_by_role("link", name="Billing").click()
    heading(page).to_have_text("This organization is registered to another server")
