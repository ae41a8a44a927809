"""A whole server, from its key to a plan that its company pays by invoice, in a real browser."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.sample_server.registration import own_hostname
from tests.e2e import road
from tests.e2e.world import World

# By card or by bank, at the provider, the number is always one of these.
NUMBER = re.compile(r"^[A-Z0-9]+-\d{4}$")


@pytest.fixture
def catches_mail() -> bool:
    """The person reads the mail where the demo shows it."""
    return True


def heading(page: Page):
    return expect(page.get_by_role("heading", level=1))


def main(page: Page):
    return expect(page.locator("main"))


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Billing pages").get_by_role("link", name=name).click()


def follow_mail(page: Page, world: World, subject: str) -> None:
    """The newest mail of the demo's page of caught mail, and the button in it."""
    page.goto(f"{world.portal_url}/demo/mail/")
    newest = page.get_by_role("rowheader").first
    expect(newest).to_contain_text(subject)
    newest.get_by_role("link").click()
    page.frame_locator(".mail-frame").get_by_role("link", name="Confirm address").click()


def enter_key(page: Page, server_uuid: str, key: str) -> None:
    """The form of the server's door."""
    page.get_by_label("Server id").fill(server_uuid)
    page.get_by_label("Server key").fill(key)
    page.get_by_role("button", name="Continue").click()


def prove_address(page: Page, world: World, email: str) -> None:
    """From the form that asks for an address to the last step of the login."""
    page.get_by_label("Your email address").fill(email)
    page.get_by_role("button", name="Send link").click()
    heading(page).to_have_text(f"We sent a link to {email}")
    follow_mail(page, world, "Confirm your email address")
    heading(page).to_have_text(f"Is {email} your address?")
    page.get_by_role("button", name="Confirm").click()


def enter_key_again(page: Page, world: World) -> None:
    """The login of a server is over after two hours: its page leads to the key and back."""
    heading(page).to_have_text("Log in with the id and key of your server")
    settings = world.sample.store.settings()
    enter_key(page, settings.server_uuid, settings.server_key)
    prove_address(page, world, "ida@acme.test")
    page.get_by_role("button", name="Continue").click()


def test_from_the_servers_key_to_a_plan_that_is_paid_by_invoice(
    page: Page, world: World, tmp_path: Path
) -> None:
    log_in_by_key(page, world)
    choose_by_invoice(page)
    pay_on_hosted_page(page, world)
    look_at_the_plan(page, tmp_path)
    browser = page.context.browser
    assert browser is not None, "the fixture launched it"
    with browser.new_context() as another:
        look_from_an_organization(another.new_page(), world)
    pay_a_renewal_by_card(page, world)


def log_in_by_key(page: Page, world: World) -> None:
    """The server's own page shows its id and key; one wrong key, and the address by mail."""
    host = own_hostname(world.sample.store.settings())
    page.goto(f"{world.sample.url}/organizations/")
    page.get_by_label("Short name").fill("globex")
    page.get_by_role("button", name="Create organization").click()
    page.get_by_role("link", name="Uploads").click()
    page.get_by_role("button", name="Upload now").click()
    page.get_by_role("link", name="Registration").click()
    server_uuid = page.locator("dt:text('Server id') + dd").inner_text()
    page.get_by_text("Show the server's key").click()
    key = page.locator("details[open] code").inner_text()
    page.get_by_role("link", name="at the billing service").click()

    heading(page).to_have_text("Log in with the id and key of your server")
    enter_key(page, server_uuid, key[::-1])
    wrong = expect(page.get_by_role("alert"))
    wrong.to_contain_text("We know no server with this id and this key.")
    expect(page.get_by_label("Server key")).to_be_empty()
    enter_key(page, server_uuid, key)
    heading(page).to_have_text("We'll send a link to your email address")
    main(page).to_contain_text("several people may have the key")
    prove_address(page, world, "ida@acme.test")

    heading(page).to_have_text(f"You are logging in to billing for {host}")
    page.get_by_label("Your full name").fill("Ida Tran")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick the box to agree")
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()
    heading(page).to_contain_text("You have 19 people in 2 organizations.")


def choose_by_invoice(page: Page) -> None:
    """Too few, no number, too many; then the least, and the page that waits for the payment."""
    road.choose_basic_monthly(page)
    page.get_by_text("By invoice", exact=True).click()
    heading(page).to_have_text(
        "Basic with 30 licenses: $85.00 by invoice now and each month for a year, then $105.00"
    )
    licenses = page.get_by_label("Number of licenses")
    for typed, told in (
        ("5", "You need at least 30 licenses here, even for fewer people."),
        # The browser takes no letters here, so this arrives as nothing.
        ("ten", "Say how many licenses you want, 30 or more."),
        ("1001", "Invoices for more than 1,000 licenses are arranged with support."),
    ):
        licenses.clear()
        licenses.press_sequentially(typed)
        page.get_by_role("button", name="Show price").click()
        expect(page.get_by_role("alert")).to_contain_text(told)
        expect(licenses).to_have_value(typed if typed.isdigit() else "")
        expect(page.get_by_role("button", name="Send the invoice")).to_have_count(0)
    page.goto(page.url.replace("licenses=1001", "licenses=ten"))
    expect(page.get_by_role("alert")).to_contain_text("Enter a whole number.")
    licenses.fill("30")
    page.get_by_role("button", name="Show price").click()
    main(page).to_contain_text("It is due on 1 February 2012.")
    main(page).to_contain_text("Basic starts on the day it is paid")
    page.get_by_role("button", name="Send the invoice over $85.00").click()
    heading(page).to_contain_text("Waiting for payment: invoice ")
    heading(page).to_contain_text("over $85.00, due on 1 February 2012")
    main(page).to_contain_text("Basic starts on the day it is paid.")
    tab(page, "Billing")
    heading(page).to_have_text("You have no plan yet: Basic starts when it is paid.")
    page.get_by_role("link", name="Go on with it").click()


