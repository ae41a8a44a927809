"""The pages of staff: each area of the console walks through its own, one after the other."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from playwright.sync_api import Page

from app.domain.kinds import StaffRole
from app.models.registrations import Organization
from app.services.browser_sessions import begin_staff_session
from app.services.context import CLI
from app.services.customers import Payer, payer_of_organization
from app.services.legacy import create_legacy_plan
from app.services.unit_of_work import unit_of_work
from app.web.sessions import session_cookie_name
from tests.e2e.overview_tour import OVERVIEW_PAGES, overview_walk
from tests.e2e.staff_tour import STAFF_PAGES, staff_walk
from tests.e2e.support_announcement_tour import ANNOUNCEMENT_PAGES, announcements
from tests.e2e.support_customer_tour import CUSTOMER_PAGES, customer_walk
from tests.e2e.support_queue_tour import QUEUE_PAGES, queues
from tests.e2e.support_search_tour import SEARCH_PAGES, search
from tests.e2e.world import World
from tests.support.staff import add_staff

# What an area of the console declares: the names of its pages, and the walk that stops at each.
Area = tuple[dict[str, str | None], Callable[[Page, World, Payer], Iterator[str]]]

ACTION_PAGES: dict[str, str | None] = {
    "support-action": "support.action",
    "support-action-refused": "support.action",
    "support-action-unavailable": "support.action",
    "support-action-confirm": "support.action",
    "support-action-choices": "support.action",
    "support-action-choices-refused": "support.action",
    "support-action-compared": "support.action",
    "support-approvals": "support.approvals",
    "support-customer": "support.customer",
    "support-coupons-none": "support.coupons",
    "support-coupon-new": "support.coupon_new",
    "support-coupon-look": "support.coupon_new",
    "support-coupons": "support.coupons",
    "support-coupon-withdraw": "support.coupon_withdraw",
}


def _actions(page: Page, world: World, payer: Payer) -> Iterator[str]:
    """An act from its form to the customer, one that cannot be done, and what waits for two."""
    base = f"{world.portal_url}/support/customers/{payer.uuid}/"
    page.goto(f"{base}do/park/")
    yield "support-action"
    page.get_by_role("button", name="See what it does").click()
    yield "support-action-refused"
    page.goto(f"{base}do/unpark/")
    yield "support-action-unavailable"
    page.goto(f"{base}do/park/")
    page.get_by_label("Reason").fill("asked for in ticket 7")
    page.get_by_role("button", name="See what it does").click()
    yield "support-action-confirm"
    # A form of many fields, and the invoices that it changes.
    page.goto(f"{base}do/legacy-schedule/")
    yield "support-action-choices"
    page.locator("#management-1").check()
    page.locator("#collection-1").check()
    page.get_by_label("Reason").fill("asked for in ticket 7")
    page.get_by_role("button", name="See what it does").click()
    yield "support-action-choices-refused"
    page.get_by_label("Number of licenses").fill("40")
    page.get_by_role("button", name="See what it does").click()
    page.get_by_text("Next charge: none").wait_for()
    yield "support-action-compared"
    page.goto(f"{world.portal_url}/support/approvals/")
    yield "support-approvals"
    page.goto(base)
    yield "support-customer"
    page.goto(f"{world.portal_url}/support/coupons/")
    yield "support-coupons-none"
    page.get_by_role("link", name="Make a coupon").click()
    yield "support-coupon-new"
    page.get_by_label("Code").fill("spring-27")
    page.get_by_label("Percent off").fill("25")
    page.get_by_label("For how many months").fill("6")
    page.get_by_label("Reason").fill("agreed by sales")
    page.get_by_role("button", name="See what it does").click()
    yield "support-coupon-look"
    page.get_by_label("Make it").check()
    page.get_by_role("button", name="Make it").click()
    yield "support-coupons"
    page.get_by_role("link", name="Withdraw SPRING-27").click()
    yield "support-coupon-withdraw"


# Areas are added here, in the order in which they are walked.
AREAS: tuple[Area, ...] = (
    (ACTION_PAGES, _actions),
    (CUSTOMER_PAGES, customer_walk),
    (OVERVIEW_PAGES, overview_walk),
    (STAFF_PAGES, staff_walk),
    (SEARCH_PAGES, search),
    (QUEUE_PAGES, queues),
    (ANNOUNCEMENT_PAGES, announcements),
)
SUPPORT_PAGES: dict[str, str | None] = {
    name: endpoint for pages, _walk in AREAS for name, endpoint in pages.items()
}


def sign_in(
    page: Page, world: World, role: StaffRole = StaffRole.ADMIN, *, email: str | None = None
) -> int:
    """Make the browser that of somebody of staff; returns our id of the person."""
    with world.app.app_context():
        staff_user_id = add_staff(world.ctx, role, email=email)
        with unit_of_work(world.ctx) as work:
            secret = begin_staff_session(
                work, staff_user_id=staff_user_id, ip="127.0.0.1", user_agent="tests", data={}
            )
            work.commit()
    host = urlsplit(world.portal_url).hostname or ""
    page.context.add_cookies(
        [
            {
                "name": session_cookie_name(world.ctx.settings),
                "value": secret,
                "domain": host,
                "path": "/",
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )
    return staff_user_id


def some_customer(world: World) -> Payer:
    """The organization of the world's own server, with a legacy plan."""
    with world.app.app_context(), unit_of_work(world.ctx) as work:
        payer = payer_of_organization(
            work.session.query(Organization).filter(Organization.uuid.is_not(None)).limit(1).one()
        )
    with world.app.app_context():
        create_legacy_plan(
            world.ctx,
            payer,
            until=(world.ctx.now() + timedelta(days=60)).replace(
                hour=0, minute=0, second=0, microsecond=0
            ),
            reason="agreed by mail",
            actor=CLI,
        )
    return payer


def support_tour(page: Page, world: World) -> Iterator[str]:
    """Everything that staff see, by somebody who may do everything."""
    payer = some_customer(world)
    sign_in(page, world)
    for _pages, walk in AREAS:
        yield from walk(page, world, payer)
