"""From the gear menu to the portal, and a page for everything that can stand in the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.sample_server import portal_client
from app.sample_server.access import safe_path
from app.sample_server.billing import portal_origins
from app.sample_server.portal_client import PortalClient, PortalProblem
from app.sample_server.problems import EXPLANATIONS
from app.sample_server.store import Store
from tests.sample_server.conftest import Browser
from tests.sample_server.fake_portal import ANALYTICS, BILLING, STATUS, FakePortal

PAGE = "/self-hosted-billing/"


def test_an_owner_is_sent_to_the_portal(
    registered: Store, acme: Browser, portal: FakePortal
) -> None:
    acme.log_in("owner")
    assert f'href="{PAGE}"' in acme.get("/channels/general/").text

    response = acme.get(f"{PAGE}?next_page=upgrade")

    assert response.status_code == 302
    assert response.headers["Location"] == f"{portal.url}/remote-billing-login/token1"
    # The first call found the organization unknown: the server uploaded and asked once more.
    assert portal.paths()[1:] == [BILLING, STATUS, ANALYTICS, BILLING]
    fields = portal.calls[-1][1]
    assert (fields["uri_scheme"], fields["next_page"]) == ("http://", "upgrade")
    assert json.loads(fields["realm"])["host"] == "acme.localhost:5002"
    assert set(portal.users[0]) == {"uuid", "email", "full_name"}
    assert acme.get(PAGE).status_code == 302
    assert portal.paths()[-2:] == [BILLING, BILLING]
    assert "next_page" not in portal.calls[-1][1]


def test_login_comes_back_to_billing(registered: Store, acme: Browser, portal: FakePortal) -> None:
    response = acme.get(f"{PAGE}?next_page=upgrade")
    assert response.status_code == 302
    assert response.headers["Location"] == (
        "/login/?next=/self-hosted-billing/?next_page%3Dupgrade"
    )
    page = acme.get(response.headers["Location"])
    assert 'value="/self-hosted-billing/?next_page=upgrade"' in page.text
    # The form's answer leads on to the portal, which browsers hold against form-action.
    policy = page.headers["Content-Security-Policy"]
    assert f"form-action 'self' {portal.url}" in policy
    assert portal.url.replace("127.0.0.1", "localhost") in policy
    done = acme.log_in("admin", next_page=f"{PAGE}?next_page=upgrade")
    assert done.headers["Location"] == f"{PAGE}?next_page=upgrade"
    assert acme.get(done.headers["Location"]).status_code == 302


@pytest.mark.parametrize("role", ["moderator", "member", "guest"])
def test_others_are_told_whom_to_ask(
    registered: Store, acme: Browser, portal: FakePortal, role: str
) -> None:
    acme.log_in(role)
    assert "self-hosted-billing" not in acme.get("/channels/general/").text
    calls = len(portal.calls)
    response = acme.get(PAGE)
    assert response.status_code == 403
    assert "owners and admins" in response.text
    assert "olive.okafor@acme.test" in response.text
    assert len(portal.calls) == calls


@pytest.mark.parametrize("code", sorted(EXPLANATIONS))
def test_every_code_has_its_page(
    registered: Store, acme: Browser, portal: FakePortal, code: str
) -> None:
    acme.log_in("owner")
    portal.fail(BILLING, code, times=2, msg="Write to support@vendor.test <b>now</b>.")

    response = acme.get(PAGE)

    words = EXPLANATIONS[code]
    assert response.status_code == words.status
    assert f"<h1>{words.title}</h1>" in response.text.replace("&#39;", "'")
    assert code in response.text
    assert 'href="mailto:support@vendor.test"' in response.text
    assert "<b>now</b>" not in response.text
    assert f'href="{PAGE}"' in response.text


def test_an_unknown_code_is_shown(registered: Store, acme: Browser, portal: FakePortal) -> None:
    acme.log_in("owner")
    portal.fail(BILLING, "BRAND_NEW_CODE", msg="Because.")
    response = acme.get(PAGE)
    assert response.status_code == 502
    assert "BRAND_NEW_CODE" in response.text
    assert "Because." in response.text
    assert "mailto:" not in response.text


@pytest.mark.parametrize(
    ("more", "words", "seconds"),
    [
        ({"headers": {"Retry-After": "42"}}, "42 seconds", "42"),
        ({"retry-after": 600.2}, "11 minutes", "601"),
        ({"headers": {"Retry-After": "1"}}, "1 second", "1"),
        ({"retry-after": 86400}, "24 hours", "86400"),
    ],
)
def test_the_rate_limit_says_how_long(
    registered: Store,
    acme: Browser,
    portal: FakePortal,
    more: dict[str, Any],
    words: str,
    seconds: str,
) -> None:
    acme.log_in("owner")
    portal.fail(BILLING, "RATE_LIMIT_HIT", **more)
    response = acme.get(PAGE)
    assert response.status_code == 429
    assert f"<strong>{words}</strong>" in response.text
    assert response.headers["Retry-After"] == seconds


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "1e99", ""])
def test_a_waiting_time_that_makes_no_sense_is_left_out(
    registered: Store, acme: Browser, portal: FakePortal, value: str
) -> None:
    acme.log_in("owner")
    portal.fail(BILLING, "RATE_LIMIT_HIT", headers={"Retry-After": value})
    response = acme.get(PAGE)
    assert response.status_code == 429
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 200),
        ("<!doctype html><title>Hello</title>", 200),
        ("[]", 200),
        ("null", 500),
        ("{}", 200),
        ('{"result": "success"}', 200),
        ('{"result": "success", "billing_access_url": 5}', 200),
        ('{"result": "success", "billing_access_url": "javascript:alert(1)"}', 200),
        ('{"result": "success", "billing_access_url": "//evil.test/"}', 200),
        ('{"result": "success", "billing_access_url": "http://portal.test/\\r\\nX: y"}', 200),
        ('{"result": "error", "msg": "no code"}', 400),
        ('{"result": "error", "code": {"a": 1}}', 400),
        ("[" * 100_000, 200),
        ("x" * 5_000_000, 200),
        ("", 302),
    ],
)
def test_an_answer_that_makes_no_sense_is_told(
    registered: Store, acme: Browser, portal: FakePortal, body: str, status: int
) -> None:
    acme.log_in("owner")
    portal.answer(BILLING, body, status=status)
    response = acme.get(PAGE)
    assert response.status_code == 502
    assert "makes no sense" in response.text


def test_a_portal_that_is_down(registered: Store, acme: Browser) -> None:
    acme.log_in("owner")
    registered.save(portal="http://127.0.0.1:9")
    response = acme.get(PAGE)
    assert response.status_code == 502
    assert "cannot be reached" in response.text
    assert "Traceback" not in response.text


@pytest.mark.usefixtures("impatient")
def test_a_portal_that_is_slow(registered: Store, acme: Browser, portal: FakePortal) -> None:
    acme.log_in("owner")
    portal.be_slow(BILLING, 1.0)
    response = acme.get(PAGE)
    assert response.status_code == 504
    assert "too slow" in response.text


def test_ten_seconds_is_the_limit() -> None:
    assert portal_client.INTERACTIVE_TIMEOUT == 10
    with pytest.raises(PortalProblem) as caught:
        PortalClient("http://[::bad", "a", "b").analytics_status()
    assert caught.value.code == "PORTAL_UNREACHABLE"


def test_an_organization_that_stays_unknown(
    registered: Store, acme: Browser, portal: FakePortal
) -> None:
    """The two-table format sends no organizations: one retry, then the page, no endless loop."""
    acme.log_in("owner")
    registered.save(upload_format="two-table")
    response = acme.get(PAGE)
    assert response.status_code == 502
    assert "has not seen this organization" in response.text
    assert portal.paths()[1:] == [BILLING, STATUS, ANALYTICS, BILLING]


def test_when_the_upload_in_between_fails_its_own_problem_is_told(
    registered: Store, acme: Browser, portal: FakePortal
) -> None:
    acme.log_in("owner")
    portal.fail(ANALYTICS, "PAYLOAD_TOO_LARGE")
    response = acme.get(PAGE)
    assert "upload was too large" in response.text
    assert acme.get(PAGE).status_code == 302


def test_a_next_page_that_is_none_is_the_portals_to_refuse(
    registered: Store, acme: Browser, portal: FakePortal
) -> None:
    acme.log_in("owner")
    response = acme.get(f"{PAGE}?next_page=https://evil.test/")
    assert response.status_code == 400
    assert "did not accept the request" in response.text
    assert portal.violations == [f"{BILLING}: next_page: not a page's name"]
    portal.violations.clear()


def test_an_unregistered_server_says_how_to_register(
    store: Store, acme: Browser, portal: FakePortal
) -> None:
    acme.log_in("owner")
    response = acme.get(PAGE)
    assert response.status_code == 409
    assert "app.sample_server register" in response.text
    assert portal.calls == []


@pytest.mark.parametrize(
    "path",
    [
        "//evil.test",
        "/\\evil.test",
        "https://evil.test",
        "",
        "x",
        "/a\r\nb",
        "/é",
        "/" + "a" * 3000,
    ],
)
def test_login_comes_back_to_this_host_only(path: str) -> None:
    assert safe_path(path) == "/"


def test_origins_of_the_policy() -> None:
    assert portal_origins("https://billing.vendor.test/x", "", "nonsense", "http://[bad") == (
        "https://billing.vendor.test",
    )
    assert portal_origins("http://localhost:5000") == (
        "http://127.0.0.1:5000",
        "http://localhost:5000",
    )
