"""The registration command: what it does, says and returns, and a rotation killed half-way."""

from __future__ import annotations

import re

import pytest

from app.sample_server.cli import main
from app.sample_server.portal_client import PortalProblem
from app.sample_server.problems import EXPLANATIONS
from app.sample_server.registration import register, rotate_key
from app.sample_server.store import Store
from app.sample_server.uploads import CONTROL, upload_now
from tests.sample_server.fake_portal import (
    ANALYTICS,
    REGISTER,
    STATUS,
    FakePortal,
    Server,
)

Captured = pytest.CaptureFixture[str]


def run(store: Store, command: str, *more: str) -> int:
    return main([command, "--store", str(store.path), *more])


def test_register_uploads_first_and_prints_where_to_go(
    store: Store, portal: FakePortal, capsys: Captured
) -> None:
    assert run(store, "seed", "--organization", "globex:owner=1,member=2") == 0
    assert run(store, "register", "--hostname", "chat.acme.test", "--port", "6001") == 0

    assert portal.paths() == [REGISTER, STATUS, ANALYTICS]
    out = capsys.readouterr().out
    assert "is registered now" in out
    assert "Acme: http://acme.localhost:6001/self-hosted-billing/" in out
    assert "Globex: http://globex.localhost:6001/self-hosted-billing/" in out
    settings = store.settings()
    server = portal.servers[settings.server_uuid]
    assert re.fullmatch(r"[A-Za-z0-9]{64}", settings.server_key)
    assert (server.key, server.hostname) == (settings.server_key, "chat.acme.test")
    assert server.contact_email == "root@parlor.test"


def test_a_later_run_prints_the_same_and_changes_nothing(
    store: Store, portal: FakePortal, capsys: Captured
) -> None:
    run(store, "register")
    first = capsys.readouterr().out
    before = store.settings()

    assert run(store, "register") == 0

    second = capsys.readouterr().out
    assert "was registered already" in second
    assert first.splitlines()[-2:] == second.splitlines()[-2:]
    assert store.settings().server_key == before.server_key
    assert len(portal.servers) == 1


def test_a_later_run_prints_the_addresses_even_when_the_portal_is_down(
    store: Store, capsys: Captured
) -> None:
    run(store, "register")
    assert run(store, "register", "--portal", "http://127.0.0.1:9") == 3
    captured = capsys.readouterr()
    assert captured.out.count("http://acme.localhost:5002/self-hosted-billing/") == 2
    assert "PORTAL_UNREACHABLE" in captured.err


@pytest.mark.parametrize("code", sorted(set(EXPLANATIONS) - {"NOT_REGISTERED", "UPLOAD_BUSY"}))
def test_every_refusal_has_its_words_and_exit_code(
    store: Store, portal: FakePortal, capsys: Captured, code: str
) -> None:
    portal.fail(REGISTER, code, msg="Ask help@vendor.test about it.")

    assert run(store, "register") == EXPLANATIONS[code].exit_code

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"Error {code}: {EXPLANATIONS[code].title}.")
    assert "Support: help@vendor.test" in captured.err
    assert not store.settings().registered


def test_an_unknown_code_and_a_failed_upload_are_told(
    store: Store, portal: FakePortal, capsys: Captured
) -> None:
    portal.fail(REGISTER, "SOMETHING_NEW")
    assert run(store, "register") == 18
    assert "SOMETHING_NEW" in capsys.readouterr().err
    portal.fail(ANALYTICS, "RATE_LIMIT_HIT", headers={"Retry-After": "90"})
    assert run(store, "register") == 7
    captured = capsys.readouterr()
    assert "Wait 90 seconds." in captured.err
    assert "/self-hosted-billing/" in captured.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--portal", "ftp://portal.test"),
        ("--portal", "http://[broken"),
        ("--hostname", "https://chat.acme.test/"),
        ("--hostname", "x" * 129),
        ("--email", "nobody"),
        ("--port", "99999"),
        ("--port", "one"),
    ],
)
def test_unusable_options_are_told_without_a_call(
    store: Store, portal: FakePortal, capsys: Captured, arguments: tuple[str, str]
) -> None:
    assert run(store, "register", *arguments) == 1
    assert capsys.readouterr().err.startswith("Error: ")
    assert portal.calls == []


