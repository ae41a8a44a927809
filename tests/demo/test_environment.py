"""Commands join the demo that runs here, and nothing else is ever touched."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.demo.certificates import make_certificates
from app.demo.environment import join_running_demo
from app.demo.folder import DemoFolder, Ports, build_environment, write_environment
from app.settings import Environment, load_settings
from tests.conftest import START


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    """The folder of a demo that has been started once."""
    folder = DemoFolder(tmp_path)
    write_environment(folder, build_environment(folder, Ports(5000, 5001, 5002, 5003, {})))
    make_certificates(folder.certificates, now=START)
    folder.lock_file.touch()
    return folder


@pytest.fixture
def running(folder: DemoFolder) -> Iterator[DemoFolder]:
    """The same folder while its demo runs."""
    with folder.lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.mark.parametrize("env", [{}, {"TALLYPORT_ENV": ""}, {"TALLYPORT_ENV": "demo"}])
def test_a_command_without_settings_joins_the_running_demo(
    env: dict[str, str], running: DemoFolder
) -> None:
    environ = {"TALLYPORT_DEMO_FOLDER": str(running.path), "PATH": "/usr/bin"} | env
    assert join_running_demo(environ)
    settings = load_settings(environ)
    assert settings.env is Environment.DEMO
    assert settings.clock_file == running.clock_file
    assert settings.base_url == "http://127.0.0.1:5000"
    assert environ["PATH"] == "/usr/bin"


@pytest.mark.parametrize(
    "env",
    [
        {"TALLYPORT_ENV": "production"},
        {"TALLYPORT_ENV": "testing"},
        {"TALLYPORT_SECRET_KEYS": "x" * 40},
        {"TALLYPORT_DATABASE_URL": "postgresql://localhost/billing"},
        {"TALLYPORT_ENV": "demo", "TALLYPORT_CLOCK_FILE": "/tmp/other.json"},
        {"STRIPE_SECRET_KEY": "sk_live_1"},
    ],
)
def test_whoever_has_settings_is_left_alone(env: dict[str, str], running: DemoFolder) -> None:
    environ = {"TALLYPORT_DEMO_FOLDER": str(running.path)} | env
    before = dict(environ)
    assert not join_running_demo(environ)
    assert environ == before


def test_a_demo_that_has_stopped_is_not_joined(folder: DemoFolder, tmp_path: Path) -> None:
    environ = {"TALLYPORT_DEMO_FOLDER": str(folder.path)}
    assert not join_running_demo(environ)
    assert not join_running_demo({"TALLYPORT_DEMO_FOLDER": str(tmp_path / "never")})
    assert "TALLYPORT_ENV" not in environ


def test_a_demo_runs_for_as_long_as_its_lock_is_held(folder: DemoFolder) -> None:
    assert not folder.is_running()
    with folder.lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert folder.is_running()
    assert not folder.is_running()
