"""`flask billing ...` as processes of their own, as cron or an operator starts them."""

import os
import subprocess
import sys

import pytest

from tests.jobs.conftest import WorldMaker
from tests.support.databases import ROOT, clean_environment
from tests.support.kills import Scene, Stage


def environment(scene: Scene) -> dict[str, str]:
    """The settings of a scene as an operator writes them."""
    return clean_environment() | {
        "TALLYPORT_ENV": "testing",
        "TALLYPORT_DATABASE_URL": scene.url,
        "TALLYPORT_CLOCK_FILE": str(scene.clock_file),
        "TALLYPORT_STRIPE_API_BASE": scene.emulator.url,
    }


def command_line(*arguments: str) -> list[str]:
    """The words an operator types."""
    return [sys.executable, "-m", "flask", "--app", "wsgi", "billing", *arguments]


@pytest.mark.sqlite_only
def test_the_commands_as_processes(stage: Stage, world: WorldMaker) -> None:
    with stage.scene(world("renewals")) as scene:

        def run(*arguments: str) -> tuple[int, str, str]:
            result = subprocess.run(
                command_line(*arguments),
                cwd=ROOT,
                env=environment(scene),
                capture_output=True,
                text=True,
            )
            return result.returncode, result.stdout, result.stderr

        code, said, trouble = run("invoice-plans", "--dry-run")
        assert code == 0 and "$76.85" in said and "invoiced=2" in said
        assert trouble == "", "progress is for terminals"
        code, said, trouble = run("invoice-plans")
        assert code == 0 and said.startswith("processed=2 invoiced=2 deferred=0 parked=0 seconds=")
        code, said, trouble = run("deliver")
        assert code == 0 and said.startswith("invoices=2 failed=0")
        code, said, trouble = run("sync-ledgers")
        assert code == 0 and said.startswith("processed=2 rows=0 entries=0 failed=0")
        code, said, trouble = run("unpark", "nonsense")
        assert code == 1 and trouble.startswith("Error: ")


@pytest.mark.sqlite_only
def test_progress_is_shown_on_a_terminal(stage: Stage, world: WorldMaker) -> None:
    with stage.scene(world("renewals")) as scene:
        screen, terminal = os.openpty()
        process = subprocess.Popen(
            command_line("invoice-plans", "--dry-run"),
            cwd=ROOT,
            env=environment(scene) | {"TERM": "xterm", "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=terminal,
        )
        os.close(terminal)
        shown = b""
        try:
            while chunk := os.read(screen, 4096):
                shown += chunk
        except OSError:
            pass  # The last process with the terminal open is gone.
        os.close(screen)
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait() == 0
        assert b"customers" in shown and b"2/2" in shown
        assert b"customers" not in said
