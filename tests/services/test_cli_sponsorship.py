"""`flask billing sponsorship list | approve | reject | mark`: what staff type."""

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from app.services.context import Context
from tests.services.test_cli_legacy import plans, refused
from tests.support.wire import WireServer, audit_row, realm

UNKNOWN = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"
REASON = ("--reason", "does good")


@pytest.fixture
def uuid(client: FlaskClient) -> str:
    """The UUID of an organization of a registered server."""
    registered = WireServer(client)
    registered.register()
    registered.upload([audit_row(1, 18)], [realm()])
    return str(realm()["uuid"])


def sponsorship(app: Flask, *arguments: str) -> Result:
    """Run one command as the command line does."""
    return app.test_cli_runner().invoke(args=["billing", "sponsorship", *arguments])


def test_a_request_that_came_by_mail_until_it_is_decided(
    app: Flask, uuid: str, ctx: Context
) -> None:
    assert sponsorship(app, "list").output == "waiting=0\n"
    assert sponsorship(app, "mark", uuid, *REASON).exit_code == 0
    listed = sponsorship(app, "list").output
    assert uuid in listed and "Organization 2" in listed and "waiting=1" in listed
    dry = sponsorship(app, "approve", uuid, *REASON, "--dry-run")
    assert dry.output.endswith("dry run: nothing was changed\n")
    assert plans(ctx) == []
    approved = sponsorship(app, "approve", uuid, "--until", "2012-07-01", *REASON)
    assert approved.output.splitlines() == [
        "plan: none -> community",
        "until: none -> 2012-07-01T00:00:00+00:00",
        "sponsorship_pending: True -> False",
        "done",
    ]
    assert sponsorship(app, "list").output == "waiting=0\n"
    longer = sponsorship(app, "approve", uuid, *REASON)
    assert "2013-07-01T00:00:00+00:00" in longer.output
    assert len(plans(ctx)) == 1


def test_a_request_that_is_rejected(app: Flask, uuid: str, ctx: Context) -> None:
    sponsorship(app, "mark", uuid, *REASON)
    rejected = sponsorship(app, "reject", uuid, "--reason", "It is a business.")
    assert rejected.output.splitlines() == ["sponsorship_pending: True -> False", "done"]
    assert plans(ctx) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("approve", UNKNOWN), "does not exist"),
        (("approve", "ORGANIZATION", "--until", "2012-01-02"), "is not ahead"),
        (("approve", "ORGANIZATION", "--until", "9999-12-31"), "Check the year"),
        (("approve", "ORGANIZATION", "--until", "soon"), "is no date like"),
        (("reject", "ORGANIZATION"), "no request"),
        (("mark", UNKNOWN), "does not exist"),
    ],
)
def test_bad_input_is_one_line(
    app: Flask, uuid: str, ctx: Context, arguments: tuple[str, ...], words: str
) -> None:
    typed = [uuid if each == "ORGANIZATION" else each for each in arguments]
    assert words in refused(sponsorship(app, *typed, *REASON))
    assert plans(ctx) == []


def test_what_stands_in_the_way_is_named(app: Flask, uuid: str) -> None:
    legacy = ["billing", "legacy", "create", uuid, "--until", "2012-07-01", *REASON]
    assert app.test_cli_runner().invoke(args=legacy).exit_code == 0
    schedule = ["billing", "legacy", "schedule", uuid, "basic", "--by-invoice"]
    assert app.test_cli_runner().invoke(args=[*schedule, *REASON]).exit_code == 0
    said = refused(sponsorship(app, "approve", uuid, *REASON))
    assert "Basic scheduled for 1 July 2012" in said
    again = sponsorship(app, "mark", uuid, *REASON)
    assert again.exit_code == 0
    assert "was asked for already" in refused(sponsorship(app, "mark", uuid, *REASON))
