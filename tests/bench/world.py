"""What benchmarks run on: one durable PostgreSQL, gunicorn as in production, all on loopback."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.bench.framework import BenchError
from tests.support.databases import ROOT, clean_environment, migrate
from tests.support.servers import Run, free_port, new_run, start_postgres

WORKERS = 2
START_SECONDS = 30
START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class World:
    """The servers of one run of benchmarks. `postgres` is the server's address, with a slash; `scale`
    the share of the documented amounts of data to measure with."""

    run: Run
    postgres: str
    scale: float = 1.0

    def scaled(self, rows: int) -> int:
        """So many rows, or the share of them that was asked for on the command line."""
        return max(100, int(rows * self.scale))

    def driver_address(self, database: str = "postgres") -> str:
        """The address of a database as psycopg understands it."""
        return make_url(self.postgres + database).set(drivername="postgresql").render_as_string()

    def new_database(self, name: str) -> str:
        """A fresh migrated database; returns its URL."""
        with psycopg.connect(self.driver_address(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        migrate(self.postgres + name)
        return self.postgres + name

    @contextmanager
    def gunicorn(self, target: str, settings: Mapping[str, str]) -> Iterator[int]:
        """Serve the WSGI application `target` with two sync workers; its port on 127.0.0.1.

        `settings` are environment variables of the portal. Raises BenchError when it does not
        answer.
        """
        for attempt in range(1, START_ATTEMPTS + 1):
            port = free_port()
            # The run's reaper stops whatever has a *.pid file, should we be killed.
            folder = self.run.folder / f"gunicorn-{port}"
            folder.mkdir()
            process = _start(target, settings, port=port, folder=folder)
            try:
                if _comes_up(process, port):
                    yield port
                    return
            finally:
                process.terminate()
                process.wait()
            if attempt == START_ATTEMPTS:
                raise BenchError(f"{target} did not start: {(folder / 'log').read_text()[-2000:]}")


@contextmanager
def new_world(*, scale: float = 1.0) -> Iterator[World]:
    """A world of its own; everything in it is stopped and removed at the end."""
    with new_run() as run:
        yield World(run, start_postgres(run.folder, durable=True), scale)


def _start(
    target: str, settings: Mapping[str, str], *, port: int, folder: Path
) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-m", "gunicorn", target),
        *("--worker-class", "sync", "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}"),
        *("--logger-class", "app.web.logging.MaskingLogger", "--log-level", "warning"),
        *("--pid", str(folder / "gunicorn.pid"), "--no-control-socket"),
    ]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment() | dict(settings) | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C goes to everybody in the terminal's group; we stop it ourselves, in order.
            start_new_session=True,
        )


def _comes_up(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether a worker answers, whatever it answers, before the time is over."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urlopen(f"http://127.0.0.1:{port}/", timeout=START_SECONDS).close()
        except HTTPError:
            return True
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return True
    return False


__all__ = ["World", "new_world"]
