"""A server that lost its key gets its registration back, and a stranger does not get it.

The calls behind it are tried in test_servers.py; here the people of the server walk, and look at
what each of them is told.
"""

import pytest
from playwright.sync_api import Page, expect

from app.sample_server.portal_client import PortalClient, PortalProblem
from app.sample_server.registration import register
from app.sample_server.server import ServerHandle
from app.sample_server.store import ServerSettings
from tests.e2e import road
from tests.e2e.world import OTHER_HOST, World

# The sample server answers with 502 when the portal refuses it, and the browser says so.
pytestmark = pytest.mark.breaks_pages
NOT_ACCEPTED = "Your server's key was not accepted"
TRANSFER = "Transfer the registration"
TOKEN = "a-token-of-the-thief"


def heading(page: Page):
    return expect(page.get_by_role("heading", level=1))


def is_accepted(world: World, settings: ServerSettings) -> bool:
    """Whether the portal takes calls with that id and key."""
    client = PortalClient(world.portal_url, settings.server_uuid, settings.server_key, 10)
    try:
        client.analytics_status()
    except PortalProblem as refused:
        assert refused.code == "INVALID_ZULIP_SERVER"
        return False
    return True


def mails_about(world: World, subject: str) -> list[str]:
    """To whom mails with such a subject went."""
    return [mail["To"] for mail in world.smtp.messages if subject in mail["Subject"]]


def test_a_lost_key_and_the_way_back(page: Page, world: World) -> None:
    base = road.subscribe(page, world)
    before = road.export(world, base)
    old = world.sample.store.settings()

    # The file with the secrets is gone: the server made itself another key.
    world.lose_key()
    road.upload_by_button(page, world.sample)
    expect(page.get_by_role("status")).to_contain_text(f"The upload failed: {NOT_ACCEPTED}.")
    road.click_billing(page, world)
    heading(page).to_have_text(NOT_ACCEPTED)
    expect(page.locator("main")).to_contain_text("can transfer the registration to it")
    # Nobody was logged out by that: whoever is there may look.
    page.goto(f"{base}billing/")
    heading(page).to_contain_text("Basic, 18 people")

    road.click_billing(page, world)
    page.get_by_role("link", name="The server's registration").click()
    expect(page.locator("main")).to_contain_text(f"{NOT_ACCEPTED}.")
    expect(page.locator("main")).to_contain_text(f"https://{old.hostname}/")
    page.get_by_role("button", name=TRANSFER).click()
    expect(page.get_by_role("status")).to_contain_text("Its key is a new one.")
    expect(page.locator("main")).to_contain_text("This server is registered.")
    expect(page.locator("main")).to_contain_text(old.server_uuid)

    # One key, the newest, opens the registration, and whoever had it before is told.
    new = world.sample.store.settings()
    assert (is_accepted(world, old), is_accepted(world, new)) == (False, True)
    assert mails_about(world, f"The registration of {old.hostname} got a new key") == [
        old.contact_email
    ]
    # The login from before the transfer is over, and there is no way to bring it back.
    answer = page.goto(f"{base}billing/")
    assert answer is not None and answer.status == 401
    heading(page).to_contain_text("Log in from your own")

    road.upload_by_button(page, world.sample)
    expect(page.get_by_role("status")).to_contain_text("Uploaded:")
    road.click_billing(page, world)
    heading(page).to_have_text("Please confirm your email address again")
    page.get_by_role("button", name="Send link").click()
    page.goto(road.mailed_link(world))
    page.get_by_role("button", name="Confirm").click()
    heading(page).to_contain_text("You are logging in to billing")
    # The terms were agreed to, and the person is the one who did.
    expect(page.get_by_label("I agree to the Terms of Service")).to_have_count(0)
    page.get_by_role("button", name="Continue").click()
    heading(page).to_contain_text("Basic, 18 people")
    assert road.export(world, base) == before

    # From then on everything is as ever, and once confirmed nobody is asked again.
    world.at("2012-01-04 03:04:05")
    road.open_product(page, world)
    page.goto(world.sample.organization_url("acme") + "/people/")
    page.get_by_role("button", name="Add people").click()
    road.upload_by_button(page, world.sample)
    road.later_login(page, world)
    heading(page).to_contain_text("Basic, 23 people. Next charge: $76.85 on 2 February")
    after = road.export(world, base)
    assert after["ledger"][: len(before["ledger"])] == before["ledger"]
    assert after["invoices"] == before["invoices"]


def try_to_transfer(page: Page, thief: ServerHandle, *, hostname: str) -> None:
    """A thief's server claims a hostname, and its admin presses the button."""
    thief.store.save(hostname=hostname)
    page.goto(f"{thief.url}/registration/")
    expect(page.get_by_text(f"https://{hostname}/")).to_have_count(1)
    page.get_by_role("button", name=TRANSFER).click()


def serve_at_home(world: World, thief: ServerHandle, *, hostname: str) -> PortalProblem:
    """The thief asks for a secret of somebody else's host, serves it at its own, and lets the
    portal look there under `hostname`; returns the refusal."""
    client = PortalClient(world.portal_url, "", "", 10)
    theirs = world.sample.store.settings().hostname
    thief.store.save(verify_token=TOKEN, verify_secret=client.begin_transfer(hostname=theirs))
    if hostname != theirs:
        # So that a secret is waiting for that name, and the portal goes and looks.
        client.begin_transfer(hostname=hostname)
    with pytest.raises(PortalProblem) as caught:
        client.verify_challenge(hostname=hostname, access_token=TOKEN)
    return caught.value


def test_a_stranger_gets_nothing(page: Page, world: World) -> None:
    base = road.subscribe(page, world)
    before = road.export(world, base)
    settings = world.sample.store.settings()
    name = settings.hostname.partition(":")[0]
    # One of the same name behind another port, one of another name; both have certificates.
    for place, host in (("same-name", name), ("other-name", OTHER_HOST)):
        thief = world.start_server(place, host=host)
        own = thief.store.settings()

        # Under its own name and port nothing is registered.
        try_to_transfer(page, thief, hostname=own.hostname)
        heading(page).to_have_text("The transfer was not begun")
        expect(page.locator("blockquote")).to_contain_text(own.hostname)
        # Under the victim's the portal looks at the victim's, who serves no such thing.
        try_to_transfer(page, thief, hostname=settings.hostname)
        heading(page).to_have_text("The billing service could not verify this server")
        expect(page.locator("blockquote")).to_contain_text("answered with status 404")
        assert thief.store.settings().server_key == own.server_key

        # A secret of the victim's is no good anywhere else, even on a registered host.
        thief.store.save(hostname=own.hostname)
        register(thief.store)
        assert "404" in serve_at_home(world, thief, hostname=settings.hostname).message
        refused = serve_at_home(world, thief, hostname=own.hostname)
        assert "not ours, or not for this host" in refused.message

    # The victim notices nothing.
    assert world.sample.store.settings() == settings
    assert is_accepted(world, settings)
    assert mails_about(world, "got a new key") == []
    page.goto(f"{base}billing/")
    heading(page).to_contain_text("Basic, 18 people")
    road.upload_by_button(page, world.sample)
    expect(page.get_by_role("status")).to_contain_text("Uploaded:")
    assert road.export(world, base) == before
