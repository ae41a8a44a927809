"""`flask billing one-off | late-falls`: what staff may not do is one clear line."""

from datetime import UTC, datetime

import pytest
from click.testing import Result
from flask import Flask

from app.clock import FixedClock
from app.gateways.fake_payments import FakePayments
from app.services.context import Context
from tests.scenarios.story import Story

pytestmark = pytest.mark.sqlite_only

UNKNOWN = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"
AMOUNT, FOR = ("--amount", "250.00"), ("--description", "Set-up")


@pytest.fixture
def story(app: Flask, ctx: Context, clock: FixedClock, payments: FakePayments) -> Story:
    """A world with nothing in it, at 2012-01-02 03:04:05."""
    return Story(app, ctx, clock, payments)


@pytest.fixture
def uuid(story: Story) -> str:
    """An organization with a plan."""
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    return story.payer(acme).uuid


def billing(story: Story, *arguments: str) -> Result:
    """Run one command as the command line does."""
    return story.app.test_cli_runner().invoke(args=["billing", *arguments])


def refused(result: Result) -> str:
    """What a command that refuses says in its last line; no trace."""
    assert result.exit_code != 0, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--amount", "0", *FOR), "more than 0.00"),
        (("--amount", "-5.00", *FOR), "more than 0.00"),
        (("--amount", "2.505", *FOR), "'2.505' is no amount"),
        (("--amount", "1e3", *FOR), "is no amount"),
        (("--amount", "many", *FOR), "is no amount"),
        (("--amount", "100000.01", *FOR), "$100,000.01 is more than one invoice may ask for"),
        (FOR, "Missing option '--amount'"),
        (AMOUNT, "Missing option '--description'"),
        ((*AMOUNT, "--description", "  "), "Say what the charge is for"),
        ((*AMOUNT, "--description", "x" * 201), "at most 200 characters"),
        ((*AMOUNT, *FOR, "--send"), "--send goes with --at-once"),
        ((*AMOUNT, *FOR, "--reason", " "), "Say why"),
        ((*AMOUNT, *FOR, "--reason", "x" * 301), "at most 300 characters"),
    ],
)
def test_a_charge_that_cannot_be(
    story: Story, uuid: str, arguments: tuple[str, ...], said: str
) -> None:
    before = story.export_of(uuid)
    reason = () if "--reason" in arguments else ("--reason", "agreed")
    assert said in refused(billing(story, "one-off", uuid, *arguments, *reason))
    assert story.export_of(uuid) == before


def test_who_is_not_there(story: Story) -> None:
    result = billing(story, "one-off", UNKNOWN, *AMOUNT, *FOR, "--reason", "agreed")
    assert "does not exist" in refused(result)
    assert refused(billing(story, "one-off", UNKNOWN, *AMOUNT, *FOR)).endswith("'--reason'.")


def test_a_dry_run_says_it_and_keeps_nothing(story: Story, uuid: str) -> None:
    before = story.export_of(uuid)
    for more in ((), ("--at-once",)):
        result = billing(
            story, "one-off", uuid, *AMOUNT, *FOR, *more, "--reason", "agreed", "--dry-run"
        )
        assert result.exit_code == 0, result.output
        assert "$250.00 for Acme" in result.output
        assert "dry run: nothing was changed" in result.output
    assert story.export_of(uuid) == before
    assert "nothing waits" in billing(story, "one-off", "list", uuid).output


def test_what_cannot_be_canceled(story: Story, uuid: str) -> None:
    why = ("--reason", "wrong")
    assert "'x' is not a valid integer" in refused(billing(story, "one-off", "cancel", "x", *why))
    refused(billing(story, "one-off", "cancel", "99", *why))
    refused(billing(story, "one-off", "cancel", "0", *why))
    for more in ((), ("--at-once",)):
        story.staff("one-off", uuid, *AMOUNT, *FOR, *more)
    story.staff("one-off", "cancel", "1")
    assert "It was canceled before" in refused(billing(story, "one-off", "cancel", "1", *why))
    said = refused(billing(story, "one-off", "cancel", "2", *why))
    assert "It stands on an invoice already" in said


def test_the_queue_of_late_falls(story: Story) -> None:
    acme = story.server(seats=(18,))
    story.upgrade(acme)
    assert billing(story, "late-falls", "list").output == "the queue is empty\n"
    story.run_jobs_until("2012-02-10", acme, step=7)
    story.set_people(acme, 9, at=datetime(2012, 2, 1, 12, tzinfo=UTC))
    story.upload(acme)
    said = billing(story, "late-falls", "list").output
    assert "basic, 2 February 2012 to 2 March 2012: 18 billed, 9 needed, told by row 2" in said
    why = ("--reason", "gave 9 licenses back")
    assert billing(story, "late-falls", "resolve", "1", *why, "--dry-run").exit_code == 0
    assert "18 billed" in billing(story, "late-falls", "list").output
    assert billing(story, "late-falls", "resolve", "1", *why).output == "resolved\n"
    assert billing(story, "late-falls", "list").output == "the queue is empty\n"
    assert "resolved: gave 9" in billing(story, "late-falls", "list", "--all").output
    again = billing(story, "late-falls", "resolve", "1", *why)
    assert "Case 1 was resolved before" in refused(again)
    refused(billing(story, "late-falls", "resolve", "2", *why))
    refused(billing(story, "late-falls", "resolve", "1"))
    actions = [entry["action"] for entry in story.export(story.payer(acme))["audit"]]
    assert actions.count("late_fall.resolved") == 1
