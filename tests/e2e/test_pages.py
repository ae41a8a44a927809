"""Every page of the portal, looked at: usable by everybody, wide and narrow, light and dark."""

from dataclasses import dataclass
from typing import Literal

import pytest
from flask import Flask
from playwright.sync_api import Page, ViewportSize

from tests.e2e.tour import CATCH_MAIL, KEPT, NO_PAGE, PAGES, TOURS, endpoint_of
from tests.e2e.world import World

# The road itself is walked on both databases; this is about pages.
pytestmark = pytest.mark.sqlite_only

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
GRAVE = frozenset({"serious", "critical"})
# What takes the focus by the keyboard shows it, or the card around it does: an outline or a shadow.
# Null when nothing has the focus, an empty text when it is seen, and otherwise what hides it.
HIDDEN_FOCUS = """() => {
  const focused = document.activeElement;
  if (focused === document.body) return null;
  const shown = [focused, focused.closest("label")].some((part) => {
    if (part === null) return false;
    const style = getComputedStyle(part);
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return outlined || style.boxShadow !== "none";
  });
  return shown ? "" : focused.outerHTML.slice(0, 120);
}"""
MOST_STOPS = 60

Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[ViewportSize, Scheme], ...] = (
    (NARROW, "dark"),
    (NARROW, "light"),
    (WIDE, "light"),
)


@pytest.fixture
def catches_mail(request: pytest.FixtureRequest) -> bool:
    """As the tour needs it."""
    return getattr(request.node, "callspec", None) is not None and (
        request.node.callspec.params.get("name") in CATCH_MAIL
    )


@dataclass
class Inspector:
    """Looks at one page after the other and notes what is wrong with it."""

    page: Page
    axe: str
    problems: list[str]

    def look(self, name: str) -> None:
        """The page as it is now, with everything unfolded: narrow, in both colors, then wide."""
        page = self.page
        # A page that was just come to may not have all of its stylesheets yet.
        page.wait_for_load_state()
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
                self._run_axe(where, only_colors=scheme == "light")
        self._walk_by_keyboard(name)
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = false")

    def _settled_width(self, wanted: int) -> int:
        """How wide the page is; one that was just made narrow has a moment to lay itself out."""
        for _ in range(20):
            width = int(self.page.evaluate("document.documentElement.scrollWidth"))
            if width <= wanted:
                break
            self.page.wait_for_timeout(50)
        return width

    def _run_axe(self, where: str, *, only_colors: bool) -> None:
        """What keeps people out; `only_colors` when all else was looked at in the other scheme."""
        if not self.page.evaluate("typeof window.axe === 'object'"):
            self.page.evaluate(self.axe)
        # Colors fade for a moment when the scheme changes; half-way they have no contrast.
        self.page.evaluate("Promise.all(document.getAnimations().map((a) => a.finished))")
        rules = {"runOnly": ["color-contrast"]} if only_colors else {}
        found = self.page.evaluate(
            "(rules) => axe.run({resultTypes: ['violations'], ...rules})", rules
        )
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
            hidden = page.evaluate(HIDDEN_FOCUS)
            if hidden is None:
                break
            seen += 1
            if hidden:
                self.problems.append(f"{name}: no visible focus: {hidden}")
        if seen < 2:
            self.problems.append(f"{name}: the keyboard reaches nothing")


@pytest.mark.breaks_pages
@pytest.mark.parametrize("name", TOURS)
def test_every_page_can_be_used_by_everybody(
    page: Page, world: World, axe_source: str, name: str
) -> None:
    tour, declared = TOURS[name]
    inspector = Inspector(page, axe_source, [])
    seen = []
    for stop in tour(page, world):
        found = endpoint_of(world, page.url)
        assert found == declared[stop], f"{stop}: this is {page.url}"
        inspector.look(stop)
        seen.append(stop)
    assert inspector.problems == []
    assert seen == list(declared)


def test_every_route_with_a_page_is_on_a_tour(app: Flask) -> None:
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    shown = {endpoint for endpoint in PAGES.values() if endpoint is not None}
    assert routes - NO_PAGE.keys() == shown
    assert not NO_PAGE.keys() - routes, "these are gone"


def test_a_name_is_a_picture_of_one_page() -> None:
    assert len(PAGES) == sum(len(declared) for _tour, declared in TOURS.values())
    assert PAGES.keys() >= KEPT
