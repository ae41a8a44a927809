"""What staff do, from the search to what the customer sees on its own page, in two browsers."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from app.domain.kinds import StaffRole
from app.sample_server.registration import register
from app.services.export_customer import export_customer
from app.services.unit_of_work import unit_of_work
from tests.e2e import road
from tests.e2e.support_tour import sign_in
from tests.e2e.world import World

# The acts themselves are tried on both databases; this is about what people see.
pytestmark = pytest.mark.sqlite_only
REASON = "agreed with sales"


@dataclass
class Desk:
    """The browser of somebody of staff."""

    page: Page
    world: World

    def find(self, words: str, name: str) -> None:
        """From the search to the customer's page; typing errors are forgiven elsewhere."""
        self.page.goto(f"{self.world.portal_url}/support/")
        self.page.keyboard.press("/")
        self.page.keyboard.type(words)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(name)

    def begin(self, title: str, values: Mapping[str, str] | None = None) -> None:
        """From the customer's page to the confirmation of an act."""
        self.page.get_by_role("link", name=title, exact=True).click()
        form = self.page.get_by_role("main").locator("form")
        for name, value in (values or {}).items():
            control = form.locator(f'[name="{name}"]')
            kind = control.first.evaluate("element => element.type")
            if kind == "select-one":
                control.select_option(value)
            elif kind == "radio":
                form.locator(f'[name="{name}"][value="{value}"]').check()
            else:
                control.fill(value)
        self.page.get_by_label("Reason", exact=True).fill(REASON)
        self.page.get_by_role("button", name="See what it does").click()

    def do(self, title: str, values: Mapping[str, str] | None = None) -> None:
        """An act from the customer's page back to it."""
        self.begin(title, values)
        self.page.get_by_role("button", name="Do it").click()
        expect(self.page.get_by_role("status").first).to_be_visible()


@pytest.fixture
def desk(page: Page, world: World) -> Iterator[Desk]:
    """Somebody of the role support, in a browser of their own."""
    yield from _desk(page, world, "sam@tallyport.test")


@pytest.fixture
def second(page: Page, world: World) -> Iterator[Desk]:
    """Somebody else of the same role."""
    yield from _desk(page, world, "sue@tallyport.test")


def _desk(page: Page, world: World, email: str) -> Iterator[Desk]:
    assert page.context.browser is not None, "the fixture launches one"
    context = page.context.browser.new_context()
    staff = context.new_page()
    staff.set_default_timeout(15_000)
    sign_in(staff, world, StaffRole.SUPPORT, email=email)
    yield Desk(staff, world)
    if folder := os.environ.get("E2E_LAST_PAGE"):
        staff.screenshot(path=f"{folder}/desk.png", full_page=True)
    context.close()


def plans_of(world: World, base: str) -> list[dict[str, object]]:
    with unit_of_work(world.ctx) as work:
        uuid = base.rstrip("/").rpartition("/")[2]
        found = export_customer(work.session, uuid=uuid, now=work.now)
    return list(found["plans"])


