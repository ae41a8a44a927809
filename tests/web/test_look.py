"""The look: every component in a page that is right, colors that can be read, the switch."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from flask import Blueprint, Flask, redirect
from hypothesis import given
from hypothesis import strategies as st
from werkzeug import Response

from app.domain.catalog import CatalogError
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

ROOT = Path(__file__).parents[2]


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


def test_the_brands_stylesheet_and_logo_come_from_the_catalog(client: CheckedClient) -> None:
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
    assert len(addresses) == 8
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["Cache-Control"], address
        plain = client.get(address.partition("?")[0])
        assert "max-age=300" in plain.headers["Cache-Control"], address
    assert all("?v=" in address for address in addresses)


def test_another_brand_has_other_addresses(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    def addresses(color: str) -> set[str]:
        shop = catalog_with(tmp_path, f'accent_color = "{color}"')
        page = make_app(catalog=shop).test_client().get("/").text
        return set(re.findall(r'href="(/brand[^"]+)"', page))

    assert len(addresses("#aa0000")) == 2
    assert not addresses("#aa0000") & addresses("#00aa00")
    assert addresses("#aa0000") == addresses("#aa0000")


# --- the logo ---

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8H0z"/></svg>'
DECLARING = '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.decode()
PNG = b"\x89PNG\r\n\x1a\n and what follows"


def catalog_with(folder: Path, line: str) -> Path:
    """The shipped catalog with one line of its brand set."""
    key = line.partition(" ")[0]
    text = re.sub(rf"(?m)^{key} = .*\n", "", (ROOT / "catalog.toml").read_text())
    path = folder / "shop.toml"
    path.write_text(text.replace("[brand]\n", f"[brand]\n{line}\n"))
    return path


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [("logo.svg", SVG, "image/svg+xml"), ("img/a_b-1.png", PNG, "image/png")],
)
def test_the_logo_may_be_an_image_beside_the_catalog(
    make_app: Callable[..., Flask], tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    client = make_app(catalog=catalog_with(tmp_path, f'logo = "{name}"')).test_client()
    page = client.get("/").text
    (icon,) = re.findall(rf'<link rel="icon" type="{re.escape(kind)}" href="([^"]+)">', page)
    assert f'<img class="brand-image" src="{icon}" alt=""' in page
    answer = client.get(icon)
    assert (answer.data, answer.mimetype) == (content, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy and "script" not in policy and "default-src 'none'" in policy
    assert "immutable" in answer.headers["Cache-Control"]
    other = icon.replace("svg", "png") if "svg" in icon else icon.replace("png", "svg")
    assert client.get(other).status_code == 404
    assert client.get("/favicon.ico").headers["Location"] == icon


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("logo.svg", None, "cannot be read"),
        ("logo.svg", PNG, "is not an svg image"),
        ("logo.svg", b"<html/>", "is not an svg image"),
        ("logo.svg", b"<svg/>", "is not an svg image"),
        ("logo.svg", SVG[:-3], "is not an svg image"),
        ("logo.svg", b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "declares a document type"),
        ("logo.svg", DECLARING.encode("utf-16"), "declares a document type"),
        ("logo.svg", DECLARING.encode("utf-16-le"), "declares a document type"),
        (
            "logo.svg",
            b'<?xml version="1.0" encoding="cp037"?>' + DECLARING.encode("cp037"),
            "declares a document type",
        ),
        ("logo.svg", SVG + b" " * 300_000, "at most 256 KiB"),
        ("logo.png", SVG, "is not a png image"),
        ("logo.png", b"", "is not a png image"),
    ],
)
def test_a_logo_that_cannot_be_shown_stops_the_portal(
    make_app: Callable[..., Flask],
    tmp_path: Path,
    name: str,
    content: bytes | None,
    complaint: str,
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CatalogError, match=rf"shop\.toml: brand\.logo: .*{complaint}"):
        make_app(catalog=catalog_with(tmp_path, f'logo = "{name}"'))


def test_nothing_is_loaded_from_elsewhere(client: CheckedClient) -> None:
    for path in ("/sample/form", "/sample/billing"):
        page = client.get(path).text
        for address in re.findall(r'(?:src|href)="(https?:[^"]+)"', page):
            pytest.fail(f"{path} names {address}")
    sheet = client.get("/static/css/portal.css").text
    assert not re.findall(r"url\(\"?https?:", sheet)
