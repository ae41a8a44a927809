"""Wrong turns on the main road: what a browser shows, and how the person finds the way again."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import road
from tests.e2e.world import World

# The road itself is walked on both databases; the turns are about pages.
pytestmark = pytest.mark.sqlite_only


def heading(page: Page):
    return expect(page.get_by_role("heading", level=1))


def keep_link(page: Page) -> list[str]:
    """Notes the product's links to the portal as the browser follows them."""
    links: list[str] = []

    def note(request) -> None:
        is_link = "/remote-billing-login/" in request.url and request.url.count(".") >= 4
        if is_link:
            links.append(request.url)

    page.on("request", note)
    return links


def test_links_that_are_old_or_used(page: Page, world: World) -> None:
    links = keep_link(page)
    road.click_billing(page, world)
    page.get_by_role("button", name="Send link").click()
    mailed = road.mailed_link(world)
    page.goto(mailed)
    page.get_by_role("button", name="Confirm").click()
    # Twice in the same browser goes on; from another browser it is used.
    page.goto(mailed)
    heading(page).to_contain_text("You are logging in to billing")
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()
    heading(page).to_contain_text("18 people")
    page.goto(mailed)
    heading(page).to_have_text("This confirmation link has been used")
    page.get_by_role("link", name="Go to billing").click()
    heading(page).to_contain_text("You have no plan")

    # The product's link completes one login. The address bar never kept it.
    assert links and all(link not in page.url for link in links)
    page.goto(links[0])
    heading(page).to_have_text("This login link has been used")
    expect(page.locator("main")).to_contain_text("gear menu")

    # A link that waited for two hours.
    road.open_product(page, world)
    road.click_billing(page, world)
    heading(page).to_contain_text("You are logging in to billing")
    world.at("2012-01-02 05:04:05")
    page.goto(links[-1])
    heading(page).to_have_text("This login link has expired")
    expect(page.locator("main")).to_contain_text("gear menu")


def test_pages_of_others(page: Page, world: World) -> None:
    road.first_login(page, world)
    heading(page).to_contain_text("18 people")
    mine = page.url
    for name in ("billing", "invoices/1", "upgrade"):
        answer = page.goto(f"{world.portal_url}/realm/{uuid4()}/{name}/")
        assert answer is not None and answer.status == 404
        heading(page).to_have_text("There is no such page")
    page.get_by_role("link", name="Go to billing").click()
    assert page.url.split("/")[4] == mine.split("/")[4]
    page.context.clear_cookies()
    answer = page.goto(mine)
    assert answer is not None and answer.status == 401
    expect(page.locator("main")).to_contain_text("gear menu")


def test_a_login_that_is_over_leads_through_the_product_and_back(page: Page, world: World) -> None:
    road.first_login(page, world)
    page.get_by_role("link", name="Invoices").click()
    world.at("2012-01-02 05:04:05")
    world.upload()
    # The product still knows the person, so one click leads back to the page that was asked for.
    page.reload()
    heading(page).to_contain_text("You are logging in to billing")
    page.get_by_role("button", name="Continue").click()
    heading(page).to_contain_text("You have no invoices")

    # "Pay" after the login is over: nothing is paid, and the person is told.
    page.get_by_role("link", name="Plans", exact=True).click()
    road.choose_basic_monthly(page)
    road.enter_card(page, world, road.GOOD)
    world.at("2012-01-02 07:04:05")
    world.upload()
    road.pay(page, "$43.00")
    expect(page.get_by_role("alert")).to_contain_text("nothing was paid or changed")
    page.get_by_role("button", name="Continue").click()
    road.pay(page, "$43.00")
    heading(page).to_contain_text("Basic, 18 people")

    # An end that was not meant is taken back, by the message and later by the page.
    page.get_by_role("link", name="End the plan").click()
    heading(page).to_contain_text("End Basic on 2 February")
    page.get_by_role("button", name="End the plan").click()
    expect(page.get_by_role("status")).to_contain_text("Your plan will end on 2 February")
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Your plan goes on")
    page.get_by_role("link", name="End the plan").click()
    page.get_by_role("button", name="End the plan").click()
    expect(page.get_by_role("status")).to_contain_text("Your plan will end on 2 February")
    page.reload()
    page.locator("main").get_by_role("button", name="Keep the plan").click()
    expect(page.get_by_role("status")).to_contain_text("Your plan goes on")


def test_a_card_page_that_is_left(page: Page, world: World) -> None:
    road.first_login(page, world)
    page.get_by_role("link", name="Choose Business").click()
    page.get_by_role("button", name="Add a card").click()
    page.get_by_label("Card number").fill("4000 0000 0000 0002")
    page.get_by_role("button", name="Save card").click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    page.get_by_role("link", name="Cancel and go back").click()
    expect(page.locator("main")).to_contain_text("No card was entered, so nothing has changed.")
    heading(page).to_contain_text("Business")
