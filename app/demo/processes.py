"""The processes of a demo: started together, watched, and stopped together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from app.demo.folder import ROOT

HEALTH_SECONDS = 60.0
POLL_SECONDS = 0.1
# How long a process may take to end by itself before it is killed.
STOP_SECONDS = 8.0
LAST_LINES = 15
_PR_SET_PDEATHSIG = 1


class DemoError(Exception):
    """The demo cannot start or go on; the text is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process of the demo; what it prints goes to `log`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self) -> str:
        """The end of its log."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LAST_LINES:])


@dataclass(slots=True)
class Group:
    """The processes of one demo. `stop` ends all of them, whatever became of them."""

    environment: Mapping[str, str]
    logs: Path
    children: list[Child] = field(default_factory=list)

    def start(self, name: str, *arguments: str) -> Child:
        """Start `python -m <arguments>` as a process group of its own, so that the terminal's
        ctrl-C reaches only us and we end the others in order."""
        log = self.logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        child = Child(name, process, log)
        self.children.append(child)
        return child

    def run(self, name: str, *arguments: str, quiet: bool = True) -> None:
        """Run `python -m <arguments>` to its end; DemoError when it fails.

        A quiet one prints into its log only.
        """
        log = self.logs / f"{name}.log"
        with log.open("wb") as output:
            code = subprocess.run(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output if quiet else None,
                stderr=subprocess.STDOUT if quiet else None,
                preexec_fn=_end_with_parent,
            ).returncode
        if code != 0:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
            raise DemoError(f"{name} failed (exit code {code}).\n{end}".rstrip())

    def wait_until_healthy(self, child: Child, url: str) -> None:
        """Wait for an answer with status 200 from `url`; DemoError when none comes."""
        deadline = time.monotonic() + HEALTH_SECONDS
        while time.monotonic() < deadline:
            self.check()
            if _answers(url):
                return
            time.sleep(POLL_SECONDS)
        raise DemoError(f"{child.name} does not answer at {url}.\n{child.last_lines()}")

    def check(self) -> None:
        """DemoError when one of the processes has ended."""
        for child in self.children:
            code = child.process.poll()
            if code is not None:
                end = child.last_lines()
                raise DemoError(f"{child.name} has ended (exit code {code}).\n{end}".rstrip())

    def watch(self) -> None:
        """Wait until one of the processes ends, which is a DemoError, or a signal comes."""
        while True:
            self.check()
            time.sleep(0.5)

    def stop(self) -> None:
        """End all processes, those started last first, and everything they started."""
        for child in reversed(self.children):
            _signal_group(child, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self.children):
            try:
                child.process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass  # Killed below with whatever else is left of its group.
            _signal_group(child, signal.SIGKILL)
            child.process.wait()
        self.children.clear()


def _signal_group(child: Child, number: signal.Signals) -> None:
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        pass  # Nobody of the group is left.


def _answers(url: str) -> bool:
    try:
        with requests.Session() as session:
            # A proxy of the machine cannot reach its loopback.
            session.trust_env = False
            return session.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _load_prctl() -> Callable[..., int] | None:
    """Linux's prctl; other systems have none."""
    if not sys.platform.startswith("linux"):
        return None
    prctl: Callable[..., int] = ctypes.CDLL(None).prctl
    return prctl


# Loaded before any fork: between fork and exec as little as possible may happen.
_PRCTL = _load_prctl()


def _end_with_parent() -> None:
    """Ask the system to end this process when the demo is killed and cannot do it itself."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)
