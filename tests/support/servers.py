"""A PostgreSQL and a Redis of our own, outside the checkout, gone when the run ends."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from app.demo import postgres
from app.demo.postgres import postgres_bin
from tests.support.provision import MissingToolError, redis_server

REAPER = Path(__file__).with_name("reaper.py")
MEMORY = Path("/dev/shm")
# Bytes of memory that have to be free for PostgreSQL's data to lie there. A run needs a quarter.
ENOUGH_MEMORY = 2 * 1024**3
START_ATTEMPTS = 3
# What a test database may do without: its data never has to survive a crash. Benchmarks keep the
# defaults of the distribution.
FORGETFUL = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "jit=off",
    # Less to write for whoever copies a database, and little of it kept.
    "wal_level=minimal",
    "max_wal_senders=0",
    "min_wal_size=32MB",
    "max_wal_size=128MB",
)


class ServerError(Exception):
    """A server could not be started; the text holds the end of its log."""


class RunError(Exception):
    """Something that the whole run shares could not be made; the text says why."""


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now. Somebody may still be faster: try again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_postgres(folder: Path, *, durable: bool = False) -> str:
    """Start a fresh PostgreSQL with its data in `folder` and return the address of its server.

    The address ends in a slash: a database name follows. `durable` keeps PostgreSQL's defaults.
    Raises MissingToolError without the programs and PostgresError when they fail.
    """
    if postgres_bin() is None:
        raise MissingToolError("PostgreSQL is missing: run python -m tests.support.provision")
    return postgres.start_postgres(folder, settings=() if durable else FORGETFUL)


def start_redis(folder: Path) -> str:
    """Start a Redis that stores nothing and return its address.

    Raises MissingToolError without the program and ServerError when it does not answer.
    """
    program = redis_server()
    if program is None:
        raise MissingToolError("Redis is missing: run python -m tests.support.provision")
    home = folder / "redis"
    home.mkdir()
    for _ in range(START_ATTEMPTS):
        port = free_port()
        options = {
            "--port": str(port),
            "--bind": "127.0.0.1",
            "--dir": str(home),
            "--daemonize": "yes",
            "--pidfile": str(home / "redis.pid"),
            "--logfile": str(home / "log"),
            "--save": "",
        }
        subprocess.run(
            [program, *chain.from_iterable(options.items())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            start_new_session=True,
        )
        if _answers(port):
            return f"redis://127.0.0.1:{port}/0"
    raise ServerError((home / "log").read_text()[-4000:])


def _answers(port: int) -> bool:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as peer:
            peer.sendall(b"PING\r\n")
            return peer.recv(5) == b"+PONG"
        time.sleep(0.05)
    return False


@dataclass(frozen=True, slots=True)
class Run:
    """The folder of one run, shared by its processes: started servers and made templates."""

    folder: Path

    @property
    def scratch(self) -> Path:
        """Where SQLite files lie: in memory where that is possible, since waiting for the disk at
        every commit is most of what a test on SQLite would do."""
        parent = MEMORY if os.access(MEMORY, os.W_OK) else self.folder
        return parent / f"{self.folder.name}-data"

    def once(self, name: str, make: Callable[[], str]) -> str:
        """What `make` returned for the first process that asked for `name`; the others wait.

        What failed once is not tried again in the same run: RunError tells each test why.
        """
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made, failed = self.folder / f"{name}.made", self.folder / f"{name}.failed"
            if failed.exists():
                raise RunError(failed.read_text())
            if not made.exists():
                try:
                    made.write_text(make())
                except Exception as error:
                    failed.write_text(f"{type(error).__name__}: {error}")
                    raise
            return made.read_text()

    def postgres(self) -> str:
        """The PostgreSQL of this run (TEST_POSTGRES_URL when given), started when first needed."""
        given = os.environ.get("TEST_POSTGRES_URL")
        if given:
            return given
        return self.once("postgresql-server", self._start_postgres)

    def _start_postgres(self) -> str:
        """Its data lie in memory too where that has room: on a disk, copying a database for a test
        takes five times as long."""
        usage = shutil.disk_usage(self.scratch)
        is_roomy = self.scratch.parent == MEMORY and usage.free >= ENOUGH_MEMORY
        return start_postgres(self.scratch if is_roomy else self.folder) + "postgres"

    def redis(self) -> str:
        """The Redis of this run, started when first needed."""
        return self.once("redis-server", lambda: start_redis(self.folder))


@contextlib.contextmanager
def new_run() -> Iterator[Run]:
    """A run with a folder of its own; everything in it is stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tallyport-run-"))
    folder.chmod(0o755)  # The user postgres has to pass through to its own folder.
    run = Run(folder)
    run.scratch.mkdir()
    run.scratch.chmod(0o755)
    reaper = subprocess.Popen(
        [sys.executable, "-I", str(REAPER), str(folder), str(run.scratch)],
        stdin=subprocess.PIPE,
        # Ctrl-C goes to everybody in the terminal's group; the reaper has to outlive it.
        start_new_session=True,
    )
    assert reaper.stdin is not None
    try:
        yield run
    finally:
        reaper.stdin.close()
        reaper.wait()


@contextlib.contextmanager
def temporary_postgres(*, durable: bool) -> Iterator[str]:
    """A PostgreSQL for the length of a `with`: its address, ending in a slash.

    Benchmarks ask for a durable one, which keeps the defaults of the distribution.
    """
    with new_run() as run:
        yield start_postgres(run.folder, durable=durable)
