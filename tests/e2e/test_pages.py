"""Every page of the road, looked at: usable by everybody, wide and narrow, light and dark."""

import re
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.e2e import road
from tests.e2e.world import World

# The road itself is walked on both databases; this is about pages.
pytestmark = pytest.mark.sqlite_only

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
GRAVE = frozenset({"serious", "critical"})
# What takes the focus by the keyboard shows it, or the card around it does: an outline or a shadow.
SHOWN_FOCUS = """() => {
  const focused = document.activeElement;
  return [focused, focused.closest("label")].some((part) => {
    if (part === null) return false;
    const style = getComputedStyle(part);
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return outlined || style.boxShadow !== "none";
  });
}"""
MOST_STOPS = 60

Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[ViewportSize, Scheme], ...] = (
    (NARROW, "dark"),
    (NARROW, "light"),
    (WIDE, "light"),
)


@dataclass
class Inspector:
    """Looks at one page after the other and notes what is wrong with it."""

    page: Page
    axe: str
    problems: list[str]
    looked_at: int = 0

    def look(self, name: str) -> None:
        """The page as it is now, with everything unfolded: narrow, in both colors, then wide."""
        page = self.page
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        for viewport, scheme in LOOKS:
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            where = f"{name}, {viewport['width']}, {scheme}"
            width = self._settled_width(viewport["width"])
            if width > viewport["width"]:
                self.problems.append(f"{where}: {width} pixels wide")
            # Sizes are the same in both colors, so the wide page is looked at in one.
            if viewport is NARROW:
                self._run_axe(where)
        self._walk_by_keyboard(name)
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = false")
        self.looked_at += 1

    def _settled_width(self, wanted: int) -> int:
        """How wide the page is; one that was just made narrow has a moment to lay itself out."""
        for _ in range(20):
            width = int(self.page.evaluate("document.documentElement.scrollWidth"))
            if width <= wanted:
                break
            self.page.wait_for_timeout(50)
        return width

    def _run_axe(self, where: str) -> None:
        if not self.page.evaluate("typeof window.axe === 'object'"):
            self.page.evaluate(self.axe)
        # Colors fade for a moment when the scheme changes; half-way they have no contrast.
        self.page.evaluate("Promise.all(document.getAnimations().map((a) => a.finished))")
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        self.problems += [
            f"{where}: {violation['id']}: {node['html']}"
            for violation in found["violations"]
            if violation["impact"] in GRAVE
            for node in violation["nodes"]
        ]

    def _walk_by_keyboard(self, name: str) -> None:
        """Tab through the whole page; every stop is visible and shows that it has the focus."""
        page = self.page
        page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
        seen = 0
        for _ in range(MOST_STOPS):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                break
            seen += 1
            if not page.evaluate(SHOWN_FOCUS):
                lost = page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
                self.problems.append(f"{name}: no visible focus: {lost}")
        if seen < 2:
            self.problems.append(f"{name}: the keyboard reaches nothing")


def test_every_page_of_the_road(page: Page, world: World, axe_source: str) -> None:
    inspector = Inspector(page, axe_source, [])
    look = inspector.look
    road.click_billing(page, world)
    look("confirm email")
    page.get_by_label("Your email address").fill("nonsense")
    page.get_by_role("button", name="Send link").click()
    look("confirm email, refused")
    page.get_by_label("Your email address").fill("olive@acme.test")
    page.get_by_role("button", name="Send link").click()
    look("link sent")
    page.goto(road.mailed_link(world))
    look("confirm address")
    page.get_by_role("button", name="Confirm").click()
    look("confirm login")
    page.get_by_label("I agree to the Terms of Service").check()
    page.get_by_role("button", name="Continue").click()
    look("plans")
    plans = page.url
    road.choose_basic_monthly(page)
    look("upgrade without a card")
    road.enter_card(page, world, road.DECLINED)
    road.pay(page, "$43.00")
    look("upgrade, declined")
    road.enter_card(page, world, road.AUTHENTICATES)
    road.pay(page, "$43.00")
    page.wait_for_url(f"{world.emulator.url}/**")
    page.goto(plans.replace("/plans/", "/upgrade/"))
    look("upgrade, unfinished payment")
    page.get_by_role("link", name="Go on with it").click()
    look("payment status")
    page.goto(plans.replace("/plans/", "/upgrade/"))
    road.enter_card(page, world, road.GOOD)
    road.pay(page, "$43.00")
    world.at("2012-01-04 03:04:05")
    road.open_product(page, world)
    page.goto(world.sample.organization_url("acme") + "/people/")
    page.get_by_role("button", name="Add people").click()
    world.upload()
    road.later_login(page, world)
    look("billing")
    page.get_by_role("link", name="End the plan").click()
    look("end the plan")
    page.get_by_role("button", name="End the plan").click()
    look("billing, ending")
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    world.at("2012-02-02 03:04:05")
    world.run_jobs()
    road.later_login(page, world)
    page.get_by_role("link", name="Invoices").click()
    look("invoices")
    page.get_by_role("link", name=re.compile(r"[A-Z0-9]+-\d+")).first.click()
    look("invoice")
    page.goto(plans)
    look("plans, subscribed")
    page.goto(page.url + "nowhere/")
    look("not found")
    world.at("2012-02-06 03:04:05")
    page.goto(plans)
    page.get_by_role("button", name="Continue").click()
    page.goto(plans.replace("/plans/", "/missing-data/"))
    look("missing data")
    page.get_by_text("Account", exact=True).click()
    page.get_by_role("button", name="Log out").click()
    look("logged out")
    page.goto(plans)
    look("no session")
    assert inspector.problems == []
    assert inspector.looked_at == 20
