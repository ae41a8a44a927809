"""A PostgreSQL server of our own: its data in a folder, its port on loopback.

The large demo, the tests and the benchmarks start one each. Its programs refuse root, so as root
we become the user `postgres`, who has to be able to reach the folder.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

HOME = Path("/usr/lib/postgresql")
USER = "tallyport"
START_ATTEMPTS = 3


class PostgresError(Exception):
    """The server could not be started; the text says why."""


def postgres_bin(home: Path = HOME) -> Path | None:
    """The folder with the server programs of the newest PostgreSQL that Debian put here.

    Debian keeps them off the PATH, and what the PATH offers as `postgres` may be something else,
    so the PATH is not asked.
    """
    found = [path.parent for path in home.glob("*/bin/postgres") if _version(path.parent.parent)]
    return max(found, key=lambda folder: _version(folder.parent), default=None)


def start_postgres(folder: Path, *, settings: Sequence[str] = ()) -> str:
    """Start a fresh PostgreSQL with its data in `folder` and return the address of its server,
    which ends in a slash: a database name follows.

    Everybody who reaches the port is trusted, so it is on loopback only. Raises PostgresError.
    """
    programs = postgres_bin()
    if programs is None:
        raise PostgresError("PostgreSQL is missing. Run: apt-get install -y postgresql")
    home = folder / "postgresql"
    home.mkdir()
    if os.geteuid() == 0:
        shutil.chown(home, "postgres", "postgres")
    data, log = home / "data", home / "log"
    run_as_postgres(
        [
            str(programs / "initdb"),
            f"--pgdata={data}",
            f"--username={USER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
    )
    for attempt in range(1, START_ATTEMPTS + 1):
        port = _free_port()
        # No socket files: their path may be too long for the system, and TCP is what production
        # uses.
        wanted = [
            f"port={port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            *settings,
        ]
        options = " ".join(f"-c {setting}" for setting in wanted)
        try:
            run_as_postgres(
                [
                    str(programs / "pg_ctl"),
                    f"--pgdata={data}",
                    f"--log={log}",
                    "--wait",
                    "--timeout=60",
                    f"--options={options}",
                    "start",
                ]
            )
        except PostgresError as error:
            if attempt == START_ATTEMPTS:
                raise PostgresError(f"{error}\n{log.read_text()[-4000:]}") from error
        else:
            return f"postgresql+psycopg://{USER}@127.0.0.1:{port}/"
    raise AssertionError("the last attempt returns or raises")


def stop_postgres(folder: Path) -> None:
    """Stop the server in `folder` at once: nobody needs its data any more."""
    programs = postgres_bin()
    data = folder / "postgresql" / "data"
    if programs is not None and (data / "postmaster.pid").exists():
        run_as_postgres([str(programs / "pg_ctl"), f"--pgdata={data}", "--mode=immediate", "stop"])


def run_as_postgres(command: list[str]) -> None:
    """Run one of PostgreSQL's programs. Raises PostgresError when it fails."""
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    # The output goes to a file and not to a pipe: pg_ctl leaves the server behind, which would
    # hold the pipe open for as long as it lives.
    with tempfile.TemporaryFile("w+") as output:
        result = subprocess.run(
            [*become, *command],
            cwd="/",
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        output.seek(0)
        if result.returncode != 0:
            raise PostgresError(f"{Path(command[0]).name}: {output.read()[-4000:]}")


def _version(directory: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in directory.name.split(".") if part.isdigit())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
