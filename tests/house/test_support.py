"""The servers around the tests: found, started, shared, and gone afterwards."""

import json
import os
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text

from tests.house.plant import ROOT, plant
from tests.support import provision
from tests.support.databases import Databases
from tests.support.mail import SmtpServer
from tests.support.servers import Run, RunError, new_run

STARTS_BOTH = """
import json, sys, time
from tests.support.servers import new_run
with new_run() as run:
    state = {"folder": str(run.folder), "scratch": str(run.scratch)}
    state |= {"postgresql": run.postgres(), "redis": run.redis()}
    print(json.dumps(state), flush=True)
    time.sleep(600)
"""


def test_the_newest_postgresql_is_taken(tmp_path: Path) -> None:
    assert provision.postgres_bin(tmp_path) is None
    for version in ("9.6", "15", "16"):
        plant(tmp_path, f"{version}/bin/postgres", "")
    plant(tmp_path, "common/bin/postgres", "")
    plant(tmp_path, "17/bin/psql", "")
    assert provision.postgres_bin(tmp_path) == tmp_path / "16" / "bin"


def test_what_is_missing_is_asked_for_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = provision.Need("Redis", lambda: None, ("redis-server",))
    there = provision.Need("Chromium", lambda: "/usr/bin/chromium", ("chromium",))
    monkeypatch.setattr(provision, "needs", lambda: [missing, there])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(provision.MissingToolError) as caught:
        provision.provide()
    assert str(caught.value) == (
        "The tests need Redis. Run:\n"
        "  sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server"
    )
    assert provision.main() == 1


def test_a_given_postgresql_replaces_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_POSTGRES_URL", raising=False)
    assert "PostgreSQL" in [need.name for need in provision.needs()]
    monkeypatch.setenv("TEST_POSTGRES_URL", "postgresql://somewhere/postgres")
    assert "PostgreSQL" not in [need.name for need in provision.needs()]
    with new_run() as run:
        assert run.postgres() == "postgresql://somewhere/postgres"


def test_what_is_made_once_is_shared_and_a_failure_too() -> None:
    made: list[int] = []

    def make() -> str:
        made.append(1)
        return "address"

    def fail() -> str:
        made.append(2)
        raise ValueError("no room")

    with new_run() as run:
        assert [Run(run.folder).once("server", make) for _ in range(3)] == ["address"] * 3
        with pytest.raises(ValueError, match="no room"):
            run.once("broken", fail)
        with pytest.raises(RunError, match="ValueError: no room"):
            run.once("broken", fail)
    assert made == [1, 2]
    assert not run.folder.exists() and not run.scratch.exists()


@pytest.fixture
def elsewhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Databases]:
    """Databases of another run on this run's PostgreSQL, as if TEST_POSTGRES_URL had named it."""
    monkeypatch.setenv("TEST_POSTGRES_URL", run.postgres().replace("+psycopg", ""))
    with new_run() as other:
        databases = Databases(other, "alone")
        yield databases
        databases.drop_all()
        databases.close()


def test_a_given_postgresql_is_left_as_it_was(elsewhere: Databases, run: Run) -> None:
    def names() -> set[str]:
        with psycopg.connect(run.postgres().replace("+psycopg", "")) as connection:
            rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        ours = elsewhere.run.folder.name.replace("-", "_")
        return {name for (name,) in rows if name.startswith(ours)}

    url = elsewhere.create("postgresql", migrated=False)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE plans (id integer)"))
    assert len(names()) == 1
    # The engine is still connected, as it may be when a test fails.
    elsewhere.drop_all()
    engine.dispose()
    assert names() == set()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_servers_end_with_the_run_however_it_ends(how: signal.Signals) -> None:
    environment = {name: text for name, text in os.environ.items() if name != "TEST_POSTGRES_URL"}
    process = subprocess.Popen(
        [sys.executable, "-c", STARTS_BOTH],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    state = json.loads(process.stdout.readline())
    address = state["postgresql"].replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert redis.Redis.from_url(state["redis"]).ping()
    process.send_signal(how)
    process.wait()
    process.stdout.close()
    # After SIGKILL nobody waits for the reaper, so we look until it is done.
    for _ in range(600):
        left = [name for name in ("folder", "scratch") if Path(state[name]).exists()]
        if not left:
            break
        time.sleep(0.05)
    assert left == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(address, connect_timeout=2)
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(state["redis"]).ping()


def test_redis_answers(redis_url: str) -> None:
    assert redis.Redis.from_url(redis_url).ping()


def test_every_test_gets_a_database_of_its_own(empty_database_url: str) -> None:
    """It runs on both databases; a second table of this name would be refused."""
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE plans (id integer)"))
    engine.dispose()


@pytest.mark.parametrize("again", [1, 2])
def test_nothing_is_left_for_the_next_test(empty_database_url: str, again: int) -> None:
    test_every_test_gets_a_database_of_its_own(empty_database_url)


def test_the_smtp_server_takes_and_refuses(smtp_server: SmtpServer) -> None:
    mail = "Subject: Welcome\n\nHello"
    with smtplib.SMTP("127.0.0.1", smtp_server.port) as connection:
        connection.sendmail("billing@vendor.test", ["ada@example.com"], mail)
        assert [message["subject"] for message in smtp_server.messages] == ["Welcome"]
        smtp_server.refusal = "451 Try again later"
        with pytest.raises(smtplib.SMTPDataError):
            connection.sendmail("billing@vendor.test", ["ada@example.com"], mail)
    assert len(smtp_server.messages) == 1
