"""Killing runs where it hurts: the other end of the nursery, and scenes to do it in.

A scene is a copy of a world (database and provider), so that each death begins from the same state.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text

from app.stripe_emulator.server import Handle, start_in_thread
from app.stripe_emulator.store import Filters
from tests.support.databases import ROOT, Databases, clean_environment
from tests.support.killing_proxy import Death, KillingProxy

# Seconds that a run may take; the nursery's own limit comes first and says more.
PATIENCE = 180


@dataclass(frozen=True)
class End:
    """How one run ended: killed by `signal`, or with a report (see tests/support/nursery.py)."""

    signal: int | None
    report: dict[str, Any] | None

    @property
    def was_killed(self) -> bool:
        """Whether it met its death."""
        return self.signal == signal.SIGKILL

    @property
    def value(self) -> Any:
        """What the job returned. Fails when it was killed, refused or fell over."""
        assert self.report is not None and "value" in self.report, self
        return self.report["value"]

    @property
    def commits(self) -> int:
        """How many commits it made."""
        assert self.report is not None
        return int(self.report["commits"])


class Nursery:
    """A process that forks children for tasks. `log` takes what they say."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery"],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            text=True,
        )

    def start(self, *tasks: dict[str, Any]) -> list[int]:
        """Bring forth a child for each task; they wait for `go`. Returns their process ids."""
        pids: list[int] = self._ask({"start": tasks})["pids"]
        return pids

    def warm(self, task: dict[str, Any]) -> None:
        """Do a task in the nursery itself, so that its children begin with all that it needs."""
        report = self._ask({"warm": task})["report"]
        assert "value" in report, report

    def go(self) -> list[End]:
        """Let them all begin, and wait until all have ended."""
        return [End(**end) for end in self._ask({"go": True})["ends"]]

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        # One line is answered by one line, so nothing can wait in the reader's buffer.
        readable, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        line = self._process.stdout.readline() if readable else ""
        if not line:
            raise RuntimeError(f"the nursery is silent: {self._log.read_text()[-4000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process; children that wait end with it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class World:
    """A prepared state: the database, the provider's store, the present, and what a test needs to
    know of it."""

    url: str
    store: str
    now: str
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Stage:
    """Where the scenes of one process of the run are played, one at a time.

    Each scene has the same addresses and file names, so that the nursery can prepare for them.
    """

    databases: Databases
    nursery: Nursery
    proxy: KillingProxy
    folder: Path

    @contextmanager
    def scene(self, world: World) -> Iterator["Scene"]:
        """A copy of `world` with its emulator running, removed afterwards."""
        store = self.folder / f"{self.databases.worker}-scene.stripe"
        clock_file = self.folder / f"{self.databases.worker}-scene.clock"
        shutil.copyfile(world.store, store)
        url = self.databases.copy(world.url, name="scene")
        try:
            with start_in_thread(store=str(store), background=False) as emulator:
                scene = Scene(self, url, emulator, clock_file)
                scene.stand_at(world.now)
                yield scene
        finally:
            os.environ.pop("TALLYPORT_CLOCK_FILE", None)
            self.databases.drop(url)
            for path in (store, clock_file):
                path.unlink(missing_ok=True)

    def warm(self, world: World, job: str, **arguments: Any) -> None:
        """Play a job in `world` once in the nursery itself, with all that may follow it."""
        for name, given in ((job, arguments), ("everything", {"instants": [world.now]})):
            with self.scene(world) as scene:
                self.proxy.aim(scene.emulator.url)
                self.nursery.warm(scene.task(name, **given))


@dataclass
class Scene:
    """One copy of a world, in which runs begin and die."""

    stage: Stage
    url: str
    emulator: Handle
    clock_file: Path

    def stand_at(self, now: str) -> None:
        """Freeze the clock of everybody in this scene."""
        self.clock_file.write_text(json.dumps({"frozen": now}))
        # The emulator runs in this process and is told by the environment.
        os.environ["TALLYPORT_CLOCK_FILE"] = str(self.clock_file)

    def task(self, job: str, *, death: Death | None = None, **arguments: Any) -> dict[str, Any]:
        """A task for the nursery."""
        at_commit = death is not None and death.at == "commit"
        return {
            "job": job,
            "arguments": arguments,
            "settings": settings_of(self.url, self.clock_file, self.stage.proxy.url),
            "die": {"commit": death.number, "moment": death.moment}
            if death is not None and at_commit
            else None,
        }

    def run(self, job: str, *, death: Death | None = None, **arguments: Any) -> End:
        """Run one job to its end or death."""
        (pid,) = self.stage.nursery.start(self.task(job, death=death, **arguments))
        self.stage.proxy.aim(self.emulator.url, death, victim=pid)
        (end,) = self.stage.nursery.go()
        if end.was_killed:
            self._await_rollback()
        return end

    def run_together(self, *tasks: dict[str, Any]) -> list[End]:
        """Run several tasks at once, each in a process of its own."""
        self.stage.nursery.start(*tasks)
        self.stage.proxy.aim(self.emulator.url)
        return self.stage.nursery.go()

    def events(self) -> list[dict[str, str]]:
        """The provider's events, oldest first."""
        with self.emulator.store.transaction() as tx:
            found = tx.select("event", Filters(), oldest_first=True)
        return [
            {"id": doc["id"], "type": doc["type"], "object_id": doc["data"]["object"]["id"]}
            for doc in found
        ]

    def _await_rollback(self) -> None:
        """Wait until PostgreSQL has noticed that the process is gone, which takes it a moment.

        Until then rows of its open transaction are locked and a run would pass them over, to find
        them the next time.
        """
        if self.url.startswith("sqlite"):
            return
        others = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        engine = create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for _ in range(1000):
                if connection.execute(others).scalar_one() == 0:
                    return
                connection.execute(text("SELECT pg_sleep(0.01)"))
        raise AssertionError("the killed process still holds its connection")


def settings_of(url: str, clock_file: Path, stripe_api_base: str) -> dict[str, Any]:
    """Settings of an application in a scene, as `create_app` takes them."""
    return {
        "env": "testing",
        "database_url": url,
        "secret_keys": ["a-key-of-the-kill-tests-with-more-than-32-characters"],
        "base_url": "http://localhost",
        "clock_file": str(clock_file),
        "stripe_api_base": stripe_api_base,
    }
