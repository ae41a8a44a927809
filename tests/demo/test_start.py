"""The real thing: the supervisor with all its processes, in a folder and on ports of its own.

It takes most of a minute, and shows what a visitor's first minute rests on.
"""

import fcntl
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from app.demo.browser import Browser, Form, Page
from app.demo.cast import CAST
from app.demo.folder import ROOT, DemoFolder
from app.demo.servers import open_servers
from app.sample_server.organizations import list_organizations
from app.sample_server.store import Store, new_key
from tests.support.servers import Run

# Much longer than it takes: other tests run meanwhile.
PATIENCE = 180.0
READY = "ctrl-C"
# Who of the cast is a customer by now. tests/demo/test_recorded.py looks at those who join them.
PAYERS = tuple(customer for customer in CAST if customer.happenings)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What a fresh terminal has: nothing of ours but the place of the demo."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("TALLYPORT_")}
    return kept | {"TALLYPORT_DEMO_FOLDER": str(folder)} | more


@dataclass
class RunningDemo:
    """A started demo and what it has said so far."""

    folder: DemoFolder
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """Everything it has printed."""
        return "".join(self.lines)

    @property
    def portal(self) -> str:
        """The portal's address, as printed."""
        return self._address(r"(http://127\.0\.0\.1:\d+)/demo/")

    @property
    def emulator(self) -> str:
        """The emulator's address, as printed."""
        return self._address(r"(http://127\.0\.0\.1:\d+)/emulator/")

    @property
    def sample(self) -> str:
        """The sample server's address, as Python's resolver finds it."""
        port = self._address(r"http://acme\.localhost:(\d+)/")
        return f"http://127.0.0.1:{port}"

    def _address(self, pattern: str) -> str:
        found = re.search(pattern, self.said)
        assert found is not None, self.said
        return found[1]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait, and fail with what was printed when it takes too long."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop it as a terminal does; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)

    def flask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command typed in another terminal, with nothing exported."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            cwd=ROOT,
            env=environment(self.folder.path),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )


