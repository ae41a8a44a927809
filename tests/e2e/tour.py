"""Every page of the portal, declared once: for the pictures of `make screenshots` and for the test
that looks at each with axe and the keyboard.

A tour walks a browser from page to page and yields the name of each page as it stands there.
`PAGES` says which route a name shows; `NO_PAGE` why a route that answers GET shows none.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch
from uuid import uuid4

from playwright.sync_api import Cookie, Page
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import Forbidden, NotFound, TooManyRequests

from app.models.people import BillingUser
from app.models.registrations import Organization, Server
from app.sample_server.registration import register
from app.sample_server.uploads import upload_now
from app.services.unit_of_work import unit_of_work
from tests.e2e import road
from tests.e2e.cast_tour import CAST_PAGES, cast_tour
from tests.e2e.support_tour import SUPPORT_PAGES, support_tour
from tests.e2e.world import World

Tour = Callable[[Page, World], Iterator[str]]

ORGANIZATION_PAGES: dict[str, str | None] = {
    "confirm-email": "login.confirm",
    "confirm-email-refused": "login.confirm",
    "link-sent": "login.sent",
    "confirm-address": "login.do_confirm",
    "confirm-login": "login.complete",
    "plans": "portal.plans",
    "billing-no-plan": "portal.billing",
    "invoices-none": "portal.invoices",
    "usage-over-the-limit": "usage.usage",
    "sponsorship": "sponsorship.sponsorship",
    "sponsorship-refused": "sponsorship.sponsorship",
    "sponsorship-pending": "sponsorship.sponsorship",
    "upgrade-without-card": "upgrade.plan_choice",
    "card-waiting": "plan.billing_card_return",
    "upgrade-declined": "upgrade.plan_confirm",
    "upgrade-unfinished": "upgrade.plan_choice",
    "payment-status": "upgrade.plan_status",
    "payment-called-off": "upgrade.plan_choice",
    "upgrade": "upgrade.plan_choice",
    "billing-fresh": "portal.billing",
    "billing": "portal.billing",
    "change-schedule": "plan.billing_change",
    "billing-switching": "portal.billing",
    "change-tier-now": "plan.billing_change",
    "change-management": "plan.billing_management",
    "end-plan": "plan.billing_end",
    "billing-ending": "portal.billing",
    "invoices": "portal.invoices",
    "invoices-none-chosen": "portal.invoices",
    "invoice": "portal.invoice",
    "plans-subscribed": "portal.plans",
    "usage": "usage.usage",
    "people": "account.people",
    "people-remove": "account.people_remove",
    "people-role": "account.people_role",
    "people-invited": "account.people",
    "invitation": "login.invitation",
    "invitation-used": "login.invitation",
    "by-mail-confirm": "login.by_mail_confirm",
    "activity": "account.activity",
    "help": "account.help_contact",
    "data": "account.data",
    "billing-address": "account.billing_address",
    "billing-earlier": "portal.billing",
    "billing-past-due": "portal.billing",
    "invoice-open": "portal.invoice",
    "billing-stale": "portal.billing",
    "missing-data": "portal.missing_data",
    "missing-data-refused": "portal.missing_data",
    "logged-out": "login.logged_out",
    "no-session": "portal.plans",
    "move": "login.move",
    "move-refused": "login.move",
    "move-sent": "login.move_sent",
    "move-confirm": "login.move_confirm",
    "move-review": "login.move_review",
    "move-done": "login.move_done",
}
SERVER_PAGES: dict[str, str | None] = {
    "come-in": "login.come_in",
    "terms": "login.terms",
    "api": "api_docs.reference",
    "by-mail": "login.by_mail",
    "by-mail-sent": "login.by_mail_sent",
    "server-login": "login.server_login",
    "server-login-refused": "login.server_login",
    "server-confirm-email": "login.confirm",
    "server-confirm-login": "login.complete",
    "server-plans": "portal.plans",
    "server-usage": "usage.usage",
    "server-people": "account.people",
    "server-upgrade-by-invoice": "upgrade.plan_choice",
    "server-invoice-waits": "upgrade.plan_status",
    "server-billing-invoice-waits": "portal.billing",
    "server-billing": "portal.billing",
    "server-licenses": "plan.billing_licenses",
    "covered-billing": "portal.billing",
    "server-deactivate-refused": "account.deactivate",
    "server-deactivate": "account.deactivate",
    "server-left": "account.left",
    "error-not-found": None,
    "error-forbidden": "login.terms",
    "error-too-many-requests": "login.terms",
    "error-crash": "login.terms",
    "error-database": "login.terms",
    "demo-mails": "demo.mails",
    "demo-time": "demo.time",
}
PAGES = ORGANIZATION_PAGES | SERVER_PAGES | CAST_PAGES | SUPPORT_PAGES
# The pictures of the README.
KEPT = frozenset({"upgrade", "billing", "invoice"})

_FORM = "shows the page of its form only when what was sent was refused"
_FILE = "is a file"
_MACHINE = "answers programs"
NO_PAGE = {
    "account.people_me": _FORM,
    "account.people_invite": _FORM,
    "plan.billing_licenses_renewal": _FORM,
    "upgrade.plan_schedule_confirm": _FORM,
    "staff.login_enroll": "needs a portal that requires it; test_staff_login.py looks at it",
    "staff.provider_return": "needs an identity provider; test_staff_provider.py looks at it",
    "staff.person_unbind": "needs an identity provider; test_staff_provider.py looks at it",
    "staff.login_qr": _FILE,
    "staff.factor_qr": _FILE,
    "support.approval": "needs an act that waits; tests/web/support/ looks at it",
    "plan.billing_card_cancelled": "leads on",
    "login.begin": "leads on",
    "login.begin_on_behalf": "leads on",
    "look.choose_theme": "leads on",
    "look.favicon": "leads on",
    "look.brand_css": _FILE,
    "look.logo": _FILE,
    "portal.invoices_csv": _FILE,
    "portal.seats_file": _FILE,
    "support.customer_export": _FILE,
    "support.customer_invoice": "needs an invoice; tests/web/support/ looks at it",
    "support.overview_csv": _FILE,
    "support.search_csv": _FILE,
    "usage.usage_csv": _FILE,
    "static": _FILE,
    "bootstrap.static": _FILE,
    "api_docs.openapi": _MACHINE,
    "health.live": _MACHINE,
    "health.ready": _MACHINE,
    "remotes.get_analytics_status": _MACHINE,
    "remotes.get_entitlement": _MACHINE,
    # This world sends its mail; tests/demo/ looks at these.
    "demo.mail": "needs a mail that was caught",
    "demo.mail_html": "needs a mail that was caught",
}


def organization_tour(page: Page, world: World) -> Iterator[str]:
    """The admin of an organization: from the gear menu to a plan, through all that follows."""
    yield from _first_login(page, world)
    base = page.url.rpartition("plans/")[0]
    yield "plans"
    yield from _pages(page, base, billing="billing-no-plan", invoices="invoices-none")
    yield from _pages(page, base, usage="usage-over-the-limit")
    yield from _sponsorship(page, base)
    page.goto(f"{base}plans/")
    yield from _purchase(page, world, base)
    world.at("2012-01-04 03:04:05")
    _add_people(page, world)
    world.at("2012-01-12 03:04:05")
    world.upload()
    road.later_login(page, world)
    yield "billing"
    yield from _changes(page, base)
    page.get_by_role("link", name="End the plan").click()
    yield "end-plan"
    page.get_by_role("button", name="End the plan").click()
    yield "billing-ending"
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    world.at("2012-02-02 03:04:05")
    world.run_jobs()
    road.later_login(page, world)
    yield from _invoices(page)
    yield from _around(page, world, base)
    yield from _trouble(page, world, base)
    page.get_by_text("Account", exact=True).click()
    page.get_by_role("button", name="Log out").click()
    yield "logged-out"
    page.goto(f"{base}plans/")
    yield "no-session"
    yield from _move(page, world)


def server_tour(page: Page, world: World) -> Iterator[str]:
    """A stranger at the doors, then whoever runs a server: by its key to a plan that is paid by
    invoice, and to its end."""
    yield from _pages(page, f"{world.portal_url}/", **{"": "come-in"}, terms="terms", api="api")
    by_mail = f"{world.portal_url}/login/by-mail/"
    yield from _pages(page, by_mail, **{"": "by-mail", "sent": "by-mail-sent"})
    # An admin of its organization is logged in before the server buys: later its plan would go there.
    road.first_login(page, world)
    admin = page.context.cookies(), page.url.replace("/plans/", "/billing/")
    page.context.clear_cookies()
    yield from _server_login(page, world)
    base = page.url.rpartition("plans/")[0]
    yield "server-plans"
    yield from _pages(page, base, usage="server-usage", people="server-people")
    yield from _invoice_purchase(page, world, base)
    yield from _covered(page, *admin, back=f"{base}billing/")
    page.goto(f"{base}deactivate/")
    yield "server-deactivate-refused"
    page.goto(f"{base}plan/end/")
    page.get_by_role("button", name="End the plan").click()
    page.goto(f"{base}deactivate/")
    yield "server-deactivate"
    page.get_by_label(re.compile("I understand")).check()
    page.get_by_role("button", name=re.compile("Unregister")).click()
    yield "server-left"
    yield from _errors(page, world)
    yield from _pages(page, f"{world.portal_url}/demo/", mail="demo-mails", time="demo-time")


def endpoint_of(world: World, url: str) -> str | None:
    """The route of an address, or None."""
    path = url.removeprefix(world.portal_url).partition("?")[0].partition("#")[0]
    adapter = world.app.url_map.bind("localhost")
    try:
        return str(adapter.match(path, method="GET")[0])
    except NotFound:
        return None


# Their mail is caught by the demo's page, since the people of the cast look for it there.
CATCH_MAIL = frozenset({"cast"})
TOURS: dict[str, tuple[Tour, dict[str, str | None]]] = {
    "organization": (organization_tour, ORGANIZATION_PAGES),
    "server": (server_tour, SERVER_PAGES),
    "cast": (cast_tour, CAST_PAGES),
    "support": (support_tour, SUPPORT_PAGES),
}


def _pages(page: Page, base: str, **names: str) -> Iterator[str]:
    """Pages that are a plain address below `base`."""
    for path, name in names.items():
        page.goto(f"{base}{path}/" if path else base)
        yield name


def _first_login(page: Page, world: World) -> Iterator[str]:
    road.click_billing(page, world)
    yield "confirm-email"
    page.get_by_label("Your email address").fill("nonsense")
    page.get_by_role("button", name="Send link").click()
    yield "confirm-email-refused"
    page.get_by_label("Your email address").fill("olive@acme.test")
    page.get_by_role("button", name="Send link").click()
    yield "link-sent"
    page.goto(road.mailed_link(world))
    yield "confirm-address"
    page.get_by_role("button", name="Confirm").click()
    yield "confirm-login"
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()


def _sponsorship(page: Page, base: str) -> Iterator[str]:
    """Asked for, first without what is needed, and taken back."""
    yield from _pages(page, base, sponsorship="sponsorship")
    page.get_by_role("button", name="Send request").click()
    yield "sponsorship-refused"
    page.get_by_label("What kind").select_option(label="Open source project")
    page.get_by_label("What does it do").fill("We write free software for everybody.")
    page.get_by_label("How many people").fill("about 200")
    page.get_by_label("How many of them").fill("none")
    page.get_by_role("button", name="Send request").click()
    yield "sponsorship-pending"
    page.get_by_role("button", name="Take the request back").click()


def _purchase(page: Page, world: World, base: str) -> Iterator[str]:
    """Four cards: one that has not arrived, one declined, one unfinished, one that pays."""
    road.choose_basic_monthly(page)
    yield "upgrade-without-card"
    page.get_by_role("button", name="Add a card").click()
    visit = re.search(r"cs_\w+", page.url)
    assert visit is not None, page.url
    page.goto(f"{base}card/return/?session_id={visit.group()}")
    yield "card-waiting"
    page.goto(f"{base}upgrade/?tier=basic")
    road.enter_card(page, world, road.DECLINED)
    road.pay(page, "$43.00")
    yield "upgrade-declined"
    road.enter_card(page, world, road.AUTHENTICATES)
    road.pay(page, "$43.00")
    page.wait_for_url(f"{world.emulator.url}/**")
    page.goto(f"{base}upgrade/")
    yield "upgrade-unfinished"
    page.get_by_role("link", name="Go on with it").click()
    yield "payment-status"
    page.get_by_role("button", name="Start over").click()
    yield "payment-called-off"
    page.goto(f"{base}upgrade/")
    road.enter_card(page, world, road.GOOD)
    yield "upgrade"
    road.pay(page, "$43.00")
    yield "billing-fresh"


def _add_people(page: Page, world: World) -> None:
    road.open_product(page, world)
    page.goto(world.sample.organization_url("acme") + "/people/")
    page.get_by_role("button", name="Add people").click()
    world.upload()


def _invoices(page: Page) -> Iterator[str]:
    page.get_by_role("link", name="Invoices", exact=True).click()
    yield "invoices"
    page.get_by_label("State").select_option(label="Being prepared")
    page.get_by_role("button", name="Show").click()
    yield "invoices-none-chosen"
    page.get_by_role("link", name="Invoices", exact=True).click()
    page.get_by_role("link", name=re.compile(r"^[A-Z0-9]+-\d+$")).first.click()
    page.locator("#lines details.why summary").first.click()
    yield "invoice"


def _changes(page: Page, base: str) -> Iterator[str]:
    """Another schedule, which is taken back; the other changes are only looked at."""
    page.goto(f"{base}plan/change/?tier=basic&schedule=annual")
    yield "change-schedule"
    page.get_by_role("button", name="Schedule the change").click()
    yield "billing-switching"
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    page.goto(f"{base}plan/change/?tier=business&schedule=monthly")
    yield "change-tier-now"
    page.goto(f"{base}plan/management/")
    yield "change-management"
    page.goto(f"{base}billing/")


def _around(page: Page, world: World, base: str) -> Iterator[str]:
    colleague = _add_colleague(world)
    yield from _pages(page, base, plans="plans-subscribed", usage="usage", people="people")
    page.goto(f"{base}people/{colleague}/remove/")
    yield "people-remove"
    page.goto(f"{base}people/{colleague}/role/")
    yield "people-role"
    yield from _invitation(page, world, base)
    yield from _pages(
        page,
        base,
        activity="activity",
        help="help",
        data="data",
        **{"billing-address": "billing-address"},
    )
    page.goto(f"{base}billing/?seats=plan")
    yield "billing-earlier"


def _invitation(page: Page, world: World, base: str) -> Iterator[str]:
    """The owner invites somebody, who accepts and comes back by mail."""
    guest = "guest@books.test"
    page.goto(f"{base}people/")
    road.invite(page, guest, "Billing: buys, pays and changes plans")
    yield "people-invited"
    owner, link = page.context.cookies(), road.link_to(world, guest, "/invitation/")
    page.context.clear_cookies()
    page.goto(link)
    yield "invitation"
    page.get_by_label("Full name").fill("Gus Guest")
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Accept and log in").click()
    page.goto(link)
    yield "invitation-used"
    page.context.clear_cookies()
    road.come_back_by_mail(page, world, guest)
    yield "by-mail-confirm"
    page.context.clear_cookies()
    page.context.add_cookies(owner)  # type: ignore[arg-type]  # the cookies just read


def _trouble(page: Page, world: World, base: str) -> Iterator[str]:
    """A renewal that the bank declines, a server that falls silent, a report that is refused."""
    road.enter_card(page, world, road.DECLINED)
    world.at("2012-03-02 03:04:05")
    world.run_jobs()
    road.later_login(page, world)
    yield "billing-past-due"
    page.get_by_role("link", name="See the invoice").click()
    yield "invoice-open"
    world.at("2012-03-06 03:04:05")
    page.goto(f"{base}billing/")
    page.get_by_role("button", name="Continue").click()
    yield "billing-stale"
    yield from _pages(page, base, **{"missing-data": "missing-data"})
    with unit_of_work(world.ctx) as work:
        refused = {"refused_at": work.now, "refused_code": "data_out_of_order"}
        work.session.execute(update(Server).values(**refused, refused_params={}))
        work.commit()
    yield from _pages(page, base, **{"missing-data": "missing-data-refused"})


def _add_colleague(world: World) -> int:
    """Somebody else who manages the billing, as a first login would leave them."""
    with unit_of_work(world.ctx) as work:
        organization = work.session.scalars(select(Organization.id)).first()
        colleague = BillingUser(
            organization_id=organization,
            user_uuid=str(uuid4()),
            email="nadia@acme.test",
            full_name="Nadia Novak",
            email_confirmed_at=work.now,
            created_at=work.now,
        )
        work.session.add(colleague)
        work.flush()
        colleague_id = colleague.id
        work.commit()
    return colleague_id


def _server_login(page: Page, world: World) -> Iterator[str]:
    settings = world.sample.store.settings()
    page.goto(f"{world.portal_url}/serverlogin/")
    yield "server-login"
    page.get_by_label("Server id").fill(settings.server_uuid)
    page.get_by_label("Server key").fill("x" * 64)
    page.get_by_role("button", name="Continue").click()
    yield "server-login-refused"
    page.get_by_label("Server id").fill(settings.server_uuid)
    page.get_by_label("Server key").fill(settings.server_key)
    page.get_by_role("button", name="Continue").click()
    yield "server-confirm-email"
    page.get_by_label("Your email address").fill("it@acme.test")
    page.get_by_role("button", name="Send link").click()
    page.goto(road.mailed_link(world))
    page.get_by_role("button", name="Confirm").click()
    yield "server-confirm-login"
    page.get_by_label("Your full name").fill("Ida Tran")
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()


def _invoice_purchase(page: Page, world: World, base: str) -> Iterator[str]:
    page.goto(f"{base}upgrade/?tier=basic&schedule=annual&pay=invoice&licenses=40")
    yield "server-upgrade-by-invoice"
    page.get_by_role("button", name=re.compile("Send the invoice")).click()
    yield "server-invoice-waits"
    hosted = page.get_by_role("link", name="Open the invoice's page").get_attribute("href")
    yield from _pages(page, base, billing="server-billing-invoice-waits")
    page.goto(str(hosted))
    page.get_by_text("A new card").check()
    page.get_by_role("button", name=re.compile("^Pay")).click()
    world.settle()
    yield from _pages(page, base, billing="server-billing")
    page.goto(f"{base}plan/licenses/")
    yield "server-licenses"


def _covered(page: Page, admin: list[Cookie], billing: str, *, back: str) -> Iterator[str]:
    """What an admin of an organization on that server sees, between two visits of the server's."""
    cookies = page.context.cookies()
    for theirs, address, name in ((admin, billing, "covered-billing"), (cookies, back, "")):
        page.context.clear_cookies()
        page.context.add_cookies(theirs)  # type: ignore[arg-type]  # the cookies just read
        page.goto(address)
        if name:
            yield name


