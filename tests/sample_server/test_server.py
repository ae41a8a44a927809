"""The running server: the thread helper, the process, the control API, the hourly thread."""

from __future__ import annotations

import ast
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app.sample_server import server as server_module
from app.sample_server.registration import register
from app.sample_server.server import ServerHandle, start_in_thread
from tests.sample_server.conftest import ClockFile
from tests.sample_server.fake_portal import ANALYTICS, FakePortal

ROOT = Path(__file__).parent.parent.parent
TIMEOUT = 60


@pytest.fixture
def handle(tmp_path: Path, portal: FakePortal, clock_file: ClockFile) -> Iterator[ServerHandle]:
    """A running sample server with the default sample, not registered."""
    handle = start_in_thread(tmp_path / "sample.sqlite3", portal=portal.url, seed=True)
    yield handle
    handle.close()


def call(handle: ServerHandle, name: str, body: object = None, **headers: str) -> Any:
    response = requests.post(
        f"{handle.url}/_control/{name}", json=body, headers=headers, timeout=TIMEOUT
    )
    return response.status_code, response.json()


def state(handle: ServerHandle) -> dict[str, Any]:
    found = requests.get(f"{handle.url}/_control/state", timeout=TIMEOUT).json()
    assert isinstance(found, dict)
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def test_start_in_thread_serves_organizations_by_host(handle: ServerHandle) -> None:
    assert handle.url == f"http://127.0.0.1:{handle.port}"
    page = requests.get(handle.url, timeout=TIMEOUT).text
    assert f"{handle.organization_url('acme')}/" in page
    host = {"Host": handle.organization_host("acme")}
    login = requests.get(f"{handle.url}/login/", headers=host, timeout=TIMEOUT)
    assert "Log in to Acme" in login.text
    assert f"parlor_session_{handle.port}" in login.headers["Set-Cookie"]


def test_close_frees_the_port(tmp_path: Path) -> None:
    handle = start_in_thread(tmp_path / "s.sqlite3")
    handle.close()
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.1", handle.port)) != 0
    again = start_in_thread(tmp_path / "s.sqlite3", port=handle.port)
    assert again.port == handle.port
    again.close()


def test_control_walk(handle: ServerHandle, portal: FakePortal, clock_file: ClockFile) -> None:
    assert call(handle, "upload")[1]["code"] == "NOT_REGISTERED"
    assert call(handle, "tick") == (200, {"uploaded": False, "report": None})
    register(handle.store)
    assert call(handle, "upload")[1]["rows"]["realmauditlog_rows"] == 20

    status, answer = call(handle, "people", {"organization": "acme", "add": 5, "role": "member"})
    assert (status, answer["people"], answer["roles"]["member"]) == (200, 23, 19)
    assert call(handle, "people", {"organization": "acme", "add": 1, "role": "bot"})[1]["bots"] == 3
    assert call(handle, "deactivate", {"organization": "acme", "count": 5})[1]["people"] == 18
    assert call(handle, "reactivate", {"organization": "acme", "count": 2})[1]["people"] == 20
    roles = call(handle, "role", {"organization": "acme", "count": 1, "role": "guest"})[1]["roles"]
    assert roles["guest"] == 2
    made = call(handle, "organizations", {"organization": "globex", "people": {"owner": 1}})
    assert (made[0], made[1]["people"]) == (200, 1)
    off = {"organization": "globex", "active": False}
    assert call(handle, "organization-state", off)[0] == 200

    assert call(handle, "tick")[1]["uploaded"] is False
    clock_file.set("2012-01-02T04:00:00Z")
    assert call(handle, "tick")[1]["report"]["rows"]["realmauditlog_rows"] == 16
    assert call(handle, "tick")[1]["uploaded"] is False

    found = state(handle)
    assert found["registered"] is True
    assert found["port"] == handle.port
    assert found["server_uuid"] == handle.store.settings().server_uuid
    assert [o["name"] for o in found["organizations"]] == ["acme", "globex"]
    assert found["organizations"][0]["billing_url"] == (
        f"http://acme.localhost:{handle.port}/self-hosted-billing/"
    )
    assert found["organizations"][1]["deactivated"] is True
    assert found["rows"]["audit_rows"] == {"number": 36, "last_id": 36}
    assert found["last_upload"]["ok"] is True
    assert handle.store.settings().server_key not in str(found)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("people", None),
        ("people", []),
        ("people", {"organization": "acme"}),
        ("people", {"organization": "acme", "add": 0}),
        ("people", {"organization": "acme", "add": True}),
        ("people", {"organization": "acme", "add": 1.5}),
        ("people", {"organization": "acme", "add": 10**30}),
        ("people", {"organization": "nobody", "add": 1}),
        ("people", {"organization": "\ud800", "add": 1}),
        ("people", {"organization": ["acme"], "add": 1}),
        ("people", {"organization": "acme", "add": 1, "role": "king"}),
        ("people", {"organization": "acme", "add": 1, "role": {}}),
        ("deactivate", {"organization": "acme", "count": 18}),
        ("reactivate", {"organization": "acme", "count": 1}),
        ("role", {"organization": "acme", "count": 1, "role": "bot"}),
        ("organizations", {"organization": "acme"}),
        ("organizations", {"organization": "x", "title": 5}),
        ("organizations", {"organization": "x", "title": "\ud800"}),
        ("organizations", {"organization": "x", "people": {"king": 1}}),
        ("organizations", {"organization": "x", "people": {"member": 1}}),
        ("organizations", {"organization": "x", "people": 5}),
        ("organization-state", {"organization": "acme", "active": "yes"}),
    ],
)
def test_control_explains_bad_input(handle: ServerHandle, name: str, body: object) -> None:
    before = state(handle)
    status, answer = call(handle, name, body)
    assert status == 400
    assert answer["error"]
    assert state(handle) == before


