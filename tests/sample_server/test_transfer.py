"""The transfer of a registration: over real https, against the documented protocol."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from app.clock import SystemClock
from app.demo.certificates import Certificates, make_certificates
from app.sample_server.cli import main
from app.sample_server.portal_client import PortalProblem
from app.sample_server.registration import register
from app.sample_server.server import ServerHandle, start_in_thread
from app.sample_server.store import ServerSettings, Store, new_key
from app.sample_server.transfer import VERIFY, transfer_registration
from app.sample_server.uploads import CONTROL, INVALID_KEY, upload_now
from app.sample_server.web import create_sample_app
from tests.sample_server import fake_portal
from tests.sample_server.conftest import Browser, ClockFile
from tests.sample_server.fake_portal import FakePortal, error

Captured = pytest.CaptureFixture[str]
PROOF = "/api/v1/zulip-services/verify"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A throw-away authority and what it signed."""
    return make_certificates(tmp_path_factory.mktemp("tls"), now=SystemClock().now())


@pytest.fixture
def handle(
    tmp_path: Path, portal: FakePortal, clock_file: ClockFile, certificates: Certificates
) -> Iterator[ServerHandle]:
    """A running server with people, registered under the name where it answers by https."""
    portal.authority = certificates.authority
    handle = start_in_thread(
        tmp_path / "sample.sqlite3",
        portal=portal.url,
        seed=True,
        hostname="localhost",
        certificate=certificates.server,
    )
    register(handle.store)
    assert upload_now(handle.store, trigger=CONTROL).ok
    yield handle
    handle.close()


def lose_key(store: Store) -> ServerSettings:
    """Forget the key; what the settings were before."""
    before = store.settings()
    store.save(server_key=new_key())
    return before


def run(store: Store, *more: str) -> int:
    return main(["register", "--store", str(store.path), *more])


def proof(handle: ServerHandle, token: str, certificates: Certificates) -> requests.Response:
    url = f"https://localhost:{handle.https_port}{PROOF}/{token}/"
    return requests.get(url, verify=str(certificates.authority), timeout=5)


def test_a_lost_key_is_replaced(handle: ServerHandle, portal: FakePortal, capsys: Captured) -> None:
    before = lose_key(handle.store)
    assert run(handle.store) == 4
    assert "--registration-transfer" in capsys.readouterr().err
    assert handle.store.settings().refusal == INVALID_KEY

    assert run(handle.store, "--registration-transfer") == 0

    out = capsys.readouterr().out
    assert "was transferred to this server" in out and "id is now" not in out
    assert "/self-hosted-billing/" in out
    after = handle.store.settings()
    assert after.server_uuid == before.server_uuid
    assert after.server_key == portal.servers[after.server_uuid].key != before.server_key
    assert (after.refusal, after.verify_token, after.verify_secret) == ("", "", "")
    calls = dict(portal.calls)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", calls[fake_portal.VERIFY]["access_token"])


def test_a_server_that_lost_everything_takes_its_registration_over(
    handle: ServerHandle, portal: FakePortal, tmp_path: Path, capsys: Captured
) -> None:
    """The new server's store is empty, and another registration holds its hostname."""
    old = handle.store.settings()
    handle.store.save(server_uuid="", server_key="", registered=False)
    opened_again = Store(handle.store.path)
    assert opened_again.settings().server_uuid not in ("", old.server_uuid)
    assert run(opened_again) == 6
    assert "--registration-transfer" in capsys.readouterr().err

    assert run(opened_again, "--registration-transfer") == 0

    assert "id is now that of the registration" in capsys.readouterr().out
    after = opened_again.settings()
    assert (after.server_uuid, after.registered) == (old.server_uuid, True)
    assert after.server_key == portal.servers[old.server_uuid].key
    assert upload_now(opened_again, trigger=CONTROL).ok


def test_rows_that_the_server_has_lost_are_told(
    handle: ServerHandle, portal: FakePortal, capsys: Captured
) -> None:
    portal.servers[handle.store.settings().server_uuid].last_ids["last_realmauditlog_id"] = 500
    assert run(handle.store, "--registration-transfer") == 0
    assert "has rows that this server has lost" in capsys.readouterr().err
    page = Browser(create_sample_app(handle.store, port=5002), "localhost").get("/uploads/").text
    assert "has rows that this server has lost" in page