def _move(page: Page, world: World) -> Iterator[str]:
    """The organization was imported on another server; its owner moves its billing there."""
    other = world.start_server("harbor")
    register(other.store)
    upload_now(other.store, trigger="control")
    moved, settings = world.move_organization(other), other.store.settings()

    def enter(*, secret: str, email: str) -> None:
        page.goto(f"{world.portal_url}/realm-transfer/")
        page.get_by_label("Id of the new server").fill(settings.server_uuid)
        page.get_by_label("Key of the new server").fill(settings.server_key)
        page.get_by_label("Id of the organization").fill(moved.uuid)
        page.get_by_label(re.compile("^Owner secret")).fill(secret)
        page.get_by_label(re.compile("^Or the email")).fill(email)
        page.get_by_role("button", name="Continue").click()

    page.goto(f"{world.portal_url}/realm-transfer/")
    yield "move"
    enter(secret="wrong", email="")
    yield "move-refused"
    enter(secret="", email="olive@acme.test")
    yield "move-sent"
    mail = world.last_mail().get_body(("plain",))
    link = re.search(r"http\S+/realm-transfer/confirm/\S+", mail.get_content() if mail else "")
    assert link is not None
    page.goto(link.group())
    yield "move-confirm"
    page.get_by_role("button", name="Confirm").click()
    yield "move-review"
    page.get_by_role("button", name="Move the organization").click()
    yield "move-done"


@contextmanager
def _answering(world: World, error: Exception) -> Iterator[None]:
    """The page of the terms fails, as any page might."""

    def fail() -> str:
        raise error

    views = {"login.terms": fail}
    config = {"PROPAGATE_EXCEPTIONS": False}
    with patch.dict(world.app.view_functions, views), patch.dict(world.app.config, config):
        yield


def _errors(page: Page, world: World) -> Iterator[str]:
    page.goto(f"{world.portal_url}/nowhere/")
    yield "error-not-found"
    errors: dict[str, Exception] = {
        "error-forbidden": Forbidden(),
        "error-too-many-requests": TooManyRequests(),
        "error-crash": ZeroDivisionError(),
        "error-database": OperationalError("", {}, Exception("away")),
    }
    for name, error in errors.items():
        with _answering(world, error):
            page.goto(f"{world.portal_url}/terms/")
            yield name
