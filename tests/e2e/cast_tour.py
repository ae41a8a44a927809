"""The pages of customers whose plan is not just bought and renewed: those of the demo's cast, who
come to what they show by the doors that they use there."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page
from sqlalchemy import select

from app.demo.cast_agreed import AGREED
from app.demo.folder import DemoFolder
from app.demo.seed import live_until
from app.demo.servers import SampleServer, make_servers
from app.demo.settle import Happened, settle
from app.demo.trials import switch_trials
from app.models.mails import Mail
from app.services.unit_of_work import unit_of_work
from tests.e2e import road
from tests.e2e.world import World

# After everything that the world's own server has told.
PRESENT = datetime(2012, 3, 10, 3, 4, 5, tzinfo=UTC)
# What is looked at of whom, by the address below the customer's own.
VISITS: dict[str, dict[str, str]] = {
    "fennel-studio": {"trial": "billing/"},
    "heron-press": {"legacy-scheduled": "billing/"},
    "mill-lane": {
        "legacy": "billing/",
        "legacy-plans": "plans/",
        "legacy-upgrade": "upgrade/?tier=basic",
        "legacy-schedule": "upgrade/schedule/?tier=business&schedule=annual",
    },
    "beacon-library": {
        "discount": "billing/",
        "discount-plans": "plans/",
        "discount-invoice": "invoices/",
    },
    "pomelo-games": {"coupon": "billing/", "coupon-invoice": "invoices/"},
    "granite-works": {"fixed-price": "billing/", "fixed-price-plans": "plans/"},
    "open-orchard": {"sponsored": "billing/"},
    "lantern-shelter": {"sponsorship-waits": "plans/"},
    "marlow-dental": {"switch-scheduled": "billing/"},
    "sable-freight": {"renewal-waits": "billing/"},
}
ROUTES = {
    "billing/": "portal.billing",
    "plans/": "portal.plans",
    "upgrade/": "upgrade.plan_choice",
    "upgrade/schedule/": "upgrade.plan_schedule",
    "invoices/": "portal.invoice",
}


def _route_of(path: str) -> str:
    """The route behind an address below the customer's own; of a list, that of its first entry."""
    return ROUTES[path.partition("?")[0]]


CAST_PAGES: dict[str, str | None] = {
    "demo": "demo.overview",
    "trial-upgrade": "upgrade.plan_choice",
    **{name: _route_of(path) for pages in VISITS.values() for name, path in pages.items()},
    "mail-stop": "mail_choices.stop",
}


def cast_tour(page: Page, world: World) -> Iterator[str]:
    """The demo's own page, a purchase with a trial, and then one customer after the other."""
    servers = _live(world)
    page.goto(f"{world.portal_url}/demo/")
    page.get_by_role("button", name="Turn free trials on").click()
    yield "demo"
    yield from _trial_to_buy(page, world)
    switch_trials(_folder(world), on=False)
    for server in servers:
        page.context.clear_cookies()
        page.goto(server.ask_for_billing(server.owner))
        page.get_by_role("button", name="Continue").click()
        base = re.sub(r"(/realm/[^/]+/).*", r"\1", page.url)
        for name, path in VISITS[server.customer.name].items():
            page.goto(f"{base}{path}")
            if path == "invoices/":
                page.get_by_role("link", name=re.compile(r"^[A-Z0-9]+-\d+$")).first.click()
            yield name
    page.goto(_link_that_stops_mails(world))
    yield "mail-stop"


def _link_that_stops_mails(world: World) -> str:
    with unit_of_work(world.ctx) as work:
        text = work.session.scalars(
            select(Mail.caught_text).where(Mail.template == "legacy_ends")
        ).first()
    found = re.search(r"http\S+/mail/unsubscribe/\S+", text or "")
    assert found is not None, text
    return found.group()


def _folder(world: World) -> DemoFolder:
    return DemoFolder(world.folder)


def _live(world: World) -> tuple[SampleServer, ...]:
    """Let the customers come to what they show."""
    ports = {customer.name: 1 for customer in AGREED}
    servers = make_servers(_folder(world), portal=world.portal_url, ports=ports, customers=AGREED)
    with world.app.app_context():
        live_until(world.ctx, _folder(world), PRESENT)
        world.clock.move_to(PRESENT + timedelta(hours=1))
        settle(world.ctx, _folder(world), Happened(), own_server=False)
    world.upload()
    return servers


def _trial_to_buy(page: Page, world: World) -> Iterator[str]:
    """What somebody sees who never had a plan, while trials are on."""
    road.click_billing(page, world)
    page.get_by_role("button", name="Send link").click()
    page.goto(f"{world.portal_url}/demo/mail/")
    page.locator("tbody a").first.click()
    page.locator("#text a", has_text="do-confirm").click()
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()
    page.goto(page.url.replace("/plans/", "/upgrade/?tier=basic"))
    yield "trial-upgrade"