@pytest.mark.parametrize(
    ("code", "exit_code"), [("BAD_REQUEST", 8), ("RATE_LIMIT_HIT", 7), ("SOMETHING_NEW", 18)]
)
@pytest.mark.parametrize("step", [fake_portal.TRANSFER, fake_portal.VERIFY])
def test_a_refusal_changes_nothing(
    handle: ServerHandle,
    portal: FakePortal,
    capsys: Captured,
    step: str,
    code: str,
    exit_code: int,
) -> None:
    lose_key(handle.store)
    before = handle.store.settings()
    portal.fail(step, code, msg="Because of the moon.")

    arguments = ("--registration-transfer", "--hostname", before.hostname)
    assert run(handle.store, *arguments) == exit_code

    assert "Because of the moon." in capsys.readouterr().err
    assert handle.store.settings() == before


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"result": "success"}',
        '{"result": "success", "zulip_org_id": "6cde5f7a-1f7e-4978-9716-49f69ebfc9fe"}',
        '{"result": "success", "zulip_org_id": "../../etc", "zulip_org_key": "%s"}' % ("k" * 64),
        '{"result": "success", "zulip_org_id": "6cde5f7a-1f7e-4978-9716-49f69ebfc9fe",'
        ' "zulip_org_key": "short"}',
    ],
)
def test_an_answer_without_a_usable_id_and_key_is_not_stored(
    handle: ServerHandle, portal: FakePortal, body: str
) -> None:
    before = handle.store.settings()
    portal.answer(fake_portal.VERIFY, body)
    with pytest.raises(PortalProblem) as caught:
        transfer_registration(handle.store)
    assert (caught.value.code, caught.value.step) == ("PORTAL_ANSWER_UNREADABLE", VERIFY)
    assert handle.store.settings() == before


def test_a_lost_answer_is_healed_by_transferring_again(
    handle: ServerHandle, portal: FakePortal
) -> None:
    portal.lose_answer(fake_portal.VERIFY)
    with pytest.raises(PortalProblem):
        transfer_registration(handle.store)
    assert upload_now(handle.store, trigger=CONTROL).code == INVALID_KEY
    transfer_registration(handle.store)
    assert upload_now(handle.store, trigger=CONTROL).ok


def test_an_unknown_hostname_is_not_kept(handle: ServerHandle, capsys: Captured) -> None:
    before = handle.store.settings()
    arguments = ("--registration-transfer", "--hostname", "chat.nobody.test")
    assert run(handle.store, *arguments) == 8
    err = capsys.readouterr().err
    assert "The transfer was not begun" in err and "chat.nobody.test is not registered." in err
    assert handle.store.settings() == before
    assert run(handle.store, "--registration-transfer", "--hostname", "https://x/") == 1


def test_without_a_running_server_the_proof_is_not_found(
    handle: ServerHandle, portal: FakePortal, capsys: Captured
) -> None:
    before = lose_key(handle.store)
    handle.close()
    assert run(handle.store, "--registration-transfer") == 8
    err = capsys.readouterr().err
    assert "could not verify this server" in err and "could not be asked" in err
    assert handle.store.settings().server_uuid == before.server_uuid


def test_the_proof_is_there_during_the_transfer_only(
    handle: ServerHandle, portal: FakePortal, certificates: Certificates
) -> None:
    store = handle.store
    during: list[tuple[int, str]] = []

    def look() -> object:
        settings = store.settings()
        for token in (settings.verify_token, "x" * 43, settings.verify_token[:-1], "..%2f..", "é"):
            answer = proof(handle, token, certificates)
            during.append((answer.status_code, answer.text))
            assert answer.headers["Content-Type"] == "application/json"
        return error("BAD_REQUEST")

    portal.instead[fake_portal.VERIFY].append(look)  # type: ignore[arg-type]  # an answer of Flask
    with pytest.raises(PortalProblem):
        transfer_registration(store)
    assert [status for status, _ in during] == [200, 404, 404, 404, 404]
    assert "secret-0:localhost" in during[0][1]

    token = dict(portal.calls)[fake_portal.VERIFY]["access_token"]
    assert proof(handle, token, certificates).status_code == 404
    # Without a transfer under way an empty token finds nothing either, nor is anything else here.
    for path in (f"{PROOF}//", "/", "/organizations/", "/_control/state", f"{PROOF}/a/b/"):
        url = f"https://localhost:{handle.https_port}{path}"
        answer = requests.get(url, verify=str(certificates.authority), timeout=5)
        assert answer.status_code == 404, path


def test_https_only_and_nobody_holds_it_up(
    handle: ServerHandle, certificates: Certificates
) -> None:
    assert handle.https_port is not None
    with socket.create_connection(("127.0.0.1", handle.https_port)):
        # Somebody who connects and says nothing.
        assert proof(handle, "x" * 43, certificates).status_code == 404
    with pytest.raises(requests.RequestException):
        requests.get(f"http://localhost:{handle.https_port}/", timeout=5)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://localhost:{handle.https_port}/", timeout=5)
    assert requests.get(f"{handle.url}{PROOF}/{'x' * 43}/", timeout=5).status_code == 404