def pay_on_hosted_page(page: Page, world: World) -> None:
    """It is paid three days later, and by then the login is over."""
    waiting = page.url
    world.at("2012-01-05 06:07:08").upload()
    page.get_by_role("link", name="Open the invoice's page").click()
    assert page.url.startswith(world.emulator.url)
    page.get_by_label("Card number").fill(road.GOOD)
    page.get_by_role("button", name="Pay USD 85.00").click()
    main(page).to_contain_text("Paid on 2012-01-05")
    world.settle()
    page.goto(waiting)
    enter_key_again(page, world)


def look_at_the_plan(page: Page, folder: Path) -> None:
    """The plan has begun with the payment: on the billing page, the invoice and in the file."""
    heading(page).to_have_text("Basic, 19 people. Next invoice: $85.00 on 5 February.")
    main(page).to_contain_text("30 licenses since 5 January.")
    expect(page.locator("#plan")).to_contain_text("5 January 2012")
    tab(page, "Invoices")
    heading(page).to_have_text("You have 1 invoice, and nothing to pay.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save all as CSV").click()
    download.value.save_as(folder / "invoices.csv")
    with (folder / "invoices.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["description"], line["amount"]) for line in lines] == [
        ("Basic, 1 month from payment", "105.00"),
        ("New customer discount", "-20.00"),
    ]
    assert {line["paid"] for line in lines} == {"2012-01-05T06:07:08Z"}
    assert {line["period_end"] for line in lines} == {"2012-02-05T06:07:08Z"}
    page.get_by_role("link", name=NUMBER).click()
    heading(page).to_have_text("$85.00, paid on 5 January 2012.")
    main(page).to_contain_text("5 January 2012 – 5 February 2012")
    address = page.get_by_role("link", name="Download as PDF").get_attribute("href")
    document = page.context.request.get(str(address))
    assert document.headers["content-type"] == "application/pdf"
    assert document.body().startswith(b"%PDF")


def look_from_an_organization(page: Page, world: World) -> None:
    """An admin of one of the organizations of that server, in a browser of her own: the plan is the
    server's, since there is more than one of them."""
    road.click_billing(page, world)
    heading(page).to_have_text("Plan management is not available here")
    main(page).to_contain_text("server")


def pay_a_renewal_by_card(page: Page, world: World) -> None:
    """The next invoice waits. A card is added for it and refused, and another one pays it."""
    world.at("2012-02-05 06:07:08").run_jobs()
    tab(page, "Billing")
    # The login of a month ago is forgotten, so that the page knows of no server any more.
    heading(page).to_have_text("Log in with the id and key of your server")
    page.get_by_role("link", name="Log in for a server").click()
    enter_key_again(page, world)
    heading(page).to_have_text(
        "Basic, 19 people. $85.00 of 5 February waits for its payment, due on 6 March 2012."
    )
    main(page).to_contain_text("$85.00 of 5 February is not paid yet. It is due on 6 March.")
    road.enter_card(page, world, road.DECLINED)
    expect(page.get_by_role("status")).to_contain_text("Your card is on file: Visa ending 0341")

    tab(page, "Invoices")
    heading(page).to_have_text("1 invoice waits for its payment: $85.00.")
    page.get_by_role("button", name="Pay $85.00").click()
    refused = "Your bank refused $85.00: “Your card was declined.” Nothing was charged."
    expect(page.get_by_role("alert")).to_contain_text(refused)
    heading(page).to_have_text("$85.00, to be paid by 6 March 2012.")
    tab(page, "Billing")
    main(page).to_contain_text("$85.00 of 5 February could not be charged.")
    # What is to be paid by bank may be under way, so that a new card pays it only when asked.
    road.enter_card(page, world, road.GOOD)
    expect(page.get_by_role("status")).to_have_text(
        re.compile("Your card is on file: Visa ending 4242, expires [0-9/]+[.]")
    )
    page.get_by_role("button", name="Pay $85.00").click()
    expect(page.get_by_role("status")).to_contain_text("$85.00 was paid. Thank you.")
    world.settle()
    tab(page, "Invoices")
    heading(page).to_have_text("You have 2 invoices, and nothing to pay.")
    expect(page.get_by_role("cell", name="Paid")).to_have_count(2)