def test_without_a_portal_the_command_asks_for_one(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.delenv("TALLYPORT_BASE_URL", raising=False)
    assert main(["upload", "--store", f"{tmp_path}/new.sqlite3"]) == 1
    assert "--portal" in capsys.readouterr().err


def test_upload_command(registered: Store, capsys: Captured) -> None:
    assert run(registered, "upload") == 0
    assert "Uploaded 20 audit rows and 0 counts in 1 call." in capsys.readouterr().out


@pytest.mark.parametrize(("value", "submits"), [("false", False), ("0", False), ("true", True)])
def test_the_environment_decides_about_usage_statistics(
    registered: Store, monkeypatch: pytest.MonkeyPatch, value: str, submits: bool
) -> None:
    monkeypatch.setenv("SUBMIT_USAGE_STATISTICS", value)
    assert run(registered, "upload") == 0
    assert registered.settings().submit_usage_statistics is submits


def test_rotate_key(registered: Store, portal: FakePortal, capsys: Captured) -> None:
    old = registered.settings().server_key

    assert run(registered, "register", "--rotate-key") == 0

    settings = registered.settings()
    assert settings.server_key != old
    assert settings.pending_key == ""
    assert portal.servers[settings.server_uuid].key == settings.server_key
    assert "key was replaced" in capsys.readouterr().out


def test_rotate_key_on_a_first_registration(store: Store, portal: FakePortal) -> None:
    assert run(store, "register", "--rotate-key") == 0
    settings = store.settings()
    assert portal.servers[settings.server_uuid].key == settings.server_key


def test_a_refused_rotation_keeps_the_old_key(registered: Store, portal: FakePortal) -> None:
    old = registered.settings().server_key
    portal.fail(REGISTER, "RATE_LIMIT_HIT")

    assert run(registered, "register", "--rotate-key") == 7

    assert registered.settings().server_key == old
    assert upload_now(registered, trigger=CONTROL).ok


def kill_a_rotation_after_the_portal_did_it(store: Store, portal: FakePortal) -> str:
    """Lose the answer of a rotation, as a kill in that moment does; return the portal's key."""
    portal.lose_answer(REGISTER)
    with pytest.raises(PortalProblem):
        rotate_key(store)
    settings = store.settings()
    new = portal.servers[settings.server_uuid].key
    assert (settings.pending_key, settings.server_key != new) == (new, True)
    return new


def test_a_killed_rotation_is_healed_by_the_next_upload(
    registered: Store, portal: FakePortal
) -> None:
    new = kill_a_rotation_after_the_portal_did_it(registered, portal)
    assert upload_now(registered, trigger=CONTROL).ok
    assert (registered.settings().server_key, registered.settings().pending_key) == (new, "")


def test_a_killed_rotation_is_healed_by_registering(registered: Store, portal: FakePortal) -> None:
    new = kill_a_rotation_after_the_portal_did_it(registered, portal)
    assert register(registered) is False
    assert (registered.settings().server_key, registered.settings().pending_key) == (new, "")


def test_a_killed_rotation_is_finished_by_rotating_again(
    registered: Store, portal: FakePortal
) -> None:
    new = kill_a_rotation_after_the_portal_did_it(registered, portal)
    rotate_key(registered)
    assert registered.settings().server_key == new == next(iter(portal.servers.values())).key


def test_a_rotation_killed_before_the_call_goes_on_with_the_same_key(
    registered: Store, portal: FakePortal
) -> None:
    registered.save(pending_key="p" * 64)
    assert upload_now(registered, trigger=CONTROL).ok
    rotate_key(registered)
    assert registered.settings().server_key == "p" * 64
    assert next(iter(portal.servers.values())).key == "p" * 64


def test_a_key_that_is_wrong_altogether_is_told(
    registered: Store, portal: FakePortal, capsys: Captured
) -> None:
    registered.save(server_key="x" * 64, pending_key="y" * 64)
    assert run(registered, "register") == EXPLANATIONS["INVALID_ZULIP_SERVER"].exit_code
    assert "INVALID_ZULIP_SERVER" in capsys.readouterr().err
    assert registered.settings().server_key == "x" * 64


def test_a_hostname_in_use_is_told(store: Store, portal: FakePortal, capsys: Captured) -> None:
    portal.servers["other"] = Server("k", "localhost:5002", "a@b.test")
    assert run(store, "register") == 6
    assert "--hostname" in capsys.readouterr().err


def test_seed_is_safe_to_repeat_and_refuses_nonsense(store: Store, capsys: Captured) -> None:
    arguments = ("--organization", "initech:owner=1,bot=2", "--title", "initech=Initech Inc.")
    assert run(store, "seed", *arguments) == 0
    assert run(store, "seed", *arguments) == 0
    assert capsys.readouterr().out.splitlines() == [
        "initech: created",
        "initech: is there already",
    ]
    for bad in ("x:boss=1", "x:owner=many", "x:member=3", "Not A Name", "x:owner=-1"):
        assert run(store, "seed", "--organization", bad) == 1
    assert "Error: " in capsys.readouterr().err
