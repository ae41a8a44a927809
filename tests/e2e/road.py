"""The steps of the main road, as a person takes them in a browser."""

import re
from email.message import EmailMessage
from typing import Any

from playwright.sync_api import Page, expect

from app.sample_server.server import ServerHandle
from app.services.export_customer import export_customer
from app.services.unit_of_work import unit_of_work
from tests.e2e.world import World

GOOD = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0341"
AUTHENTICATES = "4000 0027 6000 3184"


def open_product(page: Page, world: World, *, server: ServerHandle | None = None) -> None:
    """Log in to the product as the organization's owner, if not yet; `server` is another than the
    world's own, which has an Acme too."""
    page.goto((server or world.sample).organization_url("acme"))
    button = page.get_by_role("button", name=re.compile("Log in as Olive Okafor"))
    if button.count():
        button.click()


def click_billing(page: Page, world: World, *, server: ServerHandle | None = None) -> None:
    """The gear menu's Billing."""
    open_product(page, world, server=server)
    page.locator("summary[aria-label=Menu]").click()
    page.get_by_role("link", name="Billing").click()


def mailed_link(world: World) -> str:
    """The address in the newest mail that confirms one, the same in both of its parts."""
    return _link(world.last_mail(), "/remote-billing-login/do-confirm/")


def link_to(world: World, address: str, path: str) -> str:
    """The link below `path` in the newest mail, which went to `address`."""
    mail = world.last_mail()
    assert mail["To"] == address
    return _link(mail, path)


def _link(mail: EmailMessage, path: str) -> str:
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None and html is not None
    found = re.search(rf"http\S+{path}\S+", plain.get_content())
    assert found is not None
    assert found.group() in html.get_content()
    return found.group()


def invite(page: Page, address: str, role: str) -> None:
    """On the owner's page of people."""
    page.get_by_label("Email address").fill(address)
    page.get_by_label(role, exact=True).check()
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text(f"is on its way to {address}.")


def come_back_by_mail(page: Page, world: World, address: str) -> None:
    """From the door for strangers to the page behind a mailed link."""
    page.goto(f"{world.portal_url}/")
    page.get_by_role("link", name="Log in by mail").click()
    page.get_by_label("Email address").fill(address)
    page.get_by_role("button", name="Send link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    page.goto(link_to(world, address, "/login/by-mail/"))


def first_login(page: Page, world: World) -> None:
    """Gear menu, email form, mail, confirmation, name and terms."""
    click_billing(page, world)
    expect(page.get_by_label("Your email address")).not_to_be_empty()
    page.get_by_role("button", name="Send link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("We sent a link")
    page.goto(mailed_link(world))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("You are logging in to billing")
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()


def later_login(page: Page, world: World) -> None:
    """Gear menu and one button: the person is known."""
    click_billing(page, world)
    page.get_by_role("button", name="Continue").click()


def enter_card(page: Page, world: World, number: str) -> None:
    """On the upgrade or billing page: to the provider's card page and back."""
    page.get_by_role("button", name=re.compile("Add a card|Use another card|Change card")).click()
    page.get_by_label("Card number").fill(number)
    page.get_by_role("button", name="Save card").click()
    authenticate = page.get_by_role("button", name="Complete authentication")
    page.wait_for_load_state()
    if authenticate.count():
        authenticate.click()
    world.settle()
    page.wait_for_load_state()
    check = page.get_by_role("button", name="Check now")
    if check.count():
        check.click()


def choose_basic_monthly(page: Page) -> None:
    """From the plans page to the upgrade page with its price."""
    page.get_by_role("link", name=re.compile("Choose Basic")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Basic")


def pay(page: Page, amount: str) -> None:
    """The one button of the upgrade page."""
    page.get_by_role("button", name=f"Pay {amount}").click()


def subscribe(page: Page, world: World) -> str:
    """From the gear menu to a paid plan, Basic by the month for 18 people; returns where its
    pages begin, as in `f"{base}billing/"`."""
    first_login(page, world)
    choose_basic_monthly(page)
    enter_card(page, world, GOOD)
    pay(page, "$43.00")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Basic, 18 people")
    world.settle()
    return page.url.rpartition("billing/")[0]


def upload_by_button(page: Page, server: ServerHandle) -> None:
    """On the sample server's page about uploads; what came of it stands there."""
    page.goto(f"{server.url}/uploads/")
    page.get_by_role("button", name="Upload now").click()


def export(world: World, base: str) -> dict[str, Any]:
    """What the portal has about the customer whose pages begin with `base`, of its log the acts
    on the billing itself: logins go on all the time, and registrations have a story of their own."""
    with unit_of_work(world.ctx) as work:
        found = export_customer(
            work.session, uuid=base.rstrip("/").rpartition("/")[2], now=work.now
        )
    apart = ("login.", "login_link.", "server.", "billing_user.")
    found["audit"] = [e for e in found["audit"] if not e["action"].startswith(apart)]
    return found
