"""From the gear menu to a paid plan and its renewal, in a real browser with real parts."""

import re

from playwright.sync_api import Page, expect

from tests.e2e import road
from tests.e2e.world import World


def heading(page: Page):
    return expect(page.get_by_role("heading", level=1))


def test_from_the_gear_menu_to_a_renewal(page: Page, world: World) -> None:
    road.first_login(page, world)
    heading(page).to_contain_text("18 people")
    road.choose_basic_monthly(page)
    expect(page.get_by_role("button", name="Pay $43.00")).to_have_count(0)

    # A card that is refused: nothing changes, and the page says why.
    road.enter_card(page, world, road.DECLINED)
    road.pay(page, "$43.00")
    expect(page.locator("main")).to_contain_text(re.compile("declined", re.IGNORECASE))

    # A card whose bank asks: the browser goes there, and the person gives up.
    road.enter_card(page, world, road.AUTHENTICATES)
    road.pay(page, "$43.00")
    page.wait_for_url(f"{world.emulator.url}/**")
    page.go_back()
    page.goto(page.url)
    expect(page.locator("main")).to_contain_text("unfinished payment")

    # A good card pays, and the abandoned purchase is void.
    road.enter_card(page, world, road.GOOD)
    road.pay(page, "$43.00")
    heading(page).to_contain_text("Basic, 18 people")
    world.settle()
    page.get_by_role("link", name="Invoices").click()
    states = page.get_by_role("table")
    expect(states.get_by_text("Paid", exact=True)).to_have_count(1)
    expect(states.get_by_text("Void", exact=True)).to_have_count(2)

    # Two days later five people join, and the server uploads.
    world.at("2012-01-04 03:04:05")
    road.open_product(page, world)
    page.goto(world.sample.organization_url("acme") + "/people/")
    page.get_by_role("button", name="Add people").click()
    world.upload()
    road.later_login(page, world)
    heading(page).to_contain_text("Basic, 23 people. Next charge: $76.85 on 2 February")
    expect(page.locator("#next-charge")).to_contain_text("5 licenses added on 4 January")
    expect(page.locator("#licenses")).to_contain_text("23 licenses")

    # The renewal: three lines, and why the added ones are there.
    world.at("2012-02-02 03:04:05")
    world.run_jobs()
    road.later_login(page, world)
    heading(page).to_contain_text("Next charge: $60.50 on 2 March")
    page.get_by_role("link", name="Invoices").click()
    page.get_by_role("link", name=re.compile(r"\$76\.85|-000\d|[A-Z0-9]+-\d+")).first.click()
    heading(page).to_contain_text("$76.85, paid on 2 February")
    lines = page.locator("#lines")
    expect(lines).to_contain_text("$16.35")
    expect(lines).to_contain_text("$80.50")
    expect(lines).to_contain_text("−$20.00")
    added = lines.locator("details.why").first
    added.locator("summary").click()
    expect(added.locator(".why-row")).to_have_count(5)
    expect(added).to_contain_text("19 people")
    expect(added).to_contain_text("23 people")
