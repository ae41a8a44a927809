"""Ending the registration: by the command and by the page, and what billing says afterwards."""

from __future__ import annotations

import io

import pytest

from app.sample_server.cli import main
from app.sample_server.store import Store
from app.sample_server.uploads import CONTROL, DEACTIVATED, upload_now
from tests.sample_server.conftest import Browser
from tests.sample_server.fake_portal import DEACTIVATE, FakePortal

Captured = pytest.CaptureFixture[str]
PLAN = "Acme has the plan Basic, which is not set to end. End it before deactivating."


def run(store: Store, *more: str) -> int:
    return main(["register", "--store", str(store.path), "--deactivate", *more])


def test_deactivate_with_yes(registered: Store, portal: FakePortal, capsys: Captured) -> None:
    assert run(registered, "--yes") == 0
    assert "was deactivated" in capsys.readouterr().out
    assert portal.servers[registered.settings().server_uuid].deactivated
    assert portal.paths()[-1] == DEACTIVATE
    # A second time the portal says that it was done before; so do uploads and registering again.
    assert run(registered, "--yes") == 5
    assert upload_now(registered, trigger=CONTROL).code == DEACTIVATED
    assert main(["register", "--store", str(registered.path)]) == 5


@pytest.mark.parametrize(
    ("typed", "code"), [("yes\n", 0), (" YES \n", 0), ("y\n", 1), ("\n", 1), ("", 1)]
)
def test_deactivate_asks_first(
    registered: Store,
    portal: FakePortal,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    code: int,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert run(registered) == code
    captured = capsys.readouterr()
    assert "End the registration of localhost:5002" in captured.out
    assert portal.servers[registered.settings().server_uuid].deactivated is (code == 0)
    assert ("Nothing was changed." in captured.err) is (code == 1)


def test_a_refusal_is_told_in_the_portals_words(
    registered: Store, portal: FakePortal, capsys: Captured
) -> None:
    portal.fail(DEACTIVATE, "BAD_REQUEST", msg=PLAN)
    assert run(registered, "--yes") == 8
    err = capsys.readouterr().err
    assert PLAN in err and "was not deactivated" in err and "next_page" not in err
    assert registered.settings().refusal == ""


def test_an_unregistered_server_has_nothing_to_end(
    store: Store, portal: FakePortal, server: Browser, capsys: Captured
) -> None:
    assert run(store, "--yes") == 16
    assert portal.calls == []
    page = server.get("/registration/").text
    assert "not registered yet" in page and "deactivate" not in page
    assert server.get("/registration/deactivate/").status_code == 409


def test_one_act_at_a_time(registered: Store, portal: FakePortal) -> None:
    with pytest.raises(SystemExit):
        run(registered, "--rotate-key", "--yes")
    assert not portal.servers[registered.settings().server_uuid].deactivated


def test_the_page_asks_and_ends_it(
    registered: Store, portal: FakePortal, server: Browser, acme: Browser
) -> None:
    assert "/registration/deactivate/" in server.get("/registration/").text
    asked = server.get("/registration/deactivate/").text
    assert "Deactivate the registration of localhost:5002?" in asked and "Keep it" in asked
    assert not portal.servers[registered.settings().server_uuid].deactivated

    answer = server.post("/registration/deactivate/")

    assert answer.status_code == 303
    page = server.get("/registration/").text
    assert "was deactivated" in page and "registration has ended" in page
    assert "/registration/deactivate/" not in page
    assert "registration has ended" in server.get("/organizations/").text
    # Billing says it in every organization.
    acme.log_in("owner")
    billing = acme.get("/self-hosted-billing/")
    assert billing.status_code == 403
    assert "registration has ended" in billing.text and "REMOTE_SERVER_DEACTIVATED" in billing.text
    assert "http://localhost:5002/registration/" in billing.text


def test_the_page_shows_the_portals_refusal(
    registered: Store, portal: FakePortal, server: Browser
) -> None:
    portal.fail(DEACTIVATE, "BAD_REQUEST", msg=PLAN)
    answer = server.post("/registration/deactivate/")
    assert answer.status_code == 409
    assert f"<blockquote>{PLAN}</blockquote>" in answer.text
    assert "This server is registered." in server.get("/registration/").text


def test_a_portal_that_is_down_changes_nothing(
    registered: Store, portal: FakePortal, server: Browser
) -> None:
    portal.answer(DEACTIVATE, "oops", status=502)
    assert server.post("/registration/deactivate/").status_code == 502
    portal.fail(DEACTIVATE, "RATE_LIMIT_HIT", headers={"Retry-After": "42"})
    limited = server.post("/registration/deactivate/")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "42")


def test_a_reactivated_server_is_told_by_the_next_upload(
    registered: Store, portal: FakePortal, server: Browser
) -> None:
    run(registered, "--yes")
    portal.servers[registered.settings().server_uuid].deactivated = False
    assert upload_now(registered, trigger=CONTROL).ok
    assert "This server is registered." in server.get("/registration/").text
