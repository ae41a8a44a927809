"""Where a benchmark ran: the facts without which its numbers say nothing."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[2]
# The packages that a request goes through.
PACKAGES = ("flask", "werkzeug", "jinja2", "sqlalchemy", "flask-sqlalchemy", "psycopg", "gunicorn")


def describe_environment(postgres: str) -> dict[str, Any]:
    """Cores, versions and the commit. `postgres` is an address that psycopg understands."""
    with psycopg.connect(postgres) as connection:
        server_version = connection.execute("SHOW server_version").fetchone()
        fsync = connection.execute("SHOW fsync").fetchone()
    assert server_version is not None and fsync is not None, "SHOW answers one row"
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load_before": list(os.getloadavg()),
        "python": platform.python_version(),
        "postgresql": server_version[0],
        "postgresql_fsync": fsync[0],
        "packages": {name: version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _processor() -> str:
    """The name of the processor as Linux knows it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _commit() -> str | None:
    """The commit that was measured, with a plus when files were changed; None outside of git."""
    try:
        command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
