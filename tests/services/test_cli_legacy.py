"""`flask billing legacy create | extend | end | schedule | cancel | bulk`: what staff type."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.clock import FixedClock
from app.models.plans import Plan
from app.services.context import Context
from tests.support.wire import WireServer, audit_row, realm

UNKNOWN = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"
REASON = ("--reason", "old terms")


@pytest.fixture
def server(client: FlaskClient) -> WireServer:
    """A registered server with two organizations."""
    registered = WireServer(client)
    registered.register()
    rows = [audit_row(1, 18), audit_row(2, 5, organization=3)]
    registered.upload(rows, [realm(), realm(3)])
    return registered


def legacy(app: Flask, *arguments: str) -> Result:
    """Run one command as the command line does."""
    return app.test_cli_runner().invoke(args=["billing", "legacy", *arguments])


def refused(result: Result) -> str:
    """What a command that refuses says: one line, no trace."""
    assert result.exit_code != 0
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result.output.strip().splitlines()[-1]


def plans(ctx: Context) -> list[Plan]:
    """All plans, oldest first."""
    with ctx.sessions() as session:
        return list(session.scalars(select(Plan).order_by(Plan.id)).unique())


def ids(server: WireServer) -> tuple[str, str]:
    """The UUIDs of its organizations."""
    return realm()["uuid"], realm(3)["uuid"]


def test_one_customer_from_the_first_to_the_last_command(
    app: Flask, server: WireServer, ctx: Context
) -> None:
    first, _ = ids(server)
    dry = legacy(app, "create", first.upper(), "--until", "2012-03-02", *REASON, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "until: none -> 2012-03-02T00:00:00+00:00" in dry.output
    assert dry.output.endswith("dry run: nothing was changed\n")
    assert plans(ctx) == []
    made = legacy(app, "create", first, "--until", "2012-03-02", *REASON)
    assert (made.exit_code, made.output.splitlines()[-1]) == (0, "done")
    moved = legacy(app, "extend", first, "--until", "2012-04-02", *REASON)
    assert "2012-03-02T00:00:00+00:00 -> 2012-04-02T00:00:00+00:00" in moved.output
    by_invoice = ("--by-invoice", "--licenses", "30", "--schedule", "annual")
    scheduled = legacy(app, "schedule", first, "basic", *by_invoice, *REASON)
    assert scheduled.output.splitlines() == [
        "Basic from 2 April 2012: 30 licenses, first bill $1,020.00, then $1,260.00",
        "scheduled: none -> basic",
        "done",
    ]
    assert "scheduled: basic -> none" in legacy(app, "cancel", first, *REASON).output
    ended = legacy(app, "end", first, *REASON)
    assert ended.output.splitlines() == [
        "plan: legacy -> none",
        "until: 2012-04-02T00:00:00+00:00 -> none",
        "done",
    ]
    assert [plan.status for plan in plans(ctx)] == ["ended", "ended"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", UNKNOWN, "--until", "2012-03-02"), "does not exist"),
        (("create", "not-a-uuid", "--until", "2012-03-02"), "does not exist"),
        (("create", "FIRST", "--until", "2012-01-02"), "is not ahead"),
        (("create", "FIRST", "--until", "9999-12-31"), "Check the year"),
        (("create", "FIRST", "--until", "next week"), "is no date like"),
        (("extend", "FIRST", "--until", "2012-03-02"), "no legacy plan"),
        (("end", "FIRST"), "no legacy plan"),
        (("cancel", "FIRST"), "no legacy plan"),
        (("schedule", "FIRST", "basic"), "no legacy plan"),
        (("schedule", "FIRST", "basic", "--licenses", "-1"), "licenses"),
        (("bulk", "no-such-file.csv"), "no-such-file.csv"),
    ],
)
def test_bad_input_is_one_line(
    app: Flask, server: WireServer, ctx: Context, arguments: tuple[str, ...], words: str
) -> None:
    typed = [ids(server)[0] if each == "FIRST" else each for each in arguments]
    assert words in refused(legacy(app, *typed, *REASON))
    assert plans(ctx) == []


def test_a_reason_is_asked_for(app: Flask, server: WireServer) -> None:
    assert "--reason" in refused(legacy(app, "create", ids(server)[0], "--until", "2012-03-02"))


def test_a_deactivated_server_gets_none(app: Flask, server: WireServer, ctx: Context) -> None:
    deactivate = ["billing", "deactivate-server", server.uuid, *REASON]
    assert app.test_cli_runner().invoke(args=deactivate).exit_code == 0
    assert "deactivated" in refused(
        legacy(app, "create", ids(server)[0], "--until", "2012-03-02", *REASON)
    )
    assert plans(ctx) == []


# --- many at once ---


def write(folder: Path, *lines: str) -> str:
    """A file of these lines."""
    path = folder / "customers.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def counts(result: Result) -> str:
    """The summary without its seconds."""
    return result.stdout.strip().splitlines()[-1].rpartition(" ")[0]


def test_a_file_is_checked_first_then_done_and_adds_nothing_twice(
    app: Flask, server: WireServer, ctx: Context, tmp_path: Path
) -> None:
    first, second = ids(server)
    path = write(
        tmp_path, "uuid,until,reason", f"{first},2012-03-02,letter of 2010", f"{second},2012-04-02,"
    )
    dry = legacy(app, "bulk", path, *REASON, "--dry-run")
    assert "dry run: nothing was changed" in dry.stdout
    assert counts(dry) == "rows=2 created=2 unchanged=0 failed=0"
    assert plans(ctx) == []
    done = legacy(app, "bulk", path, *REASON)
    assert (counts(done), done.exit_code) == ("rows=2 created=2 unchanged=0 failed=0", 0)
    assert [plan.end_date.isoformat()[:10] for plan in plans(ctx) if plan.end_date] == [
        "2012-03-02",
        "2012-04-02",
    ]
    again = legacy(app, "bulk", path, *REASON)
    assert (counts(again), again.exit_code) == ("rows=2 created=0 unchanged=2 failed=0", 0)
    assert len(plans(ctx)) == 2


def test_each_bad_line_is_named_and_the_others_are_done(
    app: Flask, server: WireServer, ctx: Context, tmp_path: Path
) -> None:
    first, second = ids(server)
    assert legacy(app, "create", second, "--until", "2012-05-02", *REASON).exit_code == 0
    path = write(
        tmp_path,
        "until, uuid",
        f"2012-03-02,{first}",
        f"2012-03-02,{UNKNOWN}",
        f"soon,{server.uuid}",
        f"2011-03-02,{server.uuid}",
        ",",
        f",{server.uuid}",
        f"2012-03-02,{first.upper()}",
        f"2012-03-02,{second}",
        f"2012-03-02,{server.uuid},surplus",
    )
    result = legacy(app, "bulk", path, *REASON)
    assert result.exit_code == 1
    said = result.stderr.splitlines()
    assert [line.partition(":")[0] for line in said] == [f"line {n}" for n in range(3, 11)]
    for line, words in zip(
        said,
        (
            "no organization or server has this UUID",
            "'soon' is no date like",
            "is not ahead",
            "the UUID is missing",
            "the date is missing",
            "the same UUID as in line 2",
            "has the plan Legacy until 2 May 2012",
            "more cells than columns",
        ),
        strict=True,
    ):
        assert words in line
    assert counts(result) == "rows=9 created=1 unchanged=0 failed=8"
    assert len(plans(ctx)) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must name the columns uuid and until; missing: uuid, until"),
        (b"uuid,date\n", "missing: until"),
        (b"\xff\xfe\x00", "no CSV file in UTF-8"),
        (b'uuid,until\n"a,b\n', "no CSV file in UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_refused_as_a_whole(
    app: Flask, clock: FixedClock, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes(content)
    assert words in refused(legacy(app, "bulk", str(path), *REASON))


def test_a_mark_at_the_start_and_other_line_ends_do_no_harm(
    app: Flask, server: WireServer, ctx: Context, tmp_path: Path
) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes(b"\xef\xbb\xbfUUID,Until\r\n" + f"{ids(server)[0]},2012-03-02\r\n".encode())
    result: Any = legacy(app, "bulk", str(path), *REASON)
    assert counts(result) == "rows=1 created=1 unchanged=0 failed=0"
    assert len(plans(ctx)) == 1
