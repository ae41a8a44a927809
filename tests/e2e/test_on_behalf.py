"""From the link that support makes for a server's contact to a server that has left."""

import re

from playwright.sync_api import Page, expect

from app.sample_server.registration import own_hostname
from tests.e2e import road
from tests.e2e.world import World

CONTACT = "admin@parlor.test"


def heading(page: Page):
    return expect(page.get_by_role("heading", level=1))


def main(page: Page):
    return expect(page.locator("main"))


def mails_to_contact(world: World) -> list[str]:
    """What the server's contact was mailed, oldest first: the text of each."""
    texts = []
    for mail in world.smtp.messages:
        body = mail.get_body(("plain",))
        assert body is not None
        if mail["To"] == CONTACT:
            texts.append(" ".join([str(mail["Subject"]), *body.get_content().split()]))
    return texts


def test_from_the_link_on_behalf_to_a_server_that_has_left(page: Page, world: World) -> None:
    browser = page.context.browser
    assert browser is not None, "the fixture launched it"
    with browser.new_context() as another:
        olive = another.new_page()
        base = road.subscribe(olive, world)
        link = support_makes_a_link(world)
        log_in_by_link(page, world, link)
        # Forwarded to somebody else, it is of no use any more; nor is it afterwards.
        find_link_used(another.new_page(), link)
        read_what_stands_in_the_way(page)
        end_the_plan(olive)
        leave(page, world)
        find_billing_closed(olive, world, base)
    find_link_used(page, link)


def support_makes_a_link(world: World) -> str:
    """`flask billing login-link`, as somebody of the support types it."""
    server_uuid = world.sample.store.settings().server_uuid
    words = ["login-link", server_uuid, "--next-page", "deactivate", "--reason", "ticket 4711"]
    made = world.app.test_cli_runner().invoke(args=["billing", *words])
    assert made.exit_code == 0, made.output
    # Whoever made it sends it; the portal mails it to nobody.
    assert mails_to_contact(world) == []
    return made.stdout.strip()


def log_in_by_link(page: Page, world: World, link: str) -> None:
    """No mail to confirm, but a name and the Terms of Service; it leads to the way out."""
    host = own_hostname(world.sample.store.settings())
    page.goto(link)
    assert link.rpartition("/")[2] not in page.url
    heading(page).to_have_text(f"You are logging in to billing for {host}")
    main(page).to_contain_text(f"Our support made this link for {CONTACT}")
    page.get_by_label("Your full name").fill("Carol Contact")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick the box to agree")
    assert mails_to_contact(world) == [], "nobody has logged in yet"
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/deactivate/")
    (told,) = mails_to_contact(world)
    assert told.startswith(f"Somebody logged in to billing for the server {host} Hello, On 2")
    assert "with the link that our support had made for you" in told


def read_what_stands_in_the_way(page: Page) -> None:
    """The plan of an organization, whose people alone can end it."""
    heading(page).to_have_text("This server cannot be unregistered yet.")
    main(page).to_contain_text("1 thing stands in the way.")
    obstacle = expect(page.locator("#obstacles li"))
    obstacle.to_contain_text("Basic of Acme is paid until 2 February 2012 and then goes on.")
    obstacle.to_contain_text("Whoever manages the billing of Acme has to set it to end")
    expect(page.get_by_role("button", name="Unregister")).to_have_count(0)


def end_the_plan(page: Page) -> None:
    """The organization's admin does, on her own billing page."""
    page.get_by_role("link", name="End the plan").click()
    page.get_by_role("button", name="End the plan").click()
    expect(page.get_by_role("status")).to_contain_text("Your plan will end on 2 February")


def leave(page: Page, world: World) -> None:
    """Nothing stands in the way any more; what is lost stands there before it is confirmed."""
    host = own_hostname(world.sample.store.settings())
    page.reload()
    heading(page).to_have_text("This server will be unregistered.")
    expect(page.locator("#ending")).to_contain_text("Basic of Acme is set to end on 2 February")
    main(page).to_contain_text(f"Uploads of {host} are refused from now on.")
    page.get_by_role("button", name=f"Unregister {host}").click()
    heading(page).to_have_text("This server will be unregistered.")
    expect(page.get_by_role("alert")).to_contain_text("Tick")
    page.get_by_label(re.compile("I understand")).check()
    page.get_by_role("button", name=f"Unregister {host}").click()
    heading(page).to_have_text(f"{host} is unregistered.")
    main(page).to_contain_text("You are logged out, and so is everybody else of it.")
    told = mails_to_contact(world)[1:]
    assert [text.partition(" unregistered on ")[0] for text in told] == [
        f"{host} is not registered any more {host} was"
    ]
    assert "by somebody who manages its billing" in told[0]


def find_billing_closed(page: Page, world: World, base: str) -> None:
    """The organization's admin is logged out, and her menu tells why there is no way in."""
    answer = page.goto(f"{base}billing/")
    assert answer is not None and answer.status == 401
    heading(page).to_have_text("Log in from your own Parlor")
    road.click_billing(page, world)
    heading(page).to_have_text("This server's registration has ended")
    main(page).to_contain_text("ask support to reactivate it")
    page.get_by_role("link", name="The server's registration").click()
    main(page).to_contain_text("This server's registration has ended.")
    expect(page.get_by_role("link", name="Deactivate the registration")).to_have_count(0)


def find_link_used(page: Page, link: str) -> None:
    """It worked for one login."""
    answer = page.goto(link)
    assert answer is not None and answer.status == 400
    heading(page).to_have_text("This login link has been used")
    main(page).to_contain_text("Ask our support for another link.")