def start(folder: Path, *options: str) -> RunningDemo:
    """Start a demo and return at once."""
    # Where the system takes no ports for connections of its own: a demo binds some of its ports
    # long after it has chosen them. It looks on from here when one is taken.
    first = random.randrange(10_000, 30_000, 20)
    names = ("port", "emulator-port", "sample-port")
    ports = [f"--{name}={first + index}" for index, name in enumerate(names)]
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "demo", "start", *ports, *options],
        cwd=ROOT,
        env=environment(folder, TALLYPORT_ENV="demo"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    demo = RunningDemo(DemoFolder(folder), process)
    output = process.stdout
    assert output is not None
    threading.Thread(target=lambda: demo.lines.extend(output), daemon=True).start()
    return demo


@pytest.fixture
def alone(run: Run) -> Iterator[None]:
    """One demo at a time: two that look for free ports at once may find the same ones."""
    with (run.folder / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def start_demo(tmp_path: Path, alone: None) -> Iterator[Callable[..., RunningDemo]]:
    """Starts demos in one folder and waits until they are ready; ends what is left of them."""
    started: list[RunningDemo] = []

    def make(*options: str, ready: bool = True) -> RunningDemo:
        started.append(start(tmp_path / "demo", *options))
        demo = started[-1]
        if ready:
            demo.wait_until(lambda: READY in demo.said or demo.process.poll() is not None)
            assert demo.process.poll() is None, demo.said
        return demo

    yield make
    for demo in started:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


def get(url: str, **options: object) -> requests.Response:
    """Fetch something of this machine."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=30, **options)  # type: ignore[arg-type]  # options of requests


def is_gone(url: str) -> bool:
    """Whether nobody listens there any more."""
    try:
        get(url)
    except requests.ConnectionError:
        return True
    return False


def invoices_of(demo: RunningDemo) -> list[dict[str, object]]:
    """The emulator's invoices."""
    found: list[dict[str, object]] = get(f"{demo.emulator}/_control/state").json()["invoices"]
    return found


def test_a_visitors_first_minute(start_demo: Callable[..., RunningDemo]) -> None:
    """Start, customers, time moved from another terminal, stop, and all of it a second time."""
    demo = start_demo("--fill-up=0")
    assert get(f"{demo.portal}/readyz").status_code == 200
    overview = get(f"{demo.portal}/demo/").text
    for customer in CAST:
        assert f"Open billing as {customer.owner}" in overview
    assert get(f"{demo.sample}/_control/state").json()["organizations"][0]["people"] == 18

    with Browser() as browser:
        page = browser.get(f"{demo.portal}/demo/")
        page = browser.send(page, way_in(page, "larkspur"))
        assert "Larkspur Books" in page.text and CAST[0].owner in page.text
        page = browser.send(page, page.form(having="full_name"))
        assert "/billing/" in page.address and "Next charge" in page.text

    assert rows(demo, "SELECT count(*) FROM customers") == [(len(PAYERS),)]

    # The customers are what they are there to show.
    assert plans_of(demo) == [
        ("Beacon Library", "business", "monthly", "automatic", "active", "renew"),
        ("Copper Kettle Roasters", "basic", "monthly", "automatic", "active", "renew"),
        ("Fennel Studio", "basic", "monthly", "automatic", "trial", "renew"),
        ("Granite Works", "enterprise", "monthly", "automatic", "active", "end"),
        ("Harbor Clinic", "business", "annual", "automatic", "active", "renew"),
        ("Heron Press", "basic", "monthly", "manual", "never_started", "renew"),
        ("Heron Press", "legacy", "annual", "manual", "active", "switch_tier"),
        ("Larkspur Books", "basic", "monthly", "automatic", "active", "renew"),
        ("Marlow Dental", "basic", "annual", "automatic", "active", "switch_schedule"),
        ("Marlow Dental", "basic", "monthly", "automatic", "never_started", "renew"),
        ("Mill Lane Potters", "legacy", "annual", "automatic", "active", "end"),
        ("Open Orchard", "community", "annual", "automatic", "active", "end"),
        ("Pomelo Games", "basic", "monthly", "automatic", "active", "renew"),
        ("Quill Street School", "basic", "monthly", "automatic", "active", "end"),
        ("Sable Freight", "basic", "monthly", "automatic", "active", "renew"),
        ("Tern & Fisher", "basic", "monthly", "manual", "active", "renew"),
        ("chat.saltmarsh.test", "basic", "monthly", "manual", "active", "renew"),
    ]
    unpaid = "SELECT collection, count(*) FROM invoices WHERE status = 'open' GROUP BY 1 ORDER BY 1"
    assert rows(demo, unpaid) == [("charge_automatically", 1), ("send_invoice", 1)]
    with Browser() as browser:
        page = browser.get(f"{demo.portal}/demo/")
        page = browser.send(page, way_in(page, "saltmarsh"))
        assert "chat.saltmarsh.test" in page.text and "edda@saltmarsh.test" in page.text
        page = browser.send(page, page.form(having="full_name"))
        assert "/server/" in page.address and "33 people" in page.text
    exported = json.loads(
        demo.flask("billing", "export", organization_uuid(demo, "larkspur")).stdout
    )
    assert len(exported["invoices"]) >= 4
    lines = [line for invoice in exported["invoices"] for line in invoice["lines"]]
    assert any("added on" in line["description"] for line in lines)

    # A second seed adds nothing; a second demo in the folder is refused.
    before = invoices_of(demo)
    assert "there already" in demo.flask("demo", "seed").stdout
    assert invoices_of(demo) == before
    second = start_demo(ready=False)
    second.wait_until(lambda: second.process.poll() is not None)
    assert second.process.returncode == 1
    assert f"running already: {demo.portal}/demo/" in second.said

    # Every renewal falls into a month.
    moved = demo.flask("demo", "advance", "1month")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert "invoices made" in moved.stdout and "refused" in moved.stdout
    assert len(invoices_of(demo)) > len(before)
    # The card that is refused was tried to the end, so its plan has ended, and nothing is added.
    assert rows(demo, unpaid) == [("charge_automatically", 1), ("send_invoice", 2)]
    plans = plans_of(demo)
    ended = [(plan[0], plan[1]) for plan in plans if plan[4] == "ended"]
    assert ended == [
        ("Copper Kettle Roasters", "basic"),
        ("Heron Press", "legacy"),
        ("Quill Street School", "basic"),
    ]
    began = [(plan[0], plan[1]) for plan in plans if plan[0] in {"Fennel Studio", "Heron Press"}]
    assert began == [
        ("Fennel Studio", "basic"),
        ("Heron Press", "basic"),
        ("Heron Press", "legacy"),
    ]
    assert all(plan[4] == "active" for plan in plans if plan[:2] in began[:2])
    assert "invoices made" in get(f"{demo.portal}/demo/time/").text
    after = invoices_of(demo)

    assert demo.stop() == 0
    assert all(is_gone(url) for url in (demo.portal, demo.emulator, demo.sample))
    assert not demo.folder.is_running()

    again = start_demo()
    assert "there already" in again.said
    assert [invoice["id"] for invoice in invoices_of(again)][: len(after)] == [
        invoice["id"] for invoice in after
    ]
    assert json.loads(again.folder.clock_file.read_text())["offset_seconds"] > 27 * 86_400
    assert again.stop(signal.SIGTERM) == 0


def way_in(page: Page, name: str) -> Form:
    """The button of a sample customer on the demo's first page."""
    return next(form for form in page.forms() if f"/{name}/open/" in form.action)


def rows(demo: RunningDemo, query: str) -> list[tuple[Any, ...]]:
    """What the portal's database answers."""
    with closing(sqlite3.connect(demo.folder.database)) as connection:
        return connection.execute(query).fetchall()


def plans_of(demo: RunningDemo) -> list[tuple[Any, ...]]:
    """Name, tier, schedule, license management, status and end of every plan that was lived."""
    return rows(
        demo,
        "SELECT display_name, tier, schedule, license_management, status, at_cycle_end"
        " FROM plans JOIN customers ON customers.id = customer_id ORDER BY 1, 2, 3",
    )


def organization_uuid(demo: RunningDemo, name: str) -> str:
    """The UUID under which a sample customer is known."""
    servers = {server.customer.name: server for server in open_servers(demo.folder)}
    return servers[name].organization.uuid


def test_a_killed_demo_leaves_nothing_behind(start_demo: Callable[..., RunningDemo]) -> None:
    demo = start_demo("--no-customers")
    portal, emulator, sample = demo.portal, demo.emulator, demo.sample
    demo.process.kill()
    demo.process.wait()
    demo.wait_until(lambda: all(is_gone(url) for url in (portal, emulator, sample)))
    assert not demo.folder.is_running()


def test_taken_ports_are_told_and_a_lost_part_ends_the_rest(
    start_demo: Callable[..., RunningDemo],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = start_demo("--no-customers", f"--port={port}")
        assert f"Port {port} is taken; the portal uses" in demo.said
        assert demo.portal != f"http://127.0.0.1:{port}"
        assert get(f"{demo.portal}/demo/").status_code == 200
        frozen = demo.flask("demo", "freeze", "2040-01-02T03:04:05")
        assert "2 January 2040, 03:04:05 UTC" in frozen.stdout
        assert "It stands still." in get(f"{demo.portal}/demo/time/").text
        assert "2 January 2040" in demo.flask("demo", "unfreeze").stdout
        press_the_button(demo)
        lose_the_key_and_move_on(demo)
        assert "no length of time" in demo.flask("demo", "advance", "soon").stderr
        lose_a_part(demo)


def press_the_button(demo: RunningDemo) -> None:
    """Move time on the page, and wait until it says what came of it."""
    before = json.loads(demo.folder.clock_file.read_text())["offset_seconds"]
    with Browser() as browser:
        page = browser.get(f"{demo.portal}/demo/time/")
        page = browser.send(page, page.form(having="amount"), amount="2", unit="day")
        assert "Time is moving to" in page.text or "The last move" in page.text
        demo.wait_until(lambda: "The last move" in browser.get(page.address).text)
    after = json.loads(demo.folder.clock_file.read_text())["offset_seconds"]
    # Two readings of a clock in whole seconds may be a second apart.
    assert 2 * 86_400 - 2 <= after - before < 2 * 86_400 + 600


def lose_the_key_and_move_on(demo: RunningDemo) -> None:
    """The visitor's own server takes its registration over, by the command and by its page."""
    store = Store(demo.folder.sample_store)
    before = store.settings()
    store.save(server_key=new_key())
    assert "--registration-transfer" in demo.flask("demo", "server", "upload").stderr
    moved = demo.flask("demo", "server", "register", "--registration-transfer")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert "was transferred to this server" in moved.stdout
    between = store.settings()
    assert between.server_uuid == before.server_uuid
    with Browser() as browser:
        page = browser.get(f"{demo.sample}/registration/")
        form = next(f for f in page.forms() if f.action.endswith("/registration/transfer/"))
        assert "was transferred to this server" in browser.send(page, form).text
    assert store.settings().server_key not in (before.server_key, between.server_key)
    another = demo.folder.path / "another.sqlite3"
    seed = ("demo", "server", "seed", "--organization=globex:owner=1")
    assert demo.flask(*seed, f"--store={another}").returncode == 0
    with Store(another).read() as connection:
        assert [found.name for found in list_organizations(connection)] == ["globex"]
    listed = demo.flask("demo", "server", "--help")
    assert "export-organization" in listed.stdout


def lose_a_part(demo: RunningDemo) -> None:
    """When a part ends, the rest is stopped."""
    emulator_port = demo.emulator.rpartition(":")[2]
    os.kill(process_on(emulator_port, "app.stripe_emulator"), signal.SIGKILL)
    demo.wait_until(lambda: demo.process.poll() is not None)
    demo.wait_until(lambda: "stripe-emulator has ended (exit code -9)" in demo.said)
    assert demo.process.returncode == 1
    assert "Stripe emulator on http" in demo.said, "its last lines are shown"
    assert is_gone(demo.portal) and is_gone(demo.sample)


def process_on(port: str, module: str) -> int:
    """The number of the process that was started with that module and port."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if module.encode() in words and f"--port={port}".encode() in words:
            return int(path.parent.name)
    raise LookupError(module)
