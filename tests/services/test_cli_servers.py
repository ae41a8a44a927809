"""`flask billing deactivate-server | reactivate-server | rewind-ids`: what staff do to servers."""

from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.models.audit import AuditEntry
from app.services.context import Context
from tests.support.plans import add_customer, add_plan
from tests.support.wire import (
    WireServer,
    audit_row,
    count_row,
    load_organization,
    load_server,
    realm,
    refusal,
)

UNKNOWN = "0f1e2d3c-4b5a-4c6d-9e7f-8a9b0c1d2e3f"
REASON = ("--reason", "asked for by mail")


@pytest.fixture
def server(client: FlaskClient) -> WireServer:
    """A registered server with one organization."""
    registered = WireServer(client)
    registered.register()
    registered.upload([audit_row(1, 5)], [realm()])
    return registered


def billing(app: Flask, *arguments: str) -> Result:
    """Run one command as the command line does."""
    return app.test_cli_runner().invoke(args=["billing", *arguments])


def refused(result: Result) -> str:
    """What a command that refuses says; no trace."""
    assert result.exit_code != 0
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def entry(ctx: Context, action: str) -> dict[str, Any]:
    """The one audit entry of that name."""
    with ctx.sessions() as session:
        found = session.scalars(select(AuditEntry).where(AuditEntry.action == action)).one()
    assert found.actor == "cli"
    return {"before": found.before, "after": found.after}


def test_a_server_is_deactivated_and_brought_back(
    app: Flask, server: WireServer, ctx: Context
) -> None:
    assert server.entitlement().get_json()["can_push"] is True
    result = billing(app, "deactivate-server", server.uuid.upper(), *REASON)
    assert (result.output, result.exit_code) == ("deactivated\n", 0)
    assert refusal(server.upload([]))[:2] == (401, "REMOTE_SERVER_DEACTIVATED")
    deactivated_at = ctx.now().isoformat()
    assert entry(ctx, "server.deactivated")["after"] == {
        "deactivated_at": deactivated_at,
        "reason": REASON[1],
    }
    # Its name stays its own meanwhile.
    other = WireServer(server.client, uuid=UNKNOWN, key="o" * 64)
    assert refusal(other.register())[1] == "HOSTNAME_ALREADY_IN_USE_BOUNCER_ERROR"

    result = billing(app, "reactivate-server", server.uuid, *REASON)
    assert (result.output, result.exit_code) == ("reactivated\n", 0)
    assert load_server(ctx).deactivated_at is None
    assert entry(ctx, "server.reactivated") == {
        "before": {"deactivated_at": deactivated_at},
        "after": {"deactivated_at": None, "reason": REASON[1]},
    }
    # With the key it had, and covered as before.
    answer = server.upload([audit_row(2, 6)], [realm()])
    assert answer.get_json()["realms"][realm()["uuid"]]["can_push"] is True


def test_a_plan_that_goes_on_stands_in_the_way(
    app: Flask, server: WireServer, ctx: Context
) -> None:
    add_plan(ctx, add_customer(ctx, load_organization(ctx)))
    said = refused(billing(app, "deactivate-server", server.uuid, *REASON))
    assert "Basic" in said
    assert load_server(ctx).deactivated_at is None


def test_what_was_done_is_not_done_again(app: Flask, server: WireServer, ctx: Context) -> None:
    assert "chat.acme.test" in refused(billing(app, "reactivate-server", server.uuid, *REASON))
    billing(app, "deactivate-server", server.uuid, *REASON)
    assert "deactivated" in refused(billing(app, "deactivate-server", server.uuid, *REASON))


def test_ids_are_rewound(app: Flask, server: WireServer, ctx: Context) -> None:
    server.upload([audit_row(9, 6)], realm_counts=[count_row(7)])
    arguments = ("--audit-log", "3", "--realm-counts", "0", *REASON)
    result = billing(app, "rewind-ids", server.uuid, *arguments)
    assert (result.output, result.exit_code) == (
        "realm_counts=0 installation_counts=0 audit_log=3\n",
        0,
    )
    assert server.last_ids() == (0, 0, 3)
    assert entry(ctx, "server.ids_rewound")["after"]["reason"] == REASON[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "No id would become lower"),
        (("--audit-log", "10"), "the last accepted id is 9"),
        (("--audit-log", "-1"), "not negative"),
        (("--audit-log", "many"), "not a valid integer"),
    ],
)
def test_ids_that_are_no_way_back(
    app: Flask, server: WireServer, arguments: tuple[str, ...], says: str
) -> None:
    server.upload([audit_row(9, 6)])
    assert says in refused(billing(app, "rewind-ids", server.uuid, *arguments, *REASON))
    assert server.last_ids() == (0, 0, 9)


@pytest.mark.parametrize("command", ["deactivate-server", "reactivate-server", "rewind-ids"])
@pytest.mark.parametrize("uuid", [UNKNOWN, "nonsense", ""])
def test_a_server_that_nobody_knows(
    app: Flask, server: WireServer, command: str, uuid: str
) -> None:
    assert "does not exist" in refused(billing(app, command, uuid, *REASON))


@pytest.mark.parametrize("command", ["deactivate-server", "reactivate-server", "rewind-ids"])
def test_a_reason_is_asked_for(app: Flask, server: WireServer, ctx: Context, command: str) -> None:
    assert "--reason" in refused(billing(app, command, server.uuid))
    assert load_server(ctx).deactivated_at is None
