"""The owner invites somebody by mail, who looks on, comes back by mail, and becomes the owner."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import road
from tests.e2e.world import World

# The services behind it are tried on both databases; this is about what people see.
pytestmark = pytest.mark.sqlite_only
ZOE = "zoe@books.test"


def heading(page: Page):
    return expect(page.get_by_role("heading", level=1))


def said(page: Page):
    return expect(page.get_by_role("status").first)


def test_an_invited_viewer_becomes_the_owner(page: Page, world: World, chromium: Browser) -> None:
    base = road.subscribe(page, world)
    people = f"{base}people/"
    page.goto(people)
    road.invite(page, ZOE, "Viewer: sees everything, changes nothing")
    invitation = road.link_to(world, ZOE, "/invitation/")
    with chromium.new_context(viewport={"width": 390, "height": 844}) as other:
        guest = other.new_page()
        guest.goto(invitation)
        heading(guest).to_contain_text("Olive Okafor invites you to billing for acme")
        expect(guest.get_by_role("main")).to_contain_text(
            "You can see everything, and change nothing."
        )
        # Without the terms nothing happens, and what was typed stays.
        guest.get_by_label("Full name").fill("Zoe Zhang")
        guest.get_by_role("button", name="Accept and log in").click()
        expect(guest.get_by_label("Full name")).to_have_value("Zoe Zhang")
        guest.get_by_label("I agree to the Terms of Service").check()
        guest.get_by_role("button", name="Accept and log in").click()
        heading(guest).to_contain_text("Basic, 18 people")
        # She sees the ends of a plan and the people, and can change neither.
        guest.goto(people)
        expect(guest.get_by_role("main")).to_contain_text(ZOE)
        expect(guest.get_by_role("button", name="Invite", exact=True)).to_have_count(0)
        expect(guest.get_by_role("link", name="Remove")).to_have_count(0)
        guest.goto(f"{base}billing/schedule/")
        for button in guest.get_by_role("main").get_by_role("button").all():
            expect(button).to_be_disabled()
        # The link of the invitation is used up, and leads on to the mail's login.
        guest.goto(invitation)
        heading(guest).to_have_text("This invitation cannot be used any more")

        # Two hours later the session is over, and leads to the way she came.
        world.at("2012-01-02 06:00:00")
        guest.goto(f"{base}billing/")
        heading(guest).to_have_text("Log in by mail")
        road.come_back_by_mail(guest, world, ZOE)
        guest.get_by_role("button", name="Log in").click()
        heading(guest).to_contain_text("Basic, 18 people")

        # The owner, who comes through the product, hands over to her.
        road.later_login(page, world)
        page.goto(people)
        page.get_by_role("link", name=f"Change the role of {ZOE}").click()
        page.get_by_label("Owner: manages the people too, in your place", exact=True).check()
        page.get_by_role("button", name="Change the role").click()
        said(page).to_contain_text(f"{ZOE} is the owner now.")
        expect(page.get_by_role("button", name="Invite", exact=True)).to_have_count(0)

        guest.goto(people)
        guest.get_by_role("link", name=re.compile("^Remove")).click()
        guest.get_by_role("button", name="Remove").click()
        said(guest).to_be_visible()
    # The former owner is out, and the product's Billing says so.
    page.goto(f"{base}billing/")
    heading(page).not_to_contain_text("Basic")
    road.click_billing(page, world)
    heading(page).to_have_text("You cannot log in")


def test_an_invitation_that_was_withdrawn(page: Page, world: World) -> None:
    road.first_login(page, world)
    page.goto(page.url.replace("/plans/", "/people/"))
    road.invite(page, ZOE, "Billing: buys, pays and changes plans")
    first = road.link_to(world, ZOE, "/invitation/")
    page.get_by_role("button", name=f"Send again to {ZOE}").click()
    said(page).to_contain_text(f"Another invitation is on its way to {ZOE}.")
    second = road.link_to(world, ZOE, "/invitation/")
    page.get_by_role("button", name=f"Withdraw the invitation of {ZOE}").click()
    said(page).to_contain_text(f"The invitation of {ZOE} is withdrawn.")
    expect(page.get_by_role("heading", name="Invited")).to_have_count(0)
    for link in (first, second):
        page.goto(link)
        heading(page).to_have_text("This invitation cannot be used any more")
    # Whoever never accepted is told the same as everybody, and gets no mail.
    count = len(world.smtp.messages)
    page.get_by_role("link", name="Ask for a login link").click()
    page.get_by_label("Email address").fill(ZOE)
    page.get_by_role("button", name="Send link").click()
    heading(page).to_have_text("Look into your mail")
    assert len(world.smtp.messages) == count
