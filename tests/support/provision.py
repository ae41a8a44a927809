"""What the tests need and pip cannot bring: PostgreSQL, Redis, Chromium, curl and a font.

`python -m tests.support.provision` looks for each of them. As root on Debian it installs what is
missing; anybody else is told the exact command.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.demo.postgres import postgres_bin

CHROMIUM = Path("/usr/bin/chromium")
FONTS = Path("/usr/share/fonts")
APT_ATTEMPTS = 3


class MissingToolError(Exception):
    """A program that the tests need is not on this machine; the text says what to install."""


def redis_server() -> str | None:
    """The Redis server program."""
    return shutil.which("redis-server")


def chromium() -> Path | None:
    """Debian's Chromium."""
    return CHROMIUM if CHROMIUM.exists() else None


def font() -> Path | None:
    """Any scalable font: without one Chromium draws boxes and measures pages wrongly."""
    found = (path for kind in ("ttf", "otf", "ttc") for path in FONTS.rglob(f"*.{kind}"))
    return next(found, None)


@dataclass(frozen=True, slots=True)
class Need:
    """One thing to have: how to find it, and the Debian packages that bring it."""

    name: str
    find: Callable[[], object | None]
    packages: tuple[str, ...]


def needs() -> list[Need]:
    """Everything the tests need. A PostgreSQL given by TEST_POSTGRES_URL replaces our own."""
    wanted = [
        Need("Redis", redis_server, ("redis-server",)),
        Need("Chromium", chromium, ("chromium",)),
        Need("curl", lambda: shutil.which("curl"), ("curl",)),
        Need("a font", font, ("fonts-dejavu-core", "fonts-liberation")),
    ]
    if not os.environ.get("TEST_POSTGRES_URL"):
        wanted.insert(0, Need("PostgreSQL", postgres_bin, ("postgresql",)))
    return wanted


def apt_command(missing: list[Need]) -> list[str]:
    """The one command that brings what is missing."""
    packages = [package for need in missing for package in need.packages]
    return ["apt-get", "install", "-y", "--no-install-recommends", *packages]


def advice(missing: list[Need]) -> str:
    """What to tell a person who has to install it themselves."""
    names = ", ".join(need.name for need in missing)
    command = " ".join(apt_command(missing))
    return f"The tests need {names}. Run:\n  sudo apt-get update && sudo {command}"


def _apt(command: list[str]) -> None:
    """Run apt, again when a mirror or another apt is in the way."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for attempt in range(1, APT_ATTEMPTS + 1):
        result = subprocess.run(
            [command[0], "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3", *command[1:]],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if result.returncode == 0:
            return
        if attempt < APT_ATTEMPTS:
            time.sleep(2 * attempt)
    raise MissingToolError(f"{' '.join(command)} failed:\n{result.stdout[-4000:]}")


def provide() -> list[str]:
    """Install what is missing and say what was installed.

    Raises MissingToolError, with the command to run, when we may not install or it did not help.
    """
    missing = [need for need in needs() if need.find() is None]
    if not missing:
        return []
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingToolError(advice(missing))
    print("Installing", ", ".join(need.name for need in missing), flush=True)
    _apt(["apt-get", "update"])
    _apt(apt_command(missing))
    still_missing = [need for need in missing if need.find() is None]
    if still_missing:
        raise MissingToolError(advice(still_missing))
    return [need.name for need in missing]


def main() -> int:
    """Entry point of `python -m tests.support.provision`: 0 when everything is there."""
    try:
        installed = provide()
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return 1
    if installed:
        print("Installed", ", ".join(installed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
