"""Every command that is shown runs: those of docs/api.md and those of the API's page, by a real
shell and a real curl against a portal on loopback; and what is printed is what is shown."""

import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from app.sample_server.store import Store
from app.web.openapi.errors import list_codes
from tests.web.api_docs.conftest import ProvingHost

pytestmark = pytest.mark.sqlite_only

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs/api.md"
SHOWN_ADDRESS = "http://127.0.0.1:5000"
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:```json\n(.*?)```\n)?", re.DOTALL)
EXAMPLE = re.compile(
    r'<pre class="code" tabindex="0"><code>(curl .*?)</code></pre>\s*'
    r'<pre class="code" tabindex="0"><code>(.*?)</code></pre>',
    re.DOTALL,
)
# What is made anew each time.
DRAWN = {"billing_access_url", "verification_secret", "zulip_org_key"}
# Stands in what is shown for what is another each time.
ANYTHING = "…"


class Shell:
    """A shell that stays, since one command sets what the next one uses."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> str:
        """What it prints."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{command}\nprintf '\\n--end--\\n'\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "--end--\n":
                break
            lines.append(line)
        return "".join(lines).strip()

    def close(self) -> None:
        """Let it end."""
        self.process.communicate("exit\n", timeout=60)


class HostWithFile(ProvingHost):
    """Serves the file that the reader was told to write."""

    folder: Path

    def get_json(self, authority: str, path: str) -> Mapping[str, Any]:
        """What stands in the file."""
        self.asked.append((authority, path))
        answer: dict[str, Any] = json.loads((self.folder / "challenge.json").read_text())
        return answer


@dataclass
class Live:
    """A portal on loopback, and a shell beside it."""

    address: str
    shell: Shell
    host: HostWithFile
    client: FlaskClient


@pytest.fixture
def host(tmp_path: Path) -> HostWithFile:
    found = HostWithFile()
    found.folder = tmp_path
    return found


@pytest.fixture
def live(make_app: Any, host: HostWithFile, tmp_path: Path) -> Iterator[Live]:
    # The portal has to know its address before it can be asked there.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        app: Flask = make_app(base_url=address)
        server = make_server("127.0.0.1", 0, app, threaded=True, fd=taken.fileno())
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        shell = Shell(tmp_path)
        yield Live(address, shell, host, app.test_client())
        shell.close()
        server.shutdown()
        thread.join()
        server.server_close()


def same(shown: object, printed: object) -> bool:
    """Whether what was printed is what is shown, where that is not left open."""
    if isinstance(shown, dict) and isinstance(printed, dict):
        return shown.keys() == printed.keys() and all(
            same(value, printed[name]) for name, value in shown.items()
        )
    if isinstance(shown, str) and ANYTHING in shown:
        pattern = ".+".join(map(re.escape, shown.split(ANYTHING)))
        return isinstance(printed, str) and re.fullmatch(pattern, printed) is not None
    return shown == printed


def test_the_comparison_bites() -> None:
    assert same({"a": "x…"}, {"a": "xyz"})
    assert not same({"a": "x…"}, {"a": "yz"})
    assert not same({"a": "x…"}, {"a": "x"})
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert not same({"a": 1}, {"a": 2})


def test_every_block_of_the_page_of_docs(live: Live) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert sum("curl" in command for command, _ in blocks) >= 13
    for command, shown in blocks:
        assert ("curl" in command) == bool(shown), command
        printed = live.shell.run(command.replace(SHOWN_ADDRESS, live.address))
        if shown:
            expected = json.loads(shown.replace(SHOWN_ADDRESS, live.address))
            assert same(expected, json.loads(printed)), f"{command}\nprinted {printed}"
        else:
            assert printed == ""
    path = "/api/v1/zulip-services/verify/T6yYh0Ue2vQf1aN8s4Wd/"
    assert live.host.asked == [("chat.acme.test", path)]


def test_docs_show_every_call(app: Flask) -> None:
    text = PAGE.read_text()
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("remotes."):
            path = rule.rule.removeprefix("/api/v1/remotes")
            assert re.search(rf"curl [^\n]*\$PORTAL{path}[ ?\"\n]", text), path


def test_docs_list_every_error() -> None:
    rows = [
        f"| `{row['code']}` | {', '.join(map(str, row['statuses']))} | {row['when']} |"
        for row in list_codes()
    ]
    shown = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert shown == rows


def test_how_to_speak_as_the_server_of_the_demo(tmp_path: Path) -> None:
    (command,) = re.findall(r"^eval .*$", PAGE.read_text(), re.MULTILINE)
    assert "instance/demo/sample-server.sqlite3" in command
    settings = Store(tmp_path / "store.sqlite3").settings()
    command = command.replace(
        "instance/demo/sample-server.sqlite3", str(tmp_path / "store.sqlite3")
    )
    printed = subprocess.run(
        ["bash", "-c", f"{command}\necho $ID $KEY"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == f"{settings.server_uuid} {settings.server_key}\n"


def test_every_command_of_the_page_of_the_portal(live: Live) -> None:
    page = live.client.get("/api/").get_data(as_text=True)
    variables = re.findall(r"^(?:<pre[^>]*><code>)?((?:PORTAL|ID|KEY)=[^<\n]+)", page, re.MULTILINE)
    assert len(variables) == 3
    live.shell.run("\n".join(variables))
    found = [
        (unescape(command), json.loads(unescape(shown))) for command, shown in EXAMPLE.findall(page)
    ]
    assert len(found) == 11
    for command, shown in found:
        target = "challenge.json" if "register/transfer" in command else "/dev/null"
        printed = json.loads(live.shell.run(f"{command} | tee {target}"))
        assert printed.keys() == shown.keys(), command
        for name in shown.keys() - DRAWN:
            assert printed[name] == shown[name], command
        # What a person would do who got a new key.
        if "new_org_key" in command:
            live.shell.run("KEY=" + "fedcba9876543210" * 4)
        elif "zulip_org_key" in printed:
            live.shell.run(f"KEY={printed['zulip_org_key']}")