def test_control_is_for_programs_on_this_machine(handle: ServerHandle) -> None:
    url = f"{handle.url}/_control/people"
    body = {"organization": "acme", "add": 1}
    for headers in ({"Origin": "http://evil.test"}, {"Host": f"acme.localhost:{handle.port}"}):
        assert requests.post(url, json=body, headers=headers, timeout=TIMEOUT).status_code == 403
    evil = {"Host": "evil.test"}
    assert requests.post(url, json=body, headers=evil, timeout=TIMEOUT).status_code == 400
    assert requests.post(url, data="{", timeout=TIMEOUT).status_code == 400
    assert requests.get(url, timeout=TIMEOUT).status_code == 405
    missing = requests.get(f"{handle.url}/_control/nothing", timeout=TIMEOUT)
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "application/json")


def test_two_ticks_at_once_upload_once(handle: ServerHandle, portal: FakePortal) -> None:
    from concurrent.futures import ThreadPoolExecutor

    register(handle.store)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: call(handle, "tick")[1]["uploaded"], range(4)))
    assert sorted(answers) == [False, False, False, True]
    assert portal.paths().count(ANALYTICS) == 1


def test_uploads_and_changes_at_once_lose_nothing(handle: ServerHandle, portal: FakePortal) -> None:
    from concurrent.futures import ThreadPoolExecutor

    register(handle.store)
    bodies: list[tuple[str, object]] = []
    for _ in range(6):
        bodies += [("people", {"organization": "acme", "add": 3}), ("upload", None)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: call(handle, *pair), bodies))
    assert all(status == 200 and answer.get("ok", True) for status, answer in answers)
    call(handle, "upload")
    ids = [row["id"] for row in portal.rows["realmauditlog_rows"]]
    assert ids == list(range(1, 39))


def test_the_hourly_thread_follows_the_clock(
    tmp_path: Path, portal: FakePortal, clock_file: ClockFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "CHECK_SECONDS", 0.02)
    handle = start_in_thread(tmp_path / "s.sqlite3", portal=portal.url, seed=True, hourly=True)
    try:
        register(handle.store)
        wait_until(lambda: portal.paths().count(ANALYTICS) == 1)
        clock_file.set("2012-01-03T00:00:00Z")
        wait_until(lambda: portal.paths().count(ANALYTICS) == 2)
        time.sleep(0.1)
        assert portal.paths().count(ANALYTICS) == 2
    finally:
        handle.close()


def test_the_process_serves_and_stops(
    tmp_path: Path, portal: FakePortal, clock_file: ClockFile
) -> None:
    store, port_file = str(tmp_path / "s.sqlite3"), tmp_path / "port"
    command = [sys.executable, "-m", "app.sample_server"]
    environment = {**os.environ, "TALLYPORT_CLOCK_FILE": str(clock_file.path)}
    subprocess.run([*command, "seed", "--store", store], cwd=ROOT, env=environment, check=True)
    process = subprocess.Popen(
        [
            *command,
            "serve",
            "--store",
            store,
            "--portal",
            portal.url,
            "--port",
            "0",
            "--port-file",
            str(port_file),
            "--hourly",
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(port_file.exists)
        port = int(port_file.read_text())
        page = requests.get(f"http://127.0.0.1:{port}/", timeout=TIMEOUT)
        assert f"acme.localhost:{port}" in page.text
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0
        assert f"http://localhost:{port}/" in out
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_is_told(handle: ServerHandle, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "app.sample_server",
            "serve",
            "--store",
            str(tmp_path / "t.sqlite3"),
            "--portal",
            "http://127.0.0.1:9",
            "--port",
            str(handle.port),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def imports_of_ours(source: str) -> list[str]:
    """Return what a module imports of this project, its own package left out."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in ("app", "wsgi")]
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            if node.level > 1 or (node.level == 0 and name.split(".")[0] in ("app", "wsgi")):
                found.append("." * node.level + name)
    return [name for name in found if not name.startswith("app.sample_server")]


def test_the_sample_server_imports_nothing_of_the_portal() -> None:
    for path in (ROOT / "app" / "sample_server").glob("*.py"):
        assert imports_of_ours(path.read_text()) == [], path.name


def test_the_import_guard_bites() -> None:
    planted = "from app.clock import Clock\nimport app.models\nfrom ..domain import money\n"
    assert imports_of_ours(planted) == ["app.clock", "app.models", "..domain"]


def test_starting_loads_no_module_of_the_portal() -> None:
    code = (
        "import sys, app.sample_server.cli\n"
        "print([m for m in sys.modules if m.startswith('app.') and 'sample_server' not in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
