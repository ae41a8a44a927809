"""The look: every component in a page that is right, colors that can be read, the switch."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Blueprint, Flask, redirect
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import Response

from app.web.access import public
from app.web.flashes import flash_with_undo
from app.web.look.colors import (
    DARK_SURFACE,
    INK,
    LIGHT_SURFACE,
    TEXT_CONTRAST,
    WHITE,
    brand_stylesheet,
    contrast,
    ink_on,
    mix,
    readable_on,
)
from tests.support.client import CheckedClient
from tests.web.sample_pages import sample_blueprint

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> CheckedClient:
    app = make_app()
    app.register_blueprint(sample_blueprint())
    made = app.test_client()
    assert isinstance(made, CheckedClient)
    return made


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_page_of_every_component_is_right(client: CheckedClient) -> None:
    page = client.get("/sample/billing").text
    text = text_of(page)
    assert "chat.acme.com" in text and "Cordelia Lear" in text and "Log out" in text
    assert 'aria-current="page">Billing' in page
    assert '<time datetime="2012-02-02T03:04:05Z" title="2 February 2012, 03:04:05 UTC">' in page
    assert "5 licenses added on 4 January" in text and "−$20.00" in text and "$76.85" in text
    assert 'data-label="Amount"' in page
    for state in ("Being prepared", "To be paid", "Paid", "Void", "Written off", "Active"):
        assert state in text


def test_a_form_with_every_kind_of_field_is_right(client: CheckedClient) -> None:
    page = client.get("/sample/form")
    assert "error-summary" not in page.text
    assert "Country (optional)" in text_of(page.text)


def test_errors_stand_beside_their_field_and_in_a_summary_that_takes_the_focus(
    client: CheckedClient,
) -> None:
    page = client.get("/sample/form")
    fields = {
        "csrf_token": re.findall(r'csrf_token" value="([^"]+)', page.text)[0],
        "email": "nobody",
        "licenses": "many",
        "full_name": "",
    }
    answer = client.post("/sample/form", data=fields).text
    assert re.search(r'class="error-summary"[^>]* tabindex="-1" autofocus', answer)
    for said in (
        "Enter a complete email address, like name@example.com.",
        "“Full name” is missing.",
        "Enter a whole number.",
        "Choose one of the options of “How often do you want to pay?”.",
        "Agree to the Terms of Service to go on.",
    ):
        assert text_of(answer).count(said) == 2, said
    assert 'href="#email"' in answer and 'href="#schedule-0"' in answer
    assert 'aria-describedby="email-hint email-error"' in answer
    assert 'value="nobody"' in answer


def test_a_missing_token_is_told_in_the_summary(client: CheckedClient) -> None:
    client.application.config["WTF_CSRF_CHECK_DEFAULT"] = False
    answer = client.post("/sample/form", data={"email": "a@b.test"}).text
    assert "The CSRF token is missing." in text_of(answer)


def test_flashes_say_what_was_done_and_offer_the_way_back(client: CheckedClient) -> None:
    page = client.get("/sample/flashes").text
    undo = re.search(r"Your plan will end on 2 February\..*?</form>", page, re.DOTALL)
    assert undo and 'method="post" action="/sample/form"' in undo.group()
    assert "csrf_token" in undo.group() and "Undo" in undo.group()
    assert '<a class="flash-action" href="/sample/billing">See it</a>' in page
    assert page.count('role="alert"') == 1
    assert page.count('role="status"') == 3


def test_flashes_wait_for_the_next_page_and_are_shown_once(client: CheckedClient) -> None:
    blueprint = Blueprint("planted", __name__)

    @blueprint.get("/planted")
    @public
    def planted() -> Response:
        flash_with_undo("Ended.", "/undo", "Undo")
        return redirect("/sample/form")

    client.application.register_blueprint(blueprint)
    assert "Ended." in client.get("/planted", follow_redirects=True).text
    assert "Ended." not in client.get("/sample/form").text


# --- colors ---


def test_the_brands_stylesheet_and_logo_come_from_the_catalogue(client: CheckedClient) -> None:
    answer = client.get("/brand.css")
    assert answer.mimetype == "text/css"
    assert "--brand: #2456c5;" in answer.text
    logo = client.get("/brand.svg")
    assert logo.mimetype == "image/svg+xml"
    assert 'fill="#2456c5"' in logo.text and "style=" not in logo.text


colors = st.integers(min_value=0, max_value=0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(colors)
def test_any_accent_color_can_be_read(accent: str) -> None:
    sheet = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", brand_stylesheet(accent)))
    assert sheet["--brand"] == accent
    assert contrast(sheet["--brand-ink"], accent) >= TEXT_CONTRAST
    assert contrast(sheet["--brand-text-light"], LIGHT_SURFACE) >= TEXT_CONTRAST
    assert contrast(sheet["--brand-text-dark"], DARK_SURFACE) >= TEXT_CONTRAST


def test_colors_are_measured_as_wcag_does() -> None:
    assert contrast(WHITE, "#000000") == 21
    assert contrast("#777777", WHITE) == pytest.approx(4.48, abs=0.01)
    assert ink_on("#ffee00") == INK and ink_on("#2456c5") == WHITE
    assert mix("#000000", "#ffffff", 50) == "#7f7f7f"
    assert readable_on("#2456c5", LIGHT_SURFACE, "#000000") == "#2456c5"


def test_light_and_dark_are_chosen_by_a_link_without_a_session(client: CheckedClient) -> None:
    assert "data-bs-theme" not in client.get("/sample/form").text
    answer = client.get("/colors/dark/", headers={"Referer": "http://localhost/sample/billing?a=1"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sample/billing?a=1"
    assert '<html lang="en" data-bs-theme="dark">' in client.get("/sample/form").text
    client.get("/colors/light/")
    assert 'data-bs-theme="light"' in client.get("/sample/form").text
    client.get("/colors/system/")
    assert "data-bs-theme" not in client.get("/sample/form").text


@pytest.mark.parametrize(
    "referrer",
    [
        "",
        "https://elsewhere.test/sample/billing",
        "http://localhost.elsewhere.test/sample/billing",
        "http://localhost/nowhere",
        "http://localhost//elsewhere.test/",
        "javascript:alert(1)",
    ],
)
def test_the_switch_leads_nowhere_else(client: CheckedClient, referrer: str) -> None:
    answer = client.get("/colors/dark/", headers={"Referer": referrer})
    assert answer.headers["Location"] == "/"


def test_other_colors_and_forged_cookies_are_nothing(client: CheckedClient) -> None:
    assert client.get("/colors/pink/").status_code == 404
    client.set_cookie("theme", '"><script>')
    assert "<script>" not in client.get("/sample/form").text


# --- files ---


def test_static_files_are_named_by_their_content_and_kept(client: CheckedClient) -> None:
    page = client.get("/sample/form").text
    addresses = re.findall(r'(?:href|src)="((?:/static|/bootstrap/static|/brand)[^"]+)"', page)
    assert len(addresses) == 7
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        kept = "immutable" if "?v=" in address else "max-age=300"
        assert kept in answer.headers["Cache-Control"], address
    assert sum("?v=" in address for address in addresses) == 5


def test_the_brands_files_are_kept_by_their_version(client: CheckedClient) -> None:
    assert "immutable" in client.get("/brand.css?v=1").headers["Cache-Control"]


def test_nothing_is_loaded_from_elsewhere(client: CheckedClient) -> None:
    for path in ("/sample/form", "/sample/billing"):
        page = client.get(path).text
        for address in re.findall(r'(?:src|href)="(https?:[^"]+)"', page):
            pytest.fail(f"{path} names {address}")
    sheet = client.get("/static/css/portal.css").text
    assert not re.findall(r"url\(\"?https?:", sheet)