def test_two_transfers_at_once_both_end_with_the_last_key(
    handle: ServerHandle, portal: FakePortal
) -> None:
    with ThreadPoolExecutor(2) as pool:
        transfers = [pool.submit(transfer_registration, handle.store) for _ in range(2)]
    assert [transfer.result() for transfer in transfers] == [False, False]
    settings = handle.store.settings()
    assert settings.server_key == portal.servers[settings.server_uuid].key


def test_a_leftover_of_a_killed_transfer_is_gone_with_the_next_start(
    handle: ServerHandle, certificates: Certificates
) -> None:
    handle.store.save(verify_token="t" * 43, verify_secret="left")
    handle.close()
    again = start_in_thread(
        handle.store.path, hostname="localhost", certificate=certificates.server
    )
    assert proof(again, "t" * 43, certificates).status_code == 404
    again.close()


def test_a_certificate_that_is_none_is_told(tmp_path: Path, capsys: Captured) -> None:
    store = tmp_path / "s.sqlite3"
    (tmp_path / "not.pem").write_text("nothing")
    for name in ("not.pem", "missing.pem"):
        arguments = ("serve", "--store", str(store), "--portal", "http://127.0.0.1:9")
        code = main([*arguments, "--port", "0", "--certificate", str(tmp_path / name)])
        assert code == 1
        assert capsys.readouterr().err.startswith("Error: ")


def page_of(handle: ServerHandle) -> Browser:
    return Browser(create_sample_app(handle.store, port=5002), "localhost")


def test_the_page_offers_the_transfer_when_the_key_is_refused(
    handle: ServerHandle, portal: FakePortal
) -> None:
    browser = page_of(handle)
    assert "This server is registered." in browser.get("/registration/").text
    old = lose_key(handle.store)
    assert upload_now(handle.store, trigger=CONTROL).code == INVALID_KEY
    assert "key was not accepted" in browser.get("/organizations/").text.replace("&#39;", "'")
    page = browser.get("/registration/").text
    assert "key was not accepted" in page and "Transfer the registration" in page

    answer = browser.post("/registration/transfer/", "/registration/")

    assert answer.status_code == 303
    page = browser.get("/registration/").text
    assert "was transferred to this server" in page and "not accepted" not in page
    assert old.server_uuid in page


@pytest.mark.parametrize(
    ("step", "title"),
    [
        (fake_portal.TRANSFER, "The transfer was not begun"),
        (fake_portal.VERIFY, "The billing service could not verify this server"),
    ],
)
def test_the_page_says_why_a_transfer_failed(
    handle: ServerHandle, portal: FakePortal, step: str, title: str
) -> None:
    portal.fail(step, "BAD_REQUEST", msg="Write to help@vendor.test <b>now</b>.")
    answer = page_of(handle).post("/registration/transfer/", "/registration/")
    assert answer.status_code in (409, 502)
    assert f"<h1>{title}</h1>" in answer.text
    assert 'href="mailto:help@vendor.test"' in answer.text and "<b>now</b>" not in answer.text
    assert 'href="/registration/"' in answer.text


def test_the_key_is_shown_behind_a_warning_and_the_portals_address_beside_it(
    handle: ServerHandle, portal: FakePortal
) -> None:
    page = page_of(handle).get("/registration/").text
    settings = handle.store.settings()
    assert f'href="{portal.url}/serverlogin/"' in page
    hidden = re.search(r"<details>(.*?)</details>", page, re.DOTALL)
    assert hidden is not None
    assert settings.server_key in hidden[1] and "support never asks" in hidden[1]
    assert settings.server_key not in page.replace(hidden[1], "")
    assert "no-store" in page_of(handle).get("/registration/").headers["Cache-Control"]


def test_a_server_without_https_says_so(registered: Store, server: Browser, acme: Browser) -> None:
    assert "does not answer by https" in server.get("/registration/").text
    assert acme.get("/registration/").status_code == 404


def test_certificates_are_made_anew_and_are_nobody_elses(tmp_path: Path) -> None:
    first = make_certificates(tmp_path, now=SystemClock().now()).authority.read_bytes()
    again = make_certificates(tmp_path, now=SystemClock().now())
    assert again.authority.read_bytes() != first
    assert b"PRIVATE KEY" not in again.authority.read_bytes()
    assert again.server.stat().st_mode & 0o077 == 0
