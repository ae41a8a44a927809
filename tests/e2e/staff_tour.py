"""The pages of staff's own login: from the link to a password to who else may come in."""

from collections.abc import Iterator

import pyotp
from playwright.sync_api import Page

from app.domain.kinds import StaffRole
from app.services.context import CLI
from app.services.customers import Payer
from app.services.staff_people import CreateStaff, create_staff
from tests.e2e.world import World

PASSWORD = "heron marble cabinet"
EMAIL = "sam@support.test"

STAFF_PAGES: dict[str, str | None] = {
    "staff-setup": "staff.setup",
    "staff-setup-refused": "staff.setup",
    "staff-login": "staff.login",
    "staff-login-refused": "staff.login",
    "staff-account": "staff.sessions",
    "staff-password": "staff.password",
    "staff-factor": "staff.factor",
    "staff-factor-confirm": "staff.factor_confirm",
    "staff-recovery-codes": "staff.recovery_codes",
    "staff-recovery-codes-shown": "staff.recovery_codes",
    "staff-recovery-codes-new": "staff.recovery_codes_new",
    "staff-factor-remove": "staff.factor_remove",
    "staff-people": "staff.people",
    "staff-person-new": "staff.person_new",
    "staff-person": "staff.person",
    "staff-person-reset": "staff.person_reset",
    "staff-person-disable": "staff.person_disable",
    "staff-login-code": "staff.login_code",
    "staff-setup-over": "staff.setup",
}


def setup_address(world: World, *, email: str = EMAIL) -> str:
    """The link of somebody new, an administrator."""
    with world.app.app_context():
        command = CreateStaff(email, "Sam Sato", StaffRole.ADMIN)
        url = create_staff(world.ctx, command, actor=CLI).url
    assert url is not None, "who has no password gets a link"
    return url


def choose_password(page: Page, url: str) -> None:
    """Behind the link."""
    page.goto(url)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()


def enter_password(page: Page, *, email: str = EMAIL, password: str = PASSWORD) -> None:
    """The first step of the login, on its page."""
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def shown_secret(page: Page) -> str:
    """The secret that the page tells the authenticator."""
    assert page.locator("img.qr-code").evaluate("image => image.naturalWidth") > 0
    return page.locator(".factor-secret").inner_text().replace(" ", "")


def enter_code(page: Page, world: World, secret: str) -> None:
    """What the authenticator shows now; phones know the real time only."""
    page.get_by_label("Code").fill(pyotp.TOTP(secret).at(world.clock.real_now()))
    page.get_by_role("button", name="Confirm").click()


def staff_walk(page: Page, world: World, payer: Payer) -> Iterator[str]:
    """Somebody new, with a browser of their own; whoever sat here before comes back."""
    before = page.context.cookies()
    page.context.clear_cookies()
    url = setup_address(world)
    page.goto(url)
    yield "staff-setup"
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Set the password").click()
    yield "staff-setup-refused"
    choose_password(page, url)
    yield "staff-login"
    enter_password(page, password="not it")
    yield "staff-login-refused"
    enter_password(page)
    base = f"{world.portal_url}/support/account/"
    page.goto(base)
    yield "staff-account"
    page.goto(f"{base}password/")
    yield "staff-password"
    page.goto(f"{base}second-factor/")
    yield "staff-factor"
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    yield "staff-factor-confirm"
    enter_code(page, world, shown_secret(page))
    yield "staff-recovery-codes"
    page.goto(f"{base}recovery-codes/")
    yield "staff-recovery-codes-shown"
    for path, name in (
        ("account/recovery-codes/new/", "staff-recovery-codes-new"),
        ("account/second-factor/remove/", "staff-factor-remove"),
        ("staff/", "staff-people"),
        ("staff/new/", "staff-person-new"),
    ):
        page.goto(f"{world.portal_url}/support/{path}")
        yield name
    page.goto(f"{world.portal_url}/support/staff/")
    page.get_by_role("link", name="Sam Sato").click()
    yield "staff-person"
    page.get_by_role("link", name="Reset the login").click()
    yield "staff-person-reset"
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Disable").click()
    yield "staff-person-disable"
    page.context.clear_cookies()
    page.goto(f"{world.portal_url}/support/login/")
    enter_password(page)
    yield "staff-login-code"
    page.goto(url)
    yield "staff-setup-over"
    page.context.clear_cookies()
    page.context.add_cookies(before)  # type: ignore[arg-type]  # what it gave is what it takes
