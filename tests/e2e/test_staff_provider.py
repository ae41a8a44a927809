"""Staff log in by an identity provider, in a browser: the road itself, and every page on it."""

import ssl
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, Route, expect

from app.domain.kinds import StaffRole
from app.gateways.oidc import OpenIdProvider
from app.gateways.outgoing import GuardedClient
from app.services.unit_of_work import is_transaction_open
from tests.e2e.test_pages import Inspector
from tests.e2e.world import OTHER_HOST, World
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from tests.support.staff import add_staff

pytestmark = pytest.mark.sqlite_only

BUTTON = "Log in with single sign-on"


@pytest.fixture
def trusts_anybody() -> bool:
    return True


@pytest.fixture
def provider(world: World) -> Iterator[Provider]:
    """A provider that the portal of the world asks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.certificates.server)
    with running_provider(world.clock, context, host=OTHER_HOST) as provider:
        provider.redirect_uri = f"{world.portal_url}/support/login/provider/return/"
        gateway = OpenIdProvider(
            client=GuardedClient(
                in_transaction=is_transaction_open,
                allow_private=True,
                extra_ca_file=world.certificates.authority,
                maps_localhost=True,
            ),
            issuer=provider.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
        )
        world.app.extensions["tallyport"] = replace(world.ctx, login_provider=gateway)
        yield provider


@pytest.mark.breaks_pages
def test_there_and_back_again(
    page: Page, world: World, provider: Provider, axe_source: str
) -> None:
    add_staff(world.ctx, StaffRole.ADMIN, email="sam@tallyport.test", name="Sam Sato")
    inspector = Inspector(page, axe_source, [])
    staff = f"{world.portal_url}/support/staff/"
    page.goto(staff)
    inspector.look("login")
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_role("button", name="Yes, it is me").click()
    # Two clicks, and the page that was wanted.
    expect(page.get_by_role("heading", name="1 person looks after customers")).to_be_visible()
    assert page.url == staff
    page.get_by_role("link", name="Sam Sato").click()
    inspector.look("person")
    page.get_by_role("link", name="Forget that account").click()
    inspector.look("unbind")
    page.get_by_role("button", name="Forget the account").click()
    # The sessions of that person are over, this one, too.
    expect(page.get_by_role("heading", name="Log in to support")).to_be_visible()
    look_between(page, inspector)
    provider.email_verified, provider.subject = False, "00u2"
    page.goto(staff)
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_role("button", name="Yes, it is me").click()
    expect(page.get_by_role("heading", name="You are not logged in")).to_be_visible()
    inspector.look("refused")
    page.get_by_role("link", name="Back to the login").click()
    page.wait_for_url("**/support/login/?next=/support/staff/")
    assert inspector.problems == []


def stay(route: Route) -> None:
    """The answer without what makes it go on by itself."""
    answer = route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "refresh"}
    route.fulfill(response=answer, headers=headers)


def look_between(page: Page, inspector: Inspector) -> None:
    """The pages that go on by themselves, while they do not."""
    page.route("**/support/login/provider/", stay)
    page.get_by_role("button", name=BUTTON).click()
    expect(page.get_by_role("heading", name="On to single sign-on")).to_be_visible()
    inspector.look("leave")
    page.get_by_role("link", name="Go on").click()
    page.route("**/go_on.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.get_by_role("button", name="Yes, it is me").click()
    expect(page.get_by_role("heading", name="Back from single sign-on")).to_be_visible()
    inspector.look("return")
    page.unroute_all()
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/support/staff/")
    page.context.clear_cookies()


def test_without_scripts_it_takes_one_click_more(
    page: Page, world: World, provider: Provider
) -> None:
    add_staff(world.ctx, email="sam@tallyport.test")
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False, ignore_https_errors=True)
    tab = context.new_page()
    tab.goto(f"{world.portal_url}/support/login/")
    for name in (BUTTON, "Yes, it is me", "Go on"):
        tab.get_by_role("button", name=name).click()
    tab.wait_for_url(f"{world.portal_url}/support/")
    context.close()