def test_a_discount_by_two_people_that_survives_an_end(
    page: Page, world: World, desk: Desk, second: Desk
) -> None:
    base = road.subscribe(page, world)
    desk.find("acme", "Acme")
    desk.do("Set the required tier", {"tier": "basic"})
    desk.do("Give a discount", {"percent": "40"})
    # 18 people at $2.10 a month; what is agreed takes the place of the discount for new customers.
    page.goto(f"{base}billing/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("$37.80")

    desk.begin("Give a discount", {"percent": "60"})
    desk.page.get_by_role("button", name="Ask for approval").click()
    where = desk.page.url
    expect(desk.page.get_by_role("main")).to_contain_text("Somebody else has to approve it.")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("$37.80")
    second.page.goto(where)
    second.page.get_by_role("button", name="See what it does now").click()
    second.page.get_by_label("Your reason").fill("fine with me")
    second.page.get_by_role("button", name="Approve and do it").click()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("$25.20")

    desk.find("acme", "Acme")
    desk.do("End the plan now, and void what is unpaid")
    page.goto(f"{base}plans/")
    expect(page.get_by_role("main")).to_contain_text("$25.20")
    page.get_by_role("link", name=re.compile("Choose Basic")).click()
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Basic, 18 people")
    plans = plans_of(world, base)
    assert [plan["status"] for plan in plans] == ["ended", "active"]
    assert plans[-1]["discount"] is not None


def test_legacy_from_its_beginning_to_the_plan_that_follows(
    page: Page, world: World, desk: Desk
) -> None:
    road.first_login(page, world)
    base = page.url.rpartition("plans/")[0]
    desk.find("acme", "Acme")
    desk.do("Put on a legacy plan", {"until": "2012-03-01"})
    page.goto(f"{base}billing/")
    expect(page.get_by_role("main")).to_contain_text("1 March 2012")
    desk.do("Move the end of the legacy plan", {"until": "2012-04-01"})
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("1 April 2012")
    desk.begin(
        "Schedule a paid plan for the end of the legacy plan",
        {
            "tier": "basic",
            "schedule": "monthly",
            "management": "manual",
            "licenses": "40",
            "collection": "send_invoice",
        },
    )
    desk.page.get_by_role("button", name="Do it").click()
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Basic")
    first, following = plans_of(world, base)
    assert (first["tier"], following["tier"]) == ("legacy", "basic")
    assert following["license_management"] == "manual"

    # What is agreed before the scheduled plan begins is what it costs: 40 licenses at $2.10.
    desk.find("acme", "Acme")
    desk.do("Set the required tier", {"tier": "basic"})
    desk.do("Give a discount", {"percent": "40"})
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("$84.00")
    world.at("2012-04-01 03:04:05")
    world.run_jobs()
    road.later_login(page, world)
    page.goto(f"{base}billing/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("$84.00 of 1 April")
    expect(page.get_by_role("main")).to_contain_text("40 licenses since 1 April.")


def test_a_sponsorship_and_a_fixed_price(page: Page, world: World, desk: Desk) -> None:
    road.first_login(page, world)
    base = page.url.rpartition("plans/")[0]
    desk.find("acme", "Acme")
    desk.do("Note that a sponsorship was asked for")
    page.goto(f"{base}plans/")
    expect(page.get_by_role("main")).to_contain_text("ponsor")
    desk.do("Approve a sponsorship")
    page.goto(f"{base}sponsorship/")
    expect(page.get_by_role("main")).to_contain_text("Community")
    assert [plan["tier"] for plan in plans_of(world, base)] == ["community"]
    desk.find("acme", "Acme")
    desk.do("End the plan now")
    desk.do("Set the required tier", {"tier": "business"})
    desk.do("Offer a fixed price", {"price": "1200"})
    page.goto(f"{base}upgrade/?tier=business")
    expect(page.get_by_role("main")).to_contain_text("$1,200.00")


def test_an_organization_that_belongs_elsewhere(page: Page, world: World, desk: Desk) -> None:
    base = road.subscribe(page, world)
    other = world.start_server("other")
    register(other.store)
    desk.find("other.localhost", other.store.settings().hostname)
    target = desk.page.url.rstrip("/").rpartition("/")[2]
    desk.find("acme", "Acme")
    desk.do("Write a note", {"text": "Asks for the other host since May."})
    expect(desk.page.get_by_role("main")).to_contain_text("Acme")
    desk.begin("Move the organization to another server", {"uuid": target})
    expect(desk.page.get_by_role("main")).to_contain_text("belongs to other.localhost")
    desk.page.get_by_role("button", name="Do it").click()
    # Everybody is logged out by a move, and proves the address again.
    answer = page.goto(f"{base}billing/")
    assert answer is not None and answer.status == 401
    assert [plan["status"] for plan in plans_of(world, base)] == ["active"]
    desk.find("acme", "Acme")
    desk.do("Park: no runs until somebody looks")
    desk.do("Try again: let the runs have it")
