"""`make` and `.ci/run` agree, and `.ci/run` passes on what pytest said."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.house.guards import commands
from tests.house.plant import ROOT, Guard, plant

GUARDS = [commands.targets_are_there, commands.modules_are_there, commands.ci_checks_the_same]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The Makefile, .ci/run and the modules they run, to plant into."""
    for name in ("Makefile", ".ci/run"):
        plant(tmp_path, name, (ROOT / name).read_bytes())
    for name in ("tests/support/provision.py", "tests/bench/__main__.py"):
        plant(tmp_path, name, "")
    return plant(tmp_path, "tests/e2e/screenshots.py", "")


@pytest.mark.parametrize("guard", GUARDS)
def test_the_commands_agree(guard: Guard) -> None:
    assert guard(ROOT) == []


@pytest.mark.parametrize(
    ("guard", "path", "old", "new"),
    [
        (commands.targets_are_there, "Makefile", "\nbench:", "\nbenchmarks:"),
        (commands.targets_are_there, "Makefile", "## Check the types", ""),
        (commands.targets_are_there, "Makefile", " screenshots\n", "\n"),
        (commands.modules_are_there, "Makefile", "-m tests.bench", "-m tests.benchmark"),
        (commands.ci_checks_the_same, ".ci/run", "make lint\n", ""),
        (commands.ci_checks_the_same, ".ci/run", "make types\n", "make format\n"),
        (commands.ci_checks_the_same, ".ci/run", "make types\n", "make types\npytest tests\n"),
        (commands.ci_checks_the_same, "Makefile", "-m pytest", "-m unittest"),
    ],
)
def test_a_planted_disagreement_is_seen(
    guard: Guard, path: str, old: str, new: str, copy: Path
) -> None:
    assert guard(copy) == []
    text = (copy / path).read_text()
    assert old in text
    assert guard(plant(copy, path, text.replace(old, new)))


@pytest.mark.parametrize("path", [".ci/run"])
def test_scripts_can_be_read_by_bash(path: str) -> None:
    subprocess.run(["bash", "-n", str(ROOT / path)], check=True)


FAKE_MAKE = """#!/bin/bash
echo "make $1" >> "$(dirname "$0")/log"
case "$1" in
  test) echo "3 failed in 0.10s"; [ "{status}" = 0 ] || echo {status} > "${{2#STATUS_FILE=}}" ;;
  {broken}) exit 2 ;;
esac
"""


@pytest.mark.parametrize(
    ("status", "broken", "expected", "made"),
    [
        ("0", "none", 0, ["make lint", "make types", "make test"]),
        ("1", "none", 1, ["make lint", "make types", "make test"]),
        ("5", "none", 5, ["make lint", "make types", "make test"]),
        ("0", "lint", 2, ["make lint"]),
        ("0", "types", 2, ["make lint", "make types"]),
    ],
)
def test_ci_passes_on_what_pytest_said(
    status: str, broken: str, expected: int, made: list[str], copy: Path
) -> None:
    """A made-up `make` answers; what counts is the exit code and the last line."""
    plant(copy, "bin/make", FAKE_MAKE.format(status=status, broken=broken))
    (copy / "bin" / "make").chmod(0o755)
    result = subprocess.run(
        ["bash", ".ci/run"],
        cwd=copy,
        env=os.environ | {"PATH": f"{copy / 'bin'}:{os.environ['PATH']}", "CI": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert result.returncode == expected
    assert (copy / "bin" / "log").read_text().splitlines() == made
    if "make test" in made:
        assert result.stdout.splitlines()[-1] == "3 failed in 0.10s"


@pytest.mark.parametrize("status", [0, 1, 3])
def test_make_test_keeps_the_status_of_pytest(status: int, copy: Path) -> None:
    """With STATUS_FILE make hands pytest's exit code over, without it make fails as usual."""
    make = shutil.which("make")
    if make is None:
        pytest.fail("make is missing: apt-get install make")
    plant(copy, "requirements.txt", "")
    plant(copy, "requirements-dev.txt", "")
    # It stands in for Python: asked for pytest it ends with the status.
    plant(copy, ".venv/bin/python", f'#!/bin/bash\n[[ "$*" == *pytest* ]] && exit {status}\nexit 0')
    (copy / ".venv" / "bin" / "python").chmod(0o755)
    command = [make, "test"]
    # A make that runs the tests hands its own flags and variables on.
    handed_on = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "STATUS_FILE", "ARGS"}
    environment = {name: text for name, text in os.environ.items() if name not in handed_on}
    plain = subprocess.run(command, cwd=copy, env=environment, capture_output=True)
    assert (plain.returncode != 0) is (status != 0)
    handed = copy / "status"
    command.append(f"STATUS_FILE={handed}")
    subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=True)
    assert (handed.read_text().strip() if handed.exists() else "0") == str(status)


@pytest.mark.sqlite_only
def test_the_commands_of_flask_are_there(make_app: Callable[..., Flask]) -> None:
    """What the Makefile calls with `flask`."""
    groups = make_app(env="demo").cli.commands
    for group, command in (("demo", "start"), ("db", "upgrade")):
        assert group in groups
        assert command in getattr(groups[group], "commands", {})
